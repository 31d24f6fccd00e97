//! What an archive has under one key.

use bitnpz_npy::{Dtype, DynArray, DynArrayView, Header};
use bitnpz_npz::{Limits, Member};

use super::archive::Archive;
use super::image_set::ImageSet;
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
    member: Member<'a>,
    kind: Option<&'a PackedKind>,
    header: Header,
}

impl<'a> Entry<'a> {
    pub(super) fn new(archive: &'a Archive, member: Member<'a>) -> Result<Self> {
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
        Ok(Self { archive, kind, header, member })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        self.member.key()
    }

    /// How the array lies in the archive.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        if self.kind.is_some() { Encoding::Packed } else { Encoding::Plain }
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

    /// How many images these are: packed ones, or bools of two or more dimensions. `None` for other arrays, which
    /// may have two values all the same: [`Archive::images`] looks.
    #[must_use]
    pub fn images(&self) -> Option<usize> {
        let is_bool = *self.dtype() == Dtype::of::<bool>();
        let has_images = self.shape().len() >= 2 && (self.kind.is_some() || is_bool);
        has_images.then(|| self.shape().iter().rev().skip(2).product())
    }

    /// The bytes it takes in the file, compressed, its headers in the archive apart.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        self.member.compressed_size()
    }

    /// The number of the compression method (APPNOTE 4.4.5): 0 stored, 8 deflate, 93 zstd.
    #[must_use]
    pub fn method(&self) -> u16 {
        self.member.method()
    }

    pub(crate) fn member(&self) -> &Member<'a> {
        &self.member
    }

    pub(crate) fn kind(&self) -> Option<&'a PackedKind> {
        self.kind
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        self.archive.limits()
    }

    /// The array as it was saved.
    pub(crate) fn to_array(&self) -> Result<DynArray> {
        let blame = |error: bitnpz_npy::Error| Error::from(error).with_key(self.key());
        let npy = self.member.read()?;
        let view = DynArrayView::parse(&npy, &self.limits().npy).map_err(blame)?;
        let Some(kind) = self.kind else { return Ok(view.to_owned()) };
        self.check_limit()?;
        let pixels = unpack(view.data(), kind.width, &kind.dtype, kind.bits);
        DynArray::new(self.header.clone(), pixels).map_err(blame)
    }

    /// The images, packed in memory.
    pub(super) fn to_images(&self) -> Result<ImageSet<'a>> {
        let blame = |error: Error| error.with_key(self.key());
        let limits = &self.limits().npy;
        let set = match (self.kind, self.member.bytes()?) {
            (Some(kind), Some(npy)) => {
                let view = DynArrayView::parse(npy, limits).map_err(|error| blame(error.into()))?;
                ImageSet::new(kind.clone(), self.shape(), view.data().into())
            }
            (Some(kind), None) => {
                let npy = self.member.read()?;
                let view = DynArrayView::parse(&npy, limits).map_err(|error| blame(error.into()))?;
                ImageSet::new(kind.clone(), self.shape(), view.data().to_vec().into())
            }
            (None, _) => {
                let array = self.to_array()?;
                let (kind, rows) = pack(&array.view()).map_err(blame)?;
                ImageSet::new(kind, self.shape(), rows.into())
            }
        };
        set.map_err(|error| damaged(&self.member, error.to_string()))
    }

    /// That what comes out is not too much: packed rows can stand for 64 times their bytes.
    fn check_limit(&self) -> Result<()> {
        let (found, limit) = (self.header.data_len() as u64, self.limits().npy.array_bytes);
        if found > limit {
            return Err(Error::from(ErrorKind::TooLarge { found, limit }).with_key(self.key()));
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
