//! A stack of images whose number is not known yet.

use bitnpz_npy::{Dtype, Header, make_room};

use super::sink::Sink;
use crate::axes::ArrayForm;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::packed::{PackedKind, Palette, count_images, packed_header, unfit_error};
use crate::set::{SetWriter, Shape};

/// A stack of images as far as it has come.
#[derive(Debug)]
pub(super) struct Stack {
    pub(super) key: String,
    /// Of the whole stack; the first length is the number of items so far.
    pub(super) shape: Vec<usize>,
    /// The array that it comes back as, if that is another.
    form: Option<ArrayForm>,
    palette: Palette,
    /// The packed rows of what was added last.
    rows: Vec<u8>,
}

impl Stack {
    /// Items are what the stack has along its first dimension, of shape `(..., height, width)`.
    pub(super) fn new(
        key: &str,
        dtype: &Dtype,
        item_shape: &[usize],
        form: Option<ArrayForm>,
    ) -> Result<Self> {
        let shape = [&[0], item_shape].concat();
        match Palette::new(dtype) {
            Some(palette) if item_shape.len() >= 2 => Ok(Self::resume(key, shape, form, palette)),
            _ => Err(Error::from(ErrorKind::NotImages { dtype: dtype.clone(), shape }).with_key(key)),
        }
    }

    /// Goes on with a stack that has this shape.
    pub(super) fn resume(key: &str, shape: Vec<usize>, form: Option<ArrayForm>, palette: Palette) -> Self {
        Self { key: key.to_owned(), shape, form, palette, rows: Vec::new() }
    }

    /// The shape of what can be added to it, along the first axis of the array that it comes back as.
    fn item_shape(&self) -> &[usize] {
        self.form.as_ref().map_or(&self.shape[1..], |form| &form.shape[1..])
    }

    /// What it is in a set.
    pub(super) fn to_shape(&self) -> Shape {
        Shape::Stack { key: self.key.clone(), shape: self.shape.clone(), form: self.form.clone() }
    }

    /// The array that it comes back as.
    pub(super) fn form(&self) -> Option<&ArrayForm> {
        self.form.as_ref()
    }

    /// The same stack without its images.
    pub(super) fn to_empty(&self) -> Self {
        let mut empty = Self::resume(&self.key, self.shape.clone(), self.form.clone(), self.palette.clone());
        empty.shape[0] = 0;
        if let Some(form) = empty.form.as_mut().filter(|form| form.axes.is_none()) {
            form.shape[0] = 0;
        }
        empty
    }

    pub(super) fn dtype(&self) -> &Dtype {
        self.palette.dtype()
    }

    /// The height and width of its images.
    pub(super) fn size(&self) -> [usize; 2] {
        [self.shape[self.shape.len() - 2], self.shape[self.shape.len() - 1]]
    }

    pub(super) fn kind(&self) -> PackedKind {
        PackedKind { dtype: self.dtype().clone(), bits: self.palette.bits(), width: self.size()[1] }
    }

    /// The bytes of one item in memory.
    pub(super) fn item_bytes(&self) -> usize {
        self.shape[1..].iter().product::<usize>() * self.dtype().item_size()
    }

    pub(super) fn images(&self) -> usize {
        count_images(&self.shape)
    }

    /// Whether the two values of its pixels are known.
    pub(super) fn has_both_values(&self) -> bool {
        self.palette.has_both_values()
    }

    /// The header of the member that it becomes in an encoding of members.
    pub(super) fn header(&self, encoding: Encoding) -> Header {
        match encoding {
            Encoding::Packed => packed_header(&self.shape),
            _ => {
                let shape = self.form.as_ref().map_or(&self.shape, |form| &form.shape);
                Header::new(self.dtype().clone(), shape.clone())
            }
        }
    }

    /// That these can be items of it: their dtype and their shape.
    pub(super) fn check(&self, dtype: &Dtype, item_shape: &[usize]) -> Result<()> {
        let error = if dtype != self.dtype() {
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

    /// Adds the bytes of so many items, in C order and in the byte order of the dtype, and gives back their packed rows. Of
    /// items that do not fit nothing is kept.
    pub(super) fn pack(&mut self, items: &[u8], count: usize) -> Result<&[u8]> {
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
        let grows = self.form.as_ref().is_some_and(|form| form.can_grow(&self.shape));
        self.shape[0] += count;
        if let Some(form) = self.form.as_mut().filter(|_| grows) {
            form.shape[0] = self.shape[0];
        }
        Ok(&self.rows)
    }
}

/// A stack that becomes an image set of its own.
#[derive(Debug)]
pub(super) struct SetStack {
    pub(super) stack: Stack,
    pub(super) set: SetWriter,
    /// Its place in the order of keys.
    pub(super) place: usize,
}

impl SetStack {
    /// Adds the bytes of so many items.
    pub(super) fn push(
        &mut self,
        zip: &mut bitnpz_npz::Writer<Sink>,
        items: &[u8],
        count: usize,
    ) -> Result<()> {
        self.stack.pack(items, count)?;
        self.push_packed(zip)
    }

    /// Adds the images whose packed rows were made last.
    pub(super) fn push_packed(&mut self, zip: &mut bitnpz_npz::Writer<Sink>) -> Result<()> {
        let size = self.stack.size();
        let bytes = size[0] * size[1].div_ceil(8);
        let images = self.stack.images() - self.set.len();
        for image in 0..images {
            interrupt::check()?;
            self.set.push(zip, &self.stack.rows[image * bytes..][..bytes], size, None)?;
        }
        Ok(())
    }
}
