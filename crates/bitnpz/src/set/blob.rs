//! A member that is an array of bytes, used where it lies.

use std::borrow::Cow;
use std::ops::Range;

use bitnpz_npy::{Dtype, DynArrayView, Header};
use bitnpz_npz::Archive;

use crate::error::{ErrorKind, Result};

/// Headers of arrays of bytes are shorter.
const LONGEST_HEADER: u64 = 4096;

/// An array of bytes in an archive.
#[derive(Clone, Debug)]
pub(super) struct Blob {
    member: String,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    File(Range<u64>),
    Memory(Vec<u8>),
}

impl Blob {
    /// The array of this name.
    pub(super) fn open(zip: &Archive, member: String) -> Result<Self> {
        let damaged =
            |message: &str| ErrorKind::Damaged { member: member.clone(), message: message.to_owned() };
        let found = zip.find(&member).ok_or_else(|| damaged("expected this member, found none"))?;
        let is_bytes = |header: &Header| header.dtype == Dtype::of::<u8>() && header.shape.len() == 1;
        let not_bytes = || damaged("expected an array of bytes, found another");
        let no_array = |error: bitnpz_npy::Error| damaged(&error.to_string());
        let place = match found.range()? {
            Some(range) => {
                let head = zip.slice(range.start..range.end.min(range.start + LONGEST_HEADER))?;
                let (header, start) = Header::parse(&head, &zip.limits().npy).map_err(no_array)?;
                let data = range.start + start as u64..range.end;
                if !is_bytes(&header) || data.end - data.start != header.data_len() as u64 {
                    return Err(not_bytes().into());
                }
                Place::File(data)
            }
            // Somebody has compressed it.
            None => {
                let npy = found.read()?;
                let view = DynArrayView::parse(&npy, &zip.limits().npy).map_err(no_array)?;
                if !is_bytes(view.header()) {
                    return Err(not_bytes().into());
                }
                Place::Memory(view.data().to_vec())
            }
        };
        Ok(Self { member, place })
    }

    /// The same, in memory for good.
    pub(super) fn in_memory(mut self, zip: &Archive) -> Result<Self> {
        if let Cow::Owned(bytes) = self.bytes(zip)? {
            self.place = Place::Memory(bytes);
        }
        Ok(self)
    }

    /// Its member's name.
    pub(super) fn member(&self) -> &str {
        &self.member
    }

    pub(super) fn len(&self) -> u64 {
        match &self.place {
            Place::File(range) => range.end - range.start,
            Place::Memory(bytes) => bytes.len() as u64,
        }
    }

    pub(super) fn bytes<'a>(&'a self, zip: &'a Archive) -> Result<Cow<'a, [u8]>> {
        match &self.place {
            Place::File(range) => Ok(zip.slice(range.clone())?),
            Place::Memory(bytes) => Ok(Cow::Borrowed(bytes)),
        }
    }

    /// The bytes at this place, which is within it.
    pub(super) fn get<'a>(&'a self, zip: &'a Archive, place: Range<usize>) -> Result<Cow<'a, [u8]>> {
        match &self.place {
            Place::File(range) => {
                Ok(zip.slice(range.start + place.start as u64..range.start + place.end as u64)?)
            }
            Place::Memory(bytes) => Ok(Cow::Borrowed(&bytes[place])),
        }
    }
}
