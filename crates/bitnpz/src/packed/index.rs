//! `.bitnpz/packed.json`: which members hold packed images, and what it takes to give them back.

use std::collections::{BTreeMap, HashMap, HashSet};

use bitnpz_npy::{Dtype, Kind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::value::Value;

/// The version that this library writes; it reads no other.
const VERSION: u32 = 1;

/// What packed rows do not say themselves about the array they were packed from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PackedKind {
    pub(crate) dtype: Dtype,
    /// The values of the bits 0 and 1: their bits in the machine's byte order.
    pub(crate) bits: [u64; 2],
    /// Pixels in a row.
    pub(crate) width: usize,
}

/// The kinds of all packed members: the commonest one, and the exceptions to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackedIndex {
    default: Option<PackedKind>,
    /// By key; `None` is an ordinary array.
    exceptions: HashMap<String, Option<PackedKind>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IndexJson {
    version: u32,
    #[serde(default)]
    default: Option<KindJson>,
    #[serde(default)]
    exceptions: BTreeMap<String, Option<KindJson>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KindJson {
    dtype: String,
    values: [Box<RawValue>; 2],
    width: u64,
}

impl PackedIndex {
    /// What it takes to give the member `key` back; `None` if it is an ordinary array.
    pub(crate) fn kind(&self, key: &str) -> Option<&PackedKind> {
        self.exceptions.get(key).map_or(self.default.as_ref(), Option::as_ref)
    }

    /// The keys that are named one by one.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = &str> {
        self.exceptions.keys().map(String::as_str)
    }

    /// Makes the index of members whose kinds are numbers in `kinds`, the commonest one the default.
    pub(crate) fn new<'a>(
        kinds: &[PackedKind],
        members: impl Iterator<Item = (&'a str, Option<u32>)> + Clone,
    ) -> Self {
        let mut counts = vec![0_usize; kinds.len()];
        for kind in members.clone().filter_map(|(_, kind)| kind) {
            counts[kind as usize] += 1;
        }
        // The first of equals, so that the bytes follow from the input alone.
        let commonest = (0..kinds.len()).rev().max_by_key(|&kind| counts[kind]);
        let exceptions = members
            .filter(|&(_, kind)| kind.map(|kind| kind as usize) != commonest)
            .map(|(key, kind)| (key.to_owned(), kind.map(|kind| kinds[kind as usize].clone())))
            .collect();
        Self { default: commonest.map(|kind| kinds[kind].clone()), exceptions }
    }

    /// The member's bytes.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let exception = |(key, kind): (&String, &Option<PackedKind>)| {
            (key.clone(), kind.as_ref().map(PackedKind::to_json))
        };
        let index = IndexJson {
            version: VERSION,
            default: self.default.as_ref().map(PackedKind::to_json),
            exceptions: self.exceptions.iter().map(exception).collect(),
        };
        serde_json::to_vec(&index).expect("an index is plain JSON")
    }

    /// Reads the member's bytes, or says what is wrong with them.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let index: IndexJson = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if index.version != VERSION {
            return Err(format!("expected version {VERSION}, found version {}", index.version));
        }
        let exception =
            |(key, kind): (String, Option<KindJson>)| match kind.as_ref().map(PackedKind::from_json) {
                Some(Err(message)) => Err(format!("{key:?}: {message}")),
                Some(Ok(kind)) => Ok((key, Some(kind))),
                None => Ok((key, None)),
            };
        let mut keys = HashSet::new();
        if let Some(key) = index.exceptions.keys().find(|key| !keys.insert(bitnpz_npz::identity(key))) {
            return Err(format!("expected keys that differ, found {key:?} twice (a and a.npy are one key)"));
        }
        Ok(Self {
            default: index.default.as_ref().map(PackedKind::from_json).transpose()?,
            exceptions: index.exceptions.into_iter().map(exception).collect::<Result<_, _>>()?,
        })
    }
}

impl PackedKind {
    /// The values of the bits 0 and 1.
    pub(crate) fn values(&self) -> [Value; 2] {
        self.bits.map(|bits| Value::from_bits(&self.dtype, bits).expect("pixels have no other types"))
    }

    fn to_json(&self) -> KindJson {
        KindJson { dtype: self.dtype.type_string(), values: self.json_values(), width: self.width as u64 }
    }

    fn from_json(json: &KindJson) -> Result<Self, String> {
        let width = usize::try_from(json.width).map_err(|_| format!("{} pixels are too wide", json.width))?;
        Self::from_parts(&json.dtype, &json.values, width)
    }

    /// What the parts of a JSON object say.
    pub(crate) fn from_parts(
        type_string: &str,
        values: &[Box<RawValue>; 2],
        width: usize,
    ) -> Result<Self, String> {
        let dtype = Dtype::from_type_string(type_string).map_err(|error| error.to_string())?;
        let bits = |value: &RawValue| {
            let bits = Value::from_json(&dtype, value.get()).and_then(|value| value.to_bits(&dtype));
            bits.ok_or_else(|| format!("{value} is no pixel of dtype {type_string:?}"))
        };
        let [off, on] = values;
        match [bits(off)?, bits(on)?] {
            [off, on] if off == on => Err("expected two values, found one twice".to_owned()),
            // Who reads bools as bits and who reads them as values must see the same.
            [1, 0] if dtype.kind() == Some(Kind::Bool) => {
                Err("expected false and true in this order, found them in the other".to_owned())
            }
            bits => Ok(Self { dtype, bits, width }),
        }
    }

    /// The values as JSON.
    pub(crate) fn json_values(&self) -> [Box<RawValue>; 2] {
        self.values().map(|value| RawValue::from_string(value.to_json()).expect("a value is plain JSON"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(dtype: &str, values: [Value; 2], width: usize) -> PackedKind {
        let dtype = Dtype::from_type_string(dtype).unwrap();
        PackedKind { bits: values.map(|value| value.to_bits(&dtype).unwrap()), dtype, width }
    }

    #[test]
    fn does_an_index_come_back() {
        let kinds = [
            kind("|b1", [Value::Bool(false), Value::Bool(true)], 28),
            kind(">f4", [Value::Float(f64::NEG_INFINITY), Value::Float(0.1_f32.into())], 9),
            kind("<u8", [Value::Integer(0), Value::Integer(u64::MAX.into())], 1),
        ];
        let members = [("a", Some(1)), ("b", Some(0)), ("c", None), ("d", Some(0)), ("e", Some(2))];
        let written = PackedIndex::new(&kinds, members.into_iter());
        let read = PackedIndex::from_json(&written.to_json()).unwrap();
        for (key, kind) in members {
            assert_eq!(read.kind(key), kind.map(|kind| &kinds[kind as usize]), "{key}");
        }
        assert_eq!(read.kind("not listed"), Some(&kinds[0]), "the commonest is the default");
    }

    #[test]
    fn is_what_no_reader_could_use_refused() {
        let cases = [
            ("", "EOF"),
            ("[]", "invalid length"),
            (r#"{"version": 2}"#, "version 2"),
            (r#"{"version": 1, "colour": 3}"#, "colour"),
            (r#"{"version": 1, "default": {"dtype": "|b1", "values": [true, true], "width": 3}}"#, "twice"),
            (r#"{"version": 1, "default": {"dtype": "|u1", "values": [0, 256], "width": 3}}"#, "256"),
            (r#"{"version": 1, "default": {"dtype": "<U3", "values": [0, 1], "width": 3}}"#, "<U3"),
            (r#"{"version": 1, "default": {"dtype": "|b1", "values": [false, true], "width": -3}}"#, "-3"),
        ];
        for (json, expected) in cases {
            let message = PackedIndex::from_json(json.as_bytes()).unwrap_err();
            assert!(message.contains(expected), "{json}: {message}");
        }
    }
}
