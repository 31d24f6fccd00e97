//! A member that is an array of bytes.

use std::borrow::Cow;
use std::ops::Range;

use bitnpz_npy::{Dtype, DynArrayView, Header, copy};
use bitnpz_npz::{Archive, Member, Method};

use crate::error::{Error, ErrorKind, Result};

/// The length of the header of an array of bytes with one dimension, whatever its length: NumPy pads headers to 64 bytes.
pub(crate) const BYTES_HEADER: usize = 128;

/// So many bytes hold the header of an array of bytes; if one is longer, then so many.
const USUAL_HEADER: u64 = 256;
const LONGEST_HEADER: u64 = 4096;

/// A local header, and what is read first of the header of the array behind it, nearly always have fewer bytes.
const HEADERS_BYTES: u64 = USUAL_HEADER + 768;

/// An array of bytes in an archive.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    member: String,
    data: BlobData,
}

#[derive(Clone, Debug)]
enum BlobData {
    File(Range<u64>),
    Memory(Vec<u8>),
}

impl Blob {
    /// Opens the array of this name.
    pub(super) fn open(zip: &Archive, member: String) -> Result<Self> {
        let damaged =
            |message: &str| ErrorKind::Damaged { member: member.clone(), message: message.to_owned() };
        let found = zip.find(&member).ok_or_else(|| damaged("expected this member, found none"))?;
        let is_bytes = |header: &Header| header.dtype == Dtype::of::<u8>() && header.shape.len() == 1;
        let not_bytes = || damaged("expected an array of bytes, found another");
        let no_array = |error: bitnpz_npy::Error| damaged(&error.to_string());
        let data = match found.range()? {
            Some(range) => {
                let parse = |most: u64| {
                    let head = zip.slice(range.start..range.end.min(range.start + most))?;
                    Ok::<_, Error>(Header::parse(&head, &zip.limits().npy))
                };
                let header = match parse(USUAL_HEADER)? {
                    Err(_) => parse(LONGEST_HEADER)?,
                    header => header,
                };
                let (header, start) = header.map_err(no_array)?;
                let bytes = range.start + start as u64..range.end;
                if !is_bytes(&header) || bytes.end - bytes.start != header.data_len() as u64 {
                    return Err(not_bytes().into());
                }
                BlobData::File(bytes)
            }
            // Another program has compressed it.
            None => {
                let npy = found.read()?;
                let view = DynArrayView::parse(&npy, &zip.limits().npy).map_err(no_array)?;
                if !is_bytes(view.header()) {
                    return Err(not_bytes().into());
                }
                BlobData::Memory(copy(view.data())?)
            }
        };
        Ok(Self { member, data })
    }

    /// Returns the array as it most likely is, without reading its headers.
    pub(super) fn likely(zip: &Archive, member: &str) -> Option<Self> {
        let found = zip.find(member)?;
        let data = found.likely_range().filter(|_| found.method() == Method::STORED)?;
        let start = data.start.checked_add(BYTES_HEADER as u64).filter(|&start| start <= data.end)?;
        Some(Self { member: member.to_owned(), data: BlobData::File(start..data.end) })
    }

    /// Returns the range of the file that opening and reading a member needs.
    pub(super) fn request(zip: &Archive, member: &Member<'_>) -> Range<u64> {
        let end = member.offset().saturating_add(HEADERS_BYTES).saturating_add(member.compressed_size());
        member.offset()..end.min(zip.size())
    }

    /// Returns the range of the file that opening a member needs.
    pub(super) fn header_request(zip: &Archive, member: &Member<'_>) -> Range<u64> {
        member.offset()..zip.size().min(member.offset().saturating_add(HEADERS_BYTES))
    }

    /// Reads it into memory for good, unless it is mapped.
    pub(super) fn in_memory(mut self, zip: &Archive) -> Result<Self> {
        if let Cow::Owned(bytes) = self.bytes(zip)? {
            self.data = BlobData::Memory(bytes);
        }
        Ok(self)
    }

    /// Returns the name of its member.
    pub(super) fn member(&self) -> &str {
        &self.member
    }

    pub(super) fn len(&self) -> u64 {
        match &self.data {
            BlobData::File(range) => range.end - range.start,
            BlobData::Memory(bytes) => bytes.len() as u64,
        }
    }

    /// Returns where bytes in this range are in the file; `None` if they are in memory.
    pub(super) fn range_in_file(&self, range: Range<usize>) -> Option<Range<u64>> {
        match &self.data {
            BlobData::File(file) => Some(file.start + range.start as u64..file.start + range.end as u64),
            BlobData::Memory(_) => None,
        }
    }

    pub(super) fn bytes<'a>(&'a self, zip: &'a Archive) -> Result<Cow<'a, [u8]>> {
        match &self.data {
            BlobData::File(range) => Ok(zip.slice(range.clone())?),
            BlobData::Memory(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// Returns the bytes in this range, which is within it.
    pub(super) fn get<'a>(&'a self, zip: &'a Archive, range: Range<usize>) -> Result<Cow<'a, [u8]>> {
        match &self.data {
            BlobData::File(file) => {
                Ok(zip.slice(file.start + range.start as u64..file.start + range.end as u64)?)
            }
            BlobData::Memory(bytes) => Ok(Cow::Borrowed(&bytes[range])),
        }
    }
}
