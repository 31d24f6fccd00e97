//! Which ranges of a file reading images needs, asked for before anything is decoded.

use std::collections::HashMap;
use std::ops::Range;

use bitnpz_npz::{Archive, READ_BETWEEN};

use super::directory::BLOCK;
use super::segment::Segment;
use super::stored::StoredSet;
use super::stored_payloads::StoredPayloads;
use super::window::{Requested, Window};
use crate::error::Result;

/// Images are requested together as long as that takes no more bytes, so that all of these are still kept when they are decoded.
const MAX_REQUESTED_BYTES: u64 = 16 << 20;

impl StoredSet {
    /// Requests what reading the first of these images needs, if the file is read by range: all, unless it is much. Their blocks are
    /// asked for at once; then, of large blocks, their payloads; then the same of the images that repeats are equal to.
    pub(crate) fn request(&self, zip: &Archive, images: &[usize]) -> Result<Requested> {
        if !zip.is_read_by_range() {
            return Ok(Requested::all(images));
        }
        let mut opening = Opening::default();
        let mut located = Vec::with_capacity(images.len());
        for &image in images {
            let (segment, number) = self.locate(image)?;
            if !opening.has_room(zip, segment) && !located.is_empty() {
                break;
            }
            located.push((segment, number));
        }
        let mut requested = opening.request(zip, &located)?;
        located.truncate(requested.images);
        request_rest(zip, &located, &mut requested.window)?;
        // Damage is reported when the image is read.
        let with_repeats = located.iter().filter(|(segment, _)| segment.description().repeats);
        let originals = with_repeats.filter_map(|&(segment, number)| {
            let payloads = segment.payloads(zip).ok()?;
            let original = payloads.repeated(&requested.window, zip, number).ok().flatten()?;
            Some((segment, original))
        });
        request_payloads(zip, &originals.collect::<Vec<_>>(), &mut requested.window)?;
        Ok(requested)
    }

    /// Returns what [`request`](Self::request) would, if all that these images need is kept.
    pub(crate) fn kept(&self, zip: &Archive, images: &[usize]) -> Option<Window> {
        let mut first = Vec::with_capacity(images.len());
        let mut with_repeats = Vec::new();
        for &image in images {
            let (segment, number) = self.locate(image).ok().filter(|(segment, _)| segment.is_open())?;
            let payloads = segment.payloads(zip).ok()?;
            first.push(small_request(payloads, zip, number)?);
            if segment.description().repeats {
                with_repeats.push((payloads, number));
            }
        }
        let mut window = Window::default();
        window.add(zip.kept(sorted(&mut first))?);
        let mut originals = Vec::new();
        for (payloads, number) in with_repeats {
            if let Some(original) = payloads.repeated(&window, zip, number).ok()? {
                originals.push(small_request(payloads, zip, original)?);
            }
        }
        window.add(zip.kept(sorted(&mut originals))?);
        Some(window)
    }

    /// Requests the blocks of the images in these ranges together, and then those of the images that repeats among them are equal
    /// to; of very many, the first.
    pub(crate) fn prefetch(&self, zip: &Archive, ranges: &[Range<usize>]) -> Result<()> {
        let mut indices = Vec::new();
        for range in ranges {
            // One image of each block is enough.
            indices.extend(range.clone().step_by(BLOCK / 2).chain([range.end - 1]));
        }
        if indices.is_empty() || self.request(zip, &indices)?.images < indices.len() {
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
        request_payloads(zip, &originals, &mut Window::default())
    }
}

/// Returns the bytes of the file that are requested for an image, if nothing follows.
fn small_request(payloads: &StoredPayloads, zip: &Archive, image: usize) -> Option<Range<u64>> {
    payloads.first_request(zip, image).filter(|(_, following)| *following == 0).map(|(range, _)| range)
}

fn sorted(ranges: &mut Vec<Range<u64>>) -> &[Range<u64>] {
    ranges.sort_unstable_by_key(|range| (range.start, range.end));
    ranges.dedup();
    ranges
}

/// Segments whose payloads are not open yet.
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
        if !segment.is_open()
            && self.segments.insert(std::ptr::from_ref(segment), segment).is_none()
            && let Some(request) = segment.directory_request(zip)
        {
            self.bytes += request.end - request.start;
            self.requests.push(request);
        }
        self.bytes <= MAX_REQUESTED_BYTES
    }

    /// Requests the directories, and then what the payloads and the first reads of images need; opens the payloads, and returns what
    /// was requested: at least one image, and no more than can be kept.
    fn request(mut self, zip: &Archive, images: &[(&Segment, usize)]) -> Result<Requested> {
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
            let likely = if likely.is_empty() { None } else { likely.get(&std::ptr::from_ref(*segment)) };
            let payloads = match likely {
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
        let mut window = Window::default();
        window.add(zip.prefetch(&mut requests)?);
        images[..count].iter().try_for_each(|(segment, _)| segment.payloads(zip).map(drop))?;
        Ok(Requested { images: count, window })
    }
}

/// Requests the blocks of images, and then the payloads that are in large blocks.
fn request_payloads(zip: &Archive, images: &[(&Segment, usize)], window: &mut Window) -> Result<()> {
    let first = images.iter().map(|(segment, image)| Ok(segment.payloads(zip)?.first_request(zip, *image)));
    let first = first.collect::<Result<Vec<_>>>()?;
    let first = first.into_iter().flatten().map(|(range, _)| range);
    window.add(zip.prefetch(&mut first.collect::<Vec<_>>())?);
    request_rest(zip, images, window)
}

/// Requests the payloads of images whose blocks are large, when the first bytes of these are there.
fn request_rest(zip: &Archive, images: &[(&Segment, usize)], window: &mut Window) -> Result<()> {
    let rest = images.iter().filter_map(|(segment, image)| {
        let payloads = segment.payloads(zip).ok()?;
        let (_, following) = payloads.first_request(zip, *image)?;
        if following == 0 { None } else { payloads.next_request(zip, *image).ok()? }
    });
    window.add(zip.prefetch(&mut rest.collect::<Vec<_>>())?);
    Ok(())
}
