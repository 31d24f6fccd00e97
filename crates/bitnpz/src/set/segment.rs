//! A segment of an image set in an archive.

use std::borrow::Cow;
use std::ops::Range;

use bitnpz_npz::Archive;

use super::blob::Blob;
use super::checksum::{Checksum, Damage, GROUP};
use super::description::{KeysDescription, SegmentDescription};
use super::keys::{KeyTable, KeysError, KeysView, TableKeys, TextKeys};
use super::payload_index::{IndexLayout, PayloadIndex};
use crate::error::{ErrorKind, Result};
use crate::names::{self, SegmentPart};

/// A segment of an image set.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    description: SegmentDescription,
    layout: IndexLayout,
    index: Blob,
    payload: Blob,
    keys: SegmentKeys,
}

/// The keys, if they have a member.
#[derive(Clone, Debug)]
enum SegmentKeys {
    None,
    Text(Blob),
    /// The table, and its compressed length in bytes.
    Table(Box<TableKeys>, u64),
}

/// The most bytes that are read at once for several images.
const MAX_WINDOW_BYTES: usize = 1 << 20;

/// Payloads that were read at once.
#[derive(Debug)]
pub(super) struct Window {
    bytes: Vec<u8>,
    /// Where they start among the payloads of the segment.
    start: usize,
}

impl Window {
    fn get(&self, place: &Range<usize>) -> Option<&[u8]> {
        self.bytes.get(place.start.checked_sub(self.start)?..place.end.checked_sub(self.start)?)
    }
}

impl Segment {
    pub(super) fn open(
        zip: &Archive,
        set: &str,
        number: usize,
        description: SegmentDescription,
    ) -> Result<Self> {
        let payload = Blob::open(zip, names::of_segment(set, SegmentPart::Payload, number))?;
        let index = Blob::open(zip, names::of_segment(set, SegmentPart::Index, number))?.in_memory(zip)?;
        let damaged =
            |blob: &Blob, message: String| ErrorKind::Damaged { member: blob.member().to_owned(), message };
        let length = usize::try_from(payload.len()).ok().filter(|&len| len <= u32::MAX as usize);
        let length =
            length.ok_or_else(|| damaged(&payload, "expected less than 4 GiB, found more".to_owned()))?;
        let layout = IndexLayout::new(description.images, length, description.repeats);
        if layout.len().map(|len| len as u64) != Some(index.len()) {
            let (images, found) = (description.images, index.len());
            let expected = layout.len().map_or("fewer images".to_owned(), |len| format!("{len} bytes"));
            let message = format!("expected {expected} for {images} images, found {found} bytes");
            return Err(damaged(&index, message).into());
        }
        let keys = Self::open_keys(zip, names::of_segment(set, SegmentPart::Keys, number), &description)?;
        Ok(Self { description, layout, index, payload, keys })
    }

    /// Opens the member of the keys, if they have one.
    fn open_keys(zip: &Archive, member: String, description: &SegmentDescription) -> Result<SegmentKeys> {
        let damaged = |member: &str, message: &str| ErrorKind::Damaged {
            member: member.to_owned(),
            message: message.to_owned(),
        };
        match description.keys {
            Some(KeysDescription::Text { sorted }) => {
                let keys = Blob::open(zip, member)?.in_memory(zip)?;
                if TextKeys::new(&keys.bytes(zip)?, description.images, sorted).is_none() {
                    return Err(damaged(keys.member(), "expected more keys, found the end").into());
                }
                Ok(SegmentKeys::Text(keys))
            }
            Some(KeysDescription::Table) => {
                let stored = zip.find(&member).map_or(0, |member| member.compressed_size());
                let blob = Blob::open(zip, member)?;
                match KeyTable::read(&blob.bytes(zip)?, description.images) {
                    Ok(table) => Ok(SegmentKeys::Table(Box::new(TableKeys::new(table)), stored)),
                    Err(KeysError::Damaged(message)) => Err(damaged(blob.member(), message).into()),
                    Err(KeysError::OutOfMemory(error)) => Err(error.into()),
                }
            }
            _ => Ok(SegmentKeys::None),
        }
    }

    /// Returns the parts that are members.
    pub(super) fn parts(&self) -> impl Iterator<Item = SegmentPart> {
        let has_keys = !matches!(self.keys, SegmentKeys::None);
        [SegmentPart::Payload, SegmentPart::Index].into_iter().chain(has_keys.then_some(SegmentPart::Keys))
    }

    /// Returns the number of images.
    pub(super) fn len(&self) -> usize {
        self.description.images
    }

    /// Returns the height and width of all images; `None` if they differ.
    pub(super) fn size(&self) -> Option<[usize; 2]> {
        self.description.size
    }

    /// Returns the length of its members in bytes.
    pub(super) fn stored_bytes(&self) -> u64 {
        let keys = match &self.keys {
            SegmentKeys::None => 0,
            SegmentKeys::Text(blob) => blob.len(),
            SegmentKeys::Table(_, bytes) => *bytes,
        };
        self.index.len() + self.payload.len() + keys
    }

    /// Calls `with` with the keys, if the images have any.
    pub(super) fn with_keys<R>(
        &self,
        zip: &Archive,
        with: impl FnOnce(KeysView<'_>) -> Option<R>,
    ) -> Option<R> {
        match (&self.description.keys, &self.keys) {
            (Some(KeysDescription::Pattern(pattern)), _) => with(KeysView::Pattern(pattern, self.len())),
            (_, SegmentKeys::Table(keys, _)) => with(KeysView::Table(keys)),
            (Some(KeysDescription::Text { sorted }), SegmentKeys::Text(keys)) => {
                with(KeysView::Text(TextKeys::new(&keys.bytes(zip).ok()?, self.len(), *sorted)?))
            }
            _ => None,
        }
    }

    /// Returns the payload of an image; of a repeat, that of the image it is equal to.
    pub(super) fn payload<'a>(&'a self, zip: &'a Archive, image: usize) -> Result<Cow<'a, [u8]>> {
        self.payload_in(None, zip, image)
    }

    /// Reads the payloads from one image to another at once; returns nothing if that is not worth while or fails, so that each
    /// is read by itself.
    pub(super) fn window(&self, zip: &Archive, first: usize, last: usize) -> Option<Window> {
        let bytes = self.index.bytes(zip).ok()?;
        let index = PayloadIndex::new(self.layout, &bytes)?;
        let (start, end) = (index.payload(first)?.start, index.payload(last)?.end);
        if start >= end || end - start > MAX_WINDOW_BYTES {
            return None;
        }
        match self.payload.get(zip, start..end).ok()? {
            Cow::Owned(bytes) => Some(Window { bytes, start }),
            // All of the member is in memory.
            Cow::Borrowed(_) => None,
        }
    }

    /// Returns the payload of an image, from a window if it has it.
    pub(super) fn payload_in<'a>(
        &'a self,
        window: Option<&'a Window>,
        zip: &'a Archive,
        image: usize,
    ) -> Result<Cow<'a, [u8]>> {
        let read = |place: Range<usize>| match window.and_then(|window| window.get(&place)) {
            Some(payload) => Ok(Cow::Borrowed(payload)),
            None => self.payload.get(zip, place),
        };
        let bytes = self.index.bytes(zip)?;
        let index = PayloadIndex::new(self.layout, &bytes).ok_or_else(|| self.damaged_at(image))?;
        let place = index.payload(image).ok_or_else(|| self.damaged_at(image))?;
        let payload = read(place)?;
        if !index.is_repeat(image) {
            return Ok(payload);
        }
        let first = repeated(&payload, image).filter(|&first| !index.is_repeat(first));
        let place = first.and_then(|first| index.payload(first)).ok_or_else(|| self.damaged_at(image))?;
        read(place)
    }

    /// Returns the images whose payloads the index does not give.
    pub(super) fn misplaced(&self, zip: &Archive) -> Vec<usize> {
        let bytes = self.index.bytes(zip).unwrap_or_default();
        let index = PayloadIndex::new(self.layout, &bytes);
        let has_place = |image: &usize| index.as_ref().is_some_and(|index| index.payload(*image).is_some());
        (0..self.len()).filter(|image| !has_place(image)).collect()
    }

    /// Returns the name of the index member if no writer could have made it. All images may be found all the same.
    pub(super) fn damaged_index(&self, zip: &Archive) -> Option<&str> {
        let bytes = self.index.bytes(zip).unwrap_or_default();
        let is_as_written = PayloadIndex::new(self.layout, &bytes).is_some_and(|index| index.is_as_written());
        (!is_as_written).then(|| self.index.member())
    }

    /// Returns the image that a repeat is equal to; `None` if the image is no repeat.
    pub(super) fn original(&self, zip: &Archive, image: usize) -> Result<Option<usize>> {
        let bytes = self.index.bytes(zip)?;
        let index = PayloadIndex::new(self.layout, &bytes).ok_or_else(|| self.damaged_at(image))?;
        if !index.is_repeat(image) {
            return Ok(None);
        }
        let place = index.payload(image).ok_or_else(|| self.damaged_at(image))?;
        let first = repeated(&self.payload.get(zip, place)?, image);
        Ok(first.filter(|&first| !index.is_repeat(first)))
    }

    /// Returns which images of a group are damaged, by the checksum of those that could be read.
    pub(super) fn damage(&self, zip: &Archive, group: usize, checksum: &Checksum) -> Result<Damage> {
        let bytes = self.index.bytes(zip)?;
        let index = PayloadIndex::new(self.layout, &bytes).ok_or_else(|| self.damaged_at(group * GROUP))?;
        Ok(checksum.damage(index.checksum(group)))
    }

    /// Returns the error of an image whose payload the index does not give.
    fn damaged_at(&self, image: usize) -> ErrorKind {
        let message = format!("expected where the payload of image {image} is, found no place in it");
        ErrorKind::Damaged { member: self.index.member().to_owned(), message }
    }

    /// Returns the error of a damaged payload.
    pub(super) fn damaged(&self, message: String) -> ErrorKind {
        ErrorKind::Damaged { member: self.payload.member().to_owned(), message }
    }
}

/// Returns the number that the payload of a repeat is; `None` unless it is that of an earlier image.
fn repeated(payload: &[u8], image: usize) -> Option<usize> {
    let mut number = [0; 8];
    number.get_mut(..payload.len())?.copy_from_slice(payload);
    usize::try_from(u64::from_le_bytes(number)).ok().filter(|&first| first < image)
}
