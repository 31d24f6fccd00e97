//! Huge sets of small bilevel images in NumPy `.npz` archives: small, fast to read at random, safe.
//!
//! Every archive that [`Writer`] writes is one that `np.load` opens; [`Archive`] reads those and NumPy's own.
//! An [`Encoding`] says how images lie in it; they come back with their values, dtype and shape exactly,
//! whichever it is.
//!
//! ```
//! use bitnpz::{Archive, Writer};
//! use bitnpz::ndarray::{Array1, Array2, array};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("training.npz");
//!
//! let mut writer = Writer::create(&path)?;
//! writer.add_image("ix-000000", &array![[false, true], [true, false]])?;
//! writer.add_image("ix-000001", &array![[true, true], [true, false]])?;
//! writer.add_array("outputs", &array![3_i64, 5])?;
//! writer.finish()?;
//!
//! let archive = Archive::open(&path)?;
//! let image: Array2<bool> = archive.image("ix-000001")?;
//! assert_eq!(image, array![[true, true], [true, false]]);
//! let outputs: Array1<i64> = archive.array("outputs")?.into_dimensionality()?;
//! assert_eq!(outputs, array![3, 5]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#![cfg_attr(not(test), forbid(unsafe_code))]

mod axes;
mod encoding;
mod error;
mod interrupt;
mod names;
mod options;
mod order;
mod packed;
#[cfg(feature = "picture")]
pub mod picture;
mod progress;
mod read;
mod salvage;
mod set;
mod shuffle;
mod threads;
mod value;
mod write;

pub use axes::{BetterAxes, ImageAxes, ParseAxesError, better_axes};
pub use bitnpz_bitmap::codec::{Codec, ParseCodecError};
pub use bitnpz_bitmap::{Bitmap, BitmapView, BoundingBox, Pixel, PixelValues};
pub use bitnpz_bitmap::{Error as BitmapError, ErrorKind as BitmapErrorKind};
pub use bitnpz_npy::{Dtype, DynArray, DynArrayView, Element, Header, OutOfMemory};
pub use bitnpz_npy::{Error as NpyError, ErrorKind as NpyErrorKind};
pub use bitnpz_npz::{Access, Compression, Identity, Limits, Method, OpenOptions};
pub use bitnpz_npz::{Error as NpzError, ErrorKind as NpzErrorKind};
pub use bitnpz_npz::{remove_temporary_files, sync_folder_of};
pub use encoding::{Encoding, ParseEncodingError};
pub use error::{Error, ErrorKind, Result};
pub use interrupt::interruptible;
pub use ndarray;
pub use options::WriteOptions;
pub use progress::{Meter, Progress, Steps};
pub use read::{
    Archive, ArrayReader, Bitmaps, Content, Difference, DifferenceKind, Entry, Images, Item, Keys, Names,
    OtherContent, OtherMember, Problem, Report, Stats,
};
pub use salvage::{Salvage, salvage};
pub use shuffle::Shuffle;
pub use threads::{after_fork, before_fork};
pub use value::Value;
pub use write::{Added, StackWriter, Summary, Threshold, Writer, clean};

/// The code in the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
