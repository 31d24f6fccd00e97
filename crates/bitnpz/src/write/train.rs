//! Training a model for archives that are written apart.

use bitnpz_bitmap::Pixel;
use bitnpz_npy::{DynArrayView, Element, copy};
use ndarray::{ArrayRef, Dimension};

use super::add::with_view;
use super::stack::Stack;
use super::writer::set_options;
use crate::axes::ImageAxes;
use crate::error::{Error, ErrorKind, Result};
use crate::options::WriteOptions;
use crate::packed::c_order;
use crate::set::Model;
use crate::threads::Background;

impl Model {
    /// Trains a model on a sample of images, shape `(n, ..., height, width)`, for archives of `total` images each: for more
    /// images it may be larger. Of the options it takes the codec, the effort and the number of threads.
    ///
    /// # Errors
    ///
    /// If the array is not a stack of images, or has a third value or NaN.
    pub fn train<T: Pixel + Element, D: Dimension>(
        images: &ArrayRef<T, D>,
        total: usize,
        options: &WriteOptions,
    ) -> Result<Self> {
        let mut model = None;
        with_view(images, |images| {
            model = Some(Self::train_dyn(images, ImageAxes::Inferred, total, options)?);
            Ok(())
        })?;
        Ok(model.expect("a view calls its function"))
    }

    /// Trains a model on images whose type is known at run time only, with rows and columns along these axes, as
    /// [`train`](Self::train) does.
    ///
    /// # Errors
    ///
    /// As [`train`](Self::train).
    pub fn train_dyn(
        images: &DynArrayView<'_>,
        axes: ImageAxes,
        total: usize,
        options: &WriteOptions,
    ) -> Result<Self> {
        let (dtype, shape) = (images.dtype(), images.shape());
        let not_images = || {
            let shape = shape.to_vec();
            Error::from(match axes.form(images.header()) {
                Ok(Some((stack, _))) if stack.len() == 2 => ErrorKind::NotAStack { shape },
                _ => ErrorKind::NotImages { dtype: dtype.clone(), shape },
            })
        };
        let mut stack = Stack::like("sample", images.header(), axes)?.ok_or_else(not_images)?;
        let items = c_order(images)?;
        let size = stack.size();
        let rows = copy(stack.push(&items, shape[0]).map_err(Error::without_key)?)?;
        let options = set_options(options, options.meter());
        // On another thread, so that it can be interrupted.
        match Background::start(move || Self::of_rows(&rows, size, total, &options)) {
            Ok(training) => training.wait(|| ())?,
            Err(train) => train(),
        }
    }
}
