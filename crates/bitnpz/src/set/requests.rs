//! Which ranges of a file reading images needs, asked for before anything is decoded.

use std::collections::HashMap;
use std::ops::Range;

use bitnpz_npz::{Archive, READ_BETWEEN};

use super::directory::BLOCK;
use super::segment::Segment;
use super::stored::StoredSet;
use crate::error::Result;

/// Images are requested together as long as that takes no more bytes, so that all of these are still kept when they are decoded.
const MAX_REQUESTED_BYTES: u64 = 16 << 20;

impl StoredSet {
    /// Requests what reading the first of these images needs, if the file is read by range, and returns how many they are: all,
    /// unless it is much. Their blocks are asked for at once; then, of large blocks, their payloads; then the same of the images
    /// that repeats are equal to.
    pub(crate) fn request(&self, zip: &Archive, images: &[usize]) -> Result<usize> {
        if !zip.is_read_by_range() {
            return Ok(images.len());
        }
        let mut opening = Opening::default();
        let mut located = Vec::new();
        for &image in images {
            let (segment, number) = self.locate(image)?;
            if !opening.has_room(zip, segment) && !located.is_empty() {
                break;
            }
            located.push((segment, number));
        }
        let count = opening.request(zip, &located)?;
        located.truncate(count);
        // Damage is reported when the image is read.
        request_payloads(zip, &located)?;
        let originals = located.iter().filter_map(|&(segment, number)| {
            let original = segment.payloads(zip).ok()?.repeated(zip, number).ok().flatten()?;
            Some((segment, original))
        });
        let originals: Vec<_> = originals.collect();
        if !originals.is_empty() {
            request_payloads(zip, &originals)?;
        }
        Ok(located.len())
    }

    /// Requests the blocks of the images in these ranges together, and then those of the images that repeats among them are equal
    /// to; of very many, the first.
    pub(crate) fn prefetch(&self, zip: &Archive, ranges: &[Range<usize>]) -> Result<()> {
        let mut indices = Vec::new();
        for range in ranges {
            // One image of each block is enough.
            indices.extend(range.clone().step_by(BLOCK / 2).chain([range.end - 1]));
        }
        if indices.is_empty() || self.request(zip, &indices)? < indices.len() {
            return Ok(());
        }
        let mut originals = Vec::new();
        for range in ranges {
            let with_repeats = self.segments().filter(|(_, segment)| segment.description().repeats);
            for (first, segment) in with_repeats {
                let end = range.end.min(first + segment.len());
                let images = range.start.max(first).saturating_sub(first)..end.saturating_sub(first);
                if images.is_empty() {
                    continue;
                }
                let found = segment.payloads(zip)?.originals(zip, images)?;
                originals.extend(found.into_iter().map(|original| (segment, original)));
            }
        }
        if originals.is_empty() { Ok(()) } else { request_payloads(zip, &originals) }
    }
}

/// Segments whose payloads are opened.
#[derive(Default)]
struct Opening<'a> {
    segments: HashMap<*const Segment, &'a Segment>,
    /// What their directories need.
    requests: Vec<Range<u64>>,
    bytes: u64,
}

impl<'a> Opening<'a> {
    /// Adds a segment, unless it is open, and returns whether its directory can be requested with those of the others.
    fn has_room(&mut self, zip: &Archive, segment: &'a Segment) -> bool {
        if self.segments.insert(std::ptr::from_ref(segment), segment).is_none()
            && let Some(request) = segment.directory_request(zip)
        {
            self.bytes += request.end - request.start;
            self.requests.push(request);
        }
        self.bytes <= MAX_REQUESTED_BYTES
    }

    /// Requests the directories, and then what the payloads and the first reads of images need; opens the payloads, and returns how
    /// many images were requested: at least one, and no more than can be kept.
    fn request(mut self, zip: &Archive, images: &[(&Segment, usize)]) -> Result<usize> {
        zip.prefetch(&mut self.requests)?;
        let mut likely = HashMap::new();
        let mut requests = Vec::new();
        for (&pointer, segment) in &self.segments {
            if let Some((request, payloads)) = segment.likely(zip) {
                requests.push(request);
                likely.insert(pointer, payloads);
            }
        }
        let (mut bytes, mut last, mut count) = (0, None, 0);
        for (segment, image) in images {
            let payloads = match likely.get(&std::ptr::from_ref(*segment)) {
                Some(likely) => likely.as_ref(),
                None => Some(segment.payloads(zip)?),
            };
            let request = payloads.and_then(|payloads| payloads.first_request(zip, *image));
            if let Some((request, following)) = request {
                let is_new = last.as_ref() != Some(&request);
                bytes += following + if is_new { request.end - request.start + READ_BETWEEN } else { 0 };
                if bytes > MAX_REQUESTED_BYTES && count > 0 {
                    break;
                }
                if is_new {
                    last = Some(request.clone());
                    requests.push(request);
                }
            }
            count += 1;
        }
        zip.prefetch(&mut requests)?;
        images[..count].iter().try_for_each(|(segment, _)| segment.payloads(zip).map(drop))?;
        Ok(count)
    }
}

/// Requests the blocks of images, and then the payloads that are in large blocks.
fn request_payloads(zip: &Archive, images: &[(&Segment, usize)]) -> Result<()> {
    let images = images.iter().map(|(segment, image)| Ok((segment.payloads(zip)?, *image)));
    let images = images.collect::<Result<Vec<_>>>()?;
    let first = images.iter().filter_map(|(payloads, image)| Some(payloads.first_request(zip, *image)?.0));
    zip.prefetch(&mut first.collect::<Vec<_>>())?;
    let next = images.iter().filter_map(|(payloads, image)| payloads.next_request(zip, *image).ok()?);
    Ok(zip.prefetch(&mut next.collect::<Vec<_>>())?)
}
