//! One member of an archive.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::{Archive, MemberReader, inflate};
use crate::error::{Error, ErrorKind, Result};
use crate::method::Method;
use crate::name;
use crate::record::central_header::{CentralEntry, CentralHeader};
use crate::record::local_header::{self, LocalHeader};
use crate::record::{extra, flags};

/// The largest member that is read from a file with one call, header and data together. For larger ones a second call
/// costs little.
const WHOLE_READ_BYTES: u64 = 1 << 20;

/// The length of the longest data descriptor: a signature, a CRC and two sizes of 8 bytes (APPNOTE 4.3.9).
const MAX_DESCRIPTOR_LEN: u64 = 24;

/// One member of an archive, as the central directory describes it.
#[derive(Clone)]
pub struct Member<'a> {
    archive: &'a Archive,
    number: usize,
    header: CentralHeader,
    raw_name: &'a [u8],
    name: Cow<'a, str>,
}

/// The location of a member's data, from its checked local header.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DataLocation {
    pub(crate) data_start: u64,
    pub(crate) record_len: u64,
}

/// A member's compressed data: a part of the bytes that were read.
pub(crate) struct CompressedData<'a> {
    bytes: Cow<'a, [u8]>,
    start: usize,
    end: usize,
}

impl CompressedData<'_> {
    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("number", &self.number)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<'a> Member<'a> {
    pub(super) fn new(archive: &'a Archive, number: usize) -> Option<Self> {
        let CentralEntry { header, name: raw_name, .. } = archive.index.entry(&archive.source, number)?;
        let name = name::decode(raw_name, header.flags)?;
        Some(Self { archive, number, header, raw_name, name })
    }

    /// Returns the member's number, in the order of the central directory.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// Returns the member's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the member's name without `.npy`: the key under which NumPy finds the array.
    #[must_use]
    pub fn key(&self) -> &str {
        name::key(&self.name)
    }

    /// Returns the decompressed size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.header.uncompressed_size
    }

    /// Returns the size in the archive in bytes, without headers.
    #[must_use]
    pub fn compressed_size(&self) -> u64 {
        self.header.compressed_size
    }

    /// Returns the compression method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.header.method
    }

    /// Returns the CRC-32 of the decompressed bytes.
    #[must_use]
    pub fn crc32(&self) -> u32 {
        self.header.crc32
    }

    /// Returns the offset of the local header in the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.header.offset + self.archive.index.prefix()
    }

    /// Reads the whole member, and verifies its size and CRC.
    ///
    /// # Errors
    ///
    /// If it is damaged, not supported or larger than the limit.
    ///
    /// ```
    /// # use std::io::Cursor;
    /// # use bitnpz_npz::{Archive, WriteOptions, Writer};
    /// # let mut writer = Writer::new(Cursor::new(Vec::new()), WriteOptions::default());
    /// # writer.add("a", b"some text".to_vec())?;
    /// # writer.add("b", b"more text".to_vec())?;
    /// # let archive = Archive::from_bytes(writer.finish()?.into_inner())?;
    /// let mut text = Vec::new();
    /// for member in archive.members() {
    ///     text.push(member.read()?);
    /// }
    /// assert_eq!(text, [b"some text", b"more text"]);
    /// # Ok::<(), bitnpz_npz::Error>(())
    /// ```
    pub fn read(&self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.read_into(&mut bytes)?;
        Ok(bytes)
    }

    /// Reads the whole member into a buffer, which is cleared first.
    ///
    /// # Errors
    ///
    /// Same as [`read`](Self::read).
    pub fn read_into(&self, bytes: &mut Vec<u8>) -> Result<()> {
        inflate::read_into(self, bytes).map_err(|error| self.blame(error))
    }

    /// Returns the member's bytes in memory, without copying; `None` if it is compressed or the archive is not in memory.
    /// The CRC is not verified, as that would read all bytes; [`reader`](Self::reader) verifies it.
    ///
    /// # Errors
    ///
    /// If the member's records are damaged.
    pub fn bytes(&self) -> Result<Option<&'a [u8]>> {
        self.stored_bytes().map_err(|error| self.blame(error))
    }

    /// Returns the position of the member's bytes in the file, for [`Archive::slice`]; `None` if it is compressed.
    ///
    /// # Errors
    ///
    /// If the member's records are damaged.
    pub fn range(&self) -> Result<Option<Range<u64>>> {
        self.stored_range().map_err(|error| self.blame(error))
    }

    /// Returns a reader that decompresses the member in bounded memory. It verifies size and CRC at the end.
    ///
    /// # Errors
    ///
    /// If the member's records are damaged or its method is not supported.
    ///
    /// ```
    /// use std::io::Read;
    /// # use std::io::Cursor;
    /// # use bitnpz_npz::{Archive, WriteOptions, Writer};
    /// # let mut writer = Writer::new(Cursor::new(Vec::new()), WriteOptions::default());
    /// # writer.add("large", vec![7; 1 << 20])?;
    /// # let archive = Archive::from_bytes(writer.finish()?.into_inner())?;
    ///
    /// let member = archive.find("large").expect("it was added");
    /// let mut first = [0; 4];
    /// member.reader()?.read_exact(&mut first)?;
    /// assert_eq!(first, [7; 4]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn reader(&self) -> Result<MemberReader<'a>> {
        MemberReader::new(self).map_err(|error| self.blame(error))
    }

    /// Checks the local header, and returns the position of the member's data in the file, compressed or not.
    ///
    /// # Errors
    ///
    /// If the member's records are damaged or its method is not supported.
    pub fn data_range(&self) -> Result<Range<u64>> {
        let start = self.located().map_err(|error| self.blame(error))?.data_start;
        Ok(start..start + self.compressed_size())
    }

    pub(crate) fn archive(&self) -> &'a Archive {
        self.archive
    }

    /// Returns the flags that depend on the compression method.
    pub(crate) fn method_flags(&self) -> u16 {
        self.header.flags & flags::METHOD_OPTIONS
    }

    /// Returns the length of the member in the file: local header, data and data descriptor.
    pub(super) fn len(&self) -> Result<u64> {
        let record_len = self.located()?.record_len;
        if self.header.flags & flags::DATA_DESCRIPTOR == 0 {
            return Ok(record_len);
        }
        let max_len = (self.extent()? - record_len).min(MAX_DESCRIPTOR_LEN);
        let descriptor = self.archive.source.get(self.offset() + record_len, max_len)?;
        // An optional signature, then the CRC and both sizes of 4 or 8 bytes (APPNOTE 4.3.9).
        let fields = descriptor.strip_prefix(b"PK\x07\x08").unwrap_or(&descriptor);
        let signature = descriptor.len() - fields.len();
        let [crc, compressed, size] = [self.crc32().into(), self.compressed_size(), self.size()];
        let is_narrow = fields.len() >= 12
            && [(0, crc), (4, compressed), (8, size)].iter().all(|&(at, value)| {
                u32::try_from(value).is_ok_and(|value| fields[at..at + 4] == value.to_le_bytes())
            });
        let is_wide = fields.len() >= 20
            && fields[..4] == self.crc32().to_le_bytes()
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

    /// Adds this member's name and offset to an error.
    pub(super) fn blame(&self, error: Error) -> Error {
        error.of(&self.name).at(self.offset())
    }

    /// Checks the local header and returns the location of the data.
    pub(super) fn located(&self) -> Result<DataLocation> {
        let extent = self.extent()?;
        let head = self.archive.source.get(self.offset(), extent.min(self.longest_header()))?;
        self.check_local(&head, extent)
    }

    /// Checks the local header and reads the compressed data.
    pub(super) fn data(&self) -> Result<CompressedData<'a>> {
        let extent = self.extent()?;
        let reads_whole = self.archive.source.bytes().is_some() || extent <= WHOLE_READ_BYTES;
        let head_len = if reads_whole { extent } else { extent.min(self.longest_header()) };
        let head = self.archive.source.get(self.offset(), head_len)?;
        let located = self.check_local(&head, extent)?;
        let start = located.data_start - self.offset();
        if located.record_len <= head_len {
            let [start, end] =
                [start, located.record_len].map(|place| usize::try_from(place).expect("in memory"));
            return Ok(CompressedData { bytes: head, start, end });
        }
        let bytes = self.archive.source.get(located.data_start, self.compressed_size())?;
        Ok(CompressedData { start: 0, end: bytes.len(), bytes })
    }

    fn stored_bytes(&self) -> Result<Option<&'a [u8]>> {
        let Some(bytes) = self.archive.source.bytes() else { return Ok(None) };
        let place = |place: u64| usize::try_from(place).expect("in memory");
        Ok(self.stored_range()?.map(|range| &bytes[place(range.start)..place(range.end)]))
    }

    fn stored_range(&self) -> Result<Option<Range<u64>>> {
        if self.method() != Method::STORED {
            return Ok(None);
        }
        let start = self.located()?.data_start;
        if self.size() != self.compressed_size() {
            return Err(Error::inconsistent(
                "the size of a stored member",
                self.compressed_size(),
                self.size(),
            ));
        }
        Ok(Some(start..start + self.size()))
    }

    /// Returns the number of bytes up to the next member.
    fn extent(&self) -> Result<u64> {
        let next = self.archive.index.next_start(&self.archive.source, self.number);
        next.checked_sub(self.offset())
            .ok_or_else(|| Error::corrupt("the central directory changed while the archive was open"))
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
