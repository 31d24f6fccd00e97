//! `set.json`: what a set's other members do not say themselves.

use std::collections::HashSet;

use bitnpz_bitmap::codec::{Codec, Model};
use bitnpz_npy::check_shape;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::keys::Pattern;
use crate::axes::ArrayForm;
use crate::names::is_key;
use crate::packed::PackedKind;

/// An array has no more axes of length 1 than this on either side of an image: NumPy has at most 64 in all.
const MOST_AXES: usize = 31;

/// The version of the names of sets, and of a set whose keys are no table; of one with a table. No other is read.
const VERSION: u32 = 1;
const TABLE_VERSION: u32 = 2;

/// An archive's sets, and the order in which its keys were saved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sets {
    /// The names of the sets.
    pub(crate) names: Vec<String>,
    /// Runs of keys that were saved one after the other in one place: the place, 0 for members and `n + 1` for the set with
    /// number `n`, and how many. Unless given, members come before sets.
    pub(crate) order: Option<Vec<(usize, usize)>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetsJson {
    version: u32,
    sets: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Vec<(usize, usize)>>,
}

impl Sets {
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let sets = SetsJson { version: VERSION, sets: self.names.clone(), order: self.order.clone() };
        serde_json::to_vec(&sets).expect("names and numbers are plain JSON")
    }

    /// Reads the member's bytes, or says what is wrong with them.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let sets: SetsJson = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        check_version(sets.version, VERSION)?;
        let mut names = HashSet::new();
        match sets.sets.iter().find(|name| !names.insert(name.as_str())) {
            Some(name) => Err(format!("expected names that differ, found {name:?} twice")),
            None => Ok(Self { names: sets.sets, order: sets.order }),
        }
    }
}

/// That a version is one from the first to the last.
fn check_version(found: u32, last: u32) -> Result<(), String> {
    if (VERSION..=last).contains(&found) {
        return Ok(());
    }
    let expected = (VERSION..=last).map(|version| version.to_string()).collect::<Vec<_>>().join(" or ");
    Err(format!("expected version {expected}, found version {found}; a newer bitnpz may read it"))
}

/// The version of a set of these segments.
fn version_of(segments: &[SegmentDescription]) -> u32 {
    let has_table = segments.iter().any(|segment| matches!(segment.keys, Some(KeysDescription::Table)));
    if has_table { TABLE_VERSION } else { VERSION }
}

/// What a set is.
#[derive(Clone, Debug)]
pub(super) struct Description {
    pub(super) codec: Codec,
    /// The name of the model, if it ships with the library; else it is in a member.
    pub(super) model: Option<String>,
    /// Of the arrays that images come back as; images tell their widths.
    pub(super) kind: PackedKind,
    pub(super) shape: Shape,
    pub(super) segments: Vec<SegmentDescription>,
}

/// What the images of a set are together.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// One array under one key: a stack of this shape, which comes back in this form if it has one.
    Stack { key: String, shape: Vec<usize>, form: Option<ArrayForm> },
    /// An array for each image, under its own key, with so many axes of length 1 before and behind the image's.
    Each { ones: Ones },
}

/// How many axes of length 1 an array of one image has before and behind height and width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ones {
    pub(crate) before: usize,
    pub(crate) behind: usize,
}

impl Ones {
    /// Those of an array of this shape, if it is of one image and has no other axes.
    pub(crate) fn of(array: &[usize], stack: &[usize]) -> Option<Self> {
        let outer = stack.len() - 2;
        let is_one = array.starts_with(stack)
            && stack[..outer].iter().chain(&array[stack.len()..]).all(|&side| side == 1);
        is_one.then(|| Self { before: outer, behind: array.len() - stack.len() })
    }

    /// The shape of the array of an image of this size.
    pub(crate) fn around(self, size: [usize; 2]) -> Vec<usize> {
        [&vec![1; self.before], &size[..], &vec![1; self.behind]].concat()
    }

    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// A part of a set that was written at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentDescription {
    pub(super) images: usize,
    /// The height and width of all its images; if they differ, each payload starts with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<[usize; 2]>,
    /// Whether its index tells images that are the same as others.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) repeats: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keys: Option<KeysDescription>,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// Where the keys of a segment are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum KeysDescription {
    /// Here.
    Pattern(Pattern),
    /// In their own member, as text, sorted or not; as version 1 has them.
    Text { sorted: bool },
    /// In their own member, as a table.
    Table,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DescriptionJson {
    version: u32,
    codec: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    dtype: String,
    values: [Box<RawValue>; 2],
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shape: Option<Vec<usize>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    array: Option<ArrayForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ones: Option<[usize; 2]>,
    segments: Vec<SegmentDescription>,
}

impl Description {
    pub(super) fn to_json(&self) -> Vec<u8> {
        let (key, shape, array, ones) = match self.shape.clone() {
            Shape::Stack { key, shape, form } => (Some(key), Some(shape), form, None),
            Shape::Each { ones } => {
                (None, None, None, (!ones.is_none()).then_some([ones.before, ones.behind]))
            }
        };
        let description = DescriptionJson {
            version: version_of(&self.segments),
            codec: self.codec.to_string(),
            model: self.model.clone(),
            dtype: self.kind.dtype.type_string(),
            values: self.kind.json_values(),
            key,
            shape,
            array,
            ones,
            segments: self.segments.clone(),
        };
        serde_json::to_vec(&description).expect("a description is plain JSON")
    }

    /// Reads the member's bytes, or says what is wrong with them.
    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let json: DescriptionJson = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        check_version(json.version, TABLE_VERSION)?;
        if json.version < version_of(&json.segments) {
            return Err(format!(
                "expected version {TABLE_VERSION} of a set with a table of keys, found an earlier one"
            ));
        }
        let codec = json.codec.parse::<Codec>().map_err(|error| error.to_string())?;
        if let Some(name) = &json.model {
            let shipped = Model::shipped(name).filter(|model| model.codec() == codec);
            shipped.ok_or_else(|| {
                format!("expected a model of this library, found {name:?}; a newer one may have it")
            })?;
        }
        let shape = match (json.key, json.shape) {
            (Some(key), _) if !is_key(&key) => {
                return Err("expected a key of 1 to 65,535 bytes without control characters, found another"
                    .to_owned());
            }
            (Some(key), Some(shape)) if shape.len() >= 2 && json.ones.is_none() => {
                if let Some(form) = &json.array {
                    form.check(&shape)?;
                }
                Shape::Stack { key, shape, form: json.array }
            }
            (None, None) if json.array.is_none() => {
                let [before, behind] = json.ones.unwrap_or_default();
                if before.max(behind) > MOST_AXES {
                    return Err(format!(
                        "expected at most {MOST_AXES} axes of length 1, found {}",
                        before.max(behind)
                    ));
                }
                Shape::Each { ones: Ones { before, behind } }
            }
            _ => return Err("expected a key and a shape of two or more sides, or neither".to_owned()),
        };
        let sum = json.segments.iter().try_fold(0_usize, |sum, segment| sum.checked_add(segment.images));
        let images = sum.ok_or("expected fewer images than can be counted")?;
        if let Shape::Stack { shape, .. } = &shape {
            let product =
                shape[..shape.len() - 2].iter().try_fold(1_usize, |sum, &side| sum.checked_mul(side));
            if product != Some(images) {
                return Err(format!("expected as many images as the shape {shape:?} has, found {images}"));
            }
            let size = Some([shape[shape.len() - 2], shape[shape.len() - 1]]);
            if json.segments.iter().any(|segment| segment.size != size) {
                return Err("expected segments of images of the shape's size, found another".to_owned());
            }
        }
        let has_keys = matches!(shape, Shape::Each { .. });
        if json.segments.iter().any(|segment| segment.keys.is_some() != has_keys) {
            return Err("expected keys of each image or of none, found others".to_owned());
        }
        for segment in &json.segments {
            if let Some(KeysDescription::Pattern(pattern)) = &segment.keys
                && !pattern.is_valid(segment.images)
            {
                return Err(format!("expected a pattern of keys, found {pattern:?}"));
            }
        }
        let kind = PackedKind::from_parts(&json.dtype, &json.values, 0)?;
        // The one door for sizes of sets: what is behind it can be counted, by NumPy too.
        let sizes =
            json.segments.iter().filter_map(|segment| segment.size.as_ref()).map(<[usize; 2]>::as_slice);
        let shape_of_all = match &shape {
            Shape::Stack { shape, .. } => Some(shape.as_slice()),
            Shape::Each { .. } => None,
        };
        let of_array = match &shape {
            Shape::Stack { form: Some(form), .. } => Some(form.shape.as_slice()),
            _ => None,
        };
        for shape in sizes.chain(shape_of_all).chain(of_array) {
            check_shape(shape, kind.dtype.item_size()).map_err(|message| format!("{shape:?}: {message}"))?;
        }
        Ok(Self { codec, model: json.model, kind, shape, segments: json.segments })
    }
}
