//! One member of an archive.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::ahead::Ahead;
use super::data::MemberData;
use super::inflate;
use super::part;
use super::reader::MemberReader;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::name;
use crate::record::flags;
use crate::record::parts::Parts;

/// One member of an archive, as the central directory describes it.
#[derive(Clone)]
pub struct Member<'a> {
    data: MemberData<'a>,
}

impl fmt::Debug for Member<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("number", &self.data.number)
            .field("name", &self.data.name)
            .finish_non_exhaustive()
    }
}

impl<'a> Member<'a> {
    pub(super) fn new(data: MemberData<'a>) -> Self {
        Self { data }
    }

    /// Returns the member's number, in the order of the central directory.
    #[must_use]
    pub fn number(&self) -> usize {
        self.data.number
    }

    /// Returns the member's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.data.name
    }

    /// Returns the array's key: the member's name without any `.npy` at its end, its [`identity`](crate::identity).
    #[must_use]
    pub fn key(&self) -> &str {
        name::identity(&self.data.name)
    }

    /// Returns the decompressed size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.data.header.uncompressed_size
    }

    /// Returns the size in the archive in bytes, without headers.
    #[must_use]
    pub fn compressed_size(&self) -> u64 {
        self.data.header.compressed_size
    }

    /// Returns the compression method.
    #[must_use]
    pub fn method(&self) -> Method {
        self.data.header.method
    }

    /// Returns the CRC-32 of the decompressed bytes.
    #[must_use]
    pub fn crc32(&self) -> u32 {
        self.data.header.crc32
    }

    /// Returns the offset of the local header in the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.data.offset()
    }

    /// Returns where the data of a member most likely is, without reading its local header: up to the next member. It is for
    /// requesting the data together with the header, which [`range`](Self::range) checks.
    #[must_use]
    pub fn likely_range(&self) -> Option<Range<u64>> {
        self.data.likely_range()
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
    /// # let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
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
        inflate::read_into(&self.data, bytes).map_err(|error| self.blame(error))
    }

    /// Returns the member's bytes in memory, without copying; `None` if it is compressed or the archive is not in memory.
    /// The CRC is not verified, as that would read all bytes; [`reader`](Self::reader) verifies it.
    ///
    /// # Errors
    ///
    /// If the member's records are damaged.
    pub fn bytes(&self) -> Result<Option<&'a [u8]>> {
        self.data.stored_bytes().map_err(|error| self.blame(error))
    }

    /// Returns the position of the member's bytes in the file, for [`Archive::slice`](crate::Archive::slice); `None` if it is
    /// compressed.
    ///
    /// # Errors
    ///
    /// If the member's records are damaged.
    pub fn range(&self) -> Result<Option<Range<u64>>> {
        self.data.stored_range().map_err(|error| self.blame(error))
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
    /// # let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
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
        MemberReader::new(&self.data).map_err(|error| self.blame(error))
    }

    /// Returns the range of the file to request for these bytes of the member's data, compressed or not: the local header comes
    /// with the first of them, and the others are where they [most likely are](Self::likely_range).
    #[must_use]
    pub fn request(&self, data: Range<u64>) -> Range<u64> {
        self.data.request(data)
    }

    /// Returns the parts of a member that was [written in parts](crate::Writer::stream_in_parts); `None` of any other.
    #[must_use]
    pub fn parts(&self) -> Option<Parts> {
        self.data.parts()
    }

    /// Reads one of the member's parts, and verifies its size and CRC.
    ///
    /// # Errors
    ///
    /// If it is damaged.
    ///
    /// # Panics
    ///
    /// If there is no such part.
    pub fn read_part(&self, parts: &Parts, part: usize) -> Result<Vec<u8>> {
        part::read_part(&self.data, parts, part).map_err(|error| self.blame(error))
    }

    /// Checks the local header, and returns the position of the member's data in the file, compressed or not.
    ///
    /// # Errors
    ///
    /// If the member's records are damaged or its method is not supported.
    pub fn data_range(&self) -> Result<Range<u64>> {
        let start = self.data.locate().map_err(|error| self.blame(error))?.data_start;
        Ok(start..start + self.compressed_size())
    }

    /// Returns bytes of the archive's file.
    pub(crate) fn slice(&self, range: Range<u64>) -> Result<Cow<'a, [u8]>> {
        self.data.source.get(range.start, range.end - range.start)
    }

    /// Returns the length of the member in the file: local header, data and data descriptor. The header may have been requested.
    pub(super) fn len(&self, ahead: &Ahead<'_>) -> Result<u64> {
        self.data.len(ahead)
    }

    /// Adds this member's name and offset to an error.
    pub(super) fn blame(&self, error: Error) -> Error {
        self.data.blame(error)
    }

    /// Returns the flags that depend on the compression method.
    pub(crate) fn method_flags(&self) -> u16 {
        self.data.header.flags & flags::METHOD_OPTIONS
    }
}
