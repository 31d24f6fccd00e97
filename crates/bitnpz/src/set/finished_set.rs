//! What is written of a set behind the payloads of all.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::Write;

use bitnpz_npz::{Compression, Writer};

use super::description::{Description, SegmentDescription, Shape};
use super::location::{InlineBytes, Location};
use super::model_bytes::ModelBytes;
use super::model_description::ModelDescription;
use crate::error::Result;
use crate::names::{self, SegmentPart};
use crate::packed::PackedKind;

/// The most bytes of directories and models in a description, which is read when an archive is opened.
const INLINE_BYTES: usize = 8 << 10;

/// What opening a set needs, which is written behind all payloads.
#[derive(Debug)]
pub(crate) struct FinishedSet {
    pub(super) name: String,
    pub(super) directories: Vec<Vec<u8>>,
    pub(super) models: Vec<ModelBytes>,
    pub(super) kind: PackedKind,
    pub(super) shape: Shape,
    pub(super) segments: Vec<SegmentDescription>,
}

impl FinishedSet {
    /// Writes the directories of sets, then their models, those that are equal once, then their descriptions. Small directories,
    /// and small models that one set has, are in the description.
    pub(crate) fn write_all(mut sets: Vec<Self>, zip: &mut Writer<impl Write>) -> Result<()> {
        let mut rooms = vec![INLINE_BYTES; sets.len()];
        for (set, room) in sets.iter_mut().zip(&mut rooms) {
            for (number, directory) in set.directories.drain(..).enumerate() {
                if takes_inline(room, &directory) {
                    set.segments[number].directory = Some(InlineBytes(directory));
                } else {
                    let name = names::of_segment(&set.name, SegmentPart::Blocks, number);
                    zip.add_with(&name, directory, Compression::Stored)?;
                }
            }
        }
        let mut members = ModelMembers::default();
        let mut described = Vec::new();
        let mut uses = HashMap::<_, usize>::new();
        for model in sets.iter().flat_map(|set| &set.models) {
            *uses.entry(model.bytes.as_slice()).or_default() += 1;
        }
        for (set, room) in sets.iter().zip(&mut rooms) {
            let models = set.models.iter().map(|model| {
                let takes = |bytes: &[u8]| uses[bytes] == 1 && takes_inline(room, bytes);
                members.describe(zip, model, takes)
            });
            described.push(models.collect::<Result<Vec<_>>>()?);
        }
        for (set, models) in sets.into_iter().zip(described) {
            let Self { name, kind, shape, segments, .. } = set;
            let description = Description { has_blocks: true, models, kind, shape, segments };
            zip.add(&names::of_description(&name), description.to_json())?;
        }
        Ok(())
    }
}

/// Returns whether bytes have room in a description, and takes it.
fn takes_inline(room: &mut usize, bytes: &[u8]) -> bool {
    let rest = room.checked_sub(bytes.len());
    *room = rest.unwrap_or(*room);
    rest.is_some()
}

/// The models that are members of an archive, by their names.
#[derive(Debug, Default)]
struct ModelMembers(HashMap<String, ModelBytes>);

impl ModelMembers {
    /// Describes a model, with its bytes if it `takes` them. Else writes its member, unless an equal one is written.
    fn describe(
        &mut self,
        zip: &mut Writer<impl Write>,
        model: &ModelBytes,
        takes: impl FnOnce(&[u8]) -> bool,
    ) -> Result<ModelDescription> {
        let ModelBytes { codec, base, bytes } = model.clone();
        if bytes.is_empty() {
            return Ok(ModelDescription { codec, base, location: None });
        }
        if takes(&bytes) {
            return Ok(ModelDescription { codec, base, location: Some(Location::Description(bytes)) });
        }
        let hash = format!("{codec}-{:08x}", crc32fast::hash(&bytes));
        // Others may have the same checksum.
        let mut names =
            (0..).map(|number| if number == 0 { hash.clone() } else { format!("{hash}-{number}") });
        let is_free = |name: &String| self.0.get(name).is_none_or(|other| other == model);
        let name = names.find(is_free).expect("numbers go on");
        let member = names::of_model(&name);
        if let Entry::Vacant(vacant) = self.0.entry(name) {
            zip.add_with(&member, bytes, Compression::Stored)?;
            vacant.insert(model.clone());
        }
        Ok(ModelDescription { codec, base, location: Some(Location::Member(member)) })
    }
}
