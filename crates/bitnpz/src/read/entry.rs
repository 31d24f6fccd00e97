//! What an archive has under one key.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bitnpz_bitmap::codec::Codec;
use bitnpz_npy::{Dtype, DynArray, DynArrayView, Header, copy, with_room};
use bitnpz_npz::{Limits, Member, MemberReader, Method};

use super::check::{check_array, damaged};
use super::contents::{Contents, SetArray};
use super::images::Images;
use super::packed_rows::PackedRows;
use super::stored_images::StoredImages;
use crate::axes::ImageAxes;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::packed::{PackedKind, count_images, unpack};
use crate::set::SMALL_STACK;
use crate::value::lane_bytes;

/// Members up to this size are read whole to see their headers: their data is asked for next as a rule. Longer than any header.
const WHOLE_BYTES: u64 = 64 << 10;

/// What an archive has under one key: the array's dtype and shape, and what it takes in the file.
#[derive(Clone)]
pub struct Entry<'a> {
    contents: &'a Arc<Contents>,
    key: String,
    data: Data<'a>,
    header: Header,
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Entry");
        fields.field("key", &self.key).field("dtype", &self.dtype().to_string());
        fields.field("shape", &self.shape()).field("encoding", &self.encoding()).finish_non_exhaustive()
    }
}

/// A member, and all its bytes if it is small: it is read once.
#[derive(Clone)]
struct WholeMember<'a> {
    member: Member<'a>,
    npy: Option<Vec<u8>>,
}

impl WholeMember<'_> {
    fn npy(&self) -> Result<Cow<'_, [u8]>> {
        match &self.npy {
            Some(npy) => Ok(Cow::Borrowed(npy)),
            None => Ok(Cow::Owned(self.member.read()?)),
        }
    }
}

/// Where an array is.
#[derive(Clone)]
enum Data<'a> {
    /// In a member of its own, packed or not.
    Member(WholeMember<'a>, Option<&'a PackedKind>),
    /// In an image set.
    Set(StoredImages),
}

impl<'a> Entry<'a> {
    /// The array of a member.
    pub(super) fn of_member(contents: &'a Arc<Contents>, member: Member<'a>) -> Result<Self> {
        let blame = |error: bitnpz_npy::Error| Error::from(error).with_key(member.key());
        let limits = &contents.limits().npy;
        let npy = (member.size() <= WHOLE_BYTES).then(|| member.read()).transpose()?;
        let stored = match &npy {
            Some(npy) => Header::parse(npy, limits).map_err(blame)?.0,
            None => Header::read(member.reader()?, limits).map_err(blame)?,
        };
        let kind = contents.packed.kind(member.key());
        let header = match kind {
            Some(kind) => original_header(stored, kind).map_err(|message| damaged(&member, message))?,
            None => stored,
        };
        let key = member.key().to_owned();
        Ok(Self { contents, key, data: Data::Member(WholeMember { member, npy }, kind), header })
    }

    /// Returns the entry of an array of a set.
    pub(super) fn of_set(contents: &'a Arc<Contents>, array: SetArray) -> Result<Self> {
        let key = contents.key_of(&array);
        let images = StoredImages::new(contents, array);
        let header = images.header().map_err(|error| error.with_key(&key))?;
        Ok(Self { contents, key, data: Data::Set(images), header })
    }

    /// The key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// How the array lies in the archive.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        match &self.data {
            Data::Member(_, None) => Encoding::Plain,
            Data::Member(_, Some(_)) => Encoding::Packed,
            Data::Set(_) => Encoding::Sets,
        }
    }

    /// How the images of an image set are coded; `None` for other arrays.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        match &self.data {
            Data::Member(..) => None,
            Data::Set(images) => Some(images.codec()),
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
    pub fn image_count(&self) -> Option<usize> {
        match &self.data {
            Data::Set(images) => return Some(images.len()),
            Data::Member(_, None) if *self.dtype() != Dtype::of::<bool>() => return None,
            Data::Member(..) => {}
        }
        let (stack, _) = ImageAxes::Inferred.form(&self.header).ok().flatten()?;
        Some(count_images(&stack))
    }

    /// Whether this may be a stack that was too small for a set.
    pub(crate) fn is_small_stack(&self) -> bool {
        let Header { shape, dtype, fortran_order, .. } = &self.header;
        if shape.len() < 3 || lane_bytes(dtype).is_none() || *fortran_order {
            return false;
        }
        let stack = ImageAxes::Inferred.form(&self.header).ok().flatten();
        let rows_len = |width: usize| self.header.len() / width.max(1) * width.div_ceil(8);
        stack.is_some_and(|(stack, _)| matches!(*stack, [_, .., _, width] if rows_len(width) < SMALL_STACK))
    }

    /// Which axes of the array are height and width, if it is an image set whose images are along other axes than the last two.
    #[must_use]
    pub fn image_axes(&self) -> ImageAxes {
        match &self.data {
            Data::Set(images) => images.image_axes(),
            Data::Member(..) => ImageAxes::Inferred,
        }
    }

    /// The bytes it takes in the file, compressed, its headers in the archive apart. Of one image of a set these are its
    /// payload; of a set that is one array, also its index and model.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        match &self.data {
            Data::Member(whole, _) => whole.member.compressed_size(),
            Data::Set(images) => images.stored_bytes(),
        }
    }

    /// Returns the compression method of its member; images of a set are stored.
    #[must_use]
    pub fn method(&self) -> Method {
        match &self.data {
            Data::Member(whole, _) => whole.member.method(),
            Data::Set(_) => Method::STORED,
        }
    }

    /// Reads the member of an array that has one.
    pub(crate) fn member_reader(&self) -> Result<MemberReader<'a>> {
        match &self.data {
            Data::Member(whole, _) => Ok(whole.member.reader()?),
            Data::Set(_) => Err(Error::from(ErrorKind::NoSuchKey).with_key(&self.key)),
        }
    }

    /// What it takes to unpack the array's member, if it is packed.
    pub(crate) fn kind(&self) -> Option<&'a PackedKind> {
        match &self.data {
            Data::Member(_, kind) => *kind,
            Data::Set(_) => None,
        }
    }

    /// Returns whether the array is in an image set.
    pub(super) fn is_in_set(&self) -> bool {
        matches!(self.data, Data::Set(_))
    }

    /// Returns the images, if they are in a set.
    pub(crate) fn set_images(&self) -> Option<&StoredImages> {
        match &self.data {
            Data::Member(..) => None,
            Data::Set(images) => Some(images),
        }
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        self.contents.limits()
    }

    /// The array as it was saved.
    pub(crate) fn to_array(&self) -> Result<DynArray> {
        let blame = |error: Error| error.with_key(&self.key);
        let limits = &self.limits().npy;
        check_array(self.header.data_len() as u64, limits.array_bytes).map_err(blame)?;
        let pixels = match &self.data {
            Data::Set(images) => {
                let mut pixels = with_room(self.header.data_len()).map_err(|error| blame(error.into()))?;
                images.unpack(0..images.len(), &mut pixels).map_err(blame)?;
                match images.form() {
                    Some(form) => form.to_array(pixels, self.dtype().item_size()).map_err(blame)?,
                    None => pixels,
                }
            }
            Data::Member(WholeMember { member, npy: None }, None) => {
                return self.contents.read_array(member).map_err(blame);
            }
            Data::Member(whole, kind) => {
                let npy = whole.npy()?;
                let view = DynArrayView::parse(&npy, limits).map_err(|error| blame(error.into()))?;
                match kind {
                    Some(kind) => unpack(view.data(), kind.width, &kind.dtype, kind.bits).map_err(blame)?,
                    None => return view.to_owned().map_err(|error| blame(error.into())),
                }
            }
        };
        DynArray::new(self.header.clone(), pixels).map_err(|error| blame(error.into()))
    }

    /// The images, packed in memory or where they lie.
    pub(super) fn to_images(&self) -> Result<Images> {
        let blame = |error: Error| error.with_key(&self.key);
        let limits = &self.limits().npy;
        let (whole, kind) = match &self.data {
            Data::Set(images) => return Images::stored(images.clone()).map_err(blame),
            Data::Member(whole, kind) => (whole, kind),
        };
        let (member, stored_bytes) = (&whole.member, self.stored_bytes());
        let Some(kind) = *kind else {
            let array = self.to_array()?;
            return Images::of_array(&array.view(), stored_bytes).map_err(blame);
        };
        let rows = match member.range()? {
            Some(range) => {
                let head = self.contents.zip.slice(range.start..range.end.min(range.start + WHOLE_BYTES))?;
                let (header, start) = Header::parse(&head, limits).map_err(|error| blame(error.into()))?;
                let (expected, found) = (header.data_len() as u64, range.end - range.start - start as u64);
                if expected != found {
                    return Err(damaged(
                        member,
                        format!("expected {expected} bytes of array, found {found}"),
                    ));
                }
                PackedRows::File(Arc::clone(self.contents), range.start + start as u64..range.end)
            }
            None => {
                let npy = whole.npy()?;
                let view = DynArrayView::parse(&npy, limits).map_err(|error| blame(error.into()))?;
                let rows = copy(view.data()).map_err(|error| blame(error.into()))?;
                PackedRows::Memory { rows, stored_bytes }
            }
        };
        Images::packed(kind.clone(), self.shape(), rows).map_err(|error| damaged(member, error.to_string()))
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
    header.check().map_err(|error| error.to_string())?;
    Ok(header)
}
