//! Packed rows: one bit per pixel, as `np.packbits(axis=-1)` returns them, and the palette of an array.

mod index;
mod pack;
mod palette;

pub(crate) use index::{PackedIndex, PackedKind};
pub(crate) use pack::{
    PackedImages, c_order, count_images, normalize_bools, pack, pack_images, packed_header, stack_of,
    to_stack, unfit_error,
};
pub(crate) use palette::{Palette, unpack, unpack_into, unpack_onto};
