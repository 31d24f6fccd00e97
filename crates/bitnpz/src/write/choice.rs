//! What images become in an archive: images of a set, packed rows or an ordinary array.

use std::borrow::Cow;

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::MAX_SIDE;
use bitnpz_npy::Dtype;
use bitnpz_npz::Limits;

use super::sets::SetsWriter;
use super::stack::Stack;
use crate::axes::{ArrayForm, is_taken_for_stack};
use crate::encoding::Encoding;
use crate::packed::Palette;
use crate::set::is_too_sparse;

impl SetsWriter {
    /// Returns the encoding of a stack of images in an archive of this encoding: whoever adds images asks here. `shape` is that of
    /// the stack, or of one image, and `form` that in which it comes back. `first` returns the packed rows of the first image, if
    /// there is one; it is called for huge images only.
    pub(super) fn encoding_of<'a>(
        &self,
        archive: Encoding,
        shape: &[usize],
        form: Option<&ArrayForm>,
        first: impl FnOnce() -> Option<Cow<'a, [u8]>>,
    ) -> Encoding {
        let &[.., height, width] = shape else { return Encoding::Plain };
        match archive {
            // `np.load` would show rows of another array.
            Encoding::Packed if form.is_some() => Encoding::Plain,
            // No codec takes them, and readers refuse a set that claims so many rows without pixels.
            Encoding::Sets if height.max(width) > MAX_SIDE => Encoding::Plain,
            // There may be more images without pixels than a set can have.
            Encoding::Sets
                if shape.len() > 2
                    && (height == 0 || width == 0)
                    && (form.is_some() || is_taken_for_stack(shape)) =>
            {
                Encoding::Plain
            }
            Encoding::Sets if self.options.codec.is_none() && is_huge(height, width) => {
                let first = first();
                let first = first.as_ref().and_then(|rows| BitmapView::new(height, width, rows).ok());
                if first.is_some_and(is_too_sparse) { Encoding::Plain } else { Encoding::Sets }
            }
            encoding => encoding,
        }
    }

    /// Returns the encoding of a stack that begins with these items, in an archive of this encoding.
    pub(super) fn encoding_of_stack(&self, archive: Encoding, stack: &Stack, items: &[u8]) -> Encoding {
        // The items of other stacks are not in the order of an array, if they have any.
        if archive == Encoding::Sets && stack.has_fixed_form() && !stack.size().contains(&0) {
            return archive;
        }
        let first = || pack_first(stack.dtype(), items, stack.size()).map(Cow::Owned);
        self.encoding_of(archive, &stack.shape, stack.form(), first)
    }
}

/// Returns the packed rows of the first image of a stack, if there is one and it has two values.
pub(super) fn pack_first(dtype: &Dtype, pixels: &[u8], [height, width]: [usize; 2]) -> Option<Vec<u8>> {
    let bytes = height.checked_mul(width)?.checked_mul(dtype.item_size())?;
    let mut rows = Vec::new();
    Palette::new(dtype)?.pack(pixels.get(..bytes)?, width, &mut rows).ok()?;
    Some(rows)
}

/// Returns whether images of this size have so many pixels that readers refuse a payload that is much smaller.
fn is_huge(height: usize, width: usize) -> bool {
    height.saturating_mul(width.div_ceil(8)) as u64 > Limits::default().image_bytes
}
