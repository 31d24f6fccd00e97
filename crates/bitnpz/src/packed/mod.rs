//! The `packed` encoding: images as the rows that `np.packbits(axis=-1)` gives.

mod index;
mod palette;

pub(crate) use index::{MEMBER, PackedIndex, PackedKind};
pub(crate) use palette::{Palette, Unfit, unpack, unpack_into, unpack_onto};
