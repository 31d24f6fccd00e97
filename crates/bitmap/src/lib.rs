//! Bilevel images at one bit per pixel.
//!
//! - [`Bitmap`] and [`BitmapView`] are images in packed rows, as `np.packbits(axis=-1)` returns them.
//! - [`pack`] and [`unpack`] convert arrays of any dimension and any two values to packed rows and back;
//!   [`PixelValues`] holds the two values, so that the array comes back exactly.
//! - [`pack_rows`] and [`unpack_rows`] do the same for slices, with the machine's vector instructions.
//! - [`codec`] encodes images as payloads many times smaller than packed rows.
//! - [`DeflateEncoder`] writes DEFLATE streams of one byte per pixel, which any reader of `.npz` files understands.
//!
//! ```
//! use bitnpz_bitmap::{Bitmap, PixelValues};
//! use ndarray::array;
//!
//! let image = array![[0_u8, 255, 255], [255, 0, 0]];
//! let (bitmap, values) = Bitmap::pack(&image)?;
//! assert_eq!(bitmap.as_bytes(), [0b0110_0000, 0b1000_0000]);
//! assert_eq!(values, PixelValues { off: 0, on: 255 });
//! assert_eq!(bitmap.unpack(values), image);
//! # Ok::<(), bitnpz_bitmap::Error>(())
//! ```

mod bitmap;
pub mod codec;
mod deflate;
mod error;
mod kernels;
mod memory;
mod pack;
mod parallel;
mod pixel;
mod view;

pub use bitmap::Bitmap;
pub use deflate::DeflateEncoder;
pub use error::{Error, ErrorKind, Result};
pub use kernels::{Lane, pack_rows, unpack_rows};
pub use pack::{pack, pack_with, unpack};
pub use pixel::{Pixel, PixelValues};
pub use view::{BitmapView, BoundingBox};
