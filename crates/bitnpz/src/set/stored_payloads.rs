//! The payloads of a segment in an archive.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use bitnpz_npz::Archive;

use super::blob::Blob;
use super::block::{Block, MAX_HEAD, Place};
use super::checksum::{self, Checksum, Damage};
use super::description::SegmentDescription;
use super::directory::{BLOCK, Directory};
use super::kept_blocks::KeptBlocks;
use super::payload_index::{IndexLayout, PayloadIndex};
use super::payload_members::PayloadMembers;
use super::window::Window;
use crate::error::{ErrorKind, Result};
use crate::interrupt;

/// The payloads of a segment, and where they are.
#[derive(Debug)]
pub(super) struct StoredPayloads {
    /// The number of images.
    pub(super) images: usize,
    pub(super) layout: Layout,
    /// The member that says where payloads are: the directory of the blocks, or the index.
    pub(super) directory: Blob,
    pub(super) payload: Blob,
}

/// How the payloads of a segment are laid out.
#[derive(Debug)]
pub(super) enum Layout {
    Blocks(Box<Directory>, KeptBlocks),
    /// One after the other, in sets of versions 1 to 3.
    Index(IndexLayout),
}

/// The heads of so many blocks are requested together.
const HEADS_AT_ONCE: usize = 4096;

/// The most bytes that are read at once for several images.
const MAX_WINDOW_BYTES: usize = 1 << 20;

/// A block of at most so many bytes is read whole for one of its images: of a file, and where reads are requests.
const SMALL_BLOCK: usize = 16 << 10;
const SMALL_REQUESTED_BLOCK: usize = 256 << 10;

impl StoredPayloads {
    /// Opens the payloads of a segment of a set of which so many bytes of blocks are kept.
    pub(super) fn open(
        zip: &Archive,
        members: &PayloadMembers,
        description: &SegmentDescription,
        kept: &Arc<AtomicUsize>,
    ) -> Result<Self> {
        let payload = Blob::open(zip, &members.payload)?;
        let directory = Blob::locate(zip, &members.directory, &members.description)?.in_memory(zip)?;
        Self::new(zip, [directory, payload], (members.has_blocks, description), kept)
    }

    /// Returns the payloads as they most likely are, once the directory is requested: to request the header of the payloads and the
    /// first images together.
    pub(super) fn likely(
        zip: &Archive,
        members: &PayloadMembers,
        description: &SegmentDescription,
    ) -> Option<Self> {
        let payload = Blob::likely(zip, &members.payload)?;
        let directory = Blob::locate_likely(zip, &members.directory, &members.description)?;
        Self::new(zip, [directory, payload], (members.has_blocks, description), &Arc::default()).ok()
    }

    fn new(
        zip: &Archive,
        [directory, payload]: [Blob; 2],
        (has_blocks, &SegmentDescription { images, repeats, .. }): (bool, &SegmentDescription),
        kept: &Arc<AtomicUsize>,
    ) -> Result<Self> {
        let damaged =
            |blob: &Blob, message: String| ErrorKind::Damaged { member: blob.member().to_owned(), message };
        let length = usize::try_from(payload.len()).ok().filter(|&len| len <= u32::MAX as usize);
        let length =
            length.ok_or_else(|| damaged(&payload, "expected less than 4 GiB, found more".to_owned()))?;
        let layout = if has_blocks {
            // Bytes in memory need not be kept; those that are read by range are, by the archive.
            let is_read = !zip.is_read_by_range() && matches!(payload.get(zip, 0..0)?, Cow::Owned(_));
            Directory::read(&directory.bytes(zip)?, images, length, repeats).map(|directory| {
                let blocks =
                    if is_read { KeptBlocks::new(directory.blocks(), kept) } else { KeptBlocks::default() };
                Layout::Blocks(Box::new(directory), blocks)
            })
        } else {
            let layout = IndexLayout::new(images, length, repeats);
            layout.check(&directory.bytes(zip)?).map(|()| Layout::Index(layout))
        };
        let layout = layout.map_err(|message| damaged(&directory, message))?;
        Ok(Self { images, layout, directory, payload })
    }

    /// Returns the payload of an image; of a repeat, that of the image it is equal to.
    pub(super) fn payload<'a>(&'a self, zip: &'a Archive, image: usize) -> Result<Cow<'a, [u8]>> {
        Ok(self.payload_in(None, zip, image)?.0)
    }

    /// Reads the payloads from one image to another at once; returns nothing if that is not worth while or fails, so that each
    /// is read by itself.
    pub(super) fn window(&self, zip: &Archive, first: usize, last: usize) -> Option<Window> {
        let bytes = self.directory.bytes(zip).ok()?;
        let (range_of, most): (&dyn Fn(usize) -> Option<Range<usize>>, _) = match &self.layout {
            Layout::Blocks(directory, _) => {
                let blocks = last / BLOCK - first / BLOCK + 1;
                (&|image| directory.range(&bytes, image / BLOCK), blocks * SMALL_BLOCK)
            }
            Layout::Index(layout) => {
                (&|image| PayloadIndex::new(*layout, &bytes)?.payload(image), MAX_WINDOW_BYTES)
            }
        };
        let (start, end) = (range_of(first)?.start, range_of(last)?.end);
        if start >= end || end - start > most.min(MAX_WINDOW_BYTES) {
            return None;
        }
        match self.payload.get(zip, start..end).ok()? {
            Cow::Owned(bytes) => Some(Window::new(self.payload.range_in_file(start..end)?.start, bytes)),
            // All of the member is in memory.
            Cow::Borrowed(_) => None,
        }
    }

    /// Returns the payload of an image, from a window if it has it, and the number of the image that it repeats.
    pub(super) fn payload_in<'a>(
        &'a self,
        window: Option<&'a Window>,
        zip: &'a Archive,
        image: usize,
    ) -> Result<(Cow<'a, [u8]>, Option<usize>)> {
        let stored = self.stored(window, zip, image)?;
        if !stored.is_repeat {
            return Ok((stored.bytes, None));
        }
        let first = repeated(&stored.bytes, image).ok_or_else(|| self.damaged_at(image))?;
        let original = self.stored(window, zip, first)?;
        if original.is_repeat {
            return Err(self.damaged_at(image).into());
        }
        Ok((original.bytes, Some(first)))
    }

    /// Returns what is stored of an image.
    pub(super) fn stored<'a>(
        &'a self,
        window: Option<&'a Window>,
        zip: &'a Archive,
        image: usize,
    ) -> Result<StoredPayload<'a>> {
        let in_window =
            |range: &Range<usize>| window?.get(self.payload.range_in_file(range.clone())?).map(Cow::Borrowed);
        let read = |range: Range<usize>| match in_window(&range) {
            Some(bytes) => Ok(bytes),
            None => self.payload.get(zip, range),
        };
        let damaged = || self.damaged_at(image);
        let bytes = self.directory.bytes(zip)?;
        match &self.layout {
            Layout::Index(layout) => {
                let index = PayloadIndex::new(*layout, &bytes).ok_or_else(damaged)?;
                let range = index.payload(image).ok_or_else(damaged)?;
                Ok(StoredPayload { bytes: read(range)?, is_repeat: index.is_repeat(image) })
            }
            Layout::Blocks(directory, kept) => {
                let block = directory.range(&bytes, image / BLOCK).ok_or_else(damaged)?;
                // Where reads are requests, one is better made for all of a small block, and kept.
                if let Some(range) = directory.equal_place(&block, image)
                    && (in_window(&range).is_some() || !zip.is_read_by_range())
                {
                    let bytes = match self.block_of_equal((&**directory, kept), &block, image, read) {
                        Some(Cow::Borrowed(all)) => {
                            Cow::Borrowed(&all[range.start - block.start..range.end - block.start])
                        }
                        Some(Cow::Owned(all)) => {
                            Cow::Owned(all[range.start - block.start..range.end - block.start].to_vec())
                        }
                        None => read(range)?,
                    };
                    return Ok(StoredPayload { bytes, is_repeat: false });
                }
                let InBlock { head, start, place } =
                    self.in_block((&**directory, kept), block, image, read)?;
                let Place { range, is_repeat } = place;
                let bytes = match head {
                    Cow::Borrowed(block) if range.end <= block.len() => Cow::Borrowed(&block[range]),
                    Cow::Owned(block) if range.end <= block.len() => Cow::Owned(block[range].to_vec()),
                    _ => read(start + range.start..start + range.end)?,
                };
                Ok(StoredPayload { bytes, is_repeat })
            }
        }
    }

    /// Returns all of the block of an image whose own place is known, if it is kept, or small and read now to be kept. If its end is
    /// gone, the image may still be there.
    fn block_of_equal<'b>(
        &self,
        (directory, kept): (&Directory, &'b KeptBlocks),
        block: &Range<usize>,
        image: usize,
        read: impl Fn(Range<usize>) -> Result<Cow<'b, [u8]>>,
    ) -> Option<Cow<'b, [u8]>> {
        let number = image / BLOCK;
        if let Some(bytes) = kept.get(number) {
            return (bytes.len() == block.len()).then_some(Cow::Borrowed(bytes));
        }
        if block.len() > SMALL_BLOCK || !kept.has_room_for_all(number) {
            return None;
        }
        let bytes = read(block.clone()).ok()?;
        if Block::new(directory, number, block.len(), &bytes).is_some_and(|block| block.is_as_written()) {
            kept.keep(number, &bytes);
        }
        Some(bytes)
    }

    /// Finds an image in its block, which lies there, and of which `read` reads the start.
    fn in_block<'b>(
        &self,
        (directory, kept_blocks): (&Directory, &'b KeptBlocks),
        range: Range<usize>,
        image: usize,
        read: impl Fn(Range<usize>) -> Result<Cow<'b, [u8]>>,
    ) -> Result<InBlock<'b>> {
        let (start, len) = (range.start, range.len());
        let kept = kept_blocks.get(image / BLOCK);
        let head = match kept {
            Some(head) => Cow::Borrowed(head),
            None => read_head(directory, image / BLOCK, range, &read)?,
        };
        let block = Block::new(directory, image / BLOCK, len, &head);
        // Only a head that is as it was written says where it ends.
        if let (Some(block), None, Cow::Owned(read)) = (&block, kept, &head)
            && kept_blocks.has_room(image / BLOCK)
            && block.is_as_written()
        {
            let is_whole = read.len() == len && kept_blocks.has_room_for_all(image / BLOCK);
            kept_blocks.keep(image / BLOCK, if is_whole { read } else { block.head() });
        }
        let place = block.and_then(|block| block.place(image % BLOCK)).ok_or_else(|| {
            self.damaged(format!(
                "expected where the payload of image {image} is, found no place in its block"
            ))
        })?;
        Ok(InBlock { head, start, place })
    }

    /// Returns the bytes of the file that are requested first for an image, and about how many follow.
    pub(super) fn first_request(&self, zip: &Archive, image: usize) -> Option<(Range<u64>, u64)> {
        let bytes = self.directory.bytes(zip).ok()?;
        let (range, following) = match &self.layout {
            Layout::Index(layout) => (PayloadIndex::new(*layout, &bytes)?.payload(image)?, 0),
            Layout::Blocks(directory, _) => {
                let range = directory.range(&bytes, image / BLOCK)?;
                let first = least_read(range.len(), SMALL_REQUESTED_BLOCK);
                match directory.equal_place(&range, image) {
                    _ if first == range.len() => (range, 0),
                    Some(place) => (place, 0),
                    None => (range.start..range.start + first, range.len() / BLOCK),
                }
            }
        };
        Some((self.payload.range_in_file(range)?, following as u64))
    }

    /// Returns where in the file what is stored of an image is, when what is [requested first](Self::first_request) is there.
    pub(super) fn next_request(&self, zip: &Archive, image: usize) -> Result<Option<Range<u64>>> {
        Ok(self.payload.range_in_file(self.stored_range(zip, image)?))
    }

    /// Returns the image that a repeat is equal to; `None` of other images.
    pub(super) fn repeated(&self, window: &Window, zip: &Archive, image: usize) -> Result<Option<usize>> {
        if let Layout::Blocks(directory, _) = &self.layout {
            // Few are repeats: of the others no place is looked up.
            let bytes = self.directory.bytes(zip)?;
            let range = directory.range(&bytes, image / BLOCK).ok_or_else(|| self.damaged_at(image))?;
            let head = self.payload.range_in_file(range.start..range.start + range.len().min(MAX_HEAD));
            let head = head.and_then(|head| window.get(head));
            let block = head.and_then(|head| Block::new(directory, image / BLOCK, range.len(), head));
            if block.is_some_and(|block| !block.is_repeat(image % BLOCK)) {
                return Ok(None);
            }
        }
        let stored = self.stored(Some(window), zip, image)?;
        Ok(if stored.is_repeat { repeated(&stored.bytes, image) } else { None })
    }

    /// Returns the images that repeats among some images are equal to, in ascending order. Of damaged blocks there are none.
    pub(super) fn originals(&self, zip: &Archive, images: Range<usize>) -> Result<Vec<usize>> {
        let bytes = self.directory.bytes(zip)?;
        let Layout::Blocks(directory, _) = &self.layout else { return Ok(Vec::new()) };
        let mut originals = BTreeSet::new();
        for number in images.start / BLOCK..images.end.div_ceil(BLOCK) {
            let Some(range) = directory.range(&bytes, number) else { continue };
            let block = self.payload.get(zip, range.clone())?;
            let Some(found) = Block::new(directory, number, range.len(), &block) else { continue };
            for image in images.start.max(number * BLOCK)..images.end.min((number + 1) * BLOCK) {
                let place = found.place(image % BLOCK).filter(|place| place.is_repeat);
                let original = place.and_then(|place| repeated(block.get(place.range)?, image));
                originals.extend(original);
            }
        }
        Ok(originals.into_iter().collect())
    }

    /// Returns where what is stored of an image is among the bytes of the segment.
    fn stored_range(&self, zip: &Archive, image: usize) -> Result<Range<usize>> {
        let bytes = self.directory.bytes(zip)?;
        match &self.layout {
            Layout::Index(layout) => {
                let index = PayloadIndex::new(*layout, &bytes).ok_or_else(|| self.damaged_at(image))?;
                Ok(index.payload(image).ok_or_else(|| self.damaged_at(image))?)
            }
            Layout::Blocks(directory, kept) => {
                let block = directory.range(&bytes, image / BLOCK).ok_or_else(|| self.damaged_at(image))?;
                if let Some(range) = directory.equal_place(&block, image) {
                    return Ok(range);
                }
                let read = |range| self.payload.get(zip, range);
                let InBlock { start, place, .. } = self.in_block((&**directory, kept), block, image, read)?;
                Ok(start + place.range.start..start + place.range.end)
            }
        }
    }

    /// Returns the images whose payloads have no place.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(super) fn misplaced(&self, zip: &Archive) -> Result<Vec<usize>> {
        let bytes = self.directory.bytes(zip)?;
        let mut misplaced = Vec::new();
        for block in 0..self.images.div_ceil(BLOCK) {
            interrupt::check()?;
            let images = block * BLOCK..self.images.min((block + 1) * BLOCK);
            match &self.layout {
                Layout::Index(layout) => {
                    let index = PayloadIndex::new(*layout, &bytes);
                    let has_place =
                        |image: usize| index.as_ref().is_some_and(|index| index.payload(image).is_some());
                    misplaced.extend(images.filter(|&image| !has_place(image)));
                }
                Layout::Blocks(directory, _) => {
                    let range = directory.range(&bytes, block).unwrap_or_default();
                    let head = self.payload.get(zip, range.start..range.start + range.len().min(MAX_HEAD));
                    let head = match head {
                        Err(error) if error.is_of_system() => return Err(error),
                        head => head.unwrap_or_default(),
                    };
                    let block = Block::new(directory, block, range.len(), &head);
                    let has_place =
                        |image: usize| block.is_some_and(|block| block.place(image % BLOCK).is_some());
                    misplaced.extend(images.filter(|&image| !has_place(image)));
                }
            }
        }
        Ok(misplaced)
    }

    /// Returns the name of the member if no writer could have made what it says about where payloads are. All images may be found
    /// all the same.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(super) fn damaged_directory(&self, zip: &Archive) -> Result<Option<&str>> {
        let bytes = self.directory.bytes(zip)?;
        let directory = match &self.layout {
            Layout::Index(layout) => {
                let index = PayloadIndex::new(*layout, &bytes);
                let is_damaged = !index.is_some_and(|index| index.is_as_written());
                return Ok(is_damaged.then(|| self.directory.member()));
            }
            Layout::Blocks(directory, _) => directory,
        };
        if !directory.is_as_written(&bytes) {
            return Ok(Some(self.directory.member()));
        }
        for number in 0..directory.blocks() {
            if number.is_multiple_of(HEADS_AT_ONCE) && zip.is_read_by_range() {
                let blocks = number..directory.blocks().min(number + HEADS_AT_ONCE);
                let heads = blocks.filter_map(|block| {
                    let range = directory.range(&bytes, block)?;
                    self.payload.range_in_file(range.start..range.start + range.len().min(MAX_HEAD))
                });
                zip.prefetch(&mut heads.collect::<Vec<_>>())?;
            }
            let Some(range) = directory.range(&bytes, number) else { return Ok(Some(self.payload.member())) };
            let len = range.len();
            let head = match self.payload.get(zip, range.start..range.start + len.min(MAX_HEAD)) {
                Err(error) if error.is_of_system() => return Err(error),
                head => head.unwrap_or_default(),
            };
            let block = Block::new(directory, number, len, &head);
            if !block.is_some_and(|block| block.is_as_written()) {
                return Ok(Some(self.payload.member()));
            }
        }
        Ok(None)
    }

    /// Returns the image that a repeat is equal to; `None` if the image is no repeat.
    pub(super) fn original(&self, zip: &Archive, image: usize) -> Result<Option<usize>> {
        let stored = self.stored(None, zip, image)?;
        if !stored.is_repeat {
            return Ok(None);
        }
        let first = repeated(&stored.bytes, image);
        Ok(first.filter(|&first| self.stored(None, zip, first).is_ok_and(|original| !original.is_repeat)))
    }

    /// Returns which images of a block are damaged, by the checksum of those that could be read.
    pub(super) fn damage(&self, zip: &Archive, block: usize, checksum: &Checksum) -> Result<Damage> {
        Ok(checksum.damage(self.checksum(zip, block)?))
    }

    pub(super) fn checksum(&self, zip: &Archive, block: usize) -> Result<[u8; checksum::BYTES]> {
        let damaged = || self.damaged_at(block * BLOCK);
        let bytes = self.directory.bytes(zip)?;
        match &self.layout {
            Layout::Index(layout) => {
                Ok(PayloadIndex::new(*layout, &bytes).ok_or_else(damaged)?.checksum(block))
            }
            Layout::Blocks(directory, _) => {
                let end = directory.range(&bytes, block).ok_or_else(damaged)?.end;
                let start = end.checked_sub(checksum::BYTES).ok_or_else(damaged)?;
                let checksum = self.payload.get(zip, start..end)?;
                Ok(*checksum.first_chunk().ok_or_else(damaged)?)
            }
        }
    }

    /// Returns the error of an image whose payload the directory does not give.
    pub(super) fn damaged_at(&self, image: usize) -> ErrorKind {
        let message = format!("expected where the payload of image {image} is, found no place in it");
        ErrorKind::Damaged { member: self.directory.member().to_owned(), message }
    }

    /// Returns the error of a damaged payload.
    pub(super) fn damaged(&self, message: String) -> ErrorKind {
        ErrorKind::Damaged { member: self.payload.member().to_owned(), message }
    }
}

/// Reads the start of a block that lies there, or all of it if it is small.
fn read_head<'b>(
    directory: &Directory,
    number: usize,
    block: Range<usize>,
    read: &impl Fn(Range<usize>) -> Result<Cow<'b, [u8]>>,
) -> Result<Cow<'b, [u8]>> {
    let (start, len) = (block.start, block.len());
    match read(start..start + least_read(len, SMALL_BLOCK)) {
        // The end of the block may be gone, and the image still there.
        Err(error) if !error.is_of_system() => {
            let [least, _] = Block::head_lens(directory, number, &[]);
            let [_, all] = Block::head_lens(directory, number, &read(start..start + least.min(len))?);
            read(start..start + all.min(len))
        }
        head => head,
    }
}

/// Returns how many bytes of a block of this length are read at first, if small ones have so many.
fn least_read(len: usize, small: usize) -> usize {
    if len <= small { len } else { MAX_HEAD }
}

/// Where an image is in a block.
struct InBlock<'b> {
    /// The bytes at the start of the block, or all.
    head: Cow<'b, [u8]>,
    /// Where the block starts among those of the segment.
    start: usize,
    place: Place,
}

/// What is stored of an image: its payload or, of a repeat, the number of the image that it is equal to.
#[derive(Debug)]
pub(super) struct StoredPayload<'a> {
    pub(super) bytes: Cow<'a, [u8]>,
    pub(super) is_repeat: bool,
}

/// Returns the number that the payload of a repeat is; `None` unless it is that of an earlier image.
pub(super) fn repeated(payload: &[u8], image: usize) -> Option<usize> {
    let mut number = [0; 8];
    number.get_mut(..payload.len())?.copy_from_slice(payload);
    usize::try_from(u64::from_le_bytes(number)).ok().filter(|&first| first < image)
}
