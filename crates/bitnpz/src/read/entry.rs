//! What an archive has under one key.

use bitnpz_bitmap::codec::Codec;
use bitnpz_npy::{Dtype, DynArray, DynArrayView, Header};
use bitnpz_npz::{Limits, Member, MemberReader, Method};

use super::archive::Archive;
use super::image_set::ImageSet;
use super::rows::Rows;
use super::stored_images::StoredImages;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::packed::{PackedKind, unpack};
use crate::write::pack;

/// Members up to this size are read whole to see their headers.
const SMALL: u64 = 64 << 10;

/// What an archive has under one key: the array's dtype and shape, and what it takes in the file.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    archive: &'a Archive,
    key: String,
    place: Place<'a>,
    header: Header,
}

/// Where an array is.
#[derive(Clone, Debug)]
enum Place<'a> {
    /// In a member of its own, packed or not.
    Member(Member<'a>, Option<&'a PackedKind>),
    /// In an image set.
    Set(StoredImages),
}

impl<'a> Entry<'a> {
    /// The array of a member.
    pub(super) fn of_member(archive: &'a Archive, member: Member<'a>) -> Result<Self> {
        let blame = |error: bitnpz_npy::Error| Error::from(error).with_key(member.key());
        let limits = &archive.limits().npy;
        let stored = if member.size() <= SMALL {
            Header::parse(&member.read()?, limits).map_err(blame)?.0
        } else {
            Header::read(member.reader()?, limits).map_err(blame)?
        };
        let kind = archive.packed().kind(member.key());
        let header = match kind {
            Some(kind) => original_header(stored, kind).map_err(|message| damaged(&member, message))?,
            None => stored,
        };
        Ok(Self { archive, key: member.key().to_owned(), place: Place::Member(member, kind), header })
    }

    /// The array of images of a set.
    pub(super) fn of_set(archive: &'a Archive, key: String, images: StoredImages) -> Result<Self> {
        let header = images.header().map_err(|error| error.with_key(&key))?;
        Ok(Self { archive, key, place: Place::Set(images), header })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How the array lies in the archive.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        match &self.place {
            Place::Member(_, None) => Encoding::Plain,
            Place::Member(_, Some(_)) => Encoding::Packed,
            Place::Set(_) => Encoding::Contour,
        }
    }

    /// How the images of an image set are coded; `None` for other arrays.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        match &self.place {
            Place::Member(..) => None,
            Place::Set(images) => Some(images.codec()),
        }
    }

    /// The dtype, shape and order in which the array comes back.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The dtype in which the array comes back.
    #[must_use]
    pub fn dtype(&self) -> &Dtype {
        &self.header.dtype
    }

    /// The shape in which the array comes back.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// How many images these are: packed ones, those of an image set, or bools of two or more dimensions. `None` for other
    /// arrays, which may have two values all the same: [`Archive::images`] looks.
    #[must_use]
    pub fn images(&self) -> Option<usize> {
        let is_bool = *self.dtype() == Dtype::of::<bool>();
        let has_images = self.shape().len() >= 2 && (self.encoding() != Encoding::Plain || is_bool);
        has_images.then(|| self.shape().iter().rev().skip(2).product())
    }

    /// The bytes it takes in the file, compressed, its headers in the archive apart. Of one image of a set these are its
    /// payload; of a set that is one array, also its index and model.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        match &self.place {
            Place::Member(member, _) => member.compressed_size(),
            Place::Set(images) => images.stored_bytes(),
        }
    }

    /// The number of the compression method (APPNOTE 4.4.5): 0 stored, 8 deflate, 93 zstd.
    #[must_use]
    pub fn method(&self) -> u16 {
        match &self.place {
            Place::Member(member, _) => member.method(),
            Place::Set(_) => Method::STORED,
        }
    }

    /// Reads the member of an array that has one.
    pub(crate) fn member_reader(&self) -> Result<MemberReader<'a>> {
        match &self.place {
            Place::Member(member, _) => Ok(member.reader()?),
            Place::Set(_) => Err(Error::from(ErrorKind::NoSuchKey).with_key(&self.key)),
        }
    }

    /// What it takes to unpack the array's member, if it is packed.
    pub(crate) fn kind(&self) -> Option<&'a PackedKind> {
        match &self.place {
            Place::Member(_, kind) => *kind,
            Place::Set(_) => None,
        }
    }

    /// The images, if they are in a set.
    pub(crate) fn set_images(&self) -> Option<&StoredImages> {
        match &self.place {
            Place::Member(..) => None,
            Place::Set(images) => Some(images),
        }
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        self.archive.limits()
    }

    /// The array as it was saved.
    pub(crate) fn to_array(&self) -> Result<DynArray> {
        let blame = |error: bitnpz_npy::Error| Error::from(error).with_key(&self.key);
        let pixels = match &self.place {
            Place::Set(images) => {
                self.check_limit()?;
                let mut pixels = Vec::with_capacity(self.header.data_len());
                images.unpack(0..images.len(), &mut pixels).map_err(|error| error.with_key(&self.key))?;
                pixels
            }
            Place::Member(member, kind) => {
                let npy = member.read()?;
                let view = DynArrayView::parse(&npy, &self.limits().npy).map_err(blame)?;
                let Some(kind) = kind else { return Ok(view.to_owned()) };
                self.check_limit()?;
                unpack(view.data(), kind.width, &kind.dtype, kind.bits)
            }
        };
        DynArray::new(self.header.clone(), pixels).map_err(blame)
    }

    /// The images, packed in memory or where they lie.
    pub(super) fn to_images(&self) -> Result<ImageSet> {
        let blame = |error: Error| error.with_key(&self.key);
        let limits = &self.limits().npy;
        let (member, kind) = match &self.place {
            Place::Set(images) => return ImageSet::stored(images.clone()).map_err(blame),
            Place::Member(member, kind) => (member, kind),
        };
        let stored_bytes = self.stored_bytes();
        let (kind, rows) = match (kind, member.range()?) {
            (Some(kind), Some(range)) => {
                let head = self.archive.zip().slice(range.start..range.end.min(range.start + SMALL))?;
                let (header, start) = Header::parse(&head, limits).map_err(|error| blame(error.into()))?;
                let (expected, found) = (header.data_len() as u64, range.end - range.start - start as u64);
                if expected != found {
                    return Err(damaged(
                        member,
                        format!("expected {expected} bytes of array, found {found}"),
                    ));
                }
                ((*kind).clone(), Rows::File(self.archive.clone(), range.start + start as u64..range.end))
            }
            (Some(kind), None) => {
                let npy = member.read()?;
                let view = DynArrayView::parse(&npy, limits).map_err(|error| blame(error.into()))?;
                ((*kind).clone(), Rows::Memory { rows: view.data().to_vec(), stored_bytes })
            }
            (None, _) => {
                let array = self.to_array()?;
                let (kind, rows) = pack(&array.view()).map_err(blame)?;
                (kind, Rows::Memory { rows, stored_bytes })
            }
        };
        ImageSet::packed(kind, self.shape(), rows).map_err(|error| damaged(member, error.to_string()))
    }

    /// That what comes out is not too much: packed rows can stand for 64 times their bytes, payloads for any number.
    fn check_limit(&self) -> Result<()> {
        let (found, limit) = (self.header.data_len() as u64, self.limits().npy.array_bytes);
        if found > limit {
            return Err(Error::from(ErrorKind::TooLarge { found, limit }).with_key(&self.key));
        }
        Ok(())
    }
}

/// The header of the array that these packed rows stand for.
fn original_header(stored: Header, kind: &PackedKind) -> std::result::Result<Header, String> {
    let stride = kind.width.div_ceil(8);
    match stored.shape.as_slice() {
        [.., _, last] if *last == stride && stored.dtype == Dtype::of::<u8>() && !stored.fortran_order => {}
        shape => {
            let (dtype, width) = (&stored.dtype, kind.width);
            let expected = format!("uint8 rows of {stride} bytes for {width} pixels, in C order");
            return Err(format!("expected {expected}, found {dtype} of shape {shape:?}"));
        }
    }
    let mut header = Header::new(kind.dtype.clone(), stored.shape);
    if let Some(last) = header.shape.last_mut() {
        *last = kind.width;
    }
    // The header's own arithmetic says whether so many pixels can be counted.
    header.to_bytes().map_err(|error| error.to_string())?;
    Ok(header)
}

pub(super) fn damaged(member: &Member<'_>, message: String) -> Error {
    let error = Error::from(ErrorKind::Damaged { member: member.name().to_owned(), message });
    error.with_key(member.key())
}
