//! `.bitnpz/packed.json`: the members that hold packed images, and the arrays that these were packed from.

use std::collections::{BTreeMap, HashMap, HashSet};

use bitnpz_npy::{Dtype, Kind};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::value::Value;

/// The version of the member that this library writes, and the only one that it reads.
const PACKED_INDEX_VERSION: u32 = 1;

/// The properties of an array that its packed rows do not contain.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct PackedKind {
    pub(crate) dtype: Dtype,
    /// The two values, for bit 0 and bit 1, as bit patterns in the machine's byte order.
    pub(crate) bits: [u64; 2],
    /// The number of pixels in a row.
    pub(crate) width: usize,
}

/// The kinds of all packed members: the most common one, and the exceptions.
#[derive(Clone, Debug, Default)]
pub(crate) struct PackedIndex {
    default: Option<PackedKind>,
    /// The exceptions by key; `None` for an ordinary array.
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
    /// Returns the kind of the member with this key; `None` if it is an ordinary array.
    pub(crate) fn kind(&self, key: &str) -> Option<&PackedKind> {
        self.exceptions.get(key).map_or(self.default.as_ref(), Option::as_ref)
    }

    /// Iterates over the keys of the exceptions.
    pub(crate) fn exceptions(&self) -> impl Iterator<Item = &str> {
        self.exceptions.keys().map(String::as_str)
    }

    /// Returns the index of members, each given by its key and the number of its kind in `kinds`. The most common kind becomes
    /// the default.
    pub(crate) fn new<'a>(
        kinds: &[PackedKind],
        members: impl Iterator<Item = (&'a str, Option<u32>)> + Clone,
    ) -> Self {
        let mut counts = vec![0_usize; kinds.len()];
        for kind in members.clone().filter_map(|(_, kind)| kind) {
            counts[kind as usize] += 1;
        }
        // The first of several, so that the same input gives the same bytes.
        let commonest = (0..kinds.len()).rev().max_by_key(|&kind| counts[kind]);
        let exceptions = members
            .filter(|&(_, kind)| kind.map(|kind| kind as usize) != commonest)
            .map(|(key, kind)| (key.to_owned(), kind.map(|kind| kinds[kind as usize].clone())))
            .collect();
        Self { default: commonest.map(|kind| kinds[kind].clone()), exceptions }
    }

    /// Returns the member's bytes.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let exception = |(key, kind): (&String, &Option<PackedKind>)| {
            (key.clone(), kind.as_ref().map(PackedKind::to_json))
        };
        let index = IndexJson {
            version: PACKED_INDEX_VERSION,
            default: self.default.as_ref().map(PackedKind::to_json),
            exceptions: self.exceptions.iter().map(exception).collect(),
        };
        serde_json::to_vec(&index).expect("an index is plain JSON")
    }

    /// Parses the member's bytes. The error is a message that says what is wrong.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let index: IndexJson = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if index.version != PACKED_INDEX_VERSION {
            return Err(format!("expected version {PACKED_INDEX_VERSION}, found version {}", index.version));
        }
        let exception =
            |(key, kind): (String, Option<KindJson>)| match kind.as_ref().map(PackedKind::from_json) {
                Some(Err(message)) => Err(format!("{key:?}: {message}")),
                Some(Ok(kind)) => Ok((bitnpz_npz::identity(&key).to_owned(), Some(kind))),
                None => Ok((bitnpz_npz::identity(&key).to_owned(), None)),
            };
        let mut keys = HashSet::new();
        if let Some(key) = index.exceptions.keys().find(|key| !keys.insert(bitnpz_npz::identity(key))) {
            return Err(format!("expected different keys, found {key:?} twice (a and a.npy are one key)"));
        }
        Ok(Self {
            default: index.default.as_ref().map(PackedKind::from_json).transpose()?,
            exceptions: index.exceptions.into_iter().map(exception).collect::<Result<_, _>>()?,
        })
    }
}

impl PackedKind {
    /// Returns the two values, for bit 0 and bit 1.
    pub(crate) fn values(&self) -> [Value; 2] {
        self.bits.map(|bits| Value::from_bits(&self.dtype, bits).expect("pixels have no other types"))
    }

    fn to_json(&self) -> KindJson {
        KindJson { dtype: self.dtype.type_string(), values: self.json_values(), width: self.width as u64 }
    }

    fn from_json(json: &KindJson) -> Result<Self, String> {
        let width = usize::try_from(json.width)
            .map_err(|_| format!("expected a width that fits in memory, found {} pixels", json.width))?;
        Self::from_parts(&json.dtype, &json.values, width)
    }

    /// Parses the parts of a JSON object. The error is a message that says what is wrong.
    pub(crate) fn from_parts(
        type_string: &str,
        values: &[Box<RawValue>; 2],
        width: usize,
    ) -> Result<Self, String> {
        let dtype = Dtype::from_type_string(type_string).map_err(|error| error.to_string())?;
        let bits = |value: &RawValue| {
            let bits = Value::from_json(&dtype, value.get()).and_then(|value| value.to_bits(&dtype));
            bits.ok_or_else(|| format!("expected a pixel value of dtype {type_string:?}, found {value}"))
        };
        let [off, on] = values;
        match [bits(off)?, bits(on)?] {
            [off, on] if off == on => Err("expected two different values, found one twice".to_owned()),
            // For bools, the bits must be the values.
            [1, 0] if dtype.kind() == Some(Kind::Bool) => {
                Err("expected the values false, true, found true, false".to_owned())
            }
            bits => Ok(Self { dtype, bits, width }),
        }
    }

    /// Returns whether bit 0 stands for the greater value: the smaller one came later, when some images were encoded.
    pub(crate) fn is_descending(&self) -> bool {
        let [off, on] = self.values();
        off.order(on).is_gt()
    }

    /// Returns the kind with the values of the bits the other way round.
    pub(crate) fn inverted(self) -> Self {
        let [off, on] = self.bits;
        Self { bits: [on, off], ..self }
    }

    /// Returns whether the value of bit 1 is the one that is assumed for images of one value: 1, or True.
    pub(crate) fn assumes_second(&self) -> bool {
        let assumed = match self.values()[1] {
            Value::Bool(_) => Value::Bool(true),
            Value::Integer(_) => Value::Integer(1),
            Value::Float(_) => Value::Float(1.0),
        };
        self.values()[1] == assumed
    }

    /// Returns whether the images of an archive, of this kind, can be a part of those of another kind, and then whether their bits
    /// are inverted for that. They have no pixel of a value that the other kind has not: if they have one value only, 0 is assumed
    /// for bit 0, or 1 for bit 1.
    pub(crate) fn inverted_in(&self, whole: &Self) -> Option<bool> {
        let fits = |[off, on]: [u64; 2]| {
            let (has_off, has_on) = (self.bits[0] == off, self.bits[1] == on);
            let assumes_other = self.assumes_second() || self.bits[1] == 0;
            (has_off && (has_on || assumes_other)) || (has_on && self.bits[0] == 0)
        };
        let [off, on] = whole.bits;
        let is_it = |&is_inverted: &bool| fits(if is_inverted { [on, off] } else { [off, on] });
        [false, true].into_iter().find(is_it).filter(|_| self.dtype == whole.dtype)
    }

    /// Returns the two values as JSON.
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
    fn round_trips_an_index() {
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
    fn rejects_invalid_indices() {
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

    /// Before, 0 was assumed for bit 0 beside a negative value.
    #[test]
    fn what_is_assumed_may_be_another_value() {
        let kind = |off, on| kind("|i1", [Value::Integer(off), Value::Integer(on)], 9);
        for (part, whole, expected) in [
            (kind(-5, 1), kind(-5, 0), Some(false)),
            (kind(-5, 0), kind(-5, 1), Some(false)),
            (kind(0, 1), kind(-5, 0), Some(true)),
            (kind(0, 7), kind(-5, 7), Some(false)),
            (kind(0, 7), kind(7, 9), Some(true)),
            (kind(-5, 7), kind(-5, 9), None),
        ] {
            assert_eq!(part.inverted_in(&whole), expected, "{part:?} {whole:?}");
        }
    }
}
