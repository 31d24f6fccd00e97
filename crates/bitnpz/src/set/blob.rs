//! A member of bytes, or an array of bytes, as it is in sets of versions 1 to 5.

use std::borrow::Cow;
use std::ops::Range;

use bitnpz_npy::{Dtype, DynArrayView, Header, copy};
use bitnpz_npz::{Archive, Member, Method};

use super::location::Location;
use crate::array_place::{USUAL_HEADER, place_of_array};
use crate::error::{Error, ErrorKind, Result};

/// A local header nearly always has fewer bytes, with what is read first of the header of an array behind it.
const HEADERS_BYTES: u64 = USUAL_HEADER + 768;

/// The bytes of a member.
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
    /// Opens the member of this name.
    pub(super) fn open(zip: &Archive, name: &str) -> Result<Self> {
        let damaged =
            |message: &str| ErrorKind::Damaged { member: name.to_owned(), message: message.to_owned() };
        let found = zip.find(name).ok_or_else(|| damaged("expected this member, found none"))?;
        let data = match found.range()? {
            Some(range) if is_array(&found) => BlobData::File(data_range(zip, &found, range)?),
            Some(range) => BlobData::File(range),
            // It is compressed, as key tables are, or by another program.
            None if is_array(&found) => {
                let npy = found.read()?;
                let view = DynArrayView::parse(&npy, &zip.limits().npy);
                let view = view.map_err(|error| damaged_array(&found, error.to_string()))?;
                check_header(&found, view.header())?;
                BlobData::Memory(copy(view.data())?)
            }
            None => BlobData::Memory(found.read()?),
        };
        Ok(Self { member: found.name().to_owned(), data })
    }

    /// Opens what is in a member, or in the description that is this member.
    pub(super) fn locate(zip: &Archive, location: &Location, description: &str) -> Result<Self> {
        match location {
            Location::Member(name) => Self::open(zip, name),
            Location::Description(bytes) => Ok(Self::of_bytes(description, bytes)),
        }
    }

    /// Does the same without reading headers: what is in a member is where it most likely is.
    pub(super) fn locate_likely(zip: &Archive, location: &Location, description: &str) -> Option<Self> {
        match location {
            Location::Member(name) => Self::likely(zip, name),
            Location::Description(bytes) => Some(Self::of_bytes(description, bytes)),
        }
    }

    /// Returns bytes that are part of a member.
    fn of_bytes(member: &str, bytes: &[u8]) -> Self {
        Self { member: member.to_owned(), data: BlobData::Memory(bytes.to_vec()) }
    }

    /// Returns the member as it most likely is, without reading its headers.
    pub(super) fn likely(zip: &Archive, name: &str) -> Option<Self> {
        let found = zip.find(name).filter(|found| found.method() == Method::STORED && !is_array(found))?;
        Some(Self { member: found.name().to_owned(), data: BlobData::File(found.likely_range()?) })
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

/// Returns whether a member is an array, as in sets of versions 1 to 5.
fn is_array(member: &Member<'_>) -> bool {
    member.name().ends_with(".npy")
}

/// Returns where the bytes of an array are, which is at this range.
fn data_range(zip: &Archive, member: &Member<'_>, range: Range<u64>) -> Result<Range<u64>> {
    let (header, data) =
        place_of_array(zip, range, &zip.limits().npy).map_err(|error| match error.kind() {
            ErrorKind::Npy(error) => damaged_array(member, error.to_string()),
            _ => error,
        })?;
    check_header(member, &header)?;
    if data.end - data.start != header.data_len() as u64 {
        return Err(damaged_array(member, "expected an array of bytes, found another".to_owned()));
    }
    Ok(data)
}

/// Checks that an array is one of bytes.
fn check_header(member: &Member<'_>, header: &Header) -> Result<()> {
    if header.dtype == Dtype::of::<u8>() && header.shape.len() == 1 {
        return Ok(());
    }
    Err(damaged_array(member, "expected an array of bytes, found another".to_owned()))
}

fn damaged_array(member: &Member<'_>, message: String) -> Error {
    ErrorKind::Damaged { member: member.name().to_owned(), message }.into()
}
