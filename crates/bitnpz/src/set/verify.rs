//! Reading all of a set to see what is damaged.

use std::io;
use std::ops::Range;
use std::sync::atomic::Ordering;

use bitnpz_npy::with_room;
use bitnpz_npz::Archive;

use super::checksum::{Checksum, Damage, ImageCrc};
use super::directory::BLOCK;
use super::segment::Segment;
use super::stored::StoredSet;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::names::is_key;

/// So many blocks are requested together, if that is not too much at once.
const REQUESTED_BLOCKS: usize = 1024;

/// Larger sets are not read as a whole before some of their images are copied.
const MOST_READ_FOR_SOME: u64 = 64 << 20;

/// An image that is damaged, or may be.
#[derive(Clone, Debug)]
pub(crate) struct Flaw {
    /// The number of the image in the set.
    pub(crate) image: usize,
    /// Whether it is certain that this image is damaged. Of several in a block it is only known that they are in it.
    pub(crate) is_certain: bool,
    /// What was expected and what was found.
    pub(crate) message: String,
}

/// The flaws of a segment's images.
struct SegmentFlaws {
    /// The number of the segment's first image in the set.
    first: usize,
    /// One for each image.
    flaws: Vec<Option<Flaw>>,
}

impl SegmentFlaws {
    /// Sets the flaw of an image of the segment.
    fn set(&mut self, image: usize, is_certain: bool, message: impl Into<String>) {
        let image_of_set = self.first + image;
        self.flaws[image] = Some(Flaw { image: image_of_set, is_certain, message: message.into() });
    }

    /// Returns whether the flaw of an image is certain, if it has one.
    fn certainty(&self, image: usize) -> Option<bool> {
        self.flaws[image].as_ref().map(|flaw| flaw.is_certain)
    }
}

impl StoredSet {
    /// Compares checksums before these images get new ones: damage must not. They are those of its members, once, unless reading all
    /// of it for some of its images would take long. Then they are those of the images' blocks.
    ///
    /// # Errors
    ///
    /// If a member is missing or damaged, or a block.
    pub(crate) fn check_images(&self, zip: &Archive, images: Range<usize>) -> Result<()> {
        let takes_long = || zip.is_read_by_range() || self.stored_bytes(zip) > MOST_READ_FOR_SOME;
        if self.checked.get().is_some() || images.len() == self.len() || !takes_long() {
            return self.check(zip);
        }
        for (first, segment) in self.segments() {
            let end = images.end.min(first + segment.len());
            let part = images.start.max(first).saturating_sub(first)..end.saturating_sub(first);
            for block in part.start / BLOCK..part.end.div_ceil(BLOCK).max(part.start / BLOCK) {
                let images = block * BLOCK..segment.len().min((block + 1) * BLOCK);
                // Images are often copied one after the other.
                if self.checked_block.load(Ordering::Relaxed) != first + images.start {
                    interrupt::check()?;
                    self.check_block(zip, (first, segment), block, images.clone())?;
                    self.checked_block.store(first + images.start, Ordering::Relaxed);
                }
            }
        }
        Ok(())
    }

    /// Compares the checksum of a block, whose images have these numbers in the segment.
    fn check_block(
        &self,
        zip: &Archive,
        (first, segment): (usize, &Segment),
        block: usize,
        images: Range<usize>,
    ) -> Result<()> {
        let (mut checksum, mut crc) = (Checksum::default(), ImageCrc::default());
        for image in images.clone() {
            match segment.payloads(zip)?.original(zip, image)? {
                Some(original) => checksum.add_repeat(original),
                None => {
                    self.read_rows(zip, first + image, &mut crc)?;
                    checksum.add_crc(crc.finish());
                }
            }
        }
        match segment.payloads(zip)?.damage(zip, block, &checksum)? {
            Damage::None => Ok(()),
            Damage::One(_) | Damage::Some => {
                let (start, last) = (first + images.start, first + images.end - 1);
                let message = format!("images {start} to {last} of the set: their checksum differs");
                Err(segment.damaged(message).into())
            }
        }
    }

    /// Checks the checksums of its members, once, before images get new ones: damage must not.
    ///
    /// # Errors
    ///
    /// If a member is missing or damaged.
    pub(crate) fn check(&self, zip: &Archive) -> Result<()> {
        if self.checked.get().is_some() {
            return Ok(());
        }
        for member in self.members().filter_map(|name| zip.find(&name)) {
            interrupt::check()?;
            io::copy(&mut member.reader()?, &mut io::sink()).map_err(bitnpz_npz::Error::from)?;
        }
        self.checked.get_or_init(|| ());
        Ok(())
    }

    /// Returns for each segment the images whose payloads have no place.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or the places of all payloads of the segment are damaged.
    pub(crate) fn misplaced(&self, zip: &Archive) -> impl Iterator<Item = Result<Vec<usize>>> {
        self.segments().map(|(first, segment)| {
            let misplaced = segment.payloads(zip)?.misplaced(zip)?;
            Ok(misplaced.into_iter().map(|image| first + image).collect())
        })
    }

    /// Returns the members in which what says where payloads are is as no writer would make it.
    ///
    /// # Errors
    ///
    /// If the file cannot be read.
    pub(crate) fn damaged_directories(&self, zip: &Archive) -> Result<Vec<&str>> {
        let mut damaged = Vec::new();
        for (_, segment) in self.segments() {
            match segment.payloads(zip) {
                Ok(payloads) => damaged.extend(payloads.damaged_directory(zip)?),
                Err(error) if error.is_of_system() => return Err(error),
                Err(_) => damaged.push(segment.members().directory_member()),
            }
        }
        Ok(damaged)
    }

    /// Reads all images and calls `damaged` with every flaw, and `progress` with the number of images read; and `lost` with the
    /// images of each segment of which none can be read, and why.
    pub(crate) fn verify(
        &self,
        zip: &Archive,
        mut damaged: impl FnMut(Flaw),
        mut lost: impl FnMut(Range<usize>, &Error),
        mut progress: impl FnMut(usize),
    ) -> Result<()> {
        for (first, segment) in self.segments() {
            let end = first + segment.len();
            match self.model(zip, segment).and_then(|_| segment.payloads(zip)) {
                Ok(_) => {
                    let flaws = self.verify_segment(zip, (first, segment), &mut progress)?;
                    flaws.into_iter().flatten().for_each(&mut damaged);
                }
                Err(error) if error.is_of_system() => return Err(error),
                Err(error) => lost(first..end, &error),
            }
            progress(end);
        }
        Ok(())
    }

    /// Reads the images of a segment, whose payloads are open, and returns the flaw of each that has one.
    fn verify_segment(
        &self,
        zip: &Archive,
        (first, segment): (usize, &Segment),
        progress: &mut impl FnMut(usize),
    ) -> Result<Vec<Option<Flaw>>> {
        let mut flaws = with_room(segment.len())?;
        flaws.resize(segment.len(), None);
        let mut flaws = SegmentFlaws { first, flaws };
        let blocks = || (0..segment.len()).step_by(BLOCK);
        let mut requested = 0;
        for (block, start) in blocks().enumerate() {
            interrupt::check()?;
            self.request_ahead(zip, (first, segment), start, &mut requested)?;
            let images = start..segment.len().min(start + BLOCK);
            self.verify_block(zip, segment, block, images.clone(), &mut flaws)?;
            progress(first + images.end);
        }
        let mut requested = 0;
        for start in blocks().filter(|_| segment.description().repeats || self.is_keyed()) {
            interrupt::check()?;
            self.request_ahead(zip, (first, segment), start, &mut requested)?;
            for image in start..segment.len().min(start + BLOCK) {
                if self.is_keyed() && !has_key(zip, segment, image) {
                    flaws.set(image, true, "expected a key of its own, found none");
                }
                // A repeat of a damaged image is damaged too.
                let original = match segment.payloads(zip)?.original(zip, image) {
                    Ok(Some(original)) => original,
                    Err(error) if error.is_of_system() => return Err(error),
                    _ => continue,
                };
                let Some(is_certain) = flaws.certainty(original) else { continue };
                if flaws.certainty(image).is_none_or(|own| is_certain && !own) {
                    let message = format!("it repeats image {}, which is damaged", first + original);
                    flaws.set(image, is_certain, message);
                }
            }
        }
        Ok(flaws.flaws)
    }

    /// Requests blocks of a segment from this image on, if the file is read by range, unless they have been requested.
    fn request_ahead(
        &self,
        zip: &Archive,
        (first, segment): (usize, &Segment),
        start: usize,
        requested: &mut usize,
    ) -> Result<()> {
        if start < *requested || !zip.is_read_by_range() {
            return Ok(());
        }
        let end = segment.len().min(start + REQUESTED_BLOCKS * BLOCK);
        let images: Vec<usize> = (first + start..first + end).collect();
        *requested = start
            + match self.request(zip, &images) {
                Err(error) if error.is_of_system() => return Err(error),
                // Damage is reported when the image is read.
                requested => requested.map_or(images.len(), |requested| requested.images),
            };
        Ok(())
    }

    /// Reads the images of a block, which have these numbers in the segment.
    fn verify_block(
        &self,
        zip: &Archive,
        segment: &Segment,
        block: usize,
        images: Range<usize>,
        flaws: &mut SegmentFlaws,
    ) -> Result<()> {
        let (mut checksum, mut crc) = (Checksum::default(), ImageCrc::default());
        let first = flaws.first;
        for image in images.clone() {
            match segment.payloads(zip)?.original(zip, image) {
                Ok(Some(original)) => {
                    checksum.add_repeat(original);
                    continue;
                }
                Err(error) if error.is_of_system() => return Err(error),
                _ => {}
            }
            match self.read_rows(zip, first + image, &mut crc) {
                Ok(()) => checksum.add_crc(crc.finish()),
                Err(error) if error.is_of_system() => return Err(error),
                Err(error) => {
                    checksum.skip();
                    flaws.set(image, true, message_of(&error));
                }
            }
        }
        // Without a checksum it is not known what is damaged.
        let damage = match segment.payloads(zip)?.damage(zip, block, &checksum) {
            Err(error) if error.is_of_system() => return Err(error),
            damage => damage.unwrap_or(Damage::Some),
        };
        match damage {
            Damage::None => {}
            Damage::One(place) => {
                let message = "expected other pixels: the checksum differs";
                flaws.set(images.start + place, true, message);
            }
            Damage::Some => {
                let (start, last) = (first + images.start, first + images.end - 1);
                let message = format!(
                    "expected other pixels in some of the images {start} to {last}: their checksum differs"
                );
                for image in images {
                    if flaws.certainty(image).is_none() {
                        flaws.set(image, false, message.clone());
                    }
                }
            }
        }
        Ok(())
    }
}

/// Returns the message of an error, without the member: which set it is goes without saying.
fn message_of(error: &Error) -> String {
    match error.kind() {
        ErrorKind::Damaged { message, .. } => message.clone(),
        _ => error.to_string(),
    }
}

/// Returns whether an image of a segment has a valid key under which it is found.
fn has_key(zip: &Archive, segment: &Segment, image: usize) -> bool {
    let key = segment.with_keys(zip, |keys| keys.key(image));
    key.is_some_and(|key| is_key(&key) && segment.with_keys(zip, |keys| keys.find(&key)) == Some(image))
}
