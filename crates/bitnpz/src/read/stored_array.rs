//! `StoredArray`: an array of which only what is wanted is read.

use std::collections::VecDeque;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use bitnpz_npy::{Dtype, DynArray, Element, Header, Kind, with_room, zeros};
use bitnpz_npz::{Member, Parts};
use ndarray::ArrayD;

use super::array_reader::ArrayReader;
use super::check::{check_array, check_countable, check_shape, damaged};
use super::contents::Contents;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::threads;

/// So many bytes of a file have the header of nearly every array.
const HEADER_BYTES: u64 = 4096;

/// So many inflated parts are kept for the next read: it is most often of items near by.
const KEPT_PARTS: usize = 8;

/// About so many bytes are read at a time: inflated on all cores, or requested together.
const BYTES_AT_ONCE: usize = 16 << 20;

/// An array of an archive whose items along the first axis are read on demand: one that is stored as it is, or deflated in parts,
/// as a [`Writer`](crate::Writer) deflates large arrays beside image sets.
///
/// ```
/// use bitnpz::Archive;
/// use ndarray::{Array1, array};
///
/// let labels = Array1::from_iter((0..500_000_i64).map(|number| number / 7));
/// let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
/// writer.add_array("labels", &labels)?;
/// # writer.add_images("glyphs", &ndarray::Array3::from_elem((5000, 9, 9), true))?;
/// let mut bytes = Vec::new();
/// writer.finish_into(&mut bytes)?;
///
/// let labels = Archive::from_bytes(bytes)?.stored_array("labels")?.expect("it is large");
/// assert_eq!(labels.shape(), [500_000]);
/// assert_eq!(labels.read::<i64>(70..72)?, array![10, 10].into_dyn());
/// assert_eq!(labels.take::<i64>(&[499_999, 7])?, array![71_428, 1].into_dyn());
/// # Ok::<(), bitnpz::Error>(())
/// ```
#[derive(Clone)]
pub struct StoredArray {
    contents: Arc<Contents>,
    /// The number of its member.
    member: usize,
    header: Header,
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

impl fmt::Debug for StoredArray {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredArray").field("header", &self.header).finish_non_exhaustive()
    }
}

impl StoredArray {
    /// Opens the array of a member; `None` if only all of it can be read.
    pub(super) fn open(contents: &Arc<Contents>, member: &Member<'_>) -> Result<Option<Self>> {
        let zip = &contents.zip;
        let kept: KeptParts;
        let (header, items) = match member.parts() {
            Some(parts) => {
                zip.prefetch(&mut [member.request(parts.compressed(0..1))])?;
                let first = member.read_part(&parts, 0)?;
                let (header, start) = Header::parse(&first, &contents.limits().npy)?;
                kept = VecDeque::from([(0, Arc::new(first))]);
                (header, Items::InParts(parts, start as u64))
            }
            None => {
                zip.prefetch(&mut [member.request(0..HEADER_BYTES)])?;
                let Some(range) = member.range()? else { return Ok(None) };
                let head = zip.slice(range.start..range.end.min(range.start + HEADER_BYTES))?;
                let (header, start) = Header::parse(&head, &contents.limits().npy)?;
                kept = VecDeque::new();
                (header, Items::InFile(range.start + start as u64..range.end))
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

    /// Returns the dtype.
    #[must_use]
    pub fn dtype(&self) -> &Dtype {
        &self.header.dtype
    }

    /// Returns the shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// Returns the number of items along the first axis.
    #[must_use]
    pub fn len(&self) -> usize {
        self.header.shape[0]
    }

    /// Returns whether there are no items.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes of an item along the first axis.
    #[must_use]
    pub fn item_bytes(&self) -> usize {
        self.header.shape[1..].iter().product::<usize>() * self.header.dtype.item_size()
    }

    /// Reads items that follow each other. Of an array that is stored as it is only all items together have a checksum.
    ///
    /// # Errors
    ///
    /// If there are fewer, if they are not of this type, if they exceed the limit of arrays, or if they are damaged.
    pub fn read<T: Element>(&self, items: Range<usize>) -> Result<ArrayD<T>> {
        let bytes = self.zeros(items.len())?;
        self.to_array(items.len(), bytes, |bytes| self.read_into(items, bytes))
    }

    /// Returns whether all that is read of it has a checksum.
    pub(crate) fn is_checked(&self) -> bool {
        matches!(self.items, Items::InParts(..))
    }

    /// Reads the items with these indices.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn take<T: Element>(&self, indices: &[usize]) -> Result<ArrayD<T>> {
        let bytes = self.zeros(indices.len())?;
        self.to_array(indices.len(), bytes, |bytes| self.take_into(indices, bytes))
    }

    /// Reads items that follow each other into the caller's buffer, in the byte order of the dtype.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read), and if the buffer has another length than the items.
    pub fn read_into(&self, items: Range<usize>, out: &mut [u8]) -> Result<()> {
        let bytes = self.item_bytes();
        if items.start > items.end || items.end > self.len() {
            return Err(self.no_such_item(items.end.max(items.start)));
        }
        check_shape(&[items.len() * bytes], &[out.len()])?;
        self.check_limit(out.len() as u64)?;
        if let Items::InFile(_) = self.items
            && items == (0..self.len())
        {
            // All of it has a checksum.
            let member = self.member();
            let read = ArrayReader::of_member(&member, &self.contents.limits().npy)
                .and_then(|mut reader| reader.read_into(out));
            return read.map_err(|error| error.with_key(member.key()));
        }
        self.copy(vec![(items.start as u64 * bytes as u64, out)])
    }

    /// Reads the items with these indices into the caller's buffer, in the byte order of the dtype.
    ///
    /// # Errors
    ///
    /// As [`read_into`](Self::read_into).
    pub fn take_into(&self, indices: &[usize], out: &mut [u8]) -> Result<()> {
        let bytes = self.item_bytes();
        if let Some(&index) = indices.iter().find(|&&index| index >= self.len()) {
            return Err(self.no_such_item(index));
        }
        check_shape(&[indices.len().saturating_mul(bytes)], &[out.len()])?;
        self.check_limit(out.len() as u64)?;
        if bytes == 0 {
            return Ok(());
        }
        let mut wanted: Vec<_> =
            indices.iter().map(|&index| index as u64 * bytes as u64).zip(out.chunks_mut(bytes)).collect();
        wanted.sort_unstable_by_key(|(place, _)| *place);
        self.copy(wanted)
    }

    /// Checks that so many bytes of items are within the limit of arrays. Call it before you allocate the memory for them.
    ///
    /// # Errors
    ///
    /// If they are not.
    pub fn check_limit(&self, bytes: u64) -> Result<()> {
        check_array(bytes, self.contents.limits().npy.array_bytes)
    }

    fn member(&self) -> Member<'_> {
        self.contents.zip.member(self.member).expect("a member that was opened")
    }

    fn no_such_item(&self, index: usize) -> Error {
        ErrorKind::NoSuchItem { index, len: self.len() }.into()
    }

    /// Returns the bytes of so many items.
    fn zeros(&self, items: usize) -> Result<Vec<u8>> {
        let bytes = (items as u64).saturating_mul(self.item_bytes() as u64);
        self.check_limit(bytes)?;
        Ok(zeros(usize::try_from(bytes).unwrap_or(usize::MAX))?)
    }

    fn to_array<T: Element>(
        &self,
        items: usize,
        mut bytes: Vec<u8>,
        read: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<ArrayD<T>> {
        read(&mut bytes)?;
        let shape = [&[items], &self.header.shape[1..]].concat();
        Ok(DynArray::new(Header::new(self.header.dtype.clone(), shape), bytes)?.to_ndarray::<T>()?)
    }

    /// Fills buffers with the bytes that start at these places of the items, in ascending order.
    fn copy(&self, wanted: Vec<(u64, &mut [u8])>) -> Result<()> {
        let member = self.member();
        let copied = match &self.items {
            Items::InFile(range) => self.copy_from_file(range.start, wanted),
            Items::InParts(parts, start) => self.copy_from_parts(&member, parts, *start, wanted),
        };
        copied.map_err(|error| error.with_key(member.key()))
    }

    fn copy_from_file(&self, start: u64, wanted: Vec<(u64, &mut [u8])>) -> Result<()> {
        let zip = &self.contents.zip;
        let mut pieces = wanted.into_iter().flat_map(|(place, out)| {
            let places = (start + place..).step_by(BYTES_AT_ONCE);
            places.zip(out.chunks_mut(BYTES_AT_ONCE))
        });
        loop {
            let (mut now, mut bytes) = (Vec::new(), 0);
            while bytes < BYTES_AT_ONCE
                && let Some((place, out)) = pieces.next()
            {
                bytes += out.len();
                now.push((place..place + out.len() as u64, out));
            }
            if now.is_empty() {
                return Ok(());
            }
            interrupt::check()?;
            zip.prefetch(&mut now.iter().map(|(range, _)| range.clone()).collect::<Vec<_>>())?;
            for (range, out) in now {
                self.put(&zip.slice(range)?, out);
            }
        }
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
            let more = kept.len().saturating_sub(KEPT_PARTS);
            kept.drain(..more);
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
