//! Whole arrays from files and other archives, whatever the encodings, in bounded memory.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bitnpz_npy::{DynArray, DynArrayView, Header, Kind, Reader, make_room};
use bitnpz_npz::Limits;

use super::order::MEMBERS;
use super::stack::Stack;
use super::stack_writer::StackWriter;
use super::writer::Writer;
use crate::axes::{ArrayForm, Formed, ImageAxes};
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::packed::{Palette, unpack};
use crate::read::{Archive, Entry, Item, OtherMember, StoredImages};

/// As what an array was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Added {
    /// As images: it has two or more dimensions and two values.
    Images,
    /// As an ordinary array: it has fewer dimensions or more values.
    Array,
}

/// Arrays beyond this many bytes go through in pieces.
pub(super) const WHOLE: usize = 64 << 20;

/// About how large a piece is, in bytes.
const PIECE: usize = 4 << 20;

impl Writer {
    /// Adds everything that another archive has, under the same keys and in the same order. Arrays of two or more dimensions
    /// and two values are taken for images, all others as they are; members that are no arrays are copied. `progress` is called
    /// with each key or name done.
    ///
    /// # Errors
    ///
    /// If reading or writing fails, or a key is taken.
    pub fn copy_from(&mut self, archive: &Archive, mut progress: impl FnMut(&str)) -> Result<()> {
        for item in archive.items() {
            match item? {
                Item::Array(entry) => {
                    self.add_entry(&entry)?;
                    progress(entry.key());
                }
                Item::Other(other) => {
                    self.add_other(&other)?;
                    progress(other.name());
                }
            }
        }
        Ok(())
    }

    /// Adds a member of another archive that is no array, or none that can be read: its bytes, as they are.
    ///
    /// # Errors
    ///
    /// If reading or writing fails, if its bytes are damaged, or its name is taken.
    pub fn add_other(&mut self, other: &OtherMember<'_>) -> Result<()> {
        let mut reader = other.member().reader()?;
        io::copy(&mut reader, &mut io::sink()).map_err(bitnpz_npz::Error::from)?;
        self.claim(other.member().name())?;
        self.copy_member(other.member(), None)
    }

    /// Adds an array of another archive under its key: as images if it has two or more dimensions and two values, else as
    /// it is.
    ///
    /// # Errors
    ///
    /// If reading or writing fails, or the key is taken.
    pub fn add_entry(&mut self, entry: &Entry<'_>) -> Result<Added> {
        self.add_from(entry.key(), entry).map_err(|error| error.with_key(entry.key()))
    }

    /// Adds an array: as images if it has two or more dimensions and two values, else as it is.
    ///
    /// # Errors
    ///
    /// If the key is taken or not allowed, or if writing fails.
    pub fn add_dyn(&mut self, key: &str, array: &DynArrayView<'_>) -> Result<Added> {
        self.add_dyn_of(key, array, ImageAxes::Inferred)
    }

    fn add_dyn_of(&mut self, key: &str, array: &DynArrayView<'_>, axes: ImageAxes) -> Result<Added> {
        match self.add_dyn_images_of(key, array, axes) {
            Err(error) if is_no_image(&error) => {}
            result => return result.map(|()| Added::Images),
        }
        self.add_dyn_array(key, array).map(|()| Added::Array)
    }

    /// Adds the array of a `.npy` file: as images if it has two or more dimensions and two values, else as it is.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, if the key is taken or not allowed, or if writing fails.
    pub fn add_npy_file(&mut self, key: &str, path: impl AsRef<Path>, limits: &Limits) -> Result<Added> {
        let file = NpyFile::open(path.as_ref(), limits)?;
        self.add_from(key, &file).map_err(|error| error.with_key(key))
    }

    pub(super) fn add_from(&mut self, key: &str, source: &impl Source) -> Result<Added> {
        let (header, axes) = (source.header(), source.image_axes());
        let packs = self.encoding() != Encoding::Plain;
        let is_large = header.data_len() > WHOLE && !header.fortran_order;
        // Bools are of two values whatever their bytes are, and written as 0 and 1.
        let is_bool = header.dtype.kind() == Some(Kind::Bool);
        let is_bilevel =
            || Ok::<_, Error>(source.is_packed() || is_bool || (packs && is_two_valued(source)?));
        if !is_large || (header.shape.len() < 2 && is_bool) {
            return self.add_dyn_of(key, &source.read()?.view(), axes);
        }
        if header.shape.len() > 1 && is_bilevel()? {
            let Some(stack) = empty_stack(key, header, axes)? else {
                return self.add_dyn_of(key, &source.read()?.view(), axes);
            };
            let mut stack = StackWriter::start_stack(self, key, stack, MEMBERS)?;
            source.pieces(|items| stack.push_items(items))?;
            return stack.finish().map(|()| Added::Images);
        }
        self.claim(key)?;
        let member = self.zip.len();
        let mut stream = self.zip.stream(&format!("{key}.npy"), Vec::new())?;
        let (mut npy, mut piece) = (source.npy()?, vec![0; PIECE]);
        loop {
            interrupt::check()?;
            let read = npy.read(&mut piece).map_err(bitnpz_npz::Error::from)?;
            if read == 0 {
                break;
            }
            stream.write_all(&piece[..read]).map_err(bitnpz_npz::Error::from)?;
        }
        stream.finish(&[])?;
        self.ledger.note_plain(member, MEMBERS, 0);
        Ok(Added::Array)
    }
}

/// A stack without images that becomes an array like this; `None` if images are not along its first axis.
pub(super) fn empty_stack(key: &str, header: &Header, axes: ImageAxes) -> Result<Option<Stack>> {
    let grows =
        |(shape, form): &Formed| shape.len() > 2 && form.as_ref().is_none_or(|form| form.can_grow(shape));
    let Some((shape, form)) = axes.form(header)?.filter(grows) else { return Ok(None) };
    let form = form.map(|form| ArrayForm { shape: [&[0], &form.shape[1..]].concat(), ..form });
    Stack::new(bitnpz_npz::identity(key), &header.dtype, &shape[1..], form).map(Some)
}

/// An array that can be read from its start as often as one likes.
pub(super) trait Source {
    /// Of the array as it is given, not as it may be packed.
    fn header(&self) -> &Header;

    /// Whether it lies packed, and so has two values.
    fn is_packed(&self) -> bool;

    /// Which axes are height and width.
    fn image_axes(&self) -> ImageAxes {
        ImageAxes::Inferred
    }

    /// The bytes of the `.npy` file as it lies there.
    fn npy(&self) -> Result<Box<dyn Read + '_>>;

    /// The whole array.
    fn read(&self) -> Result<DynArray>;

    /// Calls `each` with the bytes of some items of the first dimension after the others.
    fn pieces(&self, each: impl FnMut(&[u8]) -> Result<()>) -> Result<()>;
}

/// Whether the array has no more than two values.
fn is_two_valued(source: &impl Source) -> Result<bool> {
    let header = source.header();
    let Some(mut palette) = Palette::new(&header.dtype) else { return Ok(false) };
    let width = header.shape[header.shape.len() - 1];
    let mut rows = Vec::new();
    let unfit = source.pieces(|items| {
        rows.clear();
        make_room(&mut rows, palette.rows_len(items, width))?;
        palette
            .pack(items, width, &mut rows)
            .map_err(|unfit| super::writer::unfit_error(&unfit, 0, &header.shape))
    });
    match unfit {
        Err(error) if is_no_image(&error) => Ok(false),
        result => result.map(|()| true),
    }
}

pub(super) fn is_no_image(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::NotImages { .. } | ErrorKind::NotBilevel { .. } | ErrorKind::NotANumber { .. }
    )
}

/// Calls `each` with the items that a reader gives, some at a time.
fn pieces(mut reader: Reader<impl Read>, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let header = reader.header();
    let item_bytes = header.shape[1..].iter().product::<usize>() * header.dtype.item_size();
    let count = (PIECE / item_bytes.max(1)).max(1);
    let mut items = Vec::new();
    while reader.read_items(count, &mut items)? > 0 {
        interrupt::check()?;
        each(&items)?;
        items.clear();
    }
    Ok(())
}

pub(super) struct NpyFile<'a> {
    path: PathBuf,
    header: Header,
    limits: &'a Limits,
}

impl<'a> NpyFile<'a> {
    pub(super) fn open(path: &Path, limits: &'a Limits) -> Result<Self> {
        let file = File::open(path).map_err(bitnpz_npz::Error::from)?;
        let header = Header::read(BufReader::new(file), &limits.npy)?;
        Ok(Self { path: path.to_owned(), header, limits })
    }
}

impl Source for NpyFile<'_> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn is_packed(&self) -> bool {
        false
    }

    fn npy(&self) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(BufReader::new(File::open(&self.path).map_err(bitnpz_npz::Error::from)?)))
    }

    fn read(&self) -> Result<DynArray> {
        Ok(DynArray::read(self.npy()?, &self.limits.npy)?)
    }

    fn pieces(&self, each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        pieces(Reader::new(self.npy()?, &self.limits.npy)?, each)
    }
}

impl Source for Entry<'_> {
    fn header(&self) -> &Header {
        self.header()
    }

    fn is_packed(&self) -> bool {
        self.encoding() != Encoding::Plain
    }

    fn image_axes(&self) -> ImageAxes {
        self.set_images().map_or(ImageAxes::Inferred, StoredImages::image_axes)
    }

    fn npy(&self) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.member_reader()?))
    }

    fn read(&self) -> Result<DynArray> {
        self.to_array()
    }

    fn pieces(&self, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if let Some(images) = self.set_images() {
            let item_images = images.len() / self.shape()[0].max(1);
            let count = (PIECE / (self.header().data_len() / self.shape()[0].max(1)).max(1)).max(1);
            let (mut first, mut pixels) = (0, Vec::new());
            while first < self.shape()[0] {
                let items = count.min(self.shape()[0] - first);
                pixels.clear();
                images.unpack(first * item_images..(first + items) * item_images, &mut pixels)?;
                each(&pixels)?;
                first += items;
            }
            return Ok(());
        }
        let reader = Reader::new(self.npy()?, &self.limits().npy)?;
        match self.kind() {
            Some(kind) => pieces(reader, |rows| each(&unpack(rows, kind.width, &kind.dtype, kind.bits)?)),
            None => pieces(reader, each),
        }
    }
}
