//! The names of an archive's members.
//!
//! An array with the key `KEY` is the member `KEY.npy`, unless it is in an image set. The library's own members start with
//! `.bitnpz/`. The bytes of image sets of versions 1 to 5 are arrays too: their names end in `.npy`, which does not count where a
//! member is looked up.

use crate::error::{Error, ErrorKind, Result};

/// The prefix of the library's own members.
pub(crate) const RESERVED_PREFIX: &str = ".bitnpz/";

/// The member that lists packed images.
pub(crate) const PACKED: &str = ".bitnpz/packed.json";

/// The member that lists image sets.
pub(crate) const SETS: &str = ".bitnpz/sets.json";

/// The folder of models, which is no name of an image set.
pub(crate) const MODELS: &str = "models";

/// The kinds of members that a segment of an image set has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SegmentPart {
    Payload,
    Blocks,
    /// In sets of versions 1 to 3.
    Index,
    Keys,
}

impl SegmentPart {
    fn name(self) -> &'static str {
        match self {
            Self::Payload => "payload",
            Self::Blocks => "blocks",
            Self::Index => "index",
            Self::Keys => "keys",
        }
    }
}

/// Returns the name of the member that holds the array with this key, which may be given with `.npy` at its end.
pub(crate) fn of_array(key: &str) -> String {
    format!("{}.npy", bitnpz_npz::identity(key))
}

/// Returns the name of the member that describes an image set.
pub(crate) fn of_description(set: &str) -> String {
    format!("{RESERVED_PREFIX}{set}/set.json")
}

/// Returns the name of the image set that a member describes; `None` if the member is not a description.
pub(crate) fn described_set(member: &str) -> Option<&str> {
    member.strip_prefix(RESERVED_PREFIX)?.strip_suffix("/set.json")
}

/// Returns the name of the member that holds the model of this name.
pub(crate) fn of_model(model: &str) -> String {
    format!("{RESERVED_PREFIX}{MODELS}/{model}")
}

/// Returns the name of the model that a member holds.
pub(crate) fn model_of(member: &str) -> &str {
    let model =
        member.strip_prefix(RESERVED_PREFIX).and_then(|rest| rest.strip_prefix(MODELS)?.strip_prefix('/'));
    model.unwrap_or(member)
}

/// Returns the name of the member that holds the model of an image set of version 1 to 3.
pub(crate) fn of_sets_model(set: &str) -> String {
    format!("{RESERVED_PREFIX}{set}/model")
}

/// Returns the name of a member of the segment with this number.
pub(crate) fn of_segment(set: &str, part: SegmentPart, number: usize) -> String {
    format!("{RESERVED_PREFIX}{set}/{}-{number}", part.name())
}

/// Returns whether a member is such a part of this image set.
pub(crate) fn is_part(member: &str, set: &str, part: SegmentPart) -> bool {
    let rest =
        member.strip_prefix(RESERVED_PREFIX).and_then(|rest| rest.strip_prefix(set)?.strip_prefix('/'));
    rest.and_then(|rest| rest.strip_prefix(part.name())).is_some_and(|rest| rest.starts_with('-'))
}

/// Returns whether a member is the library's own.
pub(crate) fn is_reserved(member: &str) -> bool {
    member.starts_with(RESERVED_PREFIX)
}

/// Returns whether a member with this name is one of the user's arrays.
pub(crate) fn is_array(member: &str) -> bool {
    member.ends_with(".npy") && !is_reserved(member)
}

/// Returns whether this is a key under which an array can be saved, without `.npy`.
pub(crate) fn is_key(key: &str) -> bool {
    bitnpz_npz::identity(key) == key && check_key(key).is_ok()
}

/// Checks that an array can be saved under this key.
pub(crate) fn check_key(key: &str) -> Result<()> {
    if is_reserved(key) {
        return Err(Error::from(ErrorKind::ReservedKey).with_key(key));
    }
    // The name is checked without `.npy`, because the key `.npy` would leave an empty one.
    bitnpz_npz::check_name(bitnpz_npz::identity(key)).map_err(|error| Error::from(error).with_key(key))
}

/// Returns the name of one of the library's own members for messages: `glyphs, payload 0` for `.bitnpz/glyphs/payload-0`.
pub(crate) fn for_people(member: &str) -> Option<String> {
    let (set, part) = member.strip_prefix(RESERVED_PREFIX)?.split_once('/')?;
    let part = part.strip_suffix(".json").unwrap_or_else(|| bitnpz_npz::identity(part));
    if set == MODELS {
        return Some(format!("model {part}"));
    }
    let part = match part.split_once('-') {
        Some((part, segment)) => format!("{part} {segment}"),
        None if part == "set" => "description".to_owned(),
        None => part.to_owned(),
    };
    Some(format!("{set}, {part}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_each_kind_of_name() {
        assert_eq!(described_set(&of_description("a/b")), Some("a/b"));
        assert_eq!(for_people(&of_description("a")).unwrap(), "a, description");
        assert_eq!(for_people(&of_segment("a", SegmentPart::Payload, 3)).unwrap(), "a, payload 3");
        assert_eq!(for_people(&of_model("contour-12")).unwrap(), "model contour-12");
        assert!(is_part(&of_segment("a", SegmentPart::Keys, 0), "a", SegmentPart::Keys));
        assert!(!is_part(&of_segment("ab", SegmentPart::Keys, 0), "a", SegmentPart::Keys));
        assert!(!is_part(&of_segment("a", SegmentPart::Keys, 0), "a", SegmentPart::Blocks));
        assert!(is_array(&of_array("a")) && !is_array(&of_model("a")) && !is_array("a.txt"));
        assert_eq!([of_array("a"), of_array("a.npy")], ["a.npy", "a.npy"]);
        assert!(is_key("a\n") && !is_key("a\0"));
        assert!(is_key("a") && !is_key("a.npy") && !is_key("") && !is_key(SETS));
    }
}
