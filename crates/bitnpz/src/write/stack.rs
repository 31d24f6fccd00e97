//! A stack of images whose number is not known yet.

use bitnpz_npy::{Dtype, Header, make_room};

use crate::axes::{ArrayForm, ImageAxes, StackForm};
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::packed::{PackedKind, Palette, count_images, packed_header, unfit_error};
use crate::set::StackShape;

/// A stack of images, as far as it has been added.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) key: String,
    /// The shape of the whole stack; its first length is the number of items so far.
    pub(super) shape: Vec<usize>,
    /// The form in which it comes back, if that differs from the stack.
    form: Option<ArrayForm>,
    /// Whether the form stays as it is while items are added: more cannot be added later.
    has_fixed_form: bool,
    palette: Palette,
    /// The packed rows of the items that were added last.
    rows: Vec<u8>,
}

impl Stack {
    /// Returns a stack without items. Items lie along its first dimension and have the shape `(..., height, width)`.
    pub(super) fn new(
        key: &str,
        dtype: &Dtype,
        item_shape: &[usize],
        form: Option<ArrayForm>,
    ) -> Result<Self> {
        let shape = [&[0], item_shape].concat();
        match Palette::new(dtype) {
            Some(palette) if item_shape.len() >= 2 => Ok(Self::with_shape(key, shape, form, palette)),
            _ => Err(Error::from(ErrorKind::NotImages { dtype: dtype.clone(), shape }).with_key(key)),
        }
    }

    /// Returns a stack without items that becomes an array like this one; `None` if images do not lie along its first axis, or
    /// pixels cannot be of its dtype.
    pub(super) fn like(key: &str, header: &Header, axes: ImageAxes) -> Result<Option<Self>> {
        let grows = |(shape, form): &StackForm| {
            shape.len() > 2 && form.as_ref().is_none_or(|form| form.can_grow(shape))
        };
        let Some(palette) = Palette::new(&header.dtype) else { return Ok(None) };
        let Some((shape, form)) = axes.form(header)?.filter(grows) else { return Ok(None) };
        let stack = Self::with_shape(bitnpz_npz::identity(key), shape, form, palette);
        Ok(Some(stack.to_empty()))
    }

    /// Returns a stack that already has this shape.
    pub(super) fn with_shape(
        key: &str,
        shape: Vec<usize>,
        form: Option<ArrayForm>,
        palette: Palette,
    ) -> Self {
        Self { key: key.to_owned(), shape, form, has_fixed_form: false, palette, rows: Vec::new() }
    }

    /// Returns the shape of an item, along the first axis of the array that the stack comes back as.
    fn item_shape(&self) -> &[usize] {
        self.form.as_ref().map_or(&self.shape[1..], |form| &form.shape[1..])
    }

    /// Returns the description of the stack in an image set.
    pub(super) fn to_shape(&self) -> StackShape {
        StackShape { key: self.key.clone(), shape: self.shape.clone(), form: self.form.clone() }
    }

    /// Returns the same stack without its items.
    pub(super) fn to_empty(&self) -> Self {
        let mut empty =
            Self::with_shape(&self.key, self.shape.clone(), self.form.clone(), self.palette.clone());
        empty.shape[0] = 0;
        match empty.form.as_mut() {
            Some(form) if form.can_grow(&self.shape) => form.shape[0] = 0,
            form => empty.has_fixed_form = form.is_some(),
        }
        empty
    }

    /// Returns the form in which it comes back, if that differs from the stack.
    pub(super) fn form(&self) -> Option<&ArrayForm> {
        self.form.as_ref()
    }

    /// Sets the values of its pixels, before any are added.
    pub(super) fn set_palette(&mut self, palette: &Palette) {
        self.palette = palette.clone();
    }

    /// Returns whether nothing can be added to the array that it comes back as.
    pub(super) fn has_fixed_form(&self) -> bool {
        self.has_fixed_form
    }

    pub(super) fn palette(&self) -> &Palette {
        &self.palette
    }

    pub(super) fn dtype(&self) -> &Dtype {
        self.palette.dtype()
    }

    /// Returns the height and width of an image.
    pub(super) fn size(&self) -> [usize; 2] {
        [self.shape[self.shape.len() - 2], self.shape[self.shape.len() - 1]]
    }

    pub(super) fn kind(&self) -> PackedKind {
        PackedKind { dtype: self.dtype().clone(), bits: self.palette.bits(), width: self.size()[1] }
    }

    /// Returns what the images of the member are that it becomes in this encoding, if its items are packed rows.
    pub(super) fn kind_in(&self, encoding: Encoding) -> Option<PackedKind> {
        (encoding == Encoding::Packed).then(|| self.kind())
    }

    /// Returns the length of an item in memory, in bytes.
    pub(super) fn item_bytes(&self) -> usize {
        self.shape[1..].iter().product::<usize>() * self.dtype().item_size()
    }

    /// Returns the length of an item's packed rows, in bytes.
    pub(super) fn item_row_bytes(&self) -> usize {
        let [_, width] = self.size();
        self.shape[1..self.shape.len() - 1].iter().product::<usize>() * width.div_ceil(8)
    }

    /// Returns the number of images in an item.
    pub(super) fn item_images(&self) -> usize {
        count_images(&self.shape[1..])
    }

    /// Returns the number of images so far.
    pub(super) fn images(&self) -> usize {
        count_images(&self.shape)
    }

    /// Checks that an array with images along these axes is a batch of items that can be added.
    pub(super) fn check_batch(&self, array: &Header, axes: ImageAxes) -> Result<()> {
        let (shape, blame) = (&array.shape, |error: Error| error.with_key(&self.key));
        if shape.len() < 2 || shape == self.item_shape() {
            return Err(blame(ErrorKind::NotAStack { shape: shape.clone() }.into()));
        }
        self.check(&array.dtype, &shape[1..])?;
        if axes == ImageAxes::Inferred {
            return Ok(());
        }
        // The batch has the shape of the array; its images may lie otherwise in it than those before.
        let (stack, _) = axes.growing_form(array).map_err(blame)?;
        let (expected, found) = (&self.shape[1..], &stack[1..]);
        if expected == found {
            return Ok(());
        }
        Err(blame(ErrorKind::WrongShape { expected: expected.to_vec(), found: found.to_vec() }.into()))
    }

    /// Checks that the items of a stack of these values and this shape, that comes back in this form, can be added.
    pub(super) fn check_join(
        &self,
        palette: &Palette,
        shape: &[usize],
        form: Option<&ArrayForm>,
    ) -> Result<()> {
        let whole = form.map_or(shape, |form| &form.shape);
        self.check(palette.dtype(), whole.get(1..).unwrap_or_default())?;
        let is_other = shape.get(1..) != Some(&self.shape[1..]) || form.is_some() != self.form.is_some();
        let error = if is_other {
            ErrorKind::WrongShape { expected: self.shape[1..].to_vec(), found: shape[1..].to_vec() }
        } else if !palette.agrees_with(&self.palette) {
            ErrorKind::ValuesDiffer { expected: self.palette.values(), found: palette.values() }
        } else {
            return Ok(());
        };
        Err(Error::from(error).with_key(&self.key))
    }

    /// Adds those items, whose images are added elsewhere.
    pub(super) fn join(
        &mut self,
        palette: &Palette,
        shape: &[usize],
        form: Option<&ArrayForm>,
    ) -> Result<()> {
        self.check_join(palette, shape, form)?;
        self.palette = self.palette.united_with(palette);
        self.grow(shape[0]);
        Ok(())
    }

    /// Counts more items.
    fn grow(&mut self, count: usize) {
        let grows = !self.has_fixed_form && self.form.as_ref().is_some_and(|form| form.can_grow(&self.shape));
        self.shape[0] += count;
        if let Some(form) = self.form.as_mut().filter(|_| grows) {
            form.shape[0] = self.shape[0];
        }
    }

    /// Takes the packed rows of the items that were added last: stacks wait in large numbers, and keep no room for them.
    pub(super) fn take_rows(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.rows)
    }

    /// Returns whether both values of its pixels are known.
    pub(super) fn has_both_values(&self) -> bool {
        self.palette.has_both_values()
    }

    /// Returns the header of the member that it becomes in the encodings `packed` and `plain`.
    pub(super) fn header(&self, encoding: Encoding) -> Header {
        match encoding {
            Encoding::Packed => packed_header(&self.shape),
            _ => {
                let shape = self.form.as_ref().map_or(&self.shape, |form| &form.shape);
                Header::new(self.dtype().clone(), shape.clone())
            }
        }
    }

    /// Checks that items of this dtype and shape can be added. Other writers may make a set of one image without an axis of images.
    pub(super) fn check(&self, dtype: &Dtype, item_shape: &[usize]) -> Result<()> {
        let error = if self.shape.len() < 3 {
            ErrorKind::NotAStack { shape: self.shape.clone() }
        } else if dtype != self.dtype() {
            ErrorKind::OtherDtype { expected: self.dtype().clone(), found: dtype.clone() }
        } else if self.form.as_ref().is_some_and(|form| !form.can_grow(&self.shape)) {
            ErrorKind::FixedStack
        } else if item_shape != self.item_shape() {
            ErrorKind::WrongShape { expected: self.item_shape().to_vec(), found: item_shape.to_vec() }
        } else {
            return Ok(());
        };
        Err(Error::from(error).with_key(&self.key))
    }

    /// Adds `count` items, given as bytes in C order and in the byte order of the dtype, and returns their packed rows. If a
    /// pixel has a third value, nothing is added.
    pub(super) fn push(&mut self, items: &[u8], count: usize) -> Result<&[u8]> {
        let item_pixels: usize = self.shape[1..].iter().product();
        let [_, width] = self.size();
        self.rows.clear();
        let mut palette = self.palette.clone();
        make_room(&mut self.rows, palette.rows_len(items, width))
            .map_err(|error| Error::from(error).with_key(&self.key))?;
        palette.pack(items, width, &mut self.rows).map_err(|unfit| {
            unfit_error(&unfit, self.shape[0] * item_pixels, &self.shape).with_key(&self.key)
        })?;
        self.palette = palette;
        self.grow(count);
        Ok(&self.rows)
    }
}
