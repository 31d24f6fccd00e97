//! The one error of this crate.

use std::path::Path;
use std::{fmt, io};

use bitnpz_npy::{Dtype, OutOfMemory};

use crate::axes::ImageAxes;
use crate::value::Value;

/// What a call of this crate gives back.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, and with which key.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    key: Option<String>,
    kind: ErrorKind,
}

/// What went wrong.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The archive holds no such key.
    NoSuchKey,
    /// Keys below `.bitnpz/` are the library's own.
    ReservedKey,
    /// A writer's archive has an image or an array under this key already.
    DuplicateKey,
    /// An archive that is read has two arrays under this key.
    AmbiguousKey,
    /// An index past the last image.
    NoSuchImage {
        /// The index asked for.
        index: usize,
        /// The number of images.
        len: usize,
    },
    /// A pixel is neither of the two values before it.
    NotBilevel {
        /// The pixel's place in the array.
        index: Vec<usize>,
        /// Its value.
        found: Value,
        /// The two values before it.
        values: [Value; 2],
    },
    /// A pixel is NaN, which equals no value.
    NotANumber {
        /// The pixel's place in the array.
        index: Vec<usize>,
    },
    /// Images have at least two dimensions and a dtype of bool, integer or float.
    NotImages {
        /// The array's dtype.
        dtype: Dtype,
        /// The array's shape.
        shape: Vec<usize>,
    },
    /// More images were added to a stack whose images are not along the first axis of the array.
    FixedStack,
    /// A stack has one dimension more than an image.
    NotAStack {
        /// The shape found.
        shape: Vec<usize>,
    },
    /// An array does not have the axes that it was said to have.
    WrongAxes {
        /// What was said.
        axes: ImageAxes,
        /// The array's shape.
        shape: Vec<usize>,
    },
    /// One image was asked for, shape `(height, width)`.
    NotOneImage {
        /// The shape found.
        found: Vec<usize>,
    },
    /// An array, unpacked, or an image of a few bytes is larger than [`Limits`](crate::Limits) allow.
    TooLarge {
        /// Its size in bytes, that of an image in packed rows.
        found: u64,
        /// The limit in bytes.
        limit: u64,
        /// Which limit: the name by which it is set.
        name: &'static str,
    },
    /// An array of another shape was expected.
    WrongShape {
        /// What was expected.
        expected: Vec<usize>,
        /// What was found.
        found: Vec<usize>,
    },
    /// Images of another dtype than those before them in the stack.
    OtherDtype {
        /// That of those before.
        expected: Dtype,
        /// That of these.
        found: Dtype,
    },
    /// Images that differ in size were asked for as one array.
    SizesDiffer,
    /// The array's values cannot be given in the type asked for without changing them.
    WrongType {
        /// The type asked for.
        expected: Dtype,
        /// The array's type.
        found: Dtype,
    },
    /// A writer's image has packed rows of 4 GiB or more, for which sets have no place.
    HugeImage {
        /// Its height and width.
        size: [usize; 2],
    },
    /// The memory for an array or an image is not there.
    OutOfMemory(OutOfMemory),
    /// The call was ended before it was done, as [`interruptible`](crate::interruptible) was told to.
    Interrupted,
    /// A member of the library's own is not what `docs/format.md` says.
    Damaged {
        /// The member's name.
        member: String,
        /// What was expected and what was found.
        message: String,
    },
    /// An array could not be read or written.
    Npy(bitnpz_npy::Error),
    /// The archive could not be read or written.
    Npz(bitnpz_npz::Error),
    /// An image could not be packed or unpacked.
    Bitmap(bitnpz_bitmap::Error),
    /// A picture could not be read or written.
    #[cfg(feature = "picture")]
    Picture(crate::picture::PictureError),
}

impl Error {
    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// The key it went wrong with, if it was one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.0.key.as_deref()
    }

    /// Whether the memory that was asked for was not there, whoever asked.
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

    /// The file that could not be written, if that is what went wrong.
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

    /// The file that could not be opened or written, if that is what went wrong.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
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

    /// The same error, now that the key is known.
    pub(crate) fn with_key(mut self, key: &str) -> Self {
        self.0.key.get_or_insert_with(|| key.to_owned());
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(key) = &self.0.key {
            write!(f, "{key:?}: ")?;
        }
        match &self.0.kind {
            ErrorKind::NoSuchKey => write!(f, "the archive holds no such key; `bitnpz ls` lists them"),
            ErrorKind::ReservedKey => write!(f, "keys that start with .bitnpz/ are the library's own"),
            ErrorKind::DuplicateKey => {
                write!(f, "the archive has this key already (a and a.npy are one key)")
            }
            ErrorKind::AmbiguousKey => {
                f.write_str("the archive has two arrays under this key (a and a.npy are one key); bitnpz salvage keeps both")
            }
            ErrorKind::NoSuchImage { index, len } => {
                write!(f, "image {index} was asked for, and there are {len}")
            }
            ErrorKind::NotBilevel { index, found, values: [off, on] } => write!(
                f,
                "expected two values, found a third: pixel {} is {found}, others are {off} and {on}; \
                 compare with a threshold first, or store it as an ordinary array",
                Index(index)
            ),
            ErrorKind::NotANumber { index } => {
                write!(f, "expected two values, found NaN at pixel {}", Index(index))
            }
            ErrorKind::NotImages { dtype, shape } => write!(
                f,
                "expected images: two or more dimensions of bool, integers or floats; \
                 found shape {} of {dtype}",
                Index(shape)
            ),
            ErrorKind::FixedStack => f.write_str(
                "expected a stack of images along the first axis, found one along another, to which none can be added",
            ),
            ErrorKind::WrongAxes { axes, shape } => {
                write!(f, "expected an array of the axes {axes}, found shape {}", Index(shape))
            }
            ErrorKind::NotAStack { shape } => write!(
                f,
                "expected a stack of images, shape (n, height, width), found one image, shape {}: \
                 as a stack of one it has shape {}",
                Index(shape),
                Index(&[&[1], shape.as_slice()].concat())
            ),
            ErrorKind::NotOneImage { found } => write!(
                f,
                "expected one image, shape (height, width), found an array of shape {}; read it as images",
                Index(found)
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
                write!(f, "expected shape {}, found {}", Index(expected), Index(found))
            }
            ErrorKind::OtherDtype { expected, found } => {
                write!(f, "expected images of {expected}, as those before them in the stack, found {found}")
            }
            ErrorKind::SizesDiffer => {
                f.write_str("expected images of one size, found several: read them one by one")
            }
            ErrorKind::WrongType { expected, found } => {
                write!(f, "the values of this {found} array are not all {expected}; read it as {found}")
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

/// Numbers as Python writes a tuple of them.
struct Index<'a>(&'a [usize]);

impl fmt::Display for Index<'_> {
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
        Self(Box::new(Inner { key: None, kind }))
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
