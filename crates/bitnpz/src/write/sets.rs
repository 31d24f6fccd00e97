//! The image sets of an archive that is being written.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use bitnpz_npy::{Dtype, with_room};

use super::ledger::Ledger;
use super::open_stacks::OpenStacks;
use super::order_log::{OrderLog, SavedOrder};
use super::output::Output;
use super::set_names::SetNames;
use super::set_stack::SetStack;
use super::shared_set::{EndedSet, SharedSet};
use super::small::SmallStack;
use super::stack::Stack;
use super::taken_images::TakenImages;
use super::taken_stacks::TakenStacks;
use crate::axes::ArrayForm;
use crate::error::{ErrorKind, Result};
use crate::names::SETS;
use crate::packed::{PackedKind, Palette, unfit_error};
use crate::set::{FinishedSet, Ones, SMALL_STACK, SetOptions, SetWriter, Sets, Shape};

/// Fewer images under keys of their own become ordinary arrays if they are as small as [small stacks](SMALL_STACK) together: a set's
/// own members take more than they save.
const FEW_IMAGES: usize = 8;

/// Images of further kinds become ordinary arrays: each open set keeps a segment of images in memory.
const MOST_SETS: usize = 8;

/// Writes the image sets of an archive.
#[derive(Debug)]
pub(super) struct SetsWriter {
    pub(super) options: SetOptions,
    pub(super) names: SetNames,
    /// Whether stacks become sets however small they are: they are pieces of larger ones, with which they can be joined again.
    is_shard: bool,
    /// Whether stacks of other archives are pieces that are joined.
    pub(super) joins_pieces: bool,
    /// The open sets of images with keys of their own: one for each dtype, pair of values and axes of length 1.
    pub(super) open: Vec<OpenSet>,
    /// The places of those of earlier archives, which a set of this one can become a part of.
    pub(super) joinable: Vec<usize>,
    /// The keys of stacks that are not taken over from sets that several share.
    pub(super) left_out: HashSet<String>,
    /// The values of stacks that are merged of archives whose own values are for other bits, or lack one.
    pub(super) palettes: HashMap<String, Palette>,
    /// The sets of small stacks that were added whole.
    pub(super) shared: Vec<SharedSet>,
    /// Stacks that share sets of other archives.
    pub(super) taken: Vec<TakenStacks>,
    /// The stacks that can still be extended.
    pub(super) stacks: OpenStacks,
    /// The sets whose payloads are written.
    finished: Vec<FinishedSet>,
}

/// An open set of images that have keys of their own.
#[derive(Debug)]
pub(super) struct OpenSet {
    pub(super) palette: Palette,
    /// The axes of length 1 around each image.
    pub(super) ones: Ones,
    pub(super) set: SetWriter,
    /// Its place in the order of saving.
    pub(super) place: usize,
    /// Images of another archive that come before those that are added.
    pub(super) taken: Option<TakenImages>,
}

impl OpenSet {
    /// Returns whether an image of these values, with these axes of length 1 around it, can be added.
    pub(super) fn takes(&self, palette: &Palette, ones: Ones) -> bool {
        self.ones == ones && self.palette.agrees_with(palette)
    }

    fn kind(&self, width: usize) -> PackedKind {
        PackedKind { dtype: self.palette.dtype().clone(), bits: self.palette.bits(), width }
    }
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
    /// Starts without sets, with temporary files in this folder.
    pub(super) fn new(options: SetOptions, folder: PathBuf) -> Self {
        Self {
            options,
            names: SetNames::default(),
            is_shard: false,
            joins_pieces: false,
            open: Vec::new(),
            joinable: Vec::new(),
            left_out: HashSet::new(),
            palettes: HashMap::new(),
            shared: Vec::new(),
            taken: Vec::new(),
            stacks: OpenStacks::new(folder),
            finished: Vec::new(),
        }
    }

    /// Starts an archive of pieces of stacks.
    pub(super) fn start_shard(&mut self) {
        self.is_shard = true;
        self.joins_pieces = true;
    }

    /// Returns whether images of this dtype of another archive, too few for a set there, are collected, as more may come: not behind
    /// those of a set, wherever they were saved, and not in parts of an archive, whose other parts have them as arrays. Half of the
    /// room for sets is left to images that are added.
    pub(super) fn gathers_images(&self, dtype: &Dtype) -> bool {
        let mut like = self.open.iter().filter(|open| open.palette.dtype() == dtype);
        let has_room = self.open.len() < MOST_SETS / 2;
        has_room && !self.joins_pieces && like.all(|open| open.taken.is_none() && open.set.is_unwritten())
    }

    /// Returns whether a stack with this key can be extended.
    pub(super) fn has_stack(&self, key: &str) -> bool {
        self.items(bitnpz_npz::identity(key)).is_some()
    }

    /// Returns whether a stack with this key becomes one with those of other archives that are merged.
    pub(super) fn joins_stack(&self, key: &str, output: &Output) -> bool {
        let is_there = || output.contains(key) && self.has_stack(key);
        self.palettes.contains_key(bitnpz_npz::identity(key)) || is_there()
    }

    /// Starts the set of a stack whose key is claimed.
    pub(super) fn start_stack(&mut self, ledger: &mut Ledger, stack: Stack) -> SetStack {
        let (set, place) = self.start(ledger, &stack.key, stack.dtype());
        ledger.order.note(place);
        SetStack::new(stack, set, place)
    }

    /// Starts a set in a new place of the order of saving, which is returned beside it.
    pub(super) fn start(&mut self, ledger: &mut Ledger, key: &str, dtype: &Dtype) -> (SetWriter, usize) {
        let place = ledger.order.new_place();
        (self.start_at(place, key, dtype), place)
    }

    /// Starts a set in this place, named after this key if it is a short, simple name, else after a number.
    pub(super) fn start_at(&mut self, place: usize, key: &str, dtype: &Dtype) -> SetWriter {
        SetWriter::new(self.names.name(place, key), self.options.with_items(dtype))
    }

    /// Packs the pixels of one image, in the values of an open set if they fit, else in its own.
    pub(super) fn pack(
        &self,
        dtype: &Dtype,
        pixels: &[u8],
        size: [usize; 2],
        ones: Ones,
    ) -> Result<(Palette, Vec<u8>)> {
        let (shape, [_, width]) = (&size, size);
        let Some(own) = Palette::new(dtype) else {
            return Err(ErrorKind::NotImages { dtype: dtype.clone(), shape: shape.to_vec() }.into());
        };
        let mut rows = with_room(own.rows_len(pixels, width))?;
        for open in self.open.iter().filter(|open| open.palette.dtype() == dtype && open.ones == ones) {
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
                let open = &mut self.open[number];
                open.palette = open.palette.united_with(&palette);
                number
            }
            None => {
                let (set, place) = self.start(&mut output.ledger, "images", palette.dtype());
                self.open.push(OpenSet { palette, ones, set, place, taken: None });
                self.open.len() - 1
            }
        };
        let OpenSet { set, place, taken, .. } = &mut self.open[number];
        if let Some(taken) = taken.take() {
            output.whole(|output| taken.join(output, set))?;
        }
        output.ledger.order.note(*place);
        // The order has counted the image.
        output.whole(|output| set.push(&mut output.zip, rows, size, Some(bitnpz_npz::identity(key))))
    }

    /// Ends a stack.
    pub(super) fn finish_stack(&mut self, output: &mut Output, stack: SetStack) -> Result<()> {
        output.whole(|output| {
            self.end_stack(output, stack)?.into_iter().try_for_each(|small| small.write(output))
        })
    }

    /// Ends a stack, which joins a set of others like it if it is small. Returns it if it is too small for one.
    pub(super) fn end_stack(&mut self, output: &mut Output, mut stack: SetStack) -> Result<Vec<SmallStack>> {
        stack.copy_taken(output)?;
        if !SharedSet::suits(&stack) {
            return self.end_set(output, SharedSet::start(stack));
        }
        let order = &output.ledger.order;
        match self.shared_set_for(stack.stack.size(), stack.stack.palette(), stack.place, order) {
            Some(number) => {
                let place = stack.place;
                self.names.forget(place);
                self.name_shared(number);
                self.shared[number].push(output, &stack)?;
                if self.shared[number].is_full() {
                    let full = self.shared.remove(number);
                    return self.end_set(output, full);
                }
                Ok(Vec::new())
            }
            None if self.shared.len() < MOST_SETS => {
                self.shared.push(SharedSet::start(stack));
                Ok(Vec::new())
            }
            None => self.end_set(output, SharedSet::start(stack)),
        }
    }

    /// Returns the number of the set that a stack of images of this size can share: one of the same size or, if there are many
    /// sets, of the nearest.
    fn shared_set_for(
        &self,
        size: [usize; 2],
        palette: &Palette,
        place: usize,
        order: &OrderLog,
    ) -> Option<usize> {
        let takes = |number: &usize| self.shared[*number].takes(palette, place, order);
        let all = (0..self.shared.len()).filter(takes);
        let nearest = all.min_by_key(|&number| {
            let areas =
                [self.shared[number].size(), size].map(|[height, width]| height.saturating_mul(width).max(1));
            (self.shared[number].size() != size, areas[0].max(areas[1]) / areas[0].min(areas[1]))
        });
        nearest.filter(|&number| self.shared[number].size() == size || self.shared.len() >= MOST_SETS)
    }

    /// Names a set that gets its second stack after none of them.
    fn name_shared(&mut self, number: usize) {
        let shared = &mut self.shared[number];
        if shared.is_alone() {
            shared.rename(&self.names.name(shared.place, "stacks"));
        }
    }

    /// Ends a set of stacks, and returns them if they are too small for one.
    pub(super) fn end_set(&mut self, output: &mut Output, shared: SharedSet) -> Result<Vec<SmallStack>> {
        let place = shared.place;
        match shared.finish(output, !self.is_shard)? {
            EndedSet::Set { finished, keys, images } => {
                self.finished.push(finished);
                output.ledger.note_set(keys, images);
                Ok(Vec::new())
            }
            EndedSet::Arrays(small) => {
                self.names.forget(place);
                Ok(small)
            }
        }
    }

    /// Ends the sets of stacks that were added whole, and returns those that are too small for one.
    pub(super) fn end_shared(&mut self, output: &mut Output) -> Result<Vec<SmallStack>> {
        let mut small = Vec::new();
        for shared in std::mem::take(&mut self.shared) {
            small.extend(self.end_set(output, shared)?);
        }
        Ok(small)
    }

    /// Ends all sets.
    pub(super) fn finish(&mut self, output: &mut Output) -> Result<()> {
        let mut small = self.end_stacks(output)?;
        for mut open in std::mem::take(&mut self.open) {
            if let Some(taken) = open.taken.take() {
                taken.copy(output, &mut open.set)?;
            }
            let bytes = || open.set.collected().map(|image| image.rows.len()).sum::<usize>();
            if open.set.len() >= FEW_IMAGES || !open.set.is_unwritten() || bytes() >= SMALL_STACK {
                let (images, kind, ones) = (open.set.len(), open.kind(0), open.ones);
                self.finished.push(open.set.finish(&mut output.zip, kind, Shape::Each { ones })?);
                output.ledger.note_set(images, images);
                continue;
            }
            let OpenSet { ref palette, ones, ref set, place, .. } = open;
            self.names.forget(place);
            output.ledger.few.extend(set.collected().filter_map(|image| image.key));
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

    /// Writes what opening the sets needs, and `sets.json`: their names and the order of saving. It is there in every archive of
    /// the encoding `sets`, so that one that has no images yet is known for what it is when some are appended. Returns the numbers
    /// of the members in this order.
    pub(super) fn write_list(&mut self, output: &mut Output) -> Result<Vec<usize>> {
        FinishedSet::write_all(std::mem::take(&mut self.finished), &mut output.zip)?;
        let places: Vec<usize> = self.names.iter().map(|(place, _)| place).collect();
        let SavedOrder { listed, runs: order } =
            output.ledger.order.finish(&output.ledger.members(), &places);
        if output.has_sets || !self.names.is_empty() {
            let names = self.names.iter().map(|(_, name)| name.clone()).collect();
            let (whole, few) =
                (std::mem::take(&mut output.ledger.whole), std::mem::take(&mut output.ledger.few));
            output.zip.add(SETS, Sets { names, order, whole, few }.to_json())?;
        }
        Ok(listed)
    }
}

/// Returns the number of images in each item of a stack along its first axis.
pub(super) fn images_of_item(shape: &[usize]) -> usize {
    shape.get(1..shape.len().saturating_sub(2)).unwrap_or_default().iter().product()
}
