//! The error type of this crate.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use bitnpz_npy::{Dtype, OutOfMemory};

use crate::axes::ImageAxes;
use crate::value::Value;

/// A result with this crate's [`Error`].
pub type Result<T> = std::result::Result<T, Error>;

/// An error: its kind, and the key that it concerns.
///
/// ```
/// use bitnpz::{Archive, ErrorKind};
///
/// # let writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
/// # let mut bytes = Vec::new();
/// # writer.finish_into(&mut bytes)?;
/// # let archive = Archive::from_bytes(bytes)?;
/// let error = archive.image::<bool>("a").unwrap_err();
/// assert!(matches!(error.kind(), ErrorKind::NoSuchKey));
/// assert_eq!(error.key(), Some("a"));
/// # Ok::<(), bitnpz::Error>(())
/// ```
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    /// The archive, if several were read.
    file: Option<PathBuf>,
    key: Option<String>,
    kind: ErrorKind,
}

/// The kind of an error.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The archive does not contain the key.
    NoSuchKey,
    /// The key starts with `.bitnpz/`, which is reserved for the library.
    ReservedKey,
    /// The archive that is being written already contains the key.
    DuplicateKey,
    /// The archive that is being read has two arrays under the key.
    AmbiguousKey,
    /// The index of an image is out of range.
    NoSuchImage {
        /// The requested index.
        index: usize,
        /// The number of images.
        len: usize,
    },
    /// The index of an array's item along its first axis is out of range.
    NoSuchItem {
        /// The requested index.
        index: usize,
        /// The number of items.
        len: usize,
    },
    /// An array has a third pixel value.
    NotBilevel {
        /// The index of the pixel in the array.
        index: Vec<usize>,
        /// The value of the pixel.
        found: Value,
        /// The two values found before it.
        values: [Value; 2],
    },
    /// A pixel is NaN, which does not equal itself.
    NotANumber {
        /// The index of the pixel in the array.
        index: Vec<usize>,
    },
    /// An array cannot hold images, because it has fewer than two dimensions or a dtype other than bool, integer or float.
    NotImages {
        /// The dtype of the array.
        dtype: Dtype,
        /// The shape of the array.
        shape: Vec<usize>,
    },
    /// Images cannot be added to a stack whose images do not lie along the first axis of the array.
    FixedStack,
    /// Images cannot be added to the array under the key, which is neither a stack that this writer began by extending it, nor one of an image set that is appended to.
    NotExtendable,
    /// An array is one image, or has fewer dimensions, where a stack was expected.
    NotAStack {
        /// The shape of the array.
        shape: Vec<usize>,
    },
    /// An array does not have the given axes.
    WrongAxes {
        /// The given axes.
        axes: ImageAxes,
        /// The shape of the array.
        shape: Vec<usize>,
    },
    /// An array has another shape than `(height, width)` where one image was expected.
    NotOneImage {
        /// The shape of the array.
        found: Vec<usize>,
    },
    /// An array or an image is larger than the [`Limits`](crate::Limits) allow.
    TooLarge {
        /// The size in bytes, of the unpacked array or of the image in packed rows.
        found: u64,
        /// The limit in bytes.
        limit: u64,
        /// The name of the limit: `array_bytes` or `image_bytes`.
        name: &'static str,
    },
    /// The caller's array has another shape than expected.
    WrongShape {
        /// The expected shape.
        expected: Vec<usize>,
        /// The shape of the array.
        found: Vec<usize>,
    },
    /// Images that are added to a stack have another dtype than the stack.
    OtherDtype {
        /// The dtype of the stack.
        expected: Dtype,
        /// The dtype of the added images.
        found: Dtype,
    },
    /// No archives were given to be merged.
    NothingToMerge,
    /// An archive to be split has no image sets.
    NothingToSplit,
    /// An archive is not split into so many shards.
    NoSuchShard {
        /// The requested shard.
        number: usize,
        /// The number of shards.
        shards: usize,
    },
    /// No archives were given to be shards.
    NoShards,
    /// A file is not the manifest of a sharded archive, or contradicts itself.
    BadManifest {
        /// What was expected and what was found.
        message: String,
    },
    /// A shard is not the archive that was there when the manifest was written.
    ShardReplaced {
        /// What was expected and what was found.
        message: String,
    },
    /// An archive cannot be a shard of a manifest, or not together with the others.
    UnfitShard {
        /// What was expected and what was found.
        message: String,
    },
    /// The manifest to be replaced is not the expected one any more.
    ManifestChanged,
    /// The archive that was appended to is not at its path any more, or has been written to.
    ArchiveChanged {
        /// The path.
        path: PathBuf,
    },
    /// Stacks under one key differ in the values of their pixels.
    ValuesDiffer {
        /// The values of the first.
        expected: [Value; 2],
        /// The values of the other.
        found: [Value; 2],
    },
    /// Arrays under one key can neither be joined nor are the same.
    ArraysDiffer {
        /// The archive of the first.
        first: PathBuf,
        /// The archive of the other.
        other: PathBuf,
    },
    /// Images of different sizes were requested as one array.
    SizesDiffer,
    /// The requested dtype cannot hold the values of an array exactly.
    WrongType {
        /// The requested dtype.
        expected: Dtype,
        /// The dtype of the array.
        found: Dtype,
    },
    /// An image has packed rows of 4 GiB or more, which an image set cannot store.
    HugeImage {
        /// The height and width of the image.
        size: [usize; 2],
    },
    /// Memory for an array or an image could not be allocated.
    OutOfMemory(OutOfMemory),
    /// The call was interrupted through [`interruptible`](crate::interruptible).
    Interrupted,
    /// One of the library's own members does not follow `docs/format.md`.
    Damaged {
        /// The name of the member.
        member: String,
        /// A message that says what was expected and what was found.
        message: String,
    },
    /// An error of reading or writing an array.
    Npy(bitnpz_npy::Error),
    /// An error of reading or writing the archive.
    Npz(bitnpz_npz::Error),
    /// An error of packing or unpacking an image.
    Bitmap(bitnpz_bitmap::Error),
    /// An error of reading or writing a picture.
    #[cfg(feature = "picture")]
    Picture(crate::picture::PictureError),
}

impl Error {
    /// Returns the kind of the error.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// Returns the key that the error concerns, if any.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Returns `true` if memory could not be allocated, in this crate or one that it depends on.
    #[must_use]
    pub fn is_out_of_memory(&self) -> bool {
        let of_npy =
            |error: &bitnpz_npy::Error| matches!(error.kind(), bitnpz_npy::ErrorKind::OutOfMemory(_));
        let of_system = std::error::Error::source(self).and_then(|source| source.downcast_ref::<io::Error>());
        of_system.is_some_and(|error| error.kind() == io::ErrorKind::OutOfMemory)
            || match self.kind() {
                ErrorKind::OutOfMemory(_) => true,
                ErrorKind::Npy(error) => of_npy(error),
                ErrorKind::Npz(error) => match error.kind() {
                    bitnpz_npz::ErrorKind::OutOfMemory(_) => true,
                    bitnpz_npz::ErrorKind::Npy(error) => of_npy(error),
                    _ => false,
                },
                ErrorKind::Bitmap(error) => {
                    matches!(error.kind(), bitnpz_bitmap::ErrorKind::OutOfMemory { .. })
                }
                _ => false,
            }
    }

    /// Returns whether the operating system or a store failed, which says nothing about the archive.
    pub(crate) fn is_of_system(&self) -> bool {
        let io = std::error::Error::source(self).and_then(|source| source.downcast_ref::<io::Error>());
        io.is_some_and(|error| {
            ![io::ErrorKind::UnexpectedEof, io::ErrorKind::InvalidData].contains(&error.kind())
        })
    }

    /// Returns the path of the file that could not be written, if that is the error.
    #[must_use]
    pub fn unwritten(&self) -> Option<&Path> {
        match self.kind() {
            ErrorKind::Npz(error) => match error.kind() {
                bitnpz_npz::ErrorKind::Write { path, .. } => Some(path),
                _ => None,
            },
            _ => None,
        }
    }

    /// Returns the path of the archive that the error concerns, if several are read. The message has it.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        self.0.file.as_deref()
    }

    /// Returns the path of the file that could not be opened or written, if that is the error, or of the archive that it concerns
    /// if several are read. The message has it.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path_of_kind().or(self.file())
    }

    fn path_of_kind(&self) -> Option<&Path> {
        match self.kind() {
            ErrorKind::Npz(error) => match error.kind() {
                bitnpz_npz::ErrorKind::Open { path, .. } | bitnpz_npz::ErrorKind::Write { path, .. } => {
                    Some(path)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Sets the archive that the error concerns.
    pub(crate) fn in_file(mut self, path: &Path) -> Self {
        self.0.file.get_or_insert_with(|| path.to_owned());
        self
    }

    /// Returns the error of an array that has no key.
    pub(crate) fn without_key(mut self) -> Self {
        self.0.key = None;
        self
    }

    /// Sets the key that the error concerns, unless it has one.
    pub(crate) fn with_key(mut self, key: &str) -> Self {
        self.0.key.get_or_insert_with(|| key.to_owned());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = self.file().filter(|_| self.path_of_kind().is_none()) {
            write!(f, "{}: ", path.display())?;
        }
        if let Some(key) = &self.0.key {
            write!(f, "{key:?}: ")?;
        }
        match &self.0.kind {
            ErrorKind::NoSuchKey => write!(f, "the archive holds no such key; `bitnpz ls` lists its keys"),
            ErrorKind::ReservedKey => write!(f, "keys that start with .bitnpz/ are the library's own"),
            ErrorKind::DuplicateKey => {
                write!(f, "the archive has this key already (a and a.npy are one key)")
            }
            ErrorKind::AmbiguousKey => f.write_str(
                "the archive has two arrays under this key (a and a.npy are one key); \
                     `bitnpz salvage` keeps both",
            ),
            ErrorKind::NoSuchImage { index, len } => {
                write!(f, "expected an image index below {len}, found {index}")
            }
            ErrorKind::NoSuchItem { index, len } => write!(f, "expected an index below {len}, found {index}"),
            ErrorKind::NotBilevel { index, found, values: [off, on] } => write!(
                f,
                "expected two values, found a third: pixel {} is {found}, others are {off} and {on}; \
                 compare with a threshold first, or store it as an ordinary array",
                Tuple(index)
            ),
            ErrorKind::NotANumber { index } => {
                write!(f, "expected two values, found NaN at pixel {}", Tuple(index))
            }
            ErrorKind::NotImages { dtype, shape } => write!(
                f,
                "expected images: two or more dimensions of bool, integers or floats; \
                 found shape {} of {dtype}",
                Tuple(shape)
            ),
            ErrorKind::FixedStack => f.write_str(
                "expected a stack of images along the first axis, found one along another axis; \
                 images cannot be added to it",
            ),
            ErrorKind::WrongAxes { axes, shape } => {
                write!(f, "expected an array with axes {axes}, found shape {}", Tuple(shape))
            }
            ErrorKind::NotExtendable => f.write_str(
                "expected a stack that this writer began with extend, or one of an image set of the archive that is appended to; \
                 found another array under this key, to which images cannot be added: save all with extend",
            ),
            ErrorKind::NotAStack { shape } if shape.len() < 2 => write!(
                f,
                "expected a stack of images, shape (n, height, width), found shape {}: arrays of fewer dimensions cannot be \
                 extended; save them whole",
                Tuple(shape)
            ),
            ErrorKind::NotAStack { shape } => write!(
                f,
                "expected a stack of images, shape (n, height, width), found one image, shape {}: \
                 as a stack of one it has shape {}",
                Tuple(shape),
                Tuple(&[&[1], shape.as_slice()].concat())
            ),
            ErrorKind::NotOneImage { found } => write!(
                f,
                "expected one image, shape (height, width), found shape {}; read it as images",
                Tuple(found)
            ),
            ErrorKind::TooLarge { found, limit, name } => {
                let what = if *name == "image_bytes" { "image, in packed rows," } else { "array" };
                write!(
                    f,
                    "the {what} has {found} bytes, more than the limit of {limit}; \
                     raise the limit {name} if you trust the archive"
                )
            }
            ErrorKind::WrongShape { expected, found } => {
                write!(f, "expected shape {}, found {}", Tuple(expected), Tuple(found))
            }
            ErrorKind::OtherDtype { expected, found } => {
                write!(f, "expected images of {expected}, like those before them in the stack, found {found}")
            }
            ErrorKind::NothingToMerge => f.write_str("expected archives to merge, found none"),
            ErrorKind::NothingToSplit => f.write_str(
                "expected image sets to split, found none: `bitnpz convert` makes them of other archives",
            ),
            ErrorKind::NoShards => f.write_str("expected archives that become shards, found none"),
            ErrorKind::BadManifest { message } => {
                write!(f, "not the manifest of a sharded archive, or a damaged one: {message}")
            }
            ErrorKind::UnfitShard { message } | ErrorKind::ShardReplaced { message } => f.write_str(message),
            ErrorKind::ManifestChanged => f.write_str(
                "expected the manifest that was opened, found another: somebody has replaced it; load it again, and commit the \
                 shards of both",
            ),
            ErrorKind::ArchiveChanged { path } => write!(
                f,
                "{}: expected the archive that was appended to, found another: somebody else has written it meanwhile, and nothing \
                 was written here; append again",
                path.display()
            ),
            ErrorKind::NoSuchShard { number, shards } => {
                write!(f, "expected a shard from 0 to {}, found {number}", shards - 1)
            }
            ErrorKind::ValuesDiffer { expected: [off, on], found: [other_off, other_on] } => write!(
                f,
                "expected pixels of {off} and {on}, like those before them in the stack, found {other_off} and {other_on}"
            ),
            ErrorKind::ArraysDiffer { first, other } => write!(
                f,
                "expected arrays that can be joined, with an item for each image of their archive, or the same array; found \
                 others in {} and {}",
                first.display(),
                other.display()
            ),
            ErrorKind::SizesDiffer => {
                f.write_str("expected images of one size, found several; read them one by one")
            }
            ErrorKind::WrongType { expected, found } => {
                write!(
                    f,
                    "expected values that {expected} can hold, found other values of {found}; \
                     read the array as {found}"
                )
            }
            ErrorKind::HugeImage { size: [height, width] } => write!(
                f,
                "expected an image of less than 4 GiB in packed rows, found one of {height} x {width} pixels; \
                 store it as an ordinary array, or in parts"
            ),
            ErrorKind::OutOfMemory(error) => error.fmt(f),
            ErrorKind::Interrupted => f.write_str("interrupted"),
            ErrorKind::Damaged { member, message } => write!(f, "{member}: {message}"),
            ErrorKind::Npy(error) => error.fmt(f),
            ErrorKind::Npz(error) => error.fmt(f),
            ErrorKind::Bitmap(error) => error.fmt(f),
            #[cfg(feature = "picture")]
            ErrorKind::Picture(error) => error.fmt(f),
        }
    }
}

/// Formats numbers as a Python tuple.
struct Tuple<'a>(&'a [usize]);

impl fmt::Display for Tuple<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (i, number) in self.0.iter().enumerate() {
            write!(f, "{}{number}", if i == 0 { "" } else { ", " })?;
        }
        f.write_str(if self.0.len() == 1 { ",)" } else { ")" })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Npy(error) => error.source(),
            ErrorKind::Npz(error) => error.source(),
            ErrorKind::Bitmap(error) => error.source(),
            _ => None,
        }
    }
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Box::new(Inner { file: None, key: None, kind }))
    }
}

impl From<bitnpz_npy::Error> for Error {
    fn from(error: bitnpz_npy::Error) -> Self {
        ErrorKind::Npy(error).into()
    }
}

impl From<bitnpz_npz::Error> for Error {
    fn from(error: bitnpz_npz::Error) -> Self {
        ErrorKind::Npz(error).into()
    }
}

impl From<OutOfMemory> for Error {
    fn from(error: OutOfMemory) -> Self {
        ErrorKind::OutOfMemory(error).into()
    }
}

#[cfg(feature = "picture")]
impl From<crate::picture::PictureError> for Error {
    fn from(error: crate::picture::PictureError) -> Self {
        ErrorKind::Picture(error).into()
    }
}

impl From<bitnpz_bitmap::Error> for Error {
    fn from(error: bitnpz_bitmap::Error) -> Self {
        ErrorKind::Bitmap(error).into()
    }
}
