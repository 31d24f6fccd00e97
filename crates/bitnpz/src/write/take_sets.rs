//! Taking over the image sets of other archives.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use bitnpz_npy::{Dtype, Kind};

use super::ledger::Ledger;
use super::output::Output;
use super::set_stack::SetStack;
use super::sets::{OpenSet, SetsWriter, images_of_item};
use super::shared_set::{SharedSet, row_bytes};
use super::small::SmallStack;
use super::stack::Stack;
use super::taken_images::{MOST_ENCODED_AGAIN, TakenImages};
use super::taken_stacks::TakenStacks;
use crate::axes::ArrayForm;
use crate::error::Result;
use crate::packed::{Palette, count_images};
use crate::read::{Archive, SetArray};
use crate::set::{StackShape, Stacks};

/// A set of another archive that was taken over.
#[derive(Clone, Debug)]
pub(super) enum TakenSet {
    /// It has become the set in this place of the order of saving, or a part of it.
    At(usize),
    /// It is a stack that has joined another under its key.
    Joined,
    /// It is several stacks, taken with this number, but for those under these keys, which have joined others or are left out.
    Stacks { number: usize, others: HashSet<String> },
}

impl SetsWriter {
    /// Lets the sets of another archive become parts of those that are open now.
    pub(super) fn start_merging(&mut self) {
        self.joinable = self.open.iter().map(|open| open.place).collect();
        self.joins_pieces = true;
    }

    /// Takes over some images of a set of another archive, whole items of a stack, which are one range, to which more can be added;
    /// all of a set that stacks share. Nothing is noted yet in the order of saving.
    pub(super) fn take_over(
        &mut self,
        archive: &Archive,
        number: usize,
        ranges: &[Range<usize>],
        output: &mut Output,
    ) -> Result<TakenSet> {
        let (zip, set) = (archive.zip(), &archive.sets()[number]);
        let (palette, may_encode) = (palette_of(archive, number, ranges), !self.has_model());
        let images = &ranges.first().cloned().unwrap_or(0..0);
        let Some(stacks) = set.stacks() else {
            for image in ranges.iter().cloned().flatten() {
                output.claim(&set.key(zip, image))?;
            }
            let takes =
                |open: &OpenSet| self.joinable.contains(&open.place) && open.takes(&palette, set.ones());
            let open = match self.open.iter().position(takes) {
                Some(open) => open,
                None => {
                    let (writer, place) = self.start(&mut output.ledger, set.name(), palette.dtype());
                    let (palette, ones) = (palette.clone(), set.ones());
                    self.open.push(OpenSet { palette, ones, set: writer, place, taken: None });
                    self.open.len() - 1
                }
            };
            let open = &mut self.open[open];
            self.joinable.retain(|place| *place != open.place);
            open.palette = open.palette.united_with(&palette);
            if self.joins_pieces {
                for images in ranges {
                    open.set.add_set(&mut output.zip, zip, set, images)?;
                }
                return Ok(TakenSet::At(open.place));
            }
            debug_assert!(ranges.len() < 2, "only pieces have several");
            open.taken = Some(TakenImages::new(archive, number, images.clone(), may_encode));
            return Ok(TakenSet::At(open.place));
        };
        let is_small = |stack: &StackShape| {
            stack.shape.len() > 2 && !images.is_empty() && row_bytes(stack) <= MOST_ENCODED_AGAIN
        };
        let StackShape { key, shape, form } = match stacks.only() {
            // With others it may share a set, unless it is a piece of a larger one, or has another model than they.
            Some(stack)
                if images.len() < set.len() || self.joins_pieces || self.has_model() || !is_small(stack) =>
            {
                stack
            }
            _ => return self.take_stacks(archive, number, output),
        };
        let (shape, form) = part_of(shape, form.as_ref(), images.len());
        self.take_out(key, output)?;
        let wanted = self.palettes.get(key);
        let may_grow = shape.len() > 2;
        if let Some(wanted) =
            wanted.filter(|wanted| may_grow && !palette.agrees_with(wanted) && palette.has_values_of(wanted))
        {
            let stack = Stack::with_shape(key, shape, form, wanted.clone());
            return self.encode_again(
                archive,
                &SetArray { set: number, images: images.clone() },
                &stack,
                output,
            );
        }
        // What is copied is not collected.
        let palette = wanted
            .filter(|wanted| palette.agrees_with(wanted))
            .map_or(palette.clone(), |wanted| wanted.united_with(&palette));
        let joined = self.stacks.extend(key, usize::MAX, output, |same, output| {
            same.stack.join(&palette, &shape, form.as_ref())?;
            same.copy_taken(output)?;
            same.set.add_set(&mut output.zip, zip, set, images)
        })?;
        if joined.is_some() {
            return Ok(TakenSet::Joined);
        }
        output.claim(key)?;
        let (writer, place) = self.start(&mut output.ledger, set.name(), palette.dtype());
        let stack = Stack::with_shape(key, shape, form, palette);
        let taken = TakenImages::new(archive, number, images.clone(), may_encode);
        let mut stack = SetStack::new(stack, writer, place).with_taken(taken);
        if self.joins_pieces {
            stack.copy_taken(output)?;
        }
        self.stacks.push(stack, output)?;
        Ok(TakenSet::At(place))
    }

    /// Encodes a stack of another archive again, with the values of this one: its bits have the same values the other way round.
    fn encode_again(
        &mut self,
        archive: &Archive,
        array: &SetArray,
        stack: &Stack,
        output: &mut Output,
    ) -> Result<TakenSet> {
        let set = &archive.sets()[array.set];
        let items = stack.shape[0];
        let joined = self.stacks.extend(&stack.key, items, output, |same, output| {
            same.stack.check_join(stack.palette(), &stack.shape, stack.form())?;
            same.push_decoded(output, archive, array, 0..items)
        })?;
        if joined.is_some() {
            return Ok(TakenSet::Joined);
        }
        output.claim(&stack.key)?;
        let (writer, place) = self.start(&mut output.ledger, set.name(), stack.dtype());
        let mut stack = SetStack::new(stack.to_empty(), writer, place);
        stack.push_decoded(output, archive, array, 0..items)?;
        self.stacks.push(stack, output)?;
        Ok(TakenSet::At(place))
    }

    /// Takes over the stacks that share a set.
    fn take_stacks(&mut self, archive: &Archive, number: usize, output: &mut Output) -> Result<TakenSet> {
        let set = &archive.sets()[number];
        let stacks = set.stacks().into_iter().flat_map(Stacks::iter).enumerate();
        let mut others = HashSet::new();
        for (index, StackShape { key, shape, form }) in stacks {
            if self.left_out.contains(key) {
                others.insert(key.clone());
                continue;
            }
            self.take_out(key, output)?;
            let array = SetArray { set: number, images: set.images_of_key(index) };
            let joined = self.stacks.extend(key, shape[0], output, |same, output| {
                // Its pixels are packed anew.
                let own = palette_of(archive, number, std::slice::from_ref(&array.images));
                let palette =
                    if own.has_values_of(same.stack.palette()) { same.stack.palette() } else { &own };
                same.stack.check_join(palette, shape, form.as_ref())?;
                same.push_decoded(output, archive, &array, 0..shape[0])
            })?;
            match joined {
                Some(()) => drop(others.insert(key.clone())),
                None => output.claim(key)?,
            }
        }
        let is_any_left = others.len() < set.key_count();
        let taken = TakenSet::Stacks { number: self.taken.len(), others };
        if is_any_left {
            self.names.reserve(set.name());
            self.taken.push(TakenStacks::new(archive, number));
        }
        Ok(taken)
    }

    /// Notes that an array of a set that was taken over is the next in the order of saving, unless it has joined another.
    pub(super) fn note_taken(
        &mut self,
        ledger: &mut Ledger,
        taken: &TakenSet,
        array: &SetArray,
        archive: &Archive,
    ) {
        match taken {
            TakenSet::At(place) => ledger.order.note(*place),
            TakenSet::Joined => {}
            TakenSet::Stacks { number, others } => {
                let stacks = archive.sets()[array.set].stacks().expect("a set of stacks");
                if !others.contains(&stacks.of(array.images.start).key) {
                    let place = ledger.order.new_place();
                    ledger.order.note(place);
                    self.taken[*number].set_place(array, place);
                }
            }
        }
    }

    /// Returns the number of items of the stack with this key, if it can be extended.
    pub(super) fn items(&self, key: &str) -> Option<usize> {
        let open = self.stacks.get(key).map(|stack| stack.stack.shape[0]);
        open.or_else(|| self.taken.iter().find_map(|taken| taken.items(key)))
    }

    /// Makes the stack with this key one that can be extended, if it shares a set of another archive.
    pub(super) fn take_out(&mut self, key: &str, output: &mut Output) -> Result<()> {
        // Most keys are new, or those of stacks that were taken out before: merged archives have many sets to look at.
        if !output.contains(key) || self.stacks.get(key).is_some() {
            return Ok(());
        }
        let Some(taken) = self.taken.iter_mut().find(|taken| taken.items(key).is_some()) else {
            return Ok(());
        };
        let archive = taken.archive().clone();
        let Some((array, place)) = taken.take(key) else { return Ok(()) };
        // It is no longer among those that are copied.
        let stack = output.whole(|output| self.decoded(&archive, &array, place, output))?;
        self.stacks.push(stack, output)
    }

    /// Returns a stack that shares a set of another archive and was saved in this place, as one that can be extended.
    fn decoded(
        &mut self,
        archive: &Archive,
        array: &SetArray,
        place: usize,
        output: &mut Output,
    ) -> Result<SetStack> {
        let set = &archive.sets()[array.set];
        let StackShape { key, shape, form } = set.stacks().expect("a set of stacks").of(array.images.start);
        // Its own values are found again: others may have had more.
        let kind = set.kind(0);
        let own = || Palette::new(&kind.dtype).unwrap_or_else(|| Palette::of(&kind));
        let palette = self.palettes.get(key).cloned().unwrap_or_else(own);
        let writer = self.start_at(place, key, palette.dtype());
        let stack = Stack::with_shape(key, shape.clone(), form.clone(), palette).to_empty();
        let mut stack = SetStack::new(stack, writer, place);
        stack.push_decoded(output, archive, array, 0..shape[0])?;
        stack.set.note_again(archive.zip(), set, &array.images)?;
        Ok(stack)
    }

    /// Ends all sets of stacks, and returns those that are too small for one. What is as it was in another archive is copied, but
    /// for small sets of images of one size: so an archive to which stacks are added one by one does not get a set for each.
    pub(super) fn end_stacks(&mut self, output: &mut Output) -> Result<Vec<SmallStack>> {
        let (added, taken) = (std::mem::take(&mut self.shared), std::mem::take(&mut self.taken));
        let mut open = self.stacks.take();
        let mut kinds: HashMap<([usize; 2], String), usize> = HashMap::new();
        let kind = |size: [usize; 2], dtype: &Dtype| (size, dtype.type_string());
        let of_taken = |taken: &TakenStacks| kind(taken.size(), taken.palette().dtype());
        let all = taken.iter().map(of_taken);
        let all = all.chain(added.iter().map(|shared| kind(shared.size(), shared.dtype())));
        let unwritten = open.iter().filter(|stack| stack.is_unwritten());
        let all = all.chain(unwritten.map(|stack| kind(stack.stack.size(), stack.stack.dtype())));
        all.for_each(|kind| *kinds.entry(kind).or_default() += 1);
        let mut left = Vec::new();
        for mut taken in taken {
            self.names.release(taken.set().name());
            let is_small = || taken.stacks().map(row_bytes).sum::<usize>() <= MOST_ENCODED_AGAIN;
            let is_encoded_again = kinds[&of_taken(&taken)] > 1 && is_small() && !self.has_model();
            if taken.is_whole() && !is_encoded_again {
                self.copy_stacks(output, &taken)?;
                continue;
            }
            let archive = taken.archive().clone();
            left.extend(taken.take_all().into_iter().map(|(array, place)| (archive.clone(), array, place)));
        }
        let mut small = self.end_shared(output)?;
        // The others share sets in the order of saving, whichever of them were extended.
        left.sort_by_key(|(_, _, place)| output.ledger.order.rank(*place));
        open.sort_by_key(|stack| output.ledger.order.rank(stack.place));
        let (mut left, mut open) = (left.into_iter().peekable(), open.into_iter().peekable());
        loop {
            let rank = |place: usize| output.ledger.order.rank(place);
            let of_left = left.peek().map(|(_, _, place)| rank(*place));
            let of_open = open.peek().map(|stack| rank(stack.place));
            let mut stack = match (of_left, of_open) {
                (None, None) => break,
                (Some(left), open) if open.is_none_or(|open| left < open) => None,
                _ => open.next(),
            };
            if let Some(stack) = &mut stack {
                stack.restore(self.stacks.spill(), output)?;
            }
            let stack = match stack {
                Some(stack) => stack,
                None => {
                    let (archive, array, place) = left.next().expect("it is the next");
                    self.decoded(&archive, &array, place, output)?
                }
            };
            small.extend(self.end_stack(output, stack)?);
        }
        for other in added {
            let place = other.place;
            let mut other = Some(other);
            for shared in &mut self.shared {
                other = match other {
                    Some(other) => shared.join(output, other)?,
                    None => None,
                };
            }
            match other {
                Some(other) => small.extend(self.end_set(output, other)?),
                None => self.names.forget(place),
            }
        }
        small.extend(self.end_shared(output)?);
        Ok(small)
    }

    /// Returns whether a codec or a model was asked for: what is encoded again would get it.
    pub(super) fn has_model(&self) -> bool {
        self.options.codec.is_some() || self.options.model.is_some()
    }

    /// Copies the stacks of a set of another archive, to those of another such set if there are several in each.
    fn copy_stacks(&mut self, output: &mut Output, taken: &TakenStacks) -> Result<()> {
        let (size, palette, place) = (taken.size(), taken.palette(), taken.places()[0]);
        let order = &output.ledger.order;
        let is_like = |shared: &&mut SharedSet| {
            !shared.is_alone() && shared.size() == size && shared.takes(&palette, place, order)
        };
        let like = self.shared.iter_mut().find(is_like);
        match like.filter(|_| taken.places().len() > 1) {
            Some(shared) => shared.add_taken(output, taken),
            None => {
                let set = self.start_at(place, taken.set().name(), palette.dtype());
                self.shared.push(SharedSet::copy(output, set, taken)?);
                Ok(())
            }
        }
    }
}

/// Returns the values of some images of the set with this number: what is only assumed if they have one value, or none.
pub(super) fn palette_of(archive: &Archive, number: usize, ranges: &[Range<usize>]) -> Palette {
    let (zip, set) = (archive.zip(), &archive.sets()[number]);
    let (kind, images) = (set.kind(0), || ranges.iter().cloned().flatten());
    if kind.dtype.kind() == Some(Kind::Bool) {
        return Palette::of(&kind);
    }
    let is_blank = |image| set.count_ones(zip, image).is_ok_and(|ones| ones == 0);
    let is_full = |image| {
        let pixels = set.size(zip, image).map(|[height, width]| (height * width) as u64);
        pixels.is_ok_and(|pixels| set.count_ones(zip, image).is_ok_and(|ones| ones == pixels))
    };
    if kind.assumes_second() && images().all(is_blank) {
        return Palette::of_blank(&kind);
    }
    if kind.bits[0] == 0 && images().all(is_full) { Palette::of_full(&kind) } else { Palette::of(&kind) }
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
