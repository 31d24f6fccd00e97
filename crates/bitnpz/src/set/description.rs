//! `set.json`: what the other members of an image set do not say themselves.

use std::collections::HashSet;

use bitnpz_bitmap::codec::Codec;
use bitnpz_npy::check_shape;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::keys::Pattern;
use super::location::{InlineBytes, Location};
use super::model_description::{ModelDescription, ModelJson};
use super::stacks::{StackShape, Stacks};
use crate::axes::ArrayForm;
use crate::names::{self, SegmentPart};
use crate::packed::PackedKind;

/// An array has at most so many axes of length 1 on either side of an image: NumPy allows 64 axes in all.
const MAX_AXES: usize = 31;

/// The versions of sets in blocks: for the first time, with several stacks, with members that need not be arrays, and with models
/// and directories in the description, which is the one that is written. Later versions are refused.
const BLOCKS_VERSION: u32 = 4;
const STACKS_VERSION: u32 = 5;
const INLINE_VERSION: u32 = 7;
const LAST_VERSION: u32 = INLINE_VERSION;

/// The versions of sets with a payload index: with a key table for the first time, and with the codec `contour`, which has another
/// form in earlier ones.
const TABLE_VERSION: u32 = 2;
const CONTOUR_VERSION: u32 = 3;

/// Checks that a version is between the first and the last.
pub(super) fn check_version(found: u32, last: u32) -> Result<(), String> {
    if (1..=last).contains(&found) {
        return Ok(());
    }
    let expected = (1..=last).map(|version| version.to_string()).collect::<Vec<_>>().join(" or ");
    Err(format!("expected version {expected}, found version {found}; a newer bitnpz may read it"))
}

/// Returns the least version of a set with a payload index that has this codec and these segments.
fn index_version(codec: Codec, segments: &[SegmentDescription]) -> u32 {
    let has_table = segments.iter().any(|segment| matches!(segment.keys, Some(KeysDescription::Table)));
    match codec {
        Codec::Contour => CONTOUR_VERSION,
        _ if has_table => TABLE_VERSION,
        _ => 1,
    }
}

/// The description of a set.
#[derive(Clone, Debug)]
pub(super) struct Description {
    /// Whether its payloads are in blocks; in sets of versions 1 to 3 they are not.
    pub(super) has_blocks: bool,
    /// The models of its segments.
    pub(super) models: Vec<ModelDescription>,
    /// The kind of the arrays that images come back as, their width apart.
    pub(super) kind: PackedKind,
    pub(super) shape: Shape,
    pub(super) segments: Vec<SegmentDescription>,
}

/// The arrays that the images of a set are.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// Stacks, one or more, one after the other.
    Stacks(Vec<StackShape>),
    /// An array for each image under its own key, with axes of length 1 around it.
    Each { ones: Ones },
}

impl Shape {
    /// Reads the parts of the description that make the shape.
    fn from_json(
        key: Option<String>,
        shape: Option<Vec<usize>>,
        form: Option<ArrayForm>,
        ones: Option<[usize; 2]>,
    ) -> Result<Self, String> {
        match (key, shape) {
            (Some(key), Some(shape)) if ones.is_none() => {
                Ok(Self::Stacks(vec![StackShape { key, shape, form }]))
            }
            (None, None) if form.is_none() => {
                let [before, behind] = ones.unwrap_or_default();
                if before.max(behind) > MAX_AXES {
                    let found = before.max(behind);
                    return Err(format!("expected at most {MAX_AXES} axes of length 1, found {found}"));
                }
                Ok(Self::Each { ones: Ones { before, behind } })
            }
            _ => Err("expected a key and a shape of two or more sides, or neither".to_owned()),
        }
    }

    /// Returns the stacks; none if each image has a key of its own.
    fn stacks(&self) -> &[StackShape] {
        match self {
            Self::Stacks(stacks) => stacks,
            Self::Each { .. } => &[],
        }
    }
}

/// The numbers of axes of length 1 that an array of one image has before and after height and width.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ones {
    pub(crate) before: usize,
    pub(crate) behind: usize,
}

impl Ones {
    /// Returns those of an array, if its stack has one image and a description can say how many there are.
    pub(crate) fn of(array: &[usize], stack: &[usize]) -> Option<Self> {
        let outer = stack.len() - 2;
        let is_one = array.starts_with(stack)
            && stack[..outer].iter().chain(&array[stack.len()..]).all(|&side| side == 1);
        let ones = is_one.then(|| Self { before: outer, behind: array.len() - stack.len() })?;
        (ones.before.max(ones.behind) <= MAX_AXES).then_some(ones)
    }

    /// Returns the shape of the array of an image of this size.
    pub(crate) fn around(self, size: [usize; 2]) -> Vec<usize> {
        [&vec![1; self.before], &size[..], &vec![1; self.behind]].concat()
    }

    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// The description of a segment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SegmentDescription {
    pub(super) images: usize,
    /// The height and width of all its images. If they differ, each payload starts with its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<[usize; 2]>,
    /// The number of its model.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) model: usize,
    /// Whether some of its images are repeats.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) repeats: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) keys: Option<KeysDescription>,
    /// The directory of its blocks, unless that has a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) directory: Option<InlineBytes>,
}

impl SegmentDescription {
    /// Returns whether the keys have a member.
    pub(super) fn has_key_member(&self) -> bool {
        matches!(self.keys, Some(KeysDescription::Table | KeysDescription::Text { .. }))
    }

    /// Returns where the directory of the blocks, or the index, of the segment with this number is.
    pub(super) fn directory(&self, set: &str, number: usize, has_blocks: bool) -> Location {
        match &self.directory {
            Some(InlineBytes(bytes)) => Location::Description(bytes.clone()),
            None => {
                let part = if has_blocks { SegmentPart::Blocks } else { SegmentPart::Index };
                Location::Member(names::of_segment(set, part, number))
            }
        }
    }
}

fn is_false(value: &bool) -> bool {
    !value
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Where the keys of a segment are stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "lowercase")]
pub(super) enum KeysDescription {
    /// Here.
    Pattern(Pattern),
    /// In a member, as text, as early files of version 1 have them.
    Text { sorted: bool },
    /// In a member, as a table.
    Table,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DescriptionJson {
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    models: Option<Vec<ModelJson>>,
    /// The only model of a set of version 1 to 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    codec: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(default, skip_serializing_if = "is_false")]
    changes: bool,
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
    /// Several stacks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stacks: Option<Vec<StackShape>>,
    segments: Vec<SegmentDescription>,
}

impl DescriptionJson {
    /// Returns the descriptions of the models, and checks that each segment has one.
    fn take_models(&mut self, set: &str) -> Result<Vec<ModelDescription>, String> {
        let numbers = || self.segments.iter().map(|segment| segment.model);
        let (version, model) = (self.version, self.model.take());
        let models = match (self.models.take(), self.codec.take()) {
            (Some(models), None) if version >= BLOCKS_VERSION && model.is_none() && !self.changes => {
                let is_text =
                    |segment: &SegmentDescription| matches!(segment.keys, Some(KeysDescription::Text { .. }));
                if self.segments.iter().any(is_text) {
                    return Err("expected keys in a table, found sorted text".to_owned());
                }
                let mut distinct = HashSet::new();
                if let Some(twice) = models.iter().position(|model| !distinct.insert(model)) {
                    return Err(format!(
                        "expected models that differ, found model {twice} equal to one before"
                    ));
                }
                models.into_iter().map(ModelJson::into_description).collect::<Result<_, _>>()?
            }
            (None, Some(codec)) if version < BLOCKS_VERSION => {
                let has_member = self.changes || model.is_none();
                if self.changes && model.is_none() {
                    return Err("expected the name of the model that is changed, found none".to_owned());
                }
                let location = has_member.then(|| Location::Member(names::of_sets_model(set)));
                let model = ModelDescription::new(&codec, model, location)?;
                self.check_version(model.codec)?;
                vec![model]
            }
            _ => return Err(format!("expected the models of a set of version {version}, found others")),
        };
        match numbers().find(|&number| number >= models.len()) {
            Some(number) => {
                Err(format!("expected {} models, found a segment of model {number}", models.len()))
            }
            None => Ok(models),
        }
    }

    /// Checks that only versions that have bytes here do.
    fn check_inline(&self) -> Result<(), String> {
        let mut models = self.models.iter().flatten();
        let has_bytes = models.any(ModelJson::has_bytes)
            || self.segments.iter().any(|segment| segment.directory.is_some());
        if has_bytes && self.version < INLINE_VERSION {
            return Err(format!(
                "expected members of a set of version {}, found their bytes here",
                self.version
            ));
        }
        Ok(())
    }

    /// Returns the arrays that the images are.
    fn take_shape(&mut self) -> Result<Shape, String> {
        let (key, shape, form, ones) =
            (self.key.take(), self.shape.take(), self.array.take(), self.ones.take());
        match self.stacks.take() {
            None if self.version != STACKS_VERSION => Shape::from_json(key, shape, form, ones),
            Some(stacks)
                if self.version >= STACKS_VERSION
                    && stacks.len() > 1
                    && (key, shape, form, ones) == (None, None, None, None) =>
            {
                Ok(Shape::Stacks(stacks))
            }
            _ => Err(format!("expected the arrays of a set of version {}, found others", self.version)),
        }
    }

    /// Checks the version of a set with a payload index.
    fn check_version(&self, codec: Codec) -> Result<(), String> {
        let (expected, found) = (index_version(codec, &self.segments), self.version);
        match codec {
            _ if found >= expected => Ok(()),
            Codec::Contour => Err(format!(
                "expected version {expected} of a set with the codec contour, found version {found}, which was never \
                 released; save the images again"
            )),
            _ => Err(format!(
                "expected version {expected} of a set with a table of keys, found version {found}"
            )),
        }
    }
}

impl Description {
    pub(super) fn to_json(&self) -> Vec<u8> {
        let (mut key, mut shape, mut array, mut ones, mut stacks) = (None, None, None, None, None);
        match self.shape.clone() {
            Shape::Stacks(mut all) if all.len() == 1 => {
                let stack = all.remove(0);
                (key, shape, array) = (Some(stack.key), Some(stack.shape), stack.form);
            }
            Shape::Stacks(all) => stacks = Some(all),
            Shape::Each { ones: some } if some.is_none() => {}
            Shape::Each { ones: some } => ones = Some([some.before, some.behind]),
        }
        let models = self.models.iter().map(ModelJson::of);
        let description = DescriptionJson {
            version: LAST_VERSION,
            models: Some(models.collect()),
            codec: None,
            model: None,
            changes: false,
            dtype: self.kind.dtype.type_string(),
            values: self.kind.json_values(),
            key,
            shape,
            array,
            ones,
            stacks,
            segments: self.segments.clone(),
        };
        serde_json::to_vec(&description).expect("a description is plain JSON")
    }

    /// Reads the description of the set with this name from the member's bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(super) fn from_json(bytes: &[u8], set: &str) -> Result<Self, String> {
        let mut json: DescriptionJson = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        check_version(json.version, LAST_VERSION)?;
        let has_blocks = json.version >= BLOCKS_VERSION;
        json.check_inline()?;
        let models = json.take_models(set)?;
        let kind = PackedKind::from_parts(&json.dtype, &json.values, 0)?;
        let shape = json.take_shape()?;
        let description = Self { has_blocks, models, kind, shape, segments: json.segments };
        description.check_stacks()?;
        description.check_images()?;
        description.check_keys()?;
        description.check_countable()?;
        Ok(description)
    }

    /// Returns the names of the members of the set with this name, but for its description.
    pub(super) fn members(&self, set: &str) -> impl Iterator<Item = String> {
        let parts = self.segments.iter().enumerate().flat_map(move |(number, segment)| {
            let payload = names::of_segment(set, SegmentPart::Payload, number);
            let keys = || names::of_segment(set, SegmentPart::Keys, number);
            let directory = segment.directory(set, number, self.has_blocks);
            let directory = directory.member().map(str::to_owned);
            [Some(payload), directory, segment.has_key_member().then(keys)].into_iter().flatten()
        });
        let models = self.models.iter().filter_map(|model| model.location.as_ref()?.member());
        models.map(str::to_owned).chain(parts)
    }

    /// Returns the number of bytes that are here instead of in members.
    pub(super) fn inline_bytes(&self) -> usize {
        let models = self.models.iter().filter_map(|model| model.location.as_ref());
        let models = models.map(|location| match location {
            Location::Member(_) => 0,
            Location::Description(bytes) => bytes.len(),
        });
        let directories = self.segments.iter().filter_map(|segment| segment.directory.as_ref());
        models.chain(directories.map(|InlineBytes(bytes)| bytes.len())).sum()
    }

    /// Checks each stack, and that several can be told apart.
    fn check_stacks(&self) -> Result<(), String> {
        let stacks = self.shape.stacks();
        stacks.iter().try_for_each(StackShape::check)?;
        let mut keys = HashSet::new();
        if let Some(twice) = stacks.iter().find(|stack| !keys.insert(stack.key.as_str())) {
            return Err(format!("expected keys that differ, found {:?} twice", twice.key));
        }
        if let Some(image) = stacks.iter().find(|stack| stacks.len() > 1 && stack.shape.len() < 3) {
            let StackShape { key, shape, .. } = image;
            return Err(format!(
                "expected three sides or more of each of several stacks, found {shape:?} of {key:?}"
            ));
        }
        match stacks.iter().find(|stack| stacks.len() > 1 && stack.images() == Some(0)) {
            Some(empty) => {
                Err(format!("expected images in each of several stacks, found none in {:?}", empty.key))
            }
            None => Ok(()),
        }
    }

    /// Checks that the segments have the images of the shape.
    fn check_images(&self) -> Result<(), String> {
        let sum = self.segments.iter().try_fold(0_usize, |sum, segment| sum.checked_add(segment.images));
        let images = sum.ok_or("expected fewer images than can be counted")?;
        let stacks = self.shape.stacks();
        let Some(first) = stacks.first() else { return Ok(()) };
        let of_stacks = stacks.iter().try_fold(0_usize, |sum, stack| sum.checked_add(stack.images()?));
        if of_stacks != Some(images) {
            let shape = &first.shape;
            return Err(match stacks.len() {
                1 => format!("expected as many images as the shape {shape:?} has, found {images}"),
                count => format!("expected as many images as {count} stacks have, found {images}"),
            });
        }
        let (stacks, mut behind) = (Stacks::new(stacks), 0);
        let agree = self.segments.iter().all(|segment| {
            let images = behind..behind + segment.images;
            behind = images.end;
            match segment.size {
                Some(size) => stacks.overlapping(&images).all(|stack| stack.size() == size),
                // Images have their own sizes, which are checked when they are read.
                None => stacks.only().is_none(),
            }
        });
        if agree {
            Ok(())
        } else {
            Err("expected segments of images of the shape's size, found another".to_owned())
        }
    }

    /// Checks that the images of all segments have keys, or those of none.
    fn check_keys(&self) -> Result<(), String> {
        let has_keys = matches!(self.shape, Shape::Each { .. });
        if self.segments.iter().any(|segment| segment.keys.is_some() != has_keys) {
            return Err(
                "expected keys for the images of all segments or of none, found them for some".to_owned()
            );
        }
        for segment in &self.segments {
            if let Some(KeysDescription::Pattern(pattern)) = &segment.keys
                && !pattern.is_valid(segment.images)
            {
                return Err(format!("expected a pattern of keys, found {pattern:?}"));
            }
        }
        Ok(())
    }

    /// Checks that the bytes of all images and arrays can be counted, here and by NumPy. Nothing after this check can overflow.
    fn check_countable(&self) -> Result<(), String> {
        let sizes = self.segments.iter().filter_map(|segment| segment.size.as_ref());
        let arrays = self.shape.stacks().iter();
        let arrays = arrays.flat_map(|StackShape { shape, form, .. }| {
            [Some(shape), form.as_ref().map(|form| &form.shape)].into_iter().flatten().map(Vec::as_slice)
        });
        for shape in sizes.map(<[usize; 2]>::as_slice).chain(arrays) {
            check_shape(shape, self.kind.dtype.item_size())
                .map_err(|message| format!("{shape:?}: {message}"))?;
        }
        Ok(())
    }
}
