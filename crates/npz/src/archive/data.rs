//! Finds a member's data: checks its local header against the central directory.

use std::borrow::Cow;
use std::ops::Range;

use bitnpz_npy::make_room;

use super::ahead::Ahead;
use super::index::NameIndex;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::method::Method;
use crate::name;
use crate::record::central_header::{CentralEntry, CentralHeader};
use crate::record::local_header::{self, LocalHeader};
use crate::record::parts::Parts;
use crate::record::{extra, flags};
use crate::source::ByteSource;

/// The largest member that is read from a file with one call, up to the next member. For larger ones a second call costs
/// little.
const WHOLE_READ_BYTES: u64 = 1 << 20;

/// Nearly all extra fields are shorter: those of zip64 and of padding take less than a hundred bytes.
const SHORT_EXTRA_BYTES: usize = 256;

/// The length of the longest data descriptor: a signature, a CRC and two sizes of 8 bytes (APPNOTE 4.3.9).
const MAX_DESCRIPTOR_LEN: u64 = 24;

/// A member's entry in the central directory, and the archive that holds its data.
#[derive(Clone)]
pub(super) struct MemberData<'a> {
    pub(super) source: &'a ByteSource,
    index: &'a NameIndex,
    pub(super) limits: &'a Limits,
    pub(super) number: usize,
    pub(super) header: CentralHeader,
    raw_name: &'a [u8],
    extra: &'a [u8],
    pub(super) name: Cow<'a, str>,
}

/// The location of a member's data, from its checked local header.
#[derive(Clone, Copy, Debug)]
pub(super) struct DataLocation {
    pub(super) data_start: u64,
    pub(super) record_len: u64,
}

/// A member's compressed data: a part of the bytes that were read.
pub(super) struct CompressedData<'a> {
    bytes: Cow<'a, [u8]>,
    start: usize,
    end: usize,
}

impl CompressedData<'_> {
    pub(super) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// Moves the data to an empty buffer: without another copy of it, if it was read from a file.
    pub(super) fn move_to(self, buffer: &mut Vec<u8>) -> Result<()> {
        match self.bytes {
            Cow::Owned(mut bytes) => {
                bytes.truncate(self.end);
                bytes.drain(..self.start);
                *buffer = bytes;
            }
            Cow::Borrowed(bytes) => {
                make_room(buffer, self.end - self.start)?;
                buffer.extend_from_slice(&bytes[self.start..self.end]);
            }
        }
        Ok(())
    }
}

impl<'a> MemberData<'a> {
    pub(super) fn new(
        source: &'a ByteSource,
        index: &'a NameIndex,
        limits: &'a Limits,
        number: usize,
    ) -> Option<Self> {
        let CentralEntry { header, name: raw_name, extra, .. } = index.entry(source, number)?;
        let name = name::decode(raw_name, header.flags)?;
        Some(Self { source, index, limits, number, header, raw_name, extra, name })
    }

    /// Returns the offset of the local header in the file.
    pub(super) fn offset(&self) -> u64 {
        self.header.offset + self.index.prefix()
    }

    /// Adds this member's name and offset to an error.
    pub(super) fn blame(&self, error: Error) -> Error {
        error.of(&self.name).at(self.offset())
    }

    /// Returns the length of the member in the file: local header, data and data descriptor. The header may have been requested.
    pub(super) fn len(&self, ahead: &Ahead<'_>) -> Result<u64> {
        let record_len = self.locate_in(ahead)?.record_len;
        if self.header.flags & flags::DATA_DESCRIPTOR == 0 {
            return Ok(record_len);
        }
        let max_len = (self.extent()? - record_len).min(MAX_DESCRIPTOR_LEN);
        let descriptor = self.source.get(self.offset() + record_len, max_len)?;
        // An optional signature, then the CRC and both sizes of 4 or 8 bytes (APPNOTE 4.3.9).
        let fields = descriptor.strip_prefix(b"PK\x07\x08").unwrap_or(&descriptor);
        let signature = descriptor.len() - fields.len();
        let [crc, compressed, size] =
            [self.header.crc32.into(), self.header.compressed_size, self.header.uncompressed_size];
        let is_narrow = fields.len() >= 12
            && [(0, crc), (4, compressed), (8, size)].iter().all(|&(at, value)| {
                u32::try_from(value).is_ok_and(|value| fields[at..at + 4] == value.to_le_bytes())
            });
        let is_wide = fields.len() >= 20
            && fields[..4] == self.header.crc32.to_le_bytes()
            && fields[4..12] == compressed.to_le_bytes()
            && fields[12..20] == size.to_le_bytes();
        let len = if is_wide {
            signature + 20
        } else if is_narrow {
            signature + 12
        } else {
            0
        };
        Ok(record_len + len as u64)
    }

    /// Checks the local header and returns the location of the data.
    pub(super) fn locate(&self) -> Result<DataLocation> {
        self.locate_in(&Ahead::new(self.source, Vec::new()))
    }

    /// Does so with a local header that may have been requested.
    pub(super) fn locate_in(&self, ahead: &Ahead<'_>) -> Result<DataLocation> {
        let extent = self.extent()?;
        let usual = self.usual_header().min(extent);
        let head = ahead.get(self.offset(), usual)?;
        match LocalHeader::parse(&head) {
            Some(local) if local.len() > usual => {
                self.check_local(&ahead.get(self.offset(), extent.min(local.len()))?, extent)
            }
            _ => self.check_local(&head, extent),
        }
    }

    /// Checks the local header and reads the compressed data.
    pub(super) fn compressed(&self) -> Result<CompressedData<'a>> {
        let extent = self.extent()?;
        let head_len = match self.source {
            // One request brings all of nearly every member.
            ByteSource::Ranges(_) => {
                extent.min(self.request(0..self.header.compressed_size).end - self.offset())
            }
            ByteSource::File { .. } if extent > WHOLE_READ_BYTES => extent.min(self.longest_header()),
            _ => extent,
        };
        let head = self.source.get(self.offset(), head_len)?;
        let located = self.check_local(&head, extent)?;
        let start = located.data_start - self.offset();
        if located.record_len <= head_len {
            let [start, end] =
                [start, located.record_len].map(|place| usize::try_from(place).expect("in memory"));
            return Ok(CompressedData { bytes: head, start, end });
        }
        let bytes = self.source.get(located.data_start, self.header.compressed_size)?;
        Ok(CompressedData { start: 0, end: bytes.len(), bytes })
    }

    pub(super) fn stored_bytes(&self) -> Result<Option<&'a [u8]>> {
        let Some(bytes) = self.source.bytes() else { return Ok(None) };
        let place = |place: u64| usize::try_from(place).expect("in memory");
        Ok(self.stored_range()?.map(|range| &bytes[place(range.start)..place(range.end)]))
    }

    pub(super) fn stored_range(&self) -> Result<Option<Range<u64>>> {
        if self.header.method != Method::STORED {
            return Ok(None);
        }
        let start = self.locate()?.data_start;
        if self.header.uncompressed_size != self.header.compressed_size {
            return Err(Error::inconsistent(
                "the size of a stored member",
                self.header.compressed_size,
                self.header.uncompressed_size,
            ));
        }
        Ok(Some(start..start + self.header.uncompressed_size))
    }

    /// Returns the parts of a member that is deflated in parts.
    pub(super) fn parts(&self) -> Option<Parts> {
        let is_deflated = self.header.method == Method::DEFLATE;
        let [compressed, size] = [self.header.compressed_size, self.header.uncompressed_size];
        Parts::read(self.extra, compressed, size).filter(|_| is_deflated)
    }

    /// Returns where the data of a member lies if nothing is between it and the next member.
    pub(super) fn likely_range(&self) -> Option<Range<u64>> {
        let has_descriptor = self.header.flags & flags::DATA_DESCRIPTOR != 0;
        let end = self.offset() + self.extent().ok().filter(|_| !has_descriptor)?;
        let start = end.checked_sub(self.header.compressed_size)?;
        let is_likely = start > self.offset() && start - self.offset() <= self.longest_header();
        is_likely.then_some(start..end)
    }

    pub(super) fn request(&self, data: Range<u64>) -> Range<u64> {
        let likely = self.likely_range();
        let start = likely.map_or(self.offset() + self.usual_header(), |range| range.start);
        let [from, to] =
            [data.start, data.end].map(|place| start.saturating_add(place).min(self.source.len()));
        if data.start > 0 {
            return from..to;
        }
        let header = self.offset().saturating_add(self.usual_header()).min(self.source.len());
        self.offset().min(to)..to.max(header)
    }

    /// Checks the CRC-32 of the decompressed bytes.
    pub(super) fn check_crc32(&self, found: u32) -> Result<()> {
        let expected = self.header.crc32;
        if expected == found {
            return Ok(());
        }
        Err(Error::inconsistent(
            "the CRC of the data",
            format_args!("{expected:08x}"),
            format_args!("{found:08x}"),
        ))
    }

    /// Returns the number of bytes up to the next member.
    fn extent(&self) -> Result<u64> {
        let next = self.index.next_start(self.source, self.number);
        next.checked_sub(self.offset())
            .ok_or_else(|| Error::corrupt("the central directory changed while the archive was open"))
    }

    /// Returns the length of a local header with a short extra field.
    fn usual_header(&self) -> u64 {
        (local_header::LEN + self.raw_name.len() + SHORT_EXTRA_BYTES) as u64
    }

    fn longest_header(&self) -> u64 {
        (local_header::LEN + self.raw_name.len() + usize::from(u16::MAX)) as u64
    }

    /// Checks the local header at the start of `head` against the central directory.
    fn check_local(&self, head: &[u8], extent: u64) -> Result<DataLocation> {
        self.check_supported()?;
        let Some(local) = LocalHeader::parse(head) else {
            return Err(Error::corrupt("expected a local header, found other bytes"));
        };
        let name_end = local_header::LEN + usize::from(local.name_len);
        let data_start = name_end + usize::from(local.extra_len);
        let (Some(raw_name), Some(fields)) =
            (head.get(local_header::LEN..name_end), head.get(name_end..data_start))
        else {
            return Err(Error::corrupt("expected a name and an extra field, found the next member"));
        };
        if raw_name != self.raw_name {
            let found = String::from_utf8_lossy(raw_name).into_owned();
            return Err(Error::inconsistent(
                "the local header's name",
                format!("{:?}", self.name),
                format!("{found:?}"),
            ));
        }
        extra::check(fields, raw_name).map_err(Error::corrupt)?;
        self.check_fields(&local, fields)?;
        let record_len = data_start as u64 + self.header.compressed_size;
        if record_len > extent {
            let expected = format!("at most the {extent} bytes before the next member");
            return Err(Error::inconsistent("the member's bytes", expected, record_len));
        }
        Ok(DataLocation { data_start: self.offset() + data_start as u64, record_len })
    }

    /// Checks that this crate can read the member.
    fn check_supported(&self) -> Result<()> {
        let central = &self.header;
        let unsupported = |what: &str| Err(ErrorKind::Unsupported { what: what.to_owned() }.into());
        if central.flags & (flags::ENCRYPTED | flags::STRONGLY_ENCRYPTED | flags::MASKED) != 0 {
            return unsupported("an encrypted member");
        }
        if central.flags & flags::PATCH != 0 {
            return unsupported("a member that is a patch");
        }
        if central.disk != 0 {
            return unsupported("a member on another disk");
        }
        if !Method::READABLE.contains(&central.method) {
            return unsupported(&format!("compression method {}", central.method.number()));
        }
        Ok(())
    }

    /// Checks the fields of the local header against those of the central directory.
    fn check_fields(&self, local: &LocalHeader, fields: &[u8]) -> Result<()> {
        let central = &self.header;
        if local.method != central.method {
            return Err(Error::inconsistent("the local header's method", central.method, local.method));
        }
        if local.flags != central.flags {
            return Err(Error::inconsistent("the local header's flags", central.flags, local.flags));
        }
        let Some((compressed, uncompressed)) = local.sizes(fields) else {
            return Err(Error::inconsistent("the local header's zip64 field", "its sizes", "none"));
        };
        // With a data descriptor, which follows the data, the local header may have zeros.
        let has_descriptor = local.flags & flags::DATA_DESCRIPTOR != 0;
        let pairs = [
            ("the local header's compressed size", central.compressed_size, compressed),
            ("the local header's size", central.uncompressed_size, uncompressed),
            ("the local header's CRC", central.crc32.into(), local.crc32.into()),
        ];
        for (what, expected, found) in pairs {
            if found != expected && !(has_descriptor && found == 0) {
                return Err(Error::inconsistent(what, expected, found));
            }
        }
        Ok(())
    }
}
