//! Adding images and arrays in memory.

use std::borrow::Cow;

use bitnpz_bitmap::{BitmapView, Pixel, PixelValues};
use bitnpz_npy::{Dtype, DynArray, DynArrayView, Element, Header};
use ndarray::{ArrayRef, ArrayRef2, Dimension};

use super::bilevel::{has_byte_rows, pack_rows};
use super::choice::pack_first;
use super::order_log::MEMBERS;
use super::plain::PlainArray;
use super::set_stack::SetStack;
use super::sets::KeyedImage;
use super::stack::Stack;
use super::stack_writer::StackWriter;
use super::writer::Writer;
use crate::axes::{ImageAxes, StackForm};
use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::names;
use crate::packed::{
    PackedImages, PackedKind, Palette, count_images, pack, packed_header, stack_of, to_stack,
};
use crate::set::Ones;

impl Writer {
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
        let size = [bitmap.height(), bitmap.width()];
        let palette = Palette::new(&Dtype::of::<bool>()).expect("pixels can be bools");
        let rows = || Some(Cow::Borrowed(bitmap.as_bytes()));
        match self.sets.encoding_of(self.encoding(), &size, None, rows) {
            Encoding::Packed => {
                let kind = PackedKind { dtype: Dtype::of::<bool>(), bits: [0, 1], width: bitmap.width() };
                self.add_packed(key, &size, kind, bitmap.as_bytes())?;
            }
            Encoding::Sets if self.sets.has_room(&palette, Ones::default()) => {
                self.claim(key)?;
                let image = KeyedImage { key, size, ones: Ones::default(), palette, rows: bitmap.as_bytes() };
                self.sets.push(&mut self.output, image)?;
            }
            _ => {
                return self.add_images(key, &bitmap.unpack(PixelValues::<bool>::default()));
            }
        }
        self.note_added(1)
    }

    /// Adds images whose type is known at run time only. The axes of rows and columns are [inferred](ImageAxes::Inferred).
    ///
    /// # Errors
    ///
    /// As [`add_images`](Self::add_images), and if pixels cannot be of the array's type.
    pub fn add_dyn_images(&mut self, key: &str, array: &DynArrayView<'_>) -> Result<()> {
        self.add_dyn_images_of(key, array, ImageAxes::Inferred)
    }

    /// Adds the images of an array that has rows and columns along these axes, or flat images. The array comes back as it is;
    /// read as [images](crate::Archive::images) it is a stack of shape `(..., height, width)`.
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

    /// Adds images, and returns their number.
    pub(super) fn add_images_of(
        &mut self,
        key: &str,
        array: &DynArrayView<'_>,
        axes: ImageAxes,
    ) -> Result<usize> {
        let formed = stack_of(array.header(), axes)?;
        let (shape, form) = (&formed.0, formed.1.as_ref());
        let images = count_images(shape);
        let first = || {
            let &[.., height, width] = shape.as_slice() else { return None };
            pack_first(array.dtype(), &to_stack(array, form).ok()?, [height, width]).map(Cow::Owned)
        };
        match self.sets.encoding_of(self.encoding(), shape, form, first) {
            Encoding::Sets => self.add_to_sets(key, array, formed, images)?,
            Encoding::Packed => {
                let PackedImages { shape, kind, rows } = pack(array)?;
                self.add_packed(key, &shape, kind, &rows)?;
            }
            Encoding::Plain => self.add_ordinary(key, array, images)?,
        }
        Ok(images)
    }

    /// Starts a stack of images of one dtype and shape `(height, width)` whose number is not known yet.
    ///
    /// # Errors
    ///
    /// If the key is taken or not allowed, if pixels cannot be of this type, or if writing fails.
    pub fn stack(&mut self, key: &str, dtype: &Dtype, image_shape: [usize; 2]) -> Result<StackWriter<'_>> {
        let stack = Stack::new(bitnpz_npz::identity(key), dtype, &image_shape, None)?;
        self.start_stack(key, stack)
    }

    /// Starts a stack without items.
    pub(super) fn start_stack(&mut self, key: &str, stack: Stack) -> Result<StackWriter<'_>> {
        self.claim(key)?;
        let encoding = self.encoding();
        StackWriter::start(&mut self.output, &mut self.sets, encoding, stack, MEMBERS)
    }

    /// Adds an ordinary array, which every reader of NumPy archives returns as it is.
    ///
    /// # Errors
    ///
    /// If the key is taken or not allowed, or if writing fails.
    pub fn add_array<T: Element, D: Dimension>(&mut self, key: &str, array: &ArrayRef<T, D>) -> Result<()> {
        self.add_dyn_array(key, &DynArray::from_ndarray(array).view())
    }

    /// Adds an ordinary array whose type is known at run time only: any dtype of NumPy's but objects.
    ///
    /// # Errors
    ///
    /// As [`add_array`](Self::add_array).
    pub fn add_dyn_array(&mut self, key: &str, array: &DynArrayView<'_>) -> Result<()> {
        let packed = if has_byte_rows(array) { pack_rows(array).ok() } else { None };
        self.add_plain(key, array, packed, 0)?;
        self.note_added(0)
    }

    fn add_to_sets(
        &mut self,
        key: &str,
        array: &DynArrayView<'_>,
        formed: StackForm,
        images: usize,
    ) -> Result<()> {
        let (shape, form) = &formed;
        let array_shape = form.as_ref().map_or(shape, |form| &form.shape);
        let &[.., height, width] = shape.as_slice() else { unreachable!("a stack has two or more axes") };
        // Sets of images with keys of their own do not say along which axes these lie.
        let has_order = form.as_ref().is_none_or(|form| form.axes.is_none());
        let ones = if has_order { Ones::of(array_shape, shape) } else { None };
        if ones.is_none() && shape.len() == 2 {
            return self.add_ordinary(key, array, images);
        }
        let Some(ones) = ones else {
            let stack = self.add_stack(key, array, formed)?;
            return self.sets.finish_stack(&mut self.output, stack);
        };
        let pixels = to_stack(array, form.as_ref())?;
        let (palette, rows) = self.sets.pack(array.dtype(), &pixels, [height, width], ones)?;
        if !self.sets.has_room(&palette, ones) {
            return self.add_ordinary(key, array, images);
        }
        self.claim(key)?;
        let image = KeyedImage { key, size: [height, width], ones, palette, rows: &rows };
        self.sets.push(&mut self.output, image)
    }

    /// Starts a set that is a stack, with the images of this array.
    pub(super) fn add_stack(
        &mut self,
        key: &str,
        array: &DynArrayView<'_>,
        (shape, form): StackForm,
    ) -> Result<SetStack> {
        let pixels = to_stack(array, form.as_ref())?;
        let (count, item_shape) = shape.split_first().expect("a stack has two or more axes");
        let mut stack = Stack::new(bitnpz_npz::identity(key), array.dtype(), item_shape, form)?;
        if let Some(palette) = self.sets.palettes.get(&stack.key) {
            stack.set_palette(palette);
        }
        // A key is taken only once it is known that the images have two values.
        stack.push(&pixels, *count)?;
        self.claim(key)?;
        let mut set = self.sets.start_stack(&mut self.output.ledger, stack);
        set.push_packed(&mut self.output)?;
        Ok(set)
    }

    /// Adds images, which have two values, as an ordinary array.
    fn add_ordinary(&mut self, key: &str, array: &DynArrayView<'_>, images: usize) -> Result<()> {
        let has_rows = array.shape().len() > 1;
        let packed = if has_rows { Some(pack_rows(array)?) } else { None };
        // However many rows there are, without pixels there is nothing to deflate.
        let has_pixels = !array.data().is_empty();
        self.add_plain(key, array, packed.filter(|_| has_pixels && has_byte_rows(array)), images)
    }

    /// Adds an array as it is; `packed` are its packed rows, if it has two values.
    fn add_plain(
        &mut self,
        key: &str,
        array: &DynArrayView<'_>,
        packed: Option<PackedImages>,
        images: usize,
    ) -> Result<()> {
        self.claim(key)?;
        PlainArray { key, place: MEMBERS, array, packed, images }.write(&mut self.output)?;
        self.output.meter.count_images(images, array.data().len());
        Ok(())
    }

    /// Adds packed rows of images of a stack of this shape.
    fn add_packed(&mut self, key: &str, stack: &[usize], kind: PackedKind, rows: &[u8]) -> Result<()> {
        self.claim(key)?;
        let images = count_images(stack);
        let npy = DynArrayView::new(packed_header(stack), rows).and_then(|rows| rows.to_npy());
        let npy = npy.map_err(|error| Error::from(error).with_key(key))?;
        let added = self.output.zip.add(&names::of_array(key), npy);
        added.map_err(|error| Error::from(error).with_key(key))?;
        self.output.meter.count_images(images, stack.iter().product::<usize>() * kind.dtype.item_size());
        self.output.ledger.note_array(self.output.zip.len() - 1, MEMBERS, Some(kind), images);
        Ok(())
    }
}

/// Calls `with` with an array as one whose type is known at run time only, without a copy if it is in C order.
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
