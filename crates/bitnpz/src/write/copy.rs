//! Whole arrays from files and other archives, whatever the encodings, in bounded memory.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bitnpz_npy::{DynArray, DynArrayView, Header, Kind, Reader, make_room};
use bitnpz_npz::Limits;

use super::order_log::MEMBERS;
use super::stack::Stack;
use super::stack_writer::StackWriter;
use super::writer::Writer;
use crate::axes::{ArrayForm, ImageAxes, StackForm};
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::names;
use crate::packed::{Palette, count_images, unfit_error, unpack};
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

    /// Adds the array of a `.npy` file as [`add_npy_file`](Self::add_npy_file) does, its images along these axes.
    ///
    /// # Errors
    ///
    /// As [`add_npy_file`](Self::add_npy_file), and if an array of two values does not have these axes.
    pub fn add_npy_file_of(
        &mut self,
        key: &str,
        path: impl AsRef<Path>,
        limits: &Limits,
        axes: ImageAxes,
    ) -> Result<Added> {
        let file = NpyFile::open(path.as_ref(), limits)?;
        self.add_from(key, &Along { source: &file, axes }).map_err(|error| error.with_key(key))
    }

    /// Adds an array of another archive as [`add_entry`](Self::add_entry) does, its images along these axes unless it has others
    /// already.
    ///
    /// # Errors
    ///
    /// As [`add_entry`](Self::add_entry), and if an array of two values does not have these axes.
    pub fn add_entry_of(&mut self, entry: &Entry<'_>, axes: ImageAxes) -> Result<Added> {
        let axes = match entry.image_axes() {
            ImageAxes::Inferred => axes,
            axes => axes,
        };
        self.add_from(entry.key(), &Along { source: entry, axes })
            .map_err(|error| error.with_key(entry.key()))
    }

    pub(super) fn add_from(&mut self, key: &str, source: &impl Source) -> Result<Added> {
        let (header, axes) = (source.header(), source.image_axes());
        let packs = self.encoding() != Encoding::Plain;
        // Bools are of two values whatever their bytes are, and written as 0 and 1.
        let is_bool = header.dtype.kind() == Some(Kind::Bool);
        let is_bilevel =
            || Ok::<_, Error>(source.is_packed() || is_bool || (packs && is_two_valued(source)?));
        if let Some(every) = self.kept_after_items(key, header, axes)?
            && (self.items(key) > 0 || is_bilevel()?)
        {
            self.extend_from(key, source, every)?;
            return Ok(Added::Images);
        }
        let is_large = header.data_len() > WHOLE && !header.fortran_order;
        if !is_large || (header.shape.len() < 2 && is_bool) {
            return self.add_dyn_of(key, &source.read()?.view(), axes);
        }
        if header.shape.len() > 1 && is_bilevel()? {
            let Some(stack) = empty_stack(key, header, axes)? else {
                return self.add_dyn_of(key, &source.read()?.view(), axes);
            };
            let mut stack = StackWriter::start_stack(self, key, stack, MEMBERS)?;
            source.pieces(0, |items| stack.push_items(items))?;
            stack.finish()?;
            self.note_added(images_of(header, axes))?;
            return Ok(Added::Images);
        }
        self.claim(key)?;
        let member = self.zip.len();
        let mut stream = self.zip.stream(&names::of_array(key), Vec::new())?;
        let (mut npy, mut piece) = (source.npy()?, vec![0; PIECE]);
        loop {
            interrupt::check()?;
            let read = npy.read(&mut piece).map_err(bitnpz_npz::Error::from)?;
            if read == 0 {
                break;
            }
            stream.write_all(&piece[..read]).map_err(bitnpz_npz::Error::from)?;
            self.meter.add_images(0, read);
        }
        stream.finish(&[])?;
        self.ledger.note_plain(member, MEMBERS, 0);
        self.note_added(0)?;
        Ok(Added::Array)
    }

    /// After how many items an array of this header is kept, if it is one of which parts can be.
    fn kept_after_items(&self, key: &str, header: &Header, axes: ImageAxes) -> Result<Option<usize>> {
        if self.encoding() != Encoding::Sets || header.data_len() == 0 || header.fortran_order {
            return Ok(None);
        }
        let Some(stack) = empty_stack(key, header, axes)? else { return Ok(None) };
        let item_images = count_images(&stack.shape[1..]);
        Ok(self.kept_after(stack.size()).map(|images| (images / (item_images).max(1)).max(1)))
    }

    /// The number of items that a stack has that can be added to.
    fn items(&self, key: &str) -> usize {
        let identity = bitnpz_npz::identity(key);
        let set = self.sets.stacks.iter().find(|set| set.stack.key == identity);
        set.map_or(0, |set| set.stack.shape[0])
    }

    /// Adds the items of an array that its stack does not have yet, and keeps them after every so many.
    fn extend_from(&mut self, key: &str, source: &impl Source, every: usize) -> Result<()> {
        let (header, axes) = (source.header(), source.image_axes());
        let item_bytes = header.data_len() / header.shape[0];
        let item_images = images_of(header, axes) / header.shape[0];
        let (mut done, mut unkept) = (self.items(key), 0);
        source.pieces(done, |mut items| {
            while !items.is_empty() {
                let count = (items.len() / item_bytes).min(every - done % every);
                let (now, later) = items.split_at(count * item_bytes);
                let shape = [&[count], &header.shape[1..]].concat();
                let now = DynArrayView::new(Header::new(header.dtype.clone(), shape), now)?;
                self.extend_stack(key, &now, axes)?;
                (done, unkept, items) = (done + count, unkept + count * item_images, later);
                // A value that did not come yet could not be added to what was kept.
                let has_both = self.sets.stacks.iter().all(|set| set.stack.has_both_values());
                if done % every == 0 && done < header.shape[0] && has_both {
                    self.keep()?;
                    unkept = 0;
                }
            }
            Ok(())
        })?;
        self.note_added(unkept)
    }
}

/// An array whose images are along these axes.
struct Along<'a, S> {
    source: &'a S,
    axes: ImageAxes,
}

impl<S: Source> Source for Along<'_, S> {
    fn header(&self) -> &Header {
        self.source.header()
    }

    fn is_packed(&self) -> bool {
        self.source.is_packed()
    }

    fn image_axes(&self) -> ImageAxes {
        self.axes
    }

    fn npy(&self) -> Result<Box<dyn Read + '_>> {
        self.source.npy()
    }

    fn read(&self) -> Result<DynArray> {
        self.source.read()
    }

    fn pieces(&self, first: usize, each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.source.pieces(first, each)
    }
}

/// The number of images in an array of this header.
pub(super) fn images_of(header: &Header, axes: ImageAxes) -> usize {
    axes.form(header).ok().flatten().map_or(0, |(stack, _)| count_images(&stack))
}

/// A stack without images that becomes an array like this; `None` if images are not along its first axis.
pub(super) fn empty_stack(key: &str, header: &Header, axes: ImageAxes) -> Result<Option<Stack>> {
    let grows =
        |(shape, form): &StackForm| shape.len() > 2 && form.as_ref().is_none_or(|form| form.can_grow(shape));
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

    /// Calls `each` with the bytes of some items of the first dimension after the others, from the item with number `first` on.
    fn pieces(&self, first: usize, each: impl FnMut(&[u8]) -> Result<()>) -> Result<()>;
}

/// Whether the array has no more than two values.
fn is_two_valued(source: &impl Source) -> Result<bool> {
    let header = source.header();
    let Some(mut palette) = Palette::new(&header.dtype) else { return Ok(false) };
    let width = header.shape[header.shape.len() - 1];
    let mut rows = Vec::new();
    let unfit = source.pieces(0, |items| {
        rows.clear();
        make_room(&mut rows, palette.rows_len(items, width))?;
        palette.pack(items, width, &mut rows).map_err(|unfit| unfit_error(&unfit, 0, &header.shape))
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

/// Calls `each` with the items that a reader gives, but the first ones, some at a time.
fn pieces(
    mut reader: Reader<impl Read>,
    mut first: usize,
    mut each: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let header = reader.header();
    let item_bytes = header.shape[1..].iter().product::<usize>() * header.dtype.item_size();
    let count = (PIECE / item_bytes.max(1)).max(1);
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

fn open(path: &Path) -> Result<File> {
    let failed = |error| bitnpz_npz::ErrorKind::Open { path: path.to_owned(), error };
    Ok(File::open(path).map_err(|error| bitnpz_npz::Error::from(failed(error)))?)
}

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

impl Source for NpyFile<'_> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn is_packed(&self) -> bool {
        false
    }

    fn npy(&self) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(BufReader::new(open(&self.path)?)))
    }

    fn read(&self) -> Result<DynArray> {
        Ok(DynArray::read(self.npy()?, &self.limits.npy)?)
    }

    fn pieces(&self, first: usize, each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        pieces(Reader::new(self.npy()?, &self.limits.npy)?, first, each)
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

    fn pieces(&self, mut first: usize, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if let Some(images) = self.set_images() {
            let item_images = images.len() / self.shape()[0].max(1);
            let count = (PIECE / (self.header().data_len() / self.shape()[0].max(1)).max(1)).max(1);
            let mut pixels = Vec::new();
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
            Some(kind) => {
                pieces(reader, first, |rows| each(&unpack(rows, kind.width, &kind.dtype, kind.bits)?))
            }
            None => pieces(reader, first, each),
        }
    }
}
