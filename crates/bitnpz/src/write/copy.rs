//! Whole arrays from files and other archives, whatever the encodings, in bounded memory.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};

use bitnpz_npy::{DynArray, DynArrayView, Header, Kind, Reader, make_room};
use bitnpz_npz::Limits;

use super::stack_writer::StackWriter;
use super::writer::{Writer, count_images};
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::packed::{Palette, unpack};
use crate::read::{Archive, Entry};

/// Arrays beyond this many bytes go through in pieces.
const WHOLE: usize = 64 << 20;

/// About how large a piece is, in bytes.
const PIECE: usize = 4 << 20;

impl Writer {
    /// Adds everything that another archive has, under the same keys. Arrays of two or more dimensions and two
    /// values are taken for images, all others as they are. `progress` is called with each key done.
    ///
    /// # Errors
    ///
    /// If reading or writing fails, or a key is taken.
    pub fn copy_from(&mut self, archive: &Archive, mut progress: impl FnMut(&str)) -> Result<()> {
        for entry in archive.entries() {
            let entry = entry?;
            self.add_entry(&entry)?;
            progress(entry.key());
        }
        Ok(())
    }

    /// Adds an array of another archive under its key: as images if it has two or more dimensions and two values, else as
    /// it is.
    ///
    /// # Errors
    ///
    /// If reading or writing fails, or the key is taken.
    pub fn add_entry(&mut self, entry: &Entry<'_>) -> Result<()> {
        self.add_from(entry.key(), entry).map_err(|error| error.with_key(entry.key()))
    }

    /// Adds an array: as images if it has two or more dimensions and two values, else as it is.
    ///
    /// # Errors
    ///
    /// If the key is taken or not allowed, or if writing fails.
    pub fn add_dyn(&mut self, key: &str, array: &DynArrayView<'_>) -> Result<()> {
        if self.encoding() != Encoding::Plain {
            match self.add_dyn_images(key, array) {
                Err(error) if is_no_image(&error) => {}
                result => return result,
            }
        }
        self.add_dyn_array(key, array)
    }

    /// Adds the array of a `.npy` file: as images if it has two or more dimensions and two values, else as it is.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, if the key is taken or not allowed, or if writing fails.
    pub fn add_npy_file(&mut self, key: &str, path: impl AsRef<Path>, limits: &Limits) -> Result<()> {
        let file = NpyFile::open(path.as_ref(), limits)?;
        self.add_from(key, &file).map_err(|error| error.with_key(key))
    }

    fn add_from(&mut self, key: &str, source: &impl Source) -> Result<()> {
        let header = source.header();
        let packs = self.encoding() != Encoding::Plain;
        let in_pieces = header.data_len() > WHOLE && header.shape.len() > 1 && !header.fortran_order;
        if !in_pieces {
            return self.add_dyn(key, &source.read()?.view());
        }
        // Bools are of two values whatever their bytes are, and written as 0 and 1.
        let is_bool = header.dtype.kind() == Some(Kind::Bool);
        if source.is_packed() || is_bool || (packs && is_two_valued(source)?) {
            let mut stack = StackWriter::start(self, key, &header.dtype, &header.shape[1..])?;
            source.pieces(|items| stack.push_items(items))?;
            return stack.finish();
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
            self.ledger.progress.add(0, read);
        }
        stream.finish(&[])?;
        self.ledger.note_plain(member, 0);
        Ok(())
    }
}

/// An array that can be read from its start as often as one likes.
trait Source {
    /// Of the array as it is given, not as it may be packed.
    fn header(&self) -> &Header;

    /// Whether it lies packed, and so has two values.
    fn is_packed(&self) -> bool;

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

fn is_no_image(error: &Error) -> bool {
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

struct NpyFile<'a> {
    path: PathBuf,
    header: Header,
    limits: &'a Limits,
}

impl<'a> NpyFile<'a> {
    fn open(path: &Path, limits: &'a Limits) -> Result<Self> {
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

    fn npy(&self) -> Result<Box<dyn Read + '_>> {
        Ok(Box::new(self.member_reader()?))
    }

    fn read(&self) -> Result<DynArray> {
        self.to_array()
    }

    fn pieces(&self, mut each: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if let Some(images) = self.set_images() {
            let item_images = count_images(&self.shape()[1..]);
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
