//! The image sets of an archive that is being written.

use bitnpz_npy::{Dtype, with_room};

use super::ledger::Ledger;
use super::sink::Sink;
use super::stack::{SetStack, Stack};
use crate::axes::ArrayForm;
use crate::error::{Error, ErrorKind, Result};
use crate::names::SETS;
use crate::packed::{PackedKind, Palette, unfit_error};
use crate::set::{KeySet, Ones, SMALL_STACK, SetOptions, SetWriter, Sets, Shape, StoredSet};

/// Nor are fewer images under keys of their own.
const FEW_IMAGES: usize = 8;

/// More sets of images under keys of their own are not kept in memory; images of yet another kind become ordinary arrays.
const MOST_SETS: usize = 8;

/// Writes the image sets of an archive.
#[derive(Debug)]
pub(super) struct SetsWriter {
    options: SetOptions,
    /// The names of the sets, and their places in the order of keys.
    names: Vec<(String, usize)>,
    /// Whether image sets were asked for that turned out too small: an archive to which more images are added has sets.
    has_small: bool,
    keys: KeySet,
    /// The sets of images that have keys of their own, one for each pair of values.
    open: Vec<OpenSet>,
    /// The stacks that more may come for.
    pub(super) stacks: Vec<SetStack>,
}

/// A set of images that have keys of their own.
#[derive(Debug)]
struct OpenSet {
    palette: Palette,
    /// The axes of length 1 around each image.
    ones: Ones,
    set: SetWriter,
    /// Its place in the order of keys.
    place: usize,
}

impl OpenSet {
    /// Whether an image of these values, with these axes of length 1 around it, has its place here.
    fn takes(&self, palette: &Palette, ones: Ones) -> bool {
        self.ones == ones && self.palette.agrees_with(palette)
    }
}

/// An image or a stack that is not worth a set.
#[derive(Debug)]
pub(super) struct Lone {
    pub(super) key: String,
    /// Its place in the order of keys.
    pub(super) place: usize,
    /// The shape of the stack.
    pub(super) shape: Vec<usize>,
    /// The array that it comes back as, if that is another.
    pub(super) form: Option<ArrayForm>,
    pub(super) kind: PackedKind,
    /// Its packed rows.
    pub(super) rows: Vec<u8>,
}

impl SetsWriter {
    pub(super) fn new(options: SetOptions) -> Self {
        Self {
            options,
            names: Vec::new(),
            has_small: false,
            keys: KeySet::default(),
            open: Vec::new(),
            stacks: Vec::new(),
        }
    }

    /// Whether there are no sets.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Goes on with an archive of image sets, in which stacks may be too small for one.
    pub(super) fn resume_small(&mut self) {
        self.has_small = true;
    }

    /// Whether stacks of the archive may be too small for a set.
    pub(super) fn has_small(&self) -> bool {
        self.has_small
    }

    /// Whether a key is taken.
    pub(super) fn contains(&self, key: &str) -> bool {
        self.keys.contains(bitnpz_npz::identity(key))
    }

    /// Makes a key taken.
    pub(super) fn claim(&mut self, key: &str) -> Result<()> {
        if self.keys.insert(bitnpz_npz::identity(key)) {
            return Ok(());
        }
        Err(Error::from(ErrorKind::DuplicateKey).with_key(key))
    }

    /// Takes over a set of another archive: more can be added to it. Gives its place in the order of keys, in which nothing
    /// is noted yet.
    pub(super) fn resume(
        &mut self,
        zip: &bitnpz_npz::Archive,
        set: &StoredSet,
        ledger: &mut Ledger,
    ) -> Result<usize> {
        let place = ledger.order.new_place();
        self.names.push((set.name().to_owned(), place));
        let palette = Palette::of(&set.kind(0));
        let writer = set.to_writer(zip, self.options.with_items(palette.dtype()))?;
        if let Some((key, shape)) = set.stack() {
            self.claim(key)?;
            let stack = Stack::resume(key, shape.to_vec(), set.form().cloned(), palette);
            self.stacks.push(SetStack { stack, set: writer, place });
            return Ok(place);
        }
        for image in 0..set.len() {
            self.claim(&set.key(zip, image))?;
        }
        self.open.push(OpenSet { palette, ones: set.ones(), set: writer, place });
        Ok(place)
    }

    /// Starts the set of a stack whose key is claimed.
    pub(super) fn start_stack(&mut self, ledger: &mut Ledger, stack: Stack) -> SetStack {
        let (set, place) = self.start(ledger, &stack.key, stack.dtype());
        ledger.order.note(place);
        SetStack { stack, set, place }
    }

    /// Starts a set for what is saved under this key, and its place in the order of keys.
    fn start(&mut self, ledger: &mut Ledger, key: &str, dtype: &Dtype) -> (SetWriter, usize) {
        let is_simple = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_free = |name: &str| !self.names.iter().any(|(taken, _)| taken == name);
        let is_name =
            key.len() <= 64 && key.contains(is_simple) && key.chars().all(is_simple) && is_free(key);
        let name = if is_name {
            key.to_owned()
        } else {
            let mut numbers = self.names.len()..;
            numbers
                .by_ref()
                .map(|number| number.to_string())
                .find(|name| is_free(name))
                .expect("numbers go on")
        };
        let place = ledger.order.new_place();
        self.names.push((name.clone(), place));
        (SetWriter::new(name, self.options.with_items(dtype)), place)
    }

    /// Packs the pixels of one image, in the values of a set there is, or else in its own.
    pub(super) fn pack(&self, dtype: &Dtype, pixels: &[u8], size: [usize; 2]) -> Result<(Palette, Vec<u8>)> {
        let (shape, [_, width]) = (&size, size);
        let Some(own) = Palette::new(dtype) else {
            return Err(ErrorKind::NotImages { dtype: dtype.clone(), shape: shape.to_vec() }.into());
        };
        let mut rows = with_room(own.rows_len(pixels, width))?;
        for open in self.open.iter().filter(|open| open.palette.dtype() == dtype) {
            let mut palette = open.palette.clone();
            rows.clear();
            if palette.pack(pixels, width, &mut rows).is_ok() {
                return Ok((palette, rows));
            }
        }
        let mut palette = own;
        rows.clear();
        palette.pack(pixels, width, &mut rows).map_err(|unfit| unfit_error(&unfit, 0, shape))?;
        Ok((palette, rows))
    }

    /// Whether there is a set for images of these values, or room for one more.
    pub(super) fn take(&self, palette: &Palette, ones: Ones) -> bool {
        self.open.len() < MOST_SETS || self.open.iter().any(|open| open.takes(palette, ones))
    }

    /// Adds an image, packed in these values, to the set of images like it.
    pub(super) fn push(
        &mut self,
        zip: &mut bitnpz_npz::Writer<Sink>,
        ledger: &mut Ledger,
        key: &str,
        ones: Ones,
        image: ([usize; 2], Palette, &[u8]),
    ) -> Result<()> {
        let (size, palette, rows) = image;
        let number = match self.open.iter().position(|open| open.takes(&palette, ones)) {
            Some(number) => {
                self.open[number].palette = palette;
                number
            }
            None => {
                let (set, place) = self.start(ledger, "images", palette.dtype());
                self.open.push(OpenSet { palette, ones, set, place });
                self.open.len() - 1
            }
        };
        let OpenSet { set, place, .. } = &mut self.open[number];
        ledger.order.note(*place);
        set.push(zip, rows, size, Some(bitnpz_npz::identity(key)))
    }

    /// Ends a stack; gives it back if it is not worth a set.
    pub(super) fn finish_stack(
        &mut self,
        zip: &mut bitnpz_npz::Writer<Sink>,
        ledger: &mut Ledger,
        SetStack { stack, set, place }: SetStack,
    ) -> Result<Option<Lone>> {
        let rows = || set.images().map(|(_, _, rows)| rows);
        if set.is_unwritten() && rows().map(<[u8]>::len).sum::<usize>() < SMALL_STACK {
            self.drop_set(place);
            self.options.meter.code(stack.images(), stack.shape[0] * stack.item_bytes());
            let (kind, rows) = (stack.kind(), rows().flatten().copied().collect());
            let form = stack.form().cloned();
            return Ok(Some(Lone { key: stack.key, place, shape: stack.shape, form, kind, rows }));
        }
        set.finish(zip, stack.kind(), stack.to_shape())?;
        ledger.note_set(1, stack.images());
        Ok(None)
    }

    /// Ends all sets, and gives back what is not worth one.
    pub(super) fn finish(
        &mut self,
        zip: &mut bitnpz_npz::Writer<Sink>,
        ledger: &mut Ledger,
    ) -> Result<Vec<Lone>> {
        let mut lone = Vec::new();
        for stack in std::mem::take(&mut self.stacks) {
            lone.extend(self.finish_stack(zip, ledger, stack)?);
        }
        for OpenSet { palette, ones, set, place } in std::mem::take(&mut self.open) {
            let kind = |width| PackedKind { dtype: palette.dtype().clone(), bits: palette.bits(), width };
            if set.len() < FEW_IMAGES && set.is_unwritten() {
                self.drop_set(place);
                let pixels = set.images().map(|(_, [height, width], _)| height * width).sum::<usize>();
                self.options.meter.code(set.len(), pixels * palette.dtype().item_size());
                lone.extend(set.images().filter_map(|(key, size, rows)| {
                    let (shape, kind, rows) = (size.to_vec(), kind(size[1]), rows.to_vec());
                    let form = ArrayForm { shape: ones.around(size), fortran_order: false, axes: None };
                    Some(Lone { key: key?, place, shape, form: Some(form), kind, rows })
                }));
            } else {
                let images = set.len();
                set.finish(zip, kind(0), Shape::Each { ones })?;
                ledger.note_set(images, images);
            }
        }
        Ok(lone)
    }

    /// What has this place is no set.
    fn drop_set(&mut self, place: usize) {
        self.names.retain(|(_, other)| *other != place);
        self.has_small = true;
    }

    /// Writes the names of all sets and the order of all keys, and gives the members in this order.
    pub(super) fn write_names(
        &self,
        zip: &mut bitnpz_npz::Writer<Sink>,
        ledger: &Ledger,
    ) -> Result<Vec<usize>> {
        let (names, places): (Vec<String>, Vec<usize>) = self.names.iter().cloned().unzip();
        let (listed, order) = ledger.order.finish(&ledger.members(), &places);
        if self.has_small || !names.is_empty() {
            zip.add(SETS, Sets { names, order }.to_json())?;
        }
        Ok(listed)
    }
}
