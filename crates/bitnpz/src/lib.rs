//! Millions of small black-and-white images in NumPy `.npz` archives: small files, random access, safe reading.
//!
//! `np.load` opens every archive that [`Writer`] writes, and [`Archive`] reads these and NumPy's own. Keys, dtypes, shapes and
//! values come back as they were saved.
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
//!
//! # Overview
//!
//! - **Reading:** [`Archive`] opens an archive and finds arrays by their keys. [`Entry`] has an array's dtype, shape and size,
//!   [`Item`] also stands for members that are not arrays. [`Archive::verify`], [`Archive::stats`] and [`Archive::diff`] read
//!   whole archives; [`salvage()`] rescues what a damaged one still holds.
//! - **Writing:** [`Writer`] saves images and arrays, by [`WriteOptions`], and replaces the file only when it is finished.
//!   [`StackWriter`] adds a stack image by image. [`Meter`] counts the progress.
//! - **Images:** [`Images`] reads the images of a key on demand, alone or in batches; [`Shuffle`] gives a random order,
//!   and [`BlockShuffle`] one that reads a file in blocks.
//!   [`Bitmap`] and [`BitmapView`] are one image at one bit per pixel.
//! - **Arrays:** an array is an [`ndarray`] array, or a [`DynArray`] if its [`Dtype`] is known only at run time.
//! - **Limits and errors:** [`Limits`] bound what is read from a file you do not trust. [`Error`] has an [`ErrorKind`] and the key
//!   concerned. [`interruptible`] ends long calls early.
//!
//! # Encodings and codecs
//!
//! An [`Encoding`] is the way images are stored in an archive:
//!
//! | encoding | images in the file | `np.load` reads them as |
//! |---|---|---|
//! | [`Sets`](Encoding::Sets), the default | image sets, compressed with a shared model | (needs bitnpz) |
//! | [`Packed`](Encoding::Packed) | packed rows, one bit per pixel | `uint8`, for `np.unpackbits` |
//! | [`Plain`](Encoding::Plain) | ordinary arrays | the arrays that were saved |
//!
//! A [`Codec`] encodes the images of a set. By default each set gets the one that makes a sample of it smallest. `Pixel`, slow
//! to read, and `Zstd`, slow to write, are taken only where the others are at least 10 % larger (with [`Effort::Smallest`] wherever
//! they are smallest); `Zstd` is tried only where the others leave a third of the packed rows or more:
//!
//! | codec | method | best for |
//! |---|---|---|
//! | [`Contour`](Codec::Contour) | follows runs and codes how their edges move | glyphs, handwriting, masks |
//! | [`Pixel`](Codec::Pixel) | codes each pixel in the context of its neighbours | noise, dither, tiny images; slow reads |
//! | [`Zstd`](Codec::Zstd) | Zstandard with a dictionary | fast reads, and what repeats at any distance |
//! | [`Raw`](Codec::Raw) | packed rows | what does not compress |
//!
//! # Features
//!
//! - **`picture`** (off by default): reads and writes picture files, contact sheets and drawings, in the module `picture`.

#![cfg_attr(not(test), forbid(unsafe_code))]

mod array_place;
mod axes;
mod block_shuffle;
mod encoding;
mod error;
mod held_file;
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
mod shards;
mod shuffle;
mod threads;
mod value;
mod write;

pub use axes::{BetterAxes, ImageAxes, ParseAxesError, better_axes};
pub use bitnpz_bitmap::codec::{Codec, Effort, ParseNameError};
pub use bitnpz_bitmap::{Bitmap, BitmapView, BoundingBox, Pixel, PixelValues};
pub use bitnpz_bitmap::{Error as BitmapError, ErrorKind as BitmapErrorKind};
pub use bitnpz_npy::{Dtype, DynArray, DynArrayView, Element, Header, OutOfMemory};
pub use bitnpz_npy::{Error as NpyError, ErrorKind as NpyErrorKind};
pub use bitnpz_npz::{
    Access, AtomicFile, Compression, DiskCache, Identity, Limits, Method, Needed, PushedFile,
};
pub use bitnpz_npz::{Error as NpzError, ErrorKind as NpzErrorKind};
pub use bitnpz_npz::{RangeCache, ReadAt};
pub use bitnpz_npz::{file_at, remove_temporary_files, replace_file, sync_folder_of};
pub use block_shuffle::BlockShuffle;
pub use encoding::{Encoding, ParseEncodingError};
pub use error::{Error, ErrorKind, Result};
pub use interrupt::interruptible;
pub use ndarray;
pub use options::WriteOptions;
pub use progress::{Meter, Progress, Steps};
pub use read::{
    Archive, ArrayReader, Bitmaps, Content, Difference, DifferenceKind, Entry, Images, Item, Keys, Names,
    OpenOptions, OtherContent, OtherMember, Problem, Report, Stats, StoredArray,
};
pub use salvage::{Salvage, salvage};
pub use set::Model;
pub use shards::{MANIFEST_SUFFIX, Manifest, Shard, ShardReport, ShardStore, ShardedArchive};
pub use shards::{commit, is_manifest, remove_orphans, replace, shard, shard_path};
pub use shuffle::Shuffle;
pub use threads::{after_fork, before_fork};
pub use value::Value;
pub use write::{Added, StackWriter, Summary, Threshold, Writer, clean};

/// The code in the README, compiled as a documentation test.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
