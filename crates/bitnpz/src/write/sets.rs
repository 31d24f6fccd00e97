//! The image sets of an archive that is being written.

use std::ops::Range;

use bitnpz_npy::{Dtype, with_room};

use super::ledger::Ledger;
use super::order_log::SavedOrder;
use super::output::Output;
use super::small::SmallStack;
use super::stack::Stack;
use crate::axes::ArrayForm;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt;
use crate::names::{MODELS, SETS};
use crate::packed::{PackedKind, Palette, count_images, unfit_error};
use crate::set::{FinishedSet, KeySet, Ones, SMALL_STACK, SetOptions, SetWriter, Sets, Shape, StoredSet};

/// Fewer images under keys of their own become ordinary arrays if they are as small as [small stacks](SMALL_STACK) together: a set's
/// own members take more than they save.
const FEW_IMAGES: usize = 8;

/// Images of further kinds become ordinary arrays: each open set keeps a segment of images in memory.
const MOST_SETS: usize = 8;

/// Writes the image sets of an archive.
#[derive(Debug)]
pub(super) struct SetsWriter {
    options: SetOptions,
    names: Vec<SetName>,
    /// Whether a set became ordinary arrays. `sets.json` is written then even if there are no sets, so that stacks that are
    /// extended later become sets.
    has_small: bool,
    keys: KeySet,
    /// The open sets of images with keys of their own: one for each dtype, pair of values and axes of length 1.
    open: Vec<OpenSet>,
    /// The places of those of earlier archives, which a set of this one can become a part of.
    joinable: Vec<usize>,
    /// The stacks that can still be extended.
    pub(super) stacks: Vec<SetStack>,
    /// The sets whose payloads are written.
    finished: Vec<FinishedSet>,
}

/// The name of a set, and its place in the order of saving.
#[derive(Debug)]
struct SetName {
    name: String,
    place: usize,
}

/// An open set of images that have keys of their own.
#[derive(Debug)]
struct OpenSet {
    palette: Palette,
    /// The axes of length 1 around each image.
    ones: Ones,
    set: SetWriter,
    /// Its place in the order of saving.
    place: usize,
}

impl OpenSet {
    /// Returns whether an image of these values, with these axes of length 1 around it, can be added.
    fn takes(&self, palette: &Palette, ones: Ones) -> bool {
        self.ones == ones && self.palette.agrees_with(palette)
    }

    fn kind(&self, width: usize) -> PackedKind {
        PackedKind { dtype: self.palette.dtype().clone(), bits: self.palette.bits(), width }
    }
}

/// A stack that becomes an image set of its own.
#[derive(Debug)]
pub(super) struct SetStack {
    pub(super) stack: Stack,
    set: SetWriter,
    /// Its place in the order of saving.
    place: usize,
}

impl SetStack {
    /// Adds `count` items, given as bytes.
    pub(super) fn push(&mut self, output: &mut Output, items: &[u8], count: usize) -> Result<()> {
        self.stack.push(items, count)?;
        self.push_packed(output)
    }

    /// Adds the images of the items that the stack packed last.
    pub(super) fn push_packed(&mut self, output: &mut Output) -> Result<()> {
        let pushed = self.push_images(output);
        // The stack has counted all of its items.
        output.abandon_on_error(pushed)
    }

    fn push_images(&mut self, output: &mut Output) -> Result<()> {
        let size = self.stack.size();
        let bytes = size[0] * size[1].div_ceil(8);
        let images = self.stack.images() - self.set.len();
        for image in 0..images {
            interrupt::check()?;
            self.set.push(&mut output.zip, &self.stack.last_rows()[image * bytes..][..bytes], size, None)?;
        }
        Ok(())
    }
}

/// A set of another archive that was taken over.
#[derive(Clone, Copy, Debug)]
pub(super) struct TakenSet {
    /// The place in the order of saving of the set that it has become, or a part of.
    pub(super) place: usize,
    /// Whether its keys are new: that of a stack is not if it has joined another.
    pub(super) has_new_keys: bool,
}

/// An image with a key of its own, packed.
#[derive(Debug)]
pub(super) struct KeyedImage<'a> {
    pub(super) key: &'a str,
    pub(super) size: [usize; 2],
    /// The axes of length 1 around it.
    pub(super) ones: Ones,
    pub(super) palette: Palette,
    pub(super) rows: &'a [u8],
}

impl SetsWriter {
    pub(super) fn new(options: SetOptions) -> Self {
        Self {
            options,
            names: Vec::new(),
            has_small: false,
            keys: KeySet::default(),
            open: Vec::new(),
            joinable: Vec::new(),
            stacks: Vec::new(),
            finished: Vec::new(),
        }
    }

    /// Returns whether there are no sets.
    pub(super) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// Continues an archive of image sets, whose stacks may be too small for one.
    pub(super) fn resume_small(&mut self) {
        self.has_small = true;
    }

    /// Returns whether stacks of the archive may be too small for a set.
    pub(super) fn has_small(&self) -> bool {
        self.has_small
    }

    /// Returns whether a stack with this key can be extended.
    pub(super) fn has_stack(&self, key: &str) -> bool {
        let identity = bitnpz_npz::identity(key);
        self.stacks.iter().any(|set| set.stack.key == identity)
    }

    /// Returns whether a key is taken.
    pub(super) fn contains(&self, key: &str) -> bool {
        self.keys.contains(bitnpz_npz::identity(key))
    }

    /// Takes a key.
    pub(super) fn claim(&mut self, key: &str) -> Result<()> {
        if self.keys.insert(bitnpz_npz::identity(key)) {
            return Ok(());
        }
        Err(Error::from(ErrorKind::DuplicateKey).with_key(key))
    }

    /// Lets the sets of another archive become parts of those that are open now.
    pub(super) fn start_merging(&mut self) {
        self.joinable = self.open.iter().map(|open| open.place).collect();
    }

    /// Takes over some images of a set of another archive, whole items of a stack, to which more can be added. Nothing is noted
    /// yet in the order of saving.
    pub(super) fn take_over(
        &mut self,
        zip: &bitnpz_npz::Archive,
        set: &StoredSet,
        images: &Range<usize>,
        output: &mut Output,
    ) -> Result<TakenSet> {
        let palette = Palette::of(&set.kind(0));
        let Some((key, shape)) = set.stack() else {
            for image in images.clone() {
                self.claim(&set.key(zip, image))?;
            }
            let takes =
                |open: &OpenSet| self.joinable.contains(&open.place) && open.takes(&palette, set.ones());
            let number = match self.open.iter().position(takes) {
                Some(number) => number,
                None => {
                    let (writer, place) = self.start(&mut output.ledger, set.name(), palette.dtype());
                    let (palette, ones) = (palette.clone(), set.ones());
                    self.open.push(OpenSet { palette, ones, set: writer, place });
                    self.open.len() - 1
                }
            };
            let open = &mut self.open[number];
            self.joinable.retain(|place| *place != open.place);
            open.palette = palette;
            open.set.add_set(&mut output.zip, zip, set, images)?;
            return Ok(TakenSet { place: open.place, has_new_keys: true });
        };
        let (shape, form) = part_of(shape, set.form(), images.len());
        if let Some(same) = self.stacks.iter_mut().find(|same| same.stack.key == key) {
            same.stack.join(&set.kind(shape[shape.len() - 1]), &shape, form.as_ref())?;
            same.set.add_set(&mut output.zip, zip, set, images)?;
            return Ok(TakenSet { place: same.place, has_new_keys: false });
        }
        self.claim(key)?;
        let (mut writer, place) = self.start(&mut output.ledger, set.name(), palette.dtype());
        writer.add_set(&mut output.zip, zip, set, images)?;
        let stack = Stack::with_shape(key, shape, form, palette);
        self.stacks.push(SetStack { stack, set: writer, place });
        Ok(TakenSet { place, has_new_keys: true })
    }

    /// Starts the set of a stack whose key is claimed.
    pub(super) fn start_stack(&mut self, ledger: &mut Ledger, stack: Stack) -> SetStack {
        let (set, place) = self.start(ledger, &stack.key, stack.dtype());
        ledger.order.note(place);
        SetStack { stack, set, place }
    }

    /// Starts a set named after this key if it is a short, simple name, else after a number. Returns its place in the order of
    /// saving beside it.
    fn start(&mut self, ledger: &mut Ledger, key: &str, dtype: &Dtype) -> (SetWriter, usize) {
        let is_simple = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        let is_free = |name: &str| name != MODELS && !self.names.iter().any(|taken| taken.name == name);
        let name = if !key.is_empty() && key.len() <= 64 && key.chars().all(is_simple) && is_free(key) {
            key.to_owned()
        } else {
            let mut numbers = (self.names.len()..).map(|number| number.to_string());
            numbers.find(|name| is_free(name)).expect("numbers go on")
        };
        let place = ledger.order.new_place();
        self.names.push(SetName { name: name.clone(), place });
        (SetWriter::new(name, self.options.with_items(dtype)), place)
    }

    /// Packs the pixels of one image, in the values of an open set if they fit, else in its own.
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

    /// Returns whether there is a set for images of these values, or room for one more.
    pub(super) fn has_room(&self, palette: &Palette, ones: Ones) -> bool {
        self.open.len() < MOST_SETS || self.open.iter().any(|open| open.takes(palette, ones))
    }

    /// Adds an image whose key is claimed to the set of images like it.
    pub(super) fn push(&mut self, output: &mut Output, image: KeyedImage<'_>) -> Result<()> {
        let KeyedImage { key, size, ones, palette, rows } = image;
        let number = match self.open.iter().position(|open| open.takes(&palette, ones)) {
            Some(number) => {
                self.open[number].palette = palette;
                number
            }
            None => {
                let (set, place) = self.start(&mut output.ledger, "images", palette.dtype());
                self.open.push(OpenSet { palette, ones, set, place });
                self.open.len() - 1
            }
        };
        let OpenSet { set, place, .. } = &mut self.open[number];
        output.ledger.order.note(*place);
        let pushed = set.push(&mut output.zip, rows, size, Some(bitnpz_npz::identity(key)));
        // The order has counted the image.
        output.abandon_on_error(pushed)
    }

    /// Ends a stack.
    pub(super) fn finish_stack(&mut self, output: &mut Output, stack: SetStack) -> Result<()> {
        let ended = match self.end_stack(output, stack) {
            Ok(Some(small)) => small.write(output),
            ended => ended.map(drop),
        };
        output.abandon_on_error(ended)
    }

    /// Ends a stack, and returns it if it is too small for a set.
    fn end_stack(&mut self, output: &mut Output, stack: SetStack) -> Result<Option<SmallStack>> {
        let SetStack { stack, set, place } = stack;
        let rows = || set.collected().map(|image| image.rows);
        if set.is_unwritten() && rows().map(<[u8]>::len).sum::<usize>() < SMALL_STACK {
            self.drop_set(place);
            self.options.meter.count_encoded(stack.images(), stack.shape[0] * stack.item_bytes());
            let (kind, rows) = (stack.kind(), rows().flatten().copied().collect());
            let form = stack.form().cloned();
            return Ok(Some(SmallStack { key: stack.key, place, shape: stack.shape, form, kind, rows }));
        }
        self.finished.push(set.finish(&mut output.zip, stack.kind(), stack.to_shape())?);
        output.ledger.note_set(1, stack.images());
        Ok(None)
    }

    /// Ends all sets.
    pub(super) fn finish(&mut self, output: &mut Output) -> Result<()> {
        let mut small = Vec::new();
        for stack in std::mem::take(&mut self.stacks) {
            small.extend(self.end_stack(output, stack)?);
        }
        for open in std::mem::take(&mut self.open) {
            let bytes = || open.set.collected().map(|image| image.rows.len()).sum::<usize>();
            if open.set.len() >= FEW_IMAGES || !open.set.is_unwritten() || bytes() >= SMALL_STACK {
                let (images, kind, ones) = (open.set.len(), open.kind(0), open.ones);
                self.finished.push(open.set.finish(&mut output.zip, kind, Shape::Each { ones })?);
                output.ledger.note_set(images, images);
                continue;
            }
            let OpenSet { ref palette, ones, ref set, place } = open;
            self.drop_set(place);
            let pixels = set.collected().map(|image| image.size[0] * image.size[1]).sum::<usize>();
            self.options.meter.count_encoded(set.len(), pixels * palette.dtype().item_size());
            small.extend(set.collected().filter_map(|image| {
                let form = ArrayForm { shape: ones.around(image.size), fortran_order: false, axes: None };
                let (shape, kind) = (image.size.to_vec(), open.kind(image.size[1]));
                Some(SmallStack {
                    key: image.key?,
                    place,
                    shape,
                    form: Some(form),
                    kind,
                    rows: image.rows.to_vec(),
                })
            }));
        }
        small.into_iter().try_for_each(|small| small.write(output))
    }

    /// Forgets a set that turned out too small.
    fn drop_set(&mut self, place: usize) {
        self.names.retain(|name| name.place != place);
        self.has_small = true;
    }

    /// Writes what opening the sets needs, and `sets.json`: their names and the order of saving. Returns the numbers of the members
    /// in this order.
    pub(super) fn write_list(&mut self, output: &mut Output) -> Result<Vec<usize>> {
        FinishedSet::write_all(std::mem::take(&mut self.finished), &mut output.zip)?;
        let places: Vec<usize> = self.names.iter().map(|name| name.place).collect();
        let SavedOrder { listed, runs: order } =
            output.ledger.order.finish(&output.ledger.members(), &places);
        if self.has_small || !self.names.is_empty() {
            let names = self.names.iter().map(|name| name.name.clone()).collect();
            output.zip.add(SETS, Sets { names, order }.to_json())?;
        }
        Ok(listed)
    }
}

/// Returns the number of images in each item of a stack along its first axis.
pub(super) fn images_of_item(shape: &[usize]) -> usize {
    shape.get(1..shape.len().saturating_sub(2)).unwrap_or_default().iter().product()
}

/// Returns the shape and the form of the part of a stack that has so many images.
fn part_of(shape: &[usize], form: Option<&ArrayForm>, images: usize) -> (Vec<usize>, Option<ArrayForm>) {
    let (mut part, mut form) = (shape.to_vec(), form.cloned());
    let each = images_of_item(shape);
    if images < count_images(shape) {
        part[0] = images / each.max(1);
        if let Some(form) = form.as_mut().filter(|form| form.can_grow(shape)) {
            form.shape[0] = part[0];
        }
    }
    (part, form)
}
