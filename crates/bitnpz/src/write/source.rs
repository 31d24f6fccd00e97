//! Arrays in files and archives, which can be read more than once.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use bitnpz_npy::{DynArray, Header, Reader, make_room};
use bitnpz_npz::{Limits, MemberReader};

use crate::axes::ImageAxes;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::packed::{Palette, unfit_error, unpack};
use crate::read::{ArrayReader, Entry, StoredImages};

/// The bytes of items that are read at a time, about.
pub(super) const PIECE_BYTES: usize = 4 << 20;

/// An array in a file or an archive, which can be read from its start more than once.
pub(super) trait ArraySource {
    /// Returns the header of the array as it comes back, not as it may be packed.
    fn header(&self) -> &Header;

    /// Returns whether it is packed or in an image set, and so has two values.
    fn is_packed(&self) -> bool;

    /// Returns which axes are height and width.
    fn image_axes(&self) -> ImageAxes {
        ImageAxes::Inferred
    }

    /// Returns a reader of the array as it is stored.
    fn reader(&self) -> Result<ArrayReader<'_>>;

    /// Reads the whole array.
    fn read(&self) -> Result<DynArray>;

    /// Calls `each` with the bytes of some items of the first dimension at a time, from the item with number `first` on.
    fn for_pieces(&self, first: usize, each: impl FnMut(&[u8]) -> Result<()>) -> Result<()>;
}

/// An array whose images lie along other axes than its source knows.
pub(super) struct WithAxes<'a, S> {
    pub(super) source: &'a S,
    pub(super) axes: ImageAxes,
}

impl<S: ArraySource> ArraySource for WithAxes<'_, S> {
    fn header(&self) -> &Header {
        self.source.header()
    }

    fn is_packed(&self) -> bool {
        self.source.is_packed()
    }

    fn image_axes(&self) -> ImageAxes {
        self.axes
    }

    fn reader(&self) -> Result<ArrayReader<'_>> {
        self.source.reader()
    }

    fn read(&self) -> Result<DynArray> {
        self.source.read()
    }

    fn for_pieces(&self, first: usize, each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.source.for_pieces(first, each)
    }
}

/// The array of a `.npy` file.
pub(super) struct NpyFile<'a> {
    path: PathBuf,
    header: Header,
    limits: &'a Limits,
}

impl<'a> NpyFile<'a> {
    pub(super) fn open(path: &Path, limits: &'a Limits) -> Result<Self> {
        let file = open(path)?;
        let header = Header::read(BufReader::new(file), &limits.npy)?;
        Ok(Self { path: path.to_owned(), header, limits })
    }
}

impl ArraySource for NpyFile<'_> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn is_packed(&self) -> bool {
        false
    }

    fn reader(&self) -> Result<ArrayReader<'_>> {
        let file = open(&self.path)?;
        let len = file.metadata().map_err(bitnpz_npz::Error::from)?.len();
        ArrayReader::of_npy(BufReader::new(file), len, self.limits)
    }

    fn read(&self) -> Result<DynArray> {
        Ok(DynArray::read(BufReader::new(open(&self.path)?), &self.limits.npy)?)
    }

    fn for_pieces(&self, first: usize, each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let file = BufReader::new(open(&self.path)?);
        read_pieces(&mut Reader::new(file, &self.limits.npy)?, first, each)
    }
}

impl ArraySource for Entry<'_> {
    fn header(&self) -> &Header {
        self.header()
    }

    fn is_packed(&self) -> bool {
        self.encoding() != Encoding::Plain
    }

    fn image_axes(&self) -> ImageAxes {
        self.set_images().map_or(ImageAxes::Inferred, StoredImages::image_axes)
    }

    fn reader(&self) -> Result<ArrayReader<'_>> {
        self.member_array()
    }

    fn read(&self) -> Result<DynArray> {
        self.set_images().map_or(Ok(()), StoredImages::check)?;
        self.to_array()
    }

    fn for_pieces(&self, first: usize, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if let Some(images) = self.set_images() {
            images.check()?;
            return unpack_pieces(images, self.header(), first, each);
        }
        let mut reader = Reader::new(self.member_reader()?, &self.limits().npy)?;
        match self.kind() {
            Some(kind) => {
                let unpack = |rows: &[u8]| unpack(rows, kind.width, &kind.dtype, kind.bits);
                read_pieces(&mut reader, first, |rows| each(&unpack(rows)?))?;
            }
            None => read_pieces(&mut reader, first, each)?,
        }
        check_end(reader)
    }
}

/// Returns the number of items of this length that are read at a time.
pub(super) fn items_at_once(item_bytes: usize) -> usize {
    (PIECE_BYTES / item_bytes.max(1)).max(1)
}

/// Calls `each` with some items of a set's stack at a time.
fn unpack_pieces(
    images: &StoredImages,
    array: &Header,
    mut first: usize,
    mut each: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let items = array.shape[0];
    let (item_images, item_bytes) = (images.len() / items.max(1), array.data_len() / items.max(1));
    let mut pixels = Vec::new();
    while first < items {
        let count = items_at_once(item_bytes).min(items - first);
        pixels.clear();
        images.unpack(first * item_images..(first + count) * item_images, &mut pixels)?;
        each(&pixels)?;
        first += count;
    }
    Ok(())
}

/// Calls `each` with some items of a `.npy` file at a time, but not with the first ones.
fn read_pieces(
    reader: &mut Reader<impl Read>,
    mut first: usize,
    mut each: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let header = reader.header();
    let item_bytes = header.shape[1..].iter().product::<usize>() * header.dtype.item_size();
    let count = items_at_once(item_bytes);
    let mut items = Vec::new();
    while first > 0 {
        interrupt::check()?;
        let skipped = reader.read_items(count.min(first), &mut items)?;
        if skipped == 0 {
            return Ok(());
        }
        first -= skipped;
        items.clear();
    }
    while reader.read_items(count, &mut items)? > 0 {
        interrupt::check()?;
        each(&items)?;
        items.clear();
    }
    Ok(())
}

/// Reads to the end of a member behind its array, where size and CRC are compared: damage must not get a new checksum.
fn check_end(reader: Reader<MemberReader<'_>>) -> Result<()> {
    let expected = reader.header().data_len() as u64;
    let more = io::copy(&mut reader.into_inner(), &mut io::sink()).map_err(bitnpz_npz::Error::from)?;
    if more == 0 {
        return Ok(());
    }
    Err(bitnpz_npy::Error::from(bitnpz_npy::ErrorKind::Length { expected, found: expected + more }).into())
}

/// Reads an array to see whether it has no more than two values.
pub(super) fn is_two_valued(source: &impl ArraySource) -> Result<bool> {
    let header = source.header();
    let Some(mut palette) = Palette::new(&header.dtype) else { return Ok(false) };
    let width = header.shape[header.shape.len() - 1];
    let mut rows = Vec::new();
    let packed = source.for_pieces(0, |items| {
        rows.clear();
        make_room(&mut rows, palette.rows_len(items, width))?;
        palette.pack(items, width, &mut rows).map_err(|unfit| unfit_error(&unfit, 0, &header.shape))
    });
    match packed {
        Err(error) if is_not_images(&error) => Ok(false),
        result => result.map(|()| true),
    }
}

/// Returns whether an array was refused because it is not one of images.
pub(super) fn is_not_images(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotImages { .. } | ErrorKind::NotBilevel { .. } | ErrorKind::NotANumber { .. }
    )
}

fn open(path: &Path) -> Result<File> {
    let failed = |error| bitnpz_npz::ErrorKind::Open { path: path.to_owned(), error };
    Ok(File::open(path).map_err(|error| bitnpz_npz::Error::from(failed(error)))?)
}
