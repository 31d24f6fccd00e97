//! Writing an archive, image by image and array by array.

use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use bitnpz_bitmap::{BitmapView, Pixel, PixelValues};
use bitnpz_npy::{Dtype, DynArray, DynArrayView, Element, Header, Kind, with_room};
use bitnpz_npz::{AtomicFile, Method, Owner};
use ndarray::{ArrayRef, ArrayRef2, Dimension};

use super::extend::WaitingStack;
use super::ledger::Ledger;
use super::plain;
use super::sets::{Lone, SetsWriter};
use super::stack::{SetStack, Stack};
use super::stack_writer::StackWriter;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::options::WriteOptions;
use crate::packed::{self, PackedKind, Palette, Unfit};
use crate::read::RESERVED;
use crate::set::SetOptions;
use crate::value::Value;

/// Larger arrays are not compressed as a whole but in pieces, on all cores and in memory for a few of them.
const STREAMED: usize = 16 << 20;

/// About how large a piece is, in bytes.
const PIECE: usize = 1 << 20;

/// Images without pixels that have more rows or columns are kept as an ordinary array: no reader takes so many for granted.
const MOST_NOTHING: usize = 1 << 16;

/// What a finished archive holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Keys, of images and of ordinary arrays.
    pub keys: usize,
    /// Images, those of stacks included.
    pub images: usize,
}

/// Writes an archive: images and ordinary arrays, each under its key.
///
/// The archive appears under its name when [`finish`](Self::finish) returns, and not before: a writer that is
/// dropped leaves nothing behind, and a file it was to replace as it was. Images are compressed on all cores
/// as they come; memory stays bounded, however many there are.
///
/// ```
/// use ndarray::array;
///
/// let folder = tempfile::tempdir()?;
/// let mut writer = bitnpz::Writer::create(folder.path().join("training.npz"))?;
/// writer.add_image("ix-000000", &array![[0_u8, 255], [255, 0]])?;
/// writer.add_array("outputs", &array![3_i64])?;
/// assert_eq!(writer.finish()?.images, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer {
    pub(super) zip: bitnpz_npz::Writer<AtomicFile>,
    pub(super) ledger: Ledger,
    pub(super) sets: SetsWriter,
    /// Stacks that more may come for, in encodings that write a stack in one go.
    pub(super) waiting: Vec<WaitingStack>,
    /// Where the archive will be.
    pub(super) folder: PathBuf,
    encoding: Encoding,
    owner: Owner,
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = f.debug_struct("Writer");
        fields.field("encoding", &self.encoding).field("ledger", &self.ledger).finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts an archive of image sets at this path.
    ///
    /// # Errors
    ///
    /// If no file can be made there.
    pub fn create(path: impl AsRef<Path>) -> Result<Self> {
        Self::create_with(path, &WriteOptions::default())
    }

    /// Starts an archive as `options` say.
    ///
    /// # Errors
    ///
    /// If no file can be made there.
    pub fn create_with(path: impl AsRef<Path>, options: &WriteOptions) -> Result<Self> {
        let mut zip_options = bitnpz_npz::WriteOptions::default().with_method(options.method);
        if let Some(threads) = options.threads {
            zip_options = zip_options.with_threads(threads);
        }
        let path = path.as_ref();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        Ok(Self {
            zip: bitnpz_npz::Writer::new(AtomicFile::create(path)?, zip_options.clone()),
            ledger: Ledger::new(options.progress.clone()),
            sets: SetsWriter::new(SetOptions {
                codec: options.codec,
                threads: zip_options.threads,
                item_bytes: 1,
                progress: options.progress.clone(),
            }),
            waiting: Vec::new(),
            folder: folder.unwrap_or(Path::new(".")).to_owned(),
            encoding: options.encoding,
            owner: Owner::current(),
        })
    }

    /// How images lie in this archive.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Adds one image, shape `(height, width)`.
    ///
    /// # Errors
    ///
    /// If the image has a third value or NaN, if the key is taken or not allowed, or if writing fails.
    pub fn add_image<T: Pixel + Element>(&mut self, key: &str, image: &ArrayRef2<T>) -> Result<()> {
        self.add_images(key, image)
    }

    /// Adds a stack of images under one key, shape `(..., height, width)`: what NumPy has as one array.
    ///
    /// # Errors
    ///
    /// As [`add_image`](Self::add_image), and if there are fewer than two dimensions.
    pub fn add_images<T: Pixel + Element, D: Dimension>(
        &mut self,
        key: &str,
        stack: &ArrayRef<T, D>,
    ) -> Result<()> {
        with_view(stack, |stack| self.add_dyn_images(key, stack))
    }

    /// Adds one image of bools that is packed already.
    ///
    /// # Errors
    ///
    /// If the key is taken or not allowed, or if writing fails.
    pub fn add_bitmap(&mut self, key: &str, bitmap: BitmapView<'_>) -> Result<()> {
        let bits = [0, 1];
        let shape = vec![bitmap.height(), bitmap.width()];
        match self.encoding {
            Encoding::Packed => {
                let kind = PackedKind { dtype: Dtype::of::<bool>(), bits, width: bitmap.width() };
                self.add_packed(key, &shape, kind, bitmap.as_bytes())
            }
            Encoding::Plain => self.add_images(key, &bitmap.unpack(PixelValues::<bool>::default())),
            Encoding::Contour => {
                self.claim(key)?;
                let palette = Palette::new(&Dtype::of::<bool>()).expect("pixels can be bools");
                let size = [bitmap.height(), bitmap.width()];
                self.sets.push(&mut self.zip, key, size, palette, bitmap.as_bytes())
            }
        }
    }

    /// Adds images whose type is known at run time only.
    ///
    /// # Errors
    ///
    /// As [`add_images`](Self::add_images), and if pixels cannot be of the array's type.
    pub fn add_dyn_images(&mut self, key: &str, stack: &DynArrayView<'_>) -> Result<()> {
        if self.encoding == Encoding::Contour {
            return self.add_to_sets(key, stack).map_err(|error| error.with_key(key));
        }
        let (kind, rows) = pack(stack).map_err(|error| error.with_key(key))?;
        match self.encoding {
            Encoding::Plain => self.add_plain(key, stack, Some((kind, rows)), count_images(stack.shape())),
            _ => self.add_packed(key, stack.shape(), kind, &rows),
        }
    }

    /// Starts a stack of images of one dtype and shape `(height, width)` whose number is not known yet.
    ///
    /// # Errors
    ///
    /// If the key is taken or not allowed, if pixels cannot be of this type, or if writing fails.
    pub fn stack(&mut self, key: &str, dtype: &Dtype, image_shape: [usize; 2]) -> Result<StackWriter<'_>> {
        StackWriter::start(self, key, dtype, &image_shape)
    }

    /// Adds an ordinary array, which any reader of archives gives back as it is.
    ///
    /// # Errors
    ///
    /// If the key is taken or not allowed, or if writing fails.
    pub fn add_array<T: Element, D: Dimension>(&mut self, key: &str, array: &ArrayRef<T, D>) -> Result<()> {
        self.add_dyn_array(key, &DynArray::from_ndarray(array).view())
    }

    /// Adds an ordinary array whose type is known at run time only: any that NumPy has, but objects.
    ///
    /// # Errors
    ///
    /// As [`add_array`](Self::add_array).
    pub fn add_dyn_array(&mut self, key: &str, array: &DynArrayView<'_>) -> Result<()> {
        let packed = if plain::fits(array) { pack(array).ok() } else { None };
        self.add_plain(key, array, packed, 0)
    }

    /// Writes what ends the archive, and gives it its name.
    ///
    /// # Errors
    ///
    /// If writing fails; then the file that was to be replaced is as it was.
    pub fn finish(mut self) -> Result<Summary> {
        self.check_owner()?;
        self.write_waiting()?;
        for lone in self.sets.finish(&mut self.zip, &mut self.ledger)? {
            write_lone(&mut self.zip, &mut self.ledger, &lone)?;
        }
        if let Some(index) = self.ledger.packed_index(|number| self.zip.name(number)) {
            self.zip.add(packed::MEMBER, index.to_json())?;
        }
        self.zip.finish()?.commit()?;
        Ok(Summary { keys: self.ledger.keys(), images: self.ledger.images() })
    }

    /// Makes a key taken.
    pub(super) fn claim(&mut self, key: &str) -> Result<()> {
        self.check_owner()?;
        check_key(key)?;
        if self.is_waiting(key) {
            return Err(Error::from(ErrorKind::DuplicateKey).with_key(key));
        }
        if self.encoding == Encoding::Contour || !self.sets.is_empty() {
            self.sets.claim(key)?;
        }
        Ok(())
    }

    /// Whether something was added under this key, or was there when the writer [appends](Self::append).
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.zip.contains(key) || self.sets.contains(key) || self.is_waiting(key)
    }

    /// That this process started the archive: a fork of it shares its files, those of stacks that wait too.
    pub(super) fn check_owner(&self) -> Result<()> {
        Ok(self.owner.check().map_err(bitnpz_npz::Error::from)?)
    }

    /// That a key is not taken yet.
    pub(super) fn check_free(&self, key: &str) -> Result<()> {
        check_key(key)?;
        if self.contains(key) {
            return Err(Error::from(ErrorKind::DuplicateKey).with_key(key));
        }
        Ok(())
    }

    fn is_waiting(&self, key: &str) -> bool {
        let key = bitnpz_npz::identity(key);
        self.waiting.iter().any(|stack| stack.is(key))
    }

    fn add_to_sets(&mut self, key: &str, stack: &DynArrayView<'_>) -> Result<()> {
        if is_tall_nothing(stack.shape()) {
            return self.add_plain(key, stack, None, 0);
        }
        if let &[height, width] = stack.shape() {
            let (palette, rows) = self.sets.pack(stack)?;
            if !self.sets.take(&palette) {
                let kind = PackedKind { dtype: palette.dtype().clone(), bits: palette.bits(), width };
                return self.add_packed(key, stack.shape(), kind, &rows);
            }
            self.claim(key)?;
            return self.sets.push(&mut self.zip, key, [height, width], palette, &rows);
        }
        let set = self.add_stack(key, stack)?;
        if let Some(lone) = self.sets.finish_stack(&mut self.zip, &mut self.ledger, set)? {
            write_lone(&mut self.zip, &mut self.ledger, &lone)?;
        }
        Ok(())
    }

    /// Starts a set that is a stack, of these images first.
    pub(super) fn add_stack(&mut self, key: &str, images: &DynArrayView<'_>) -> Result<SetStack> {
        let item_shape = images.shape().get(1..).unwrap_or_default();
        let mut stack = Stack::new(bitnpz_npz::identity(key), images.dtype(), item_shape)?;
        // Nothing is claimed for images that do not fit.
        stack.pack(&c_order(images)?, images.shape()[0])?;
        self.claim(key)?;
        let mut set = self.sets.start_stack(stack);
        set.push_packed(&mut self.zip)?;
        Ok(set)
    }

    /// Adds an array as it is; `packed` if it has two values.
    fn add_plain(
        &mut self,
        key: &str,
        array: &DynArrayView<'_>,
        packed: Option<(PackedKind, Vec<u8>)>,
        images: usize,
    ) -> Result<()> {
        self.claim(key)?;
        let items = zeros_and_ones(array.dtype(), array.data())?;
        let array = &DynArrayView::new(array.header().clone(), &items)?;
        let method = self.zip.options().method;
        let deflates = matches!(method, Method::Deflate { .. });
        let streams = array.data().len() > STREAMED && !matches!(method, Method::Zstd { .. });
        let added = match packed {
            Some((kind, rows)) if deflates && plain::fits(array) => {
                let weight = rows.len();
                let encoder = plain::encoder(array, &kind, rows, method);
                let encoder = encoder.map_err(|error| error.with_key(key))?;
                self.zip.add_encoded(&format!("{key}.npy"), weight, encoder)
            }
            _ if streams => return self.stream_plain(key, array, images),
            _ => self.zip.add_array(key, array),
        };
        added.map_err(|error| Error::from(error).with_key(key))?;
        self.ledger.note_plain(self.zip.len() - 1, images);
        self.ledger.progress.add(images, array.data().len());
        Ok(())
    }

    /// Adds an array as it is, in pieces.
    fn stream_plain(&mut self, key: &str, array: &DynArrayView<'_>, images: usize) -> Result<()> {
        let blame = |error: bitnpz_npz::Error| Error::from(error).with_key(key);
        let (number, head) = (self.zip.len(), array.header().to_bytes()?);
        let mut stream = self.zip.stream(&format!("{key}.npy"), head.clone()).map_err(blame)?;
        for piece in array.data().chunks(PIECE) {
            interrupt::check()?;
            stream.write_all(piece).map_err(|error| blame(error.into()))?;
            self.ledger.progress.add(0, piece.len());
        }
        stream.finish(&head).map_err(blame)?;
        self.ledger.progress.add(images, 0);
        self.ledger.note_plain(number, images);
        Ok(())
    }

    fn add_packed(&mut self, key: &str, shape: &[usize], kind: PackedKind, rows: &[u8]) -> Result<()> {
        self.claim(key)?;
        write_packed(&mut self.zip, &mut self.ledger, (key, shape, kind, rows))
    }
}

/// Whether this is the shape of images without pixels that are higher or wider than makes sense.
fn is_tall_nothing(shape: &[usize]) -> bool {
    matches!(*shape, [.., height, width] if height * width == 0 && height.max(width) > MOST_NOTHING)
}

/// Writes what is not worth a set as a packed member.
pub(super) fn write_lone(
    zip: &mut bitnpz_npz::Writer<AtomicFile>,
    ledger: &mut Ledger,
    (key, shape, kind, rows): &Lone,
) -> Result<()> {
    write_packed(zip, ledger, (key, shape, kind.clone(), rows))
}

fn write_packed(
    zip: &mut bitnpz_npz::Writer<AtomicFile>,
    ledger: &mut Ledger,
    (key, shape, kind, rows): (&str, &[usize], PackedKind, &[u8]),
) -> Result<()> {
    let rows = DynArrayView::new(packed_header(shape, kind.width), rows)?;
    zip.add_array(key, &rows).map_err(|error| Error::from(error).with_key(key))?;
    let bytes = shape.iter().product::<usize>() * kind.dtype.item_size();
    ledger.note_packed(zip.len() - 1, kind, count_images(shape));
    ledger.progress.add(count_images(shape), bytes);
    Ok(())
}

/// Calls `with` with an array as one whose type is known at run time only, where it lies if it is in C order.
pub(super) fn with_view<T: Pixel + Element, D: Dimension>(
    array: &ArrayRef<T, D>,
    with: impl FnOnce(&DynArrayView<'_>) -> Result<()>,
) -> Result<()> {
    match array.as_slice() {
        Some(items) => {
            let header = Header::new(Dtype::of::<T>(), array.shape().to_vec());
            with(&DynArrayView::new(header, bytemuck::cast_slice(items))?)
        }
        None => with(&DynArray::from_ndarray(array).view()),
    }
}

/// That a key is not one of the library's own.
pub(super) fn check_key(key: &str) -> Result<()> {
    if key.starts_with(RESERVED) { Err(Error::from(ErrorKind::ReservedKey).with_key(key)) } else { Ok(()) }
}

/// The header of packed rows of images of this shape.
pub(super) fn packed_header(shape: &[usize], width: usize) -> Header {
    let mut shape = shape.to_vec();
    if let Some(last) = shape.last_mut() {
        *last = width.div_ceil(8);
    }
    Header::new(Dtype::of::<u8>(), shape)
}

/// The items of an array in C order.
pub(super) fn c_order<'a>(array: &DynArrayView<'a>) -> Result<Cow<'a, [u8]>> {
    if array.header().fortran_order {
        return Ok(Cow::Owned(array.to_c_order()?));
    }
    Ok(Cow::Borrowed(array.data()))
}

/// Items as they are written: of bools any byte but zero is 1, as NumPy means it.
pub(super) fn zeros_and_ones<'a>(dtype: &Dtype, items: &'a [u8]) -> Result<Cow<'a, [u8]>> {
    if dtype.kind() != Some(Kind::Bool) || items.iter().fold(0, |seen, byte| seen | byte) <= 1 {
        return Ok(Cow::Borrowed(items));
    }
    let mut normal = with_room(items.len())?;
    normal.extend(items.iter().map(|&byte| u8::from(byte != 0)));
    Ok(Cow::Owned(normal))
}

/// The images in an array of shape `(..., height, width)`.
pub(super) fn count_images(shape: &[usize]) -> usize {
    shape.iter().rev().skip(2).product()
}

/// Packs an array of images, and says what it takes to give it back.
pub(crate) fn pack(stack: &DynArrayView<'_>) -> Result<(PackedKind, Vec<u8>)> {
    let shape = stack.shape();
    let (Some(mut palette), [.., _, width]) = (Palette::new(stack.dtype()), shape) else {
        let (dtype, shape) = (stack.dtype().clone(), shape.to_vec());
        return Err(ErrorKind::NotImages { dtype, shape }.into());
    };
    let pixels = c_order(stack)?;
    let mut rows = with_room(palette.rows_len(&pixels, *width))?;
    palette.pack(&pixels, *width, &mut rows).map_err(|unfit| unfit_error(&unfit, 0, shape))?;
    Ok((PackedKind { dtype: stack.dtype().clone(), bits: palette.bits(), width: *width }, rows))
}

/// The error of a pixel among those that come after `before` others in an array of this shape.
pub(super) fn unfit_error(unfit: &Unfit, before: usize, shape: &[usize]) -> Error {
    let mut number = before + unfit.pixel;
    let mut index = vec![0; shape.len()];
    for (place, &length) in index.iter_mut().zip(shape).skip(1).rev() {
        (*place, number) = (number % length, number / length);
    }
    index[0] = number;
    match unfit.found {
        Value::Float(value) if value.is_nan() => ErrorKind::NotANumber { index }.into(),
        found => ErrorKind::NotBilevel { index, found, values: unfit.values }.into(),
    }
}
