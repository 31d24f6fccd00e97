//! The items of an array in a member, read on demand.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bitnpz_npy::{ErrorKind, Header, Kind, with_room};
use bitnpz_npz::{Member, Parts, READ_BETWEEN};

use super::array_reader::ArrayReader;
use super::check::{check_array, check_countable, damaged};
use super::contents::Contents;
use crate::array_place::{USUAL_HEADER, place_of_array};
use crate::error::Result;
use crate::interrupt;
use crate::set::Window;
use crate::threads;

/// So many inflated parts are kept for the next read: it is most often of items near by.
const KEPT_PARTS: usize = 8;

/// Of parts with more bytes together, as other writers may make them, fewer are kept.
const KEPT_BYTES: usize = 8 << 20;

/// About so many bytes are read at a time: inflated on all cores, or requested together.
const BYTES_AT_ONCE: usize = 16 << 20;

/// The items of an array in a member, of which only what is wanted is read.
#[derive(Clone)]
pub(super) struct MemberItems {
    contents: Arc<Contents>,
    /// The number of the member.
    member: usize,
    pub(super) header: Header,
    items: Items,
    kept: Arc<Mutex<KeptParts>>,
}

/// Parts that were inflated last, by their numbers.
type KeptParts = VecDeque<(usize, Arc<Vec<u8>>)>;

/// Where the items are.
#[derive(Clone, Debug)]
enum Items {
    /// In this range of the file.
    InFile(Range<u64>),
    /// In the parts of the member, whose header has so many bytes.
    InParts(Parts, u64),
}

impl MemberItems {
    /// Opens the array of a member; `None` if only all of it can be read.
    pub(super) fn open(contents: &Arc<Contents>, member: &Member<'_>) -> Result<Option<Self>> {
        let zip = &contents.zip;
        let kept: KeptParts;
        let limits = &contents.limits().npy;
        let (header, items) = match member.parts() {
            Some(parts) => {
                zip.prefetch(&mut [member.request(parts.compressed(0..1))])?;
                let first = member.read_part(&parts, 0)?;
                let (header, start) = match Header::parse(&first, limits) {
                    // Other writers may cut a header.
                    Err(error) if matches!(error.kind(), ErrorKind::Length { .. }) => return Ok(None),
                    parsed => parsed?,
                };
                kept = VecDeque::from([(0, Arc::new(first))]);
                (header, Items::InParts(parts, start as u64))
            }
            None => {
                zip.prefetch(&mut [member.request(0..USUAL_HEADER)])?;
                let Some(range) = member.range()? else { return Ok(None) };
                let (header, items) = place_of_array(zip, range, limits)?;
                kept = VecDeque::new();
                (header, Items::InFile(items))
            }
        };
        check_countable(&header.shape, &header.dtype)?;
        let found = match &items {
            Items::InFile(range) => range.end.saturating_sub(range.start),
            Items::InParts(_, start) => member.size().saturating_sub(*start),
        };
        if found != header.data_len() as u64 {
            let expected = header.data_len();
            return Err(damaged(member, format!("expected {expected} bytes of items, found {found}")));
        }
        let is_sliceable = !header.shape.is_empty() && (!header.fortran_order || header.shape.len() == 1);
        let (contents, kept) = (Arc::clone(contents), Arc::new(Mutex::new(kept)));
        Ok(is_sliceable.then(|| Self { contents, member: member.number(), header, items, kept }))
    }

    /// Returns whether all that is read of it has a checksum.
    pub(super) fn is_checked(&self) -> bool {
        matches!(self.items, Items::InParts(..))
    }

    /// Checks that so many bytes of items are within the limit of arrays.
    pub(super) fn check_limit(&self, bytes: u64) -> Result<()> {
        check_array(bytes, self.contents.limits().npy.array_bytes)
    }

    fn member(&self) -> Member<'_> {
        self.contents.zip.member(self.member).expect("a member that was opened")
    }

    /// Reads all items.
    pub(super) fn read_all(&self, out: &mut [u8]) -> Result<()> {
        match self.items {
            Items::InParts(..) => self.copy(vec![(0, out)]),
            Items::InFile(_) => {
                // All of it has a checksum.
                let member = self.member();
                let read = ArrayReader::of_member(&member, &self.contents.limits().npy)
                    .and_then(|mut reader| reader.read_into(out));
                read.map_err(|error| error.with_key(member.key()))
            }
        }
    }

    /// Fills buffers with the bytes that start at these places of the items, in ascending order.
    pub(super) fn copy(&self, wanted: Vec<(u64, &mut [u8])>) -> Result<()> {
        let member = self.member();
        let copied = match &self.items {
            Items::InFile(range) => self.copy_from_file(range.start, wanted),
            Items::InParts(parts, start) => self.copy_from_parts(&member, parts, *start, wanted),
        };
        copied.map_err(|error| error.with_key(member.key()))
    }

    fn copy_from_file(&self, start: u64, wanted: Vec<(u64, &mut [u8])>) -> Result<()> {
        let zip = &self.contents.zip;
        let pieces = wanted.into_iter().flat_map(|(place, out)| {
            let places = (start + place..).step_by(BYTES_AT_ONCE);
            places.zip(out.chunks_mut(BYTES_AT_ONCE))
        });
        let mut pieces = pieces.peekable();
        while let Some((first, _)) = pieces.peek() {
            let (mut now, mut bytes, mut end) = (Vec::new(), 0, *first);
            // What is read between two pieces counts, too.
            while bytes < BYTES_AT_ONCE as u64
                && let Some((place, out)) = pieces.next()
            {
                let range = place..place + out.len() as u64;
                bytes += range.start.saturating_sub(end).min(READ_BETWEEN) + out.len() as u64;
                end = end.max(range.end);
                now.push((range, out));
            }
            interrupt::check()?;
            let mut window = Window::default();
            window.add(zip.prefetch(&mut now.iter().map(|(range, _)| range.clone()).collect::<Vec<_>>())?);
            for (range, out) in now {
                match window.get(range.clone()) {
                    Some(bytes) => self.put(bytes, out),
                    None => self.put(&zip.slice(range)?, out),
                }
            }
        }
        Ok(())
    }

    fn copy_from_parts(
        &self,
        member: &Member<'_>,
        parts: &Parts,
        start: u64,
        wanted: Vec<(u64, &mut [u8])>,
    ) -> Result<()> {
        // What is wanted, cut where parts end.
        let mut pieces = with_room(wanted.len())?;
        for (place, mut out) in wanted {
            let mut place = start + place;
            while !out.is_empty() {
                let part = parts.find(place);
                let range = parts.range(part);
                let left = range.end.checked_sub(place).filter(|&left| left > 0 && range.start <= place);
                let left = left.ok_or_else(|| {
                    damaged(member, format!("expected a part with byte {place}, found none"))
                })?;
                let len = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
                let (now, later) = out.split_at_mut(len);
                pieces.push((part, usize::try_from(place - range.start).expect("within a part"), now));
                (place, out) = (place + len as u64, later);
            }
        }
        // Items of several parts overlap if they are wanted more than once.
        pieces.sort_unstable_by_key(|(part, place, _)| (*part, *place));
        let at_once = (BYTES_AT_ONCE / parts.each()).max(1);
        let mut pieces = pieces.into_iter().peekable();
        while pieces.peek().is_some() {
            let mut now = Vec::new();
            let mut numbers: Vec<usize> = Vec::new();
            while let Some((part, ..)) = pieces.peek()
                && (numbers.len() < at_once || numbers.last() == Some(part))
            {
                if numbers.last() != Some(part) {
                    numbers.push(*part);
                }
                now.extend(pieces.next());
            }
            let inflated = self.inflate(member, parts, &numbers)?;
            for (part, place, out) in now {
                let number = numbers.partition_point(|&number| number < part);
                self.put(&inflated[number][place..place + out.len()], out);
            }
        }
        Ok(())
    }

    /// Returns the bytes of these parts, which are in ascending order.
    fn inflate(&self, member: &Member<'_>, parts: &Parts, numbers: &[usize]) -> Result<Vec<Arc<Vec<u8>>>> {
        // A fork may have copied it locked.
        let kept = self.kept.try_lock().map(|kept| kept.clone()).unwrap_or_default();
        let find =
            |number: usize| kept.iter().find(|(kept, _)| *kept == number).map(|(_, bytes)| Arc::clone(bytes));
        let mut found: Vec<_> = numbers.iter().map(|&number| (number, find(number))).collect();
        let missing = || found.iter().filter(|(_, bytes)| bytes.is_none()).map(|(number, _)| *number);
        let mut requests: Vec<_> =
            missing().map(|number| member.request(parts.compressed(number..number + 1))).collect();
        self.contents.zip.prefetch(&mut requests)?;
        let read = |(number, bytes): &mut (usize, Option<Arc<Vec<u8>>>)| {
            *bytes = Some(Arc::new(member.read_part(parts, *number)?));
            Ok(())
        };
        let missing: Vec<_> = found.iter_mut().filter(|(_, bytes)| bytes.is_none()).collect();
        threads::share(self.contents.threads, missing.into_iter(), read)?;
        if let Ok(mut kept) = self.kept.try_lock() {
            for (number, bytes) in found.iter().rev().take(KEPT_PARTS) {
                kept.retain(|(other, _)| other != number);
                kept.push_back((*number, Arc::clone(bytes.as_ref().expect("it was read"))));
            }
            let bytes = |kept: &KeptParts| kept.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
            while kept.len() > KEPT_PARTS || (kept.len() > 1 && bytes(&kept) > KEPT_BYTES) {
                kept.pop_front();
            }
        }
        Ok(found.into_iter().map(|(_, bytes)| bytes.expect("it was read")).collect())
    }

    /// Copies bytes of items. Nonzero bytes of bools become 1.
    fn put(&self, bytes: &[u8], out: &mut [u8]) {
        out.copy_from_slice(bytes);
        if self.header.dtype.kind() == Some(Kind::Bool) {
            out.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
    }
}
