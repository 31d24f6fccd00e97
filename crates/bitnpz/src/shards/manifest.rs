//! The manifest of a sharded archive.

use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;

use bitnpz_npy::{Dtype, check_shape};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::names::is_key;
use crate::packed::PackedKind;

/// The end of the names of manifests.
pub const MANIFEST_SUFFIX: &str = ".bitnpz.json";

/// Returns whether a path is that of a manifest, by its end.
#[must_use]
pub fn is_manifest(path: impl AsRef<Path>) -> bool {
    path.as_ref().as_os_str().as_encoded_bytes().ends_with(MANIFEST_SUFFIX.as_bytes())
}

/// What the manifest is, for who finds it.
const FORMAT: &str = "bitnpz sharded archive";

/// The version that is written, and the only one that is read.
const VERSION: u32 = 1;

/// The manifest of a sharded archive: its shards, and the arrays that are cut over them. `docs/format.md` describes its text.
///
/// ```
/// use bitnpz::Manifest;
///
/// let manifest = Manifest::parse(br#"{
///     "format": "bitnpz sharded archive",
///     "version": 1,
///     "arrays": [{"key": "glyphs", "dtype": "|b1", "values": [false, true], "shape": [28, 28]}],
///     "shared": [],
///     "shards": [{"name": "glyphs-00000.npz", "bytes": 14000, "directory": "0f3c21aa", "items": [1000]}]
/// }"#)?;
/// assert_eq!(manifest.shards()[0].name, "glyphs-00000.npz");
/// # Ok::<(), bitnpz::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub(super) arrays: Vec<CutArray>,
    /// The keys of arrays that are the same in all shards.
    pub(super) shared: Vec<String>,
    pub(super) shards: Vec<Shard>,
}

/// An array that is cut along its first axis over the shards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CutArray {
    /// `None` of images that have keys of their own.
    pub(super) key: Option<String>,
    pub(super) dtype: Dtype,
    /// What images are; `None` of other arrays.
    pub(super) kind: Option<PackedKind>,
    /// The shape of an item; `None` of images that differ in size.
    pub(super) item: Option<Vec<usize>>,
    /// The number of axes of length 1 that follow height and width in the items of a stack.
    pub(super) trailing: usize,
}

impl CutArray {
    /// Returns how many images an item has.
    pub(super) fn images_per_item(&self) -> usize {
        let outer = self.item.as_ref().map_or(0, |item| item.len().saturating_sub(2 + self.trailing));
        self.item.iter().flat_map(|item| &item[..outer]).product()
    }

    /// Returns the shape of an array of so many items, without the axes that follow height and width.
    pub(super) fn shape(&self, items: usize) -> Vec<usize> {
        let item = self.item.as_ref().map_or(&[][..], |item| &item[..item.len() - self.trailing]);
        [&[items], item].concat()
    }
}

/// An archive that a sharded archive has a part in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Shard {
    /// The name of the file, which is in the manifest's folder.
    pub name: String,
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The CRC-32 of its central directory, which has the checksums of all members: with the size it tells whether it is the
    /// archive that was there when the manifest was written.
    pub directory_crc32: u32,
    /// How many items of each array that is cut it has, in the order of the arrays.
    pub items: Vec<usize>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManifestJson {
    format: String,
    version: u32,
    arrays: Vec<ArrayJson>,
    shared: Vec<String>,
    shards: Vec<ShardJson>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ArrayJson {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    dtype: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    values: Option<[Box<RawValue>; 2]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shape: Option<Vec<usize>>,
    #[serde(default, skip_serializing_if = "is_zero")]
    trailing: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ShardJson {
    name: String,
    bytes: u64,
    directory: String,
    items: Vec<usize>,
}

impl Manifest {
    /// Returns the shards in their order.
    #[must_use]
    pub fn shards(&self) -> &[Shard] {
        &self.shards
    }

    /// Parses the text of a manifest.
    ///
    /// # Errors
    ///
    /// If it is no manifest, of a later version, contradicts itself, or names files outside its folder.
    pub fn parse(text: &[u8]) -> Result<Self> {
        Self::from_json(text).map_err(|message| ErrorKind::BadManifest { message }.into())
    }

    fn from_json(text: &[u8]) -> std::result::Result<Self, String> {
        let json: ManifestJson = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        if json.format != FORMAT {
            return Err(format!("expected the format {FORMAT:?}, found {:?}", json.format));
        }
        if json.version != VERSION {
            return Err(format!(
                "expected version {VERSION}, found version {}; a newer bitnpz may read it",
                json.version
            ));
        }
        let arrays =
            json.arrays.into_iter().map(array_of_json).collect::<std::result::Result<Vec<_>, _>>()?;
        let mut keys = HashSet::new();
        let all = arrays.iter().map(|array| array.key.as_deref());
        for key in all.chain(json.shared.iter().map(|key| Some(key.as_str()))) {
            if key.is_some_and(|key| !is_key(key)) {
                let expected = "expected keys of 1 to 65,535 bytes without NUL";
                return Err(format!("{expected}, found {key:?}"));
            }
            if !keys.insert(key.map(bitnpz_npz::identity)) {
                return Err(format!("expected keys that differ, found {key:?} twice"));
            }
        }
        let shards = json.shards.into_iter().map(|shard| shard_of_json(shard, arrays.len()));
        let shards = shards.collect::<std::result::Result<Vec<_>, _>>()?;
        let mut names = HashSet::new();
        if let Some(twice) = shards.iter().find(|shard| !names.insert(shard.name.as_str())) {
            return Err(format!("expected shards that differ, found {:?} twice", twice.name));
        }
        if shards.is_empty() {
            return Err("expected shards, found none".to_owned());
        }
        let manifest = Self { arrays, shared: json.shared, shards };
        manifest.check_countable()?;
        Ok(manifest)
    }

    /// Checks that all items of an array can be counted, and their bytes, here and by NumPy.
    fn check_countable(&self) -> std::result::Result<(), String> {
        let bytes = self.shards.iter().try_fold(0_u64, |sum, shard| sum.checked_add(shard.bytes));
        if bytes.is_none_or(|bytes| i64::try_from(bytes).is_err()) {
            return Err("expected fewer bytes than can be counted".to_owned());
        }
        for (number, array) in self.arrays.iter().enumerate() {
            let items =
                self.shards.iter().try_fold(0_usize, |sum, shard| sum.checked_add(shard.items[number]));
            let items = items.ok_or("expected fewer items than can be counted")?;
            let shape = array.shape(items);
            check_shape(&shape, array.dtype.item_size())
                .map_err(|message| format!("{shape:?}: {message}"))?;
        }
        Ok(())
    }

    /// Returns the text of the manifest.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut text = String::from("{\n");
        let mut line = |indented: &str| writeln!(text, "{indented}").expect("a string takes all text");
        line(&format!("  \"format\": {FORMAT:?},"));
        line(&format!("  \"version\": {VERSION},"));
        let json = |value: serde_json::Result<String>| value.expect("names and numbers are plain JSON");
        let mut list = |name: &str, lines: Vec<String>, end: &str| {
            line(&format!("  {name:?}: ["));
            let last = lines.len();
            for (number, item) in lines.into_iter().enumerate() {
                line(&format!("    {item}{}", if number + 1 < last { "," } else { "" }));
            }
            line(&format!("  ]{end}"));
        };
        let arrays = self.arrays.iter().map(|array| json(serde_json::to_string(&json_of_array(array))));
        list("arrays", arrays.collect(), ",");
        list("shared", self.shared.iter().map(|key| json(serde_json::to_string(key))).collect(), ",");
        let shards = self.shards.iter().map(|shard| {
            json(serde_json::to_string(&ShardJson {
                name: shard.name.clone(),
                bytes: shard.bytes,
                directory: format!("{:08x}", shard.directory_crc32),
                items: shard.items.clone(),
            }))
        });
        list("shards", shards.collect(), "");
        text.push_str("}\n");
        text
    }
}

fn array_of_json(json: ArrayJson) -> std::result::Result<CutArray, String> {
    let dtype: Dtype = json.dtype.parse().map_err(|error: bitnpz_npy::Error| error.to_string())?;
    let kind = json.values.map(|values| PackedKind::from_parts(&json.dtype, &values, 0)).transpose()?;
    // As images of one archive are read. Which bit stands for which value in a shard does not matter.
    let kind = kind.map(|kind| if kind.is_descending() { kind.inverted() } else { kind });
    let sides = json.shape.as_ref().map(Vec::len);
    let fits = match (&json.key, &kind, sides) {
        // Images of a stack have height and width, and may have others around them.
        (Some(_), Some(_), Some(sides)) => sides >= json.trailing.saturating_add(2),
        (None, Some(_), Some(sides)) => sides == 2 && json.trailing == 0,
        (None, Some(_), None) | (Some(_), None, Some(_)) => json.trailing == 0,
        _ => false,
    };
    if !fits {
        return Err(
            "expected an array with a key and a shape, or images with values, found others".to_owned()
        );
    }
    if let Some(item) = &json.shape {
        let ones = &item[item.len() - json.trailing..];
        if ones.iter().any(|&side| side != 1) {
            return Err(format!("expected {} axes of length 1 at the end, found {item:?}", json.trailing));
        }
        check_shape(item, dtype.item_size()).map_err(|message| format!("{item:?}: {message}"))?;
    }
    Ok(CutArray { key: json.key, dtype, kind, item: json.shape, trailing: json.trailing })
}

fn json_of_array(array: &CutArray) -> ArrayJson {
    let dtype = match array.dtype.record() {
        Some(_) => array.dtype.to_string(),
        None => array.dtype.type_string(),
    };
    ArrayJson {
        key: array.key.clone(),
        dtype,
        values: array.kind.as_ref().map(PackedKind::json_values),
        shape: array.item.clone(),
        trailing: array.trailing,
    }
}

fn shard_of_json(json: ShardJson, arrays: usize) -> std::result::Result<Shard, String> {
    check_name(&json.name)?;
    let is_hex = json.directory.len() == 8
        && json.directory.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let Some(directory_crc32) = u32::from_str_radix(&json.directory, 16).ok().filter(|_| is_hex) else {
        return Err(format!("expected a checksum of eight hexadecimal digits, found {:?}", json.directory));
    };
    if json.items.len() != arrays {
        return Err(format!(
            "expected the items of {arrays} arrays in shard {:?}, found {}",
            json.name,
            json.items.len()
        ));
    }
    Ok(Shard { name: json.name, bytes: json.bytes, directory_crc32, items: json.items })
}

/// Checks that a name is that of a file in the manifest's folder, on every system.
pub(super) fn check_name(name: &str) -> std::result::Result<(), String> {
    let is_plain = |char: char| !char.is_control() && !matches!(char, '/' | '\\' | ':');
    if !matches!(name, "" | "." | "..") && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(format!("expected the name of a file in the manifest's folder, found {name:?}"))
}

/// Returns the error of a shard that does not fit.
pub(super) fn unfit(name: &str, message: String) -> Error {
    Error::from(ErrorKind::UnfitShard { message }).in_file(name.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"{
  "format": "bitnpz sharded archive",
  "version": 1,
  "arrays": [
    {"key":"glyphs","dtype":"|b1","values":[false,true],"shape":[3,28,30,1],"trailing":1},
    {"key":"boxes","dtype":"[('x', '<f4'), ('y', '<f4', (2,))]","shape":[]},
    {"dtype":"|u1","values":[0,255]}
  ],
  "shared": [
    "characters"
  ],
  "shards": [
    {"name":"glyphs-00000.npz","bytes":14000,"directory":"0f3c21aa","items":[100,300,0]},
    {"name":"glyphs-00001.npz","bytes":1,"directory":"00000000","items":[0,7,9]}
  ]
}
"#;

    #[test]
    fn round_trips() {
        let manifest = Manifest::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(manifest.to_json(), TEXT);
        assert_eq!(manifest.arrays[0].images_per_item(), 3);
        assert_eq!(manifest.arrays[0].shape(100), [100, 3, 28, 30]);
        assert_eq!(manifest.shards[0].directory_crc32, 0x0F3C_21AA);
    }

    #[test]
    fn refuses_lies_and_paths_outside_its_folder() {
        let cases = [
            ("\"version\": 1", "\"version\": 2", "version 2"),
            ("bitnpz sharded", "another", "format"),
            ("glyphs-00000.npz", "../glyphs.npz", "folder"),
            ("glyphs-00000.npz", "/glyphs.npz", "folder"),
            ("glyphs-00000.npz", "more/b.npz", "folder"),
            ("glyphs-00000.npz", "C:glyphs.npz", "folder"),
            ("glyphs-00000.npz", "a\\\\b.npz", "folder"),
            ("glyphs-00000.npz", "", "folder"),
            ("glyphs-00000.npz", "glyphs-00001.npz", "twice"),
            ("0f3c21aa", "0f3c21a", "hexadecimal"),
            ("0f3c21aa", "+f3c21aa", "hexadecimal"),
            ("0f3c21aa", "0F3C21AA", "hexadecimal"),
            ("\"bytes\":14000", "\"bytes\":18446744073709551615", "counted"),
            ("[100,300,0]", "[100,300]", "items of 3 arrays"),
            ("[100,300,0]", "[-1,300,0]", "-1"),
            ("[100,300,0]", "[18446744073709551615,300,0]", "addressed"),
            ("[0,7,9]", "[0,18446744073709551615,9]", "counted"),
            ("\"characters\"", "\"glyphs\"", "twice"),
            ("\"characters\"", "\"\"", "65,535"),
            ("\"shape\":[]", "\"shape\":[4611686018427387904,2]", "addressed"),
            ("\"trailing\":1", "\"trailing\":3", "a shape"),
            ("\"trailing\":1", "\"trailing\":2", "length 1"),
            ("\"values\":[0,255]", "\"values\":[0,0]", "twice"),
            ("<f4", "<f5", "f5"),
            ("\"shared\"", "\"shred\"", "shred"),
        ];
        for (old, new, expected) in cases {
            let text = TEXT.replacen(old, new, 1);
            assert_ne!(text, TEXT, "{old}");
            let error = Manifest::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(expected), "{new}: {error}");
        }
        let end = TEXT.find("    {\"name\"").unwrap();
        let error = Manifest::parse(format!("{}]}}", &TEXT[..end]).as_bytes()).unwrap_err().to_string();
        assert!(error.contains("found none"), "{error}");
    }
}
