//! What an archive has that is to be a shard.

use bitnpz_npy::Dtype;

use super::manifest::unfit;
use crate::error::Result;
use crate::names::{is_array, is_reserved};
use crate::packed::PackedKind;
use crate::read::{Archive, Entry, Images};
use crate::set::{StackShape, Stacks, StoredSet};

/// An array of one archive.
#[derive(Clone)]
pub(super) struct Found {
    /// `None` of images that have keys of their own.
    pub(super) key: Option<String>,
    pub(super) dtype: Dtype,
    /// The shape; of images with keys of their own their number, and their height and width if these are the same.
    pub(super) shape: Vec<usize>,
    /// What a stack of images is, or images with keys of their own; `None` of other arrays.
    pub(super) kind: Option<PackedKind>,
    /// Whether it is one image, or labels that are stored as one.
    pub(super) is_image: bool,
    pub(super) trailing: usize,
    /// The checksum and size of its member; `None` of images of a set.
    pub(super) content: Option<(u32, u64)>,
    /// Whether it is no part of an array, but one that all shards have.
    pub(super) is_whole: bool,
}

impl Found {
    /// Returns an array that is no stack of images.
    fn other(key: &str, dtype: &Dtype, shape: &[usize]) -> Self {
        Self {
            key: Some(key.to_owned()),
            dtype: dtype.clone(),
            shape: shape.to_vec(),
            kind: None,
            is_image: false,
            trailing: 0,
            content: None,
            is_whole: false,
        }
    }

    /// Returns an array that is stored as an image with a key of its own: a stack of one image, or what is no stack.
    pub(super) fn of_image(entry: &Entry<'_>, images: &Images) -> Self {
        let other = Self::other(entry.key(), entry.dtype(), entry.shape());
        match entry.ones() {
            Some(ones) if ones.before > 0 => {
                Self { kind: Some(images.kind().clone()), trailing: ones.behind, ..other }
            }
            _ => Self { is_image: true, ..other },
        }
    }
}

/// An archive that is to be a shard, and its arrays.
pub(super) struct Described {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) directory_crc32: u32,
    pub(super) arrays: Vec<Found>,
}

/// Describes an archive that is to be a shard.
pub(super) fn describe_one(name: &str, open: &dyn Fn(&str) -> Result<Archive>) -> Result<Described> {
    let archive = open(name)?;
    let arrays = arrays_of(&archive, name).map_err(|error| error.in_file(name.as_ref()))?;
    let directory_crc32 = archive.identity().directory_crc32;
    Ok(Described { name: name.to_owned(), bytes: archive.size(), directory_crc32, arrays })
}

/// Returns the arrays of an archive; images with keys of their own are one for each set.
fn arrays_of(archive: &Archive, name: &str) -> Result<Vec<Found>> {
    let mut arrays = Vec::new();
    for StackShape { key, .. } in archive.sets().iter().filter_map(StoredSet::stacks).flat_map(Stacks::iter) {
        arrays.push(found_images(&archive.entry(key)?, &archive.images(key)?, name)?);
    }
    for images in archive.keyed_images()? {
        let size = images.image_size().map_or(Vec::new(), Vec::from);
        arrays.push(Found {
            key: None,
            dtype: images.dtype().clone(),
            shape: [&[images.len()], &size[..]].concat(),
            kind: Some(images.kind().clone()),
            is_image: false,
            trailing: 0,
            content: None,
            is_whole: false,
        });
    }
    for member in archive.zip().members() {
        if is_reserved(member.name()) || !is_array(member.name()) {
            continue;
        }
        let entry = archive.entry(member.key())?;
        let may_be_images = entry.kind().is_some() || (archive.has_sets() && entry.is_small_stack());
        let images = if may_be_images { archive.images(member.key()).ok() } else { None };
        let mut found = match images.filter(|images| images.shape().len() > 2) {
            Some(images) => found_images(&entry, &images, name)?,
            None => {
                let other = Found::other(member.key(), entry.dtype(), entry.shape());
                Found { is_image: entry.kind().is_some() || archive.is_few(member.key()), ..other }
            }
        };
        found.content = Some((member.crc32(), member.size()));
        found.is_whole = archive.is_whole(member.key());
        arrays.push(found);
    }
    Ok(arrays)
}

fn found_images(entry: &Entry<'_>, images: &Images, name: &str) -> Result<Found> {
    let shape = entry.shape().to_vec();
    match entry.trailing(images) {
        Some(trailing) if images.shape().len() > 2 => Ok(Found {
            key: Some(entry.key().to_owned()),
            dtype: images.dtype().clone(),
            shape,
            kind: Some(images.kind().clone()),
            is_image: false,
            trailing,
            content: None,
            is_whole: false,
        }),
        _ => {
            let message = format!(
                "expected stacks of images along the first axis, found {:?} of shape {shape:?}: save it as \
                 (n, height, width)",
                entry.key()
            );
            Err(unfit(name, message))
        }
    }
}
