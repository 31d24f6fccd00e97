//! Writing an archive, image by image and array by array.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

use bitnpz_bitmap::{BitmapView, Pixel, PixelValues};
use bitnpz_npy::{Dtype, DynArray, DynArrayView, Element, Header};
use bitnpz_npz::{AtomicFile, Owner};
use ndarray::{ArrayRef, ArrayRef2, Dimension};

use super::extend::WaitingStack;
use super::ledger::Ledger;
use super::order_log::MEMBERS;
use super::plain::{self, PlainArray};
use super::resume::Resume;
use super::sets::{Lone, SetsWriter};
use super::sink::Sink;
use super::stack::{SetStack, Stack};
use super::stack_writer::StackWriter;
use crate::axes::{ImageAxes, StackForm};
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::names;
use crate::options::WriteOptions;
use crate::packed::{
    PackedImages, PackedKind, Palette, count_images, pack, packed_header, stack_of, to_stack, unpack,
};
use crate::progress::{Meter, Progress};
use crate::set::{Ones, SetOptions};

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
    /// Members that are no arrays, copied from other archives.
    pub others: usize,
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
    pub(super) zip: bitnpz_npz::Writer<Sink>,
    pub(super) ledger: Ledger,
    pub(super) sets: SetsWriter,
    /// Stacks that more may come for, in encodings that write a stack in one go.
    pub(super) waiting: Vec<WaitingStack>,
    /// Where the archive will be.
    pub(super) folder: PathBuf,
    encoding: Encoding,
    pub(super) meter: Meter,
    pub(super) resume: Option<Resume>,
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
        let path = path.as_ref();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        Ok(Self::start(AtomicFile::create(path)?, folder, options, options.meter()))
    }

    /// Starts an archive without a path, for [`finish_into`](Self::finish_into). Until then it is in a temporary file.
    ///
    /// # Errors
    ///
    /// If no temporary file can be made.
    pub fn unnamed(options: &WriteOptions) -> Result<Self> {
        Ok(Self::start(AtomicFile::unnamed()?, &std::env::temp_dir(), options, options.meter()))
    }

    /// Starts an archive in this file; stacks that come in batches wait in this folder.
    pub(super) fn start(file: AtomicFile, folder: &Path, options: &WriteOptions, meter: Meter) -> Self {
        let mut zip_options = bitnpz_npz::WriteOptions::default().with_compression(options.compression);
        if let Some(threads) = options.threads {
            zip_options = zip_options.with_threads(threads);
        }
        let sink = Sink::new(file, meter.clone());
        let sets = SetOptions {
            codec: options.codec,
            threads: zip_options.threads,
            item_bytes: 1,
            meter: meter.clone(),
        };
        Self {
            zip: bitnpz_npz::Writer::new(sink, zip_options),
            ledger: Ledger::default(),
            sets: SetsWriter::new(sets),
            waiting: Vec::new(),
            folder: folder.to_owned(),
            encoding: options.encoding.unwrap_or_default(),
            meter,
            resume: None,
            owner: Owner::current(),
        }
    }

    /// How images lie in this archive.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// Calls `report` with how far the writer has come: several times a second while it writes, and when it has finished.
    ///
    /// Images count when they are coded, so that a report follows what takes time. `report` is called on the threads that call
    /// the writer, from within its calls.
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let mut writer = bitnpz::Writer::create(folder.path().join("training.npz"))?;
    /// let (sender, reports) = channel();
    /// writer.on_progress(move |progress| drop(sender.send(progress)));
    /// writer.add_images("glyphs", &ndarray::Array3::from_elem((5000, 9, 9), true))?;
    /// writer.finish()?;
    /// assert_eq!(reports.iter().last().map(|last| last.images), Some(5000));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_progress(&mut self, report: impl FnMut(Progress) + Send + 'static) {
        self.meter.watch(report);
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
                self.add_packed(key, PackedImages { shape, kind, rows: bitmap.as_bytes().to_vec() })?;
            }
            Encoding::Plain => {
                return self.add_images(key, &bitmap.unpack(PixelValues::<bool>::default()));
            }
            Encoding::Sets => {
                self.claim(key)?;
                let palette = Palette::new(&Dtype::of::<bool>()).expect("pixels can be bools");
                let size = [bitmap.height(), bitmap.width()];
                let image = (size, palette, bitmap.as_bytes());
                self.sets.push(&mut self.zip, &mut self.ledger, key, Ones::default(), image)?;
            }
        }
        self.note_added(1)
    }

    /// Adds images whose type is known at run time only. Which axes are their rows and columns is
    /// [inferred](ImageAxes::Inferred).
    ///
    /// # Errors
    ///
    /// As [`add_images`](Self::add_images), and if pixels cannot be of the array's type.
    pub fn add_dyn_images(&mut self, key: &str, array: &DynArrayView<'_>) -> Result<()> {
        self.add_dyn_images_of(key, array, ImageAxes::Inferred)
    }

    /// Adds the images of an array that has rows and columns along these axes, or flat images. It comes back as it is; read
    /// as [images](crate::Archive::images) they are a stack of shape `(..., height, width)`.
    ///
    /// ```
    /// use bitnpz::{DynArray, ImageAxes};
    /// use ndarray::Array2;
    ///
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("digits.npz");
    /// let digits = DynArray::from_ndarray(&Array2::from_shape_fn((500, 784), |(i, pixel)| i * pixel % 9 == 1));
    /// let mut writer = bitnpz::Writer::create(&path)?;
    /// writer.add_dyn_images_of("digits", &digits.view(), "28x28".parse()?)?;
    /// writer.finish()?;
    ///
    /// let archive = bitnpz::Archive::open(&path)?;
    /// assert_eq!(archive.images("digits")?.shape(), [500, 28, 28]);
    /// assert_eq!(archive.dyn_array("digits")?, digits);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`add_images`](Self::add_images), and if the array does not have these axes.
    pub fn add_dyn_images_of(&mut self, key: &str, array: &DynArrayView<'_>, axes: ImageAxes) -> Result<()> {
        let images = self.add_images_of(key, array, axes).map_err(|error| error.with_key(key))?;
        self.note_added(images)
    }

    /// Adds images, and gives their number.
    fn add_images_of(&mut self, key: &str, array: &DynArrayView<'_>, axes: ImageAxes) -> Result<usize> {
        let (stack, form) = stack_of(array.header(), axes)?;
        let images = count_images(&stack);
        match (self.encoding, form) {
            (Encoding::Sets, form) => self.add_to_sets(key, array, (stack, form))?,
            (Encoding::Packed, None) => self.add_packed(key, pack(array)?)?,
            // Packed rows would be others than those of images along other axes.
            (Encoding::Packed, Some(_)) | (Encoding::Plain, _) => {
                let packed = pack(array)?;
                self.add_plain(key, array, Some(packed), images)?;
            }
        }
        Ok(images)
    }

    /// Starts a stack of images of one dtype and shape `(height, width)` whose number is not known yet.
    ///
    /// # Errors
    ///
    /// If the key is taken or not allowed, if pixels cannot be of this type, or if writing fails.
    pub fn stack(&mut self, key: &str, dtype: &Dtype, image_shape: [usize; 2]) -> Result<StackWriter<'_>> {
        StackWriter::start(self, key, dtype, &image_shape, MEMBERS)
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
        self.add_plain(key, array, packed, 0)?;
        self.note_added(0)
    }

    /// Writes what ends the archive, and gives it its name.
    ///
    /// # Errors
    ///
    /// If writing fails; then the file that was to be replaced is as it was.
    pub fn finish(self) -> Result<Summary> {
        if let Some(summary) = self.kept()? {
            return Ok(summary);
        }
        let (summary, file, meter) = self.complete()?;
        file.commit()?;
        meter.tell_last();
        Ok(summary)
    }

    /// Writes what ends the archive, and gives all of it to `out`. Nothing appears under the path of an archive that has one.
    ///
    /// ```
    /// let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// writer.add_image("ix-000000", &ndarray::array![[false, true]])?;
    /// let mut bytes = Vec::new();
    /// assert_eq!(writer.finish_into(&mut bytes)?.images, 1);
    /// assert!(bytes.starts_with(b"PK"));
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn finish_into(self, out: impl Write) -> Result<Summary> {
        let (summary, file, meter) = self.complete()?;
        file.copy_to(out)?;
        meter.tell_last();
        Ok(summary)
    }

    pub(super) fn complete(mut self) -> Result<(Summary, AtomicFile, Meter)> {
        self.check_owner()?;
        self.write_waiting()?;
        for lone in self.sets.finish(&mut self.zip, &mut self.ledger)? {
            write_lone(&mut self.zip, &mut self.ledger, lone)?;
        }
        let listed = self.sets.write_names(&mut self.zip, &self.ledger)?;
        if let Some(index) = self.ledger.packed_index(|number| self.zip.name(number)) {
            self.zip.add(names::PACKED, index.to_json())?;
        }
        let file = self.zip.finish_in_order(&listed)?.into_file();
        Ok((self.ledger.summary(), file, self.meter))
    }

    /// Makes a key taken.
    pub(super) fn claim(&mut self, key: &str) -> Result<()> {
        self.check_owner()?;
        self.note_change();
        names::check_key(key)?;
        if self.is_waiting(key) {
            return Err(Error::from(ErrorKind::DuplicateKey).with_key(key));
        }
        if self.encoding == Encoding::Sets || !self.sets.is_empty() {
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
        names::check_key(key)?;
        if self.contains(key) {
            return Err(Error::from(ErrorKind::DuplicateKey).with_key(key));
        }
        Ok(())
    }

    fn is_waiting(&self, key: &str) -> bool {
        let key = bitnpz_npz::identity(key);
        self.waiting.iter().any(|stack| stack.is(key))
    }

    fn add_to_sets(&mut self, key: &str, array: &DynArrayView<'_>, (stack, form): StackForm) -> Result<()> {
        if is_tall_nothing(&stack) {
            return self.add_plain(key, array, None, 0);
        }
        let of_array = form.as_ref().map_or(&stack, |form| &form.shape);
        if let &[.., height, width] = stack.as_slice()
            && let Some(ones) = Ones::of(of_array, &stack)
        {
            let pixels = to_stack(array, form.as_ref())?;
            let (palette, rows) = self.sets.pack(array.dtype(), &pixels, [height, width])?;
            if !self.sets.take(&palette, ones) {
                return self.add_dyn_array(key, array);
            }
            self.claim(key)?;
            let image = ([height, width], palette, rows.as_slice());
            return self.sets.push(&mut self.zip, &mut self.ledger, key, ones, image);
        }
        let set = self.add_stack(key, array, (stack, form))?;
        if let Some(lone) = self.sets.finish_stack(&mut self.zip, &mut self.ledger, set)? {
            write_lone(&mut self.zip, &mut self.ledger, lone)?;
        }
        Ok(())
    }

    /// Starts a set that is a stack, of the images of this array first.
    pub(super) fn add_stack(
        &mut self,
        key: &str,
        array: &DynArrayView<'_>,
        (shape, form): StackForm,
    ) -> Result<SetStack> {
        let pixels = to_stack(array, form.as_ref())?;
        let (count, item_shape) = shape.split_first().expect("a stack has two or more axes");
        let mut stack = Stack::new(bitnpz_npz::identity(key), array.dtype(), item_shape, form)?;
        // Nothing is claimed for images that do not fit.
        stack.pack(&pixels, *count)?;
        self.claim(key)?;
        let mut set = self.sets.start_stack(&mut self.ledger, stack);
        set.push_packed(&mut self.zip)?;
        Ok(set)
    }

    /// Adds an array as it is; `packed` if it has two values.
    fn add_plain(
        &mut self,
        key: &str,
        array: &DynArrayView<'_>,
        packed: Option<PackedImages>,
        images: usize,
    ) -> Result<()> {
        self.claim(key)?;
        let bytes = array.data().len();
        plain::write(
            &mut self.zip,
            &mut self.ledger,
            PlainArray { key, place: MEMBERS, array, packed, images },
        )?;
        self.meter.add_images(images, bytes);
        Ok(())
    }

    fn add_packed(&mut self, key: &str, packed: PackedImages) -> Result<()> {
        self.claim(key)?;
        let PackedImages { shape, kind, rows } = packed;
        let images = count_images(&shape);
        let npy = DynArrayView::new(packed_header(&shape), &rows)?.to_npy()?;
        self.zip.add(&names::of_array(key), npy).map_err(|error| Error::from(error).with_key(key))?;
        self.meter.add_images(images, shape.iter().product::<usize>() * kind.dtype.item_size());
        self.ledger.note_packed(self.zip.len() - 1, MEMBERS, kind, images);
        Ok(())
    }
}

/// Whether this is the shape of images without pixels that are higher or wider than makes sense.
fn is_tall_nothing(shape: &[usize]) -> bool {
    matches!(*shape, [.., height, width] if height * width == 0 && height.max(width) > MOST_NOTHING)
}

/// Writes what is not worth a set as an ordinary array.
pub(super) fn write_lone(zip: &mut bitnpz_npz::Writer<Sink>, ledger: &mut Ledger, lone: Lone) -> Result<()> {
    let Lone { key, place, shape, form, kind, rows } = lone;
    let images = count_images(&shape);
    let mut pixels = unpack(&rows, kind.width, &kind.dtype, kind.bits)?;
    let mut header = Header::new(kind.dtype.clone(), shape);
    if let Some(form) = &form {
        pixels = form.to_array(pixels, kind.dtype.item_size())?;
        (header.shape, header.fortran_order) = (form.shape.clone(), form.fortran_order);
    }
    let array = &DynArrayView::new(header, &pixels)?;
    let packed = if plain::fits(array) { Some(pack(array)?) } else { None };
    plain::write(zip, ledger, PlainArray { key: &key, place, array, packed, images })
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
