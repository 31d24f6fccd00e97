//! The entry of a key: an array's properties, known without reading its data.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bitnpz_bitmap::codec::Codec;
use bitnpz_npy::{Dtype, DynArray, DynArrayView, Header, copy, with_room};
use bitnpz_npz::{Limits, Member, MemberReader, Method};

use super::array_reader::ArrayReader;
use super::check::{check_array, damaged};
use super::contents::{Contents, SetArray};
use super::images::{Images, trailing};
use super::packed_rows::PackedRows;
use super::stored_images::StoredImages;
use crate::array_place::place_of_array;
use crate::axes::ImageAxes;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::packed::{PackedKind, count_images, unpack};
use crate::set::{Ones, SMALL_STACK};
use crate::value::lane_bytes;

/// Members up to this size are read whole when their header is read, because their data is usually read next.
const EAGER_READ_BYTES: u64 = 64 << 10;

/// The properties of an array that are known without reading its data: dtype, shape, size.
///
/// ```
/// use bitnpz::{Dtype, Encoding};
/// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
/// # writer.add_images("glyphs", &ndarray::Array3::from_elem((5000, 16, 16), 255_u8))?;
/// # let mut bytes = Vec::new();
/// # writer.finish_into(&mut bytes)?;
/// # let archive = bitnpz::Archive::from_bytes(bytes)?;
///
/// let entry = archive.entry("glyphs")?;
/// assert_eq!(entry.key(), "glyphs");
/// assert_eq!(*entry.dtype(), Dtype::of::<u8>());
/// assert_eq!(entry.shape(), [5000, 16, 16]);
/// assert_eq!(entry.image_count(), Some(5000));
/// assert_eq!(entry.encoding(), Encoding::Sets);
/// # Ok::<(), bitnpz::Error>(())
/// ```
#[derive(Clone)]
pub struct Entry<'a> {
    contents: &'a Arc<Contents>,
    key: String,
    location: ArrayLocation<'a>,
    header: Header,
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Entry");
        fields.field("key", &self.key).field("dtype", &self.dtype().to_string());
        fields.field("shape", &self.shape()).field("encoding", &self.encoding()).finish_non_exhaustive()
    }
}

/// A member, with its bytes if it is small, so that it is read only once.
#[derive(Clone)]
struct EntryMember<'a> {
    member: Member<'a>,
    npy: Option<Vec<u8>>,
}

impl EntryMember<'_> {
    /// Returns the member's bytes, read now or before.
    fn npy(&self) -> Result<Cow<'_, [u8]>> {
        match &self.npy {
            Some(npy) => Ok(Cow::Borrowed(npy)),
            None => Ok(Cow::Owned(self.member.read()?)),
        }
    }
}

/// The location of an array in the archive.
#[derive(Clone)]
enum ArrayLocation<'a> {
    /// A member of its own, with its kind if it is packed.
    Member(EntryMember<'a>, Option<&'a PackedKind>),
    /// Images of an image set.
    Set(StoredImages),
}

impl<'a> Entry<'a> {
    /// Reads the entry of the array of a member.
    pub(super) fn of_member(contents: &'a Arc<Contents>, member: Member<'a>) -> Result<Self> {
        let blame = |error: bitnpz_npy::Error| Error::from(error).with_key(member.key());
        let limits = &contents.limits().npy;
        let npy = (member.size() <= EAGER_READ_BYTES).then(|| member.read()).transpose()?;
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
        let location = ArrayLocation::Member(EntryMember { member, npy }, kind);
        Ok(Self { contents, key, location, header })
    }

    /// Reads the entry of an array of a set.
    pub(super) fn of_set(contents: &'a Arc<Contents>, array: SetArray) -> Result<Self> {
        let key = contents.key_of(&array);
        let images = StoredImages::new(contents, array);
        let header = images.header().map_err(|error| error.with_key(&key))?;
        Ok(Self { contents, key, location: ArrayLocation::Set(images), header })
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Returns the encoding of the array.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        match &self.location {
            ArrayLocation::Member(_, None) => Encoding::Plain,
            ArrayLocation::Member(_, Some(_)) => Encoding::Packed,
            ArrayLocation::Set(_) => Encoding::Sets,
        }
    }

    /// Returns the codec of an array in an image set; `None` for other arrays.
    #[must_use]
    pub fn codec(&self) -> Option<Codec> {
        match &self.location {
            ArrayLocation::Member(..) => None,
            ArrayLocation::Set(images) => Some(images.codec()),
        }
    }

    /// Returns the array's dtype, shape and memory order, as they were saved.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the array's dtype, as it was saved.
    #[must_use]
    pub fn dtype(&self) -> &Dtype {
        &self.header.dtype
    }

    /// Returns the array's shape, as it was saved.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.header.shape
    }

    /// Returns the number of images, if the array is packed, in an image set, or of bools with two or more dimensions. `None` for
    /// other arrays, although their items may have only two values; [`Archive::images`](crate::Archive::images) finds out.
    #[must_use]
    pub fn image_count(&self) -> Option<usize> {
        match &self.location {
            ArrayLocation::Set(images) => return Some(images.len()),
            ArrayLocation::Member(_, None) if *self.dtype() != Dtype::of::<bool>() => return None,
            ArrayLocation::Member(..) => {}
        }
        let (stack, _) = ImageAxes::Inferred.form(&self.header).ok().flatten()?;
        Some(count_images(&stack))
    }

    /// Returns whether this may be a stack that was too small for a set.
    pub(crate) fn is_small_stack(&self) -> bool {
        let Header { shape, dtype, fortran_order, .. } = &self.header;
        if shape.len() < 3 || lane_bytes(dtype).is_none() || *fortran_order {
            return false;
        }
        let stack = ImageAxes::Inferred.form(&self.header).ok().flatten();
        let rows_len = |width: usize| self.header.len() / width.max(1) * width.div_ceil(8);
        stack.is_some_and(|(stack, _)| matches!(*stack, [_, .., _, width] if rows_len(width) < SMALL_STACK))
    }

    /// Returns the axes of height and width. They are known only for an image set; `Inferred` for other arrays and for sets
    /// whose images lie along the last two axes.
    #[must_use]
    pub fn image_axes(&self) -> ImageAxes {
        match &self.location {
            ArrayLocation::Set(images) => images.image_axes(),
            ArrayLocation::Member(..) => ImageAxes::Inferred,
        }
    }

    /// Returns the compressed size of the array in bytes, without ZIP headers. For one image of a set this is the size of its
    /// payload; for a set that is one array it includes the directories and the models.
    #[must_use]
    pub fn stored_bytes(&self) -> u64 {
        match &self.location {
            ArrayLocation::Member(entry_member, _) => entry_member.member.compressed_size(),
            ArrayLocation::Set(images) => images.stored_bytes(),
        }
    }

    /// Returns the compression method of the array's member. Images of a set are [`Method::STORED`].
    #[must_use]
    pub fn method(&self) -> Method {
        match &self.location {
            ArrayLocation::Member(entry_member, _) => entry_member.member.method(),
            ArrayLocation::Set(_) => Method::STORED,
        }
    }

    /// Returns a reader of the array's member.
    ///
    /// # Errors
    ///
    /// If the array is in an image set, or its member is damaged.
    pub(crate) fn member_reader(&self) -> Result<MemberReader<'a>> {
        match &self.location {
            ArrayLocation::Member(entry_member, _) => Ok(entry_member.member.reader()?),
            ArrayLocation::Set(_) => Err(Error::from(ErrorKind::NoSuchKey).with_key(&self.key)),
        }
    }

    /// Returns a reader of the array in its member.
    pub(crate) fn member_array(&self) -> Result<ArrayReader<'a>> {
        match &self.location {
            ArrayLocation::Member(entry_member, _) => {
                ArrayReader::of_member(&entry_member.member, &self.limits().npy)
            }
            ArrayLocation::Set(_) => Err(Error::from(ErrorKind::NoSuchKey).with_key(&self.key)),
        }
    }

    /// Returns the kind of the packed images; `None` if the array's member is not packed.
    pub(crate) fn kind(&self) -> Option<&'a PackedKind> {
        match &self.location {
            ArrayLocation::Member(_, kind) => *kind,
            ArrayLocation::Set(_) => None,
        }
    }

    /// Returns whether the array is in an image set.
    pub(super) fn is_in_set(&self) -> bool {
        matches!(self.location, ArrayLocation::Set(_))
    }

    /// Returns the axes of length 1 around an image of a set that has a key of its own; `None` of all other arrays. With such axes
    /// before its height it is a stack of one image.
    pub(crate) fn ones(&self) -> Option<Ones> {
        let set = self.set_images()?.set();
        set.is_keyed().then(|| set.ones())
    }

    /// Returns the images, if they are in a set.
    pub(crate) fn set_images(&self) -> Option<&StoredImages> {
        match &self.location {
            ArrayLocation::Member(..) => None,
            ArrayLocation::Set(images) => Some(images),
        }
    }

    pub(crate) fn limits(&self) -> &'a Limits {
        self.contents.limits()
    }

    /// Returns the number of axes of length 1 that the array has after those of its stack of images; `None` if it differs from the
    /// stack in any other way, such as the order of its axes.
    pub(crate) fn trailing(&self, images: &Images) -> Option<usize> {
        match self.set_images().and_then(StoredImages::form) {
            Some(form) => form.trailing(images.shape()),
            None => trailing(&self.header, images.shape()),
        }
    }

    /// Reads the array, as it was saved.
    pub(crate) fn to_array(&self) -> Result<DynArray> {
        let blame = |error: Error| error.with_key(&self.key);
        let limits = &self.limits().npy;
        check_array(self.header.data_len() as u64, limits.array_bytes).map_err(blame)?;
        let pixels = match &self.location {
            ArrayLocation::Set(images) => {
                let mut pixels = with_room(self.header.data_len()).map_err(|error| blame(error.into()))?;
                images.unpack(0..images.len(), &mut pixels).map_err(blame)?;
                match images.form() {
                    Some(form) => form.to_array(pixels, self.dtype().item_size()).map_err(blame)?,
                    None => pixels,
                }
            }
            ArrayLocation::Member(EntryMember { member, npy: None }, None) => {
                return self.contents.read_array(member).map_err(blame);
            }
            ArrayLocation::Member(entry_member, kind) => {
                let npy = entry_member.npy()?;
                let view = DynArrayView::parse(&npy, limits).map_err(|error| blame(error.into()))?;
                match kind {
                    Some(kind) => unpack(view.data(), kind.width, &kind.dtype, kind.bits).map_err(blame)?,
                    None => return view.to_owned().map_err(|error| blame(error.into())),
                }
            }
        };
        DynArray::new(self.header.clone(), pixels).map_err(|error| blame(error.into()))
    }

    /// Returns the images. Their rows are read now, unless they are in a set or stored uncompressed.
    pub(super) fn to_images(&self) -> Result<Images> {
        let blame = |error: Error| error.with_key(&self.key);
        let images = match &self.location {
            ArrayLocation::Set(images) => Images::stored(images.clone()).map_err(blame),
            ArrayLocation::Member(_, None) => {
                Images::of_array(&self.to_array()?.view(), self.stored_bytes()).map_err(blame)
            }
            ArrayLocation::Member(entry_member, Some(kind)) => {
                let rows = self.packed_rows(entry_member)?;
                Images::packed((*kind).clone(), self.shape(), rows)
                    .map_err(|error| damaged(&entry_member.member, error.to_string()))
            }
        };
        Ok(images?.with_threads(self.contents.threads))
    }

    /// Returns the rows of a packed member: their range in the file if they are stored uncompressed, else the rows themselves.
    fn packed_rows(&self, entry_member: &EntryMember<'_>) -> Result<PackedRows> {
        let blame = |error: Error| error.with_key(&self.key);
        let (member, limits) = (&entry_member.member, &self.limits().npy);
        match member.range()? {
            Some(range) => {
                let (header, range) = place_of_array(&self.contents.zip, range, limits).map_err(blame)?;
                let (expected, found) = (header.data_len() as u64, range.end - range.start);
                if expected != found {
                    return Err(damaged(
                        member,
                        format!("expected {expected} bytes of array, found {found}"),
                    ));
                }
                Ok(PackedRows::File { contents: Arc::clone(self.contents), member: member.number(), range })
            }
            None => {
                let npy = entry_member.npy()?;
                let view = DynArrayView::parse(&npy, limits).map_err(|error| blame(error.into()))?;
                let rows = copy(view.data()).map_err(|error| blame(error.into()))?;
                Ok(PackedRows::Memory { rows, stored_bytes: self.stored_bytes() })
            }
        }
    }
}

/// Returns the header of the array that these packed rows were packed from.
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
