//! Image sets that several small stacks share.

use bitnpz_npy::Dtype;

use super::order_log::OrderLog;
use super::output::Output;
use super::set_stack::SetStack;
use super::small::SmallStack;
use super::taken_stacks::TakenStacks;
use crate::axes::is_taken_for_stack;
use crate::error::Result;
use crate::packed::{PackedKind, Palette, count_images};
use crate::set::{FinishedSet, SMALL_STACK, SetWriter, Shape, StackShape};

/// Stacks with more bytes of packed rows have a set of their own: a model that was trained on so many is hardly larger than one for
/// more.
const MOST_BYTES: usize = 4 << 20;

/// Small stacks of one dtype and one pair of values, one after the other in one set; of images of one size, unless there are very
/// many sizes. One that is alone has the set of its own that it was to become.
#[derive(Debug)]
pub(super) struct SharedSet {
    palette: Palette,
    set: SetWriter,
    /// The place of the set in the order of saving: that of the first stack.
    pub(super) place: usize,
    /// The stacks with their places, in the order of saving.
    stacks: Vec<(StackShape, usize)>,
    /// The bytes of their packed rows.
    bytes: usize,
}

/// A set takes no more stacks when it has so many bytes of packed rows: if one of its stacks is extended or removed, all of them are
/// encoded again.
const MOST_SHARED_BYTES: usize = 64 << 20;

/// What a set that stacks share has become.
pub(super) enum EndedSet {
    Set {
        finished: FinishedSet,
        keys: usize,
        images: usize,
    },
    /// It was too small for one.
    Arrays(Vec<SmallStack>),
}

impl SharedSet {
    /// Starts a set with a stack.
    pub(super) fn start(stack: SetStack) -> Self {
        let SetStack { stack, set, place, .. } = stack;
        let (palette, shape) = (stack.palette().clone(), stack.to_shape());
        let bytes = row_bytes(&shape);
        Self { palette, set, place, stacks: vec![(shape, place)], bytes }
    }

    /// Continues a set of another archive, whose images are copied to this one.
    pub(super) fn copy(output: &mut Output, set: SetWriter, taken: &TakenStacks) -> Result<Self> {
        let place = taken.places()[0];
        let mut shared = Self { palette: taken.palette(), set, place, stacks: Vec::new(), bytes: 0 };
        shared.add_taken(output, taken)?;
        Ok(shared)
    }

    /// Returns whether a stack is small enough to share a set.
    pub(super) fn suits(stack: &SetStack) -> bool {
        let bytes = stack.rows().map(|rows| rows.map(<[u8]>::len).sum::<usize>());
        stack.stack.images() > 0
            && stack.stack.shape.len() > 2
            && bytes.is_some_and(|bytes| bytes <= MOST_BYTES)
    }

    /// Returns whether images of these values, in a stack that was saved in this place, can be added.
    pub(super) fn takes(&self, palette: &Palette, place: usize, order: &OrderLog) -> bool {
        let (_, last) = self.stacks[self.stacks.len() - 1];
        !self.is_full() && self.palette.agrees_with(palette) && order.rank(last) < order.rank(place)
    }

    /// Returns whether no more stacks are to be added.
    pub(super) fn is_full(&self) -> bool {
        self.bytes >= MOST_SHARED_BYTES
    }

    /// Returns the height and width of the first images.
    pub(super) fn size(&self) -> [usize; 2] {
        let (first, _) = &self.stacks[0];
        first.size()
    }

    pub(super) fn dtype(&self) -> &Dtype {
        self.palette.dtype()
    }

    /// Adds a stack, none of whose images has been encoded.
    pub(super) fn push(&mut self, output: &mut Output, stack: &SetStack) -> Result<()> {
        self.palette = self.palette.united_with(stack.stack.palette());
        self.set.take_collected(&mut output.zip, &stack.set)?;
        let shape = stack.stack.to_shape();
        self.bytes += row_bytes(&shape);
        self.stacks.push((shape, stack.place));
        Ok(())
    }

    /// Adds the stacks of another set, unless some of its images have been encoded.
    pub(super) fn join(&mut self, output: &mut Output, other: Self) -> Result<Option<Self>> {
        let (_, place) = other.stacks[0];
        let is_like = self.size() == other.size() && self.takes(&other.palette, place, &output.ledger.order);
        if !other.set.is_unwritten() || !is_like {
            return Ok(Some(other));
        }
        self.palette = self.palette.united_with(&other.palette);
        self.set.take_collected(&mut output.zip, &other.set)?;
        self.stacks.extend(other.stacks);
        self.bytes += other.bytes;
        Ok(None)
    }

    /// Adds the stacks of a set of another archive, whose images are copied.
    pub(super) fn add_taken(&mut self, output: &mut Output, taken: &TakenStacks) -> Result<()> {
        self.palette = self.palette.united_with(&taken.palette());
        let (zip, set) = (taken.archive().zip(), taken.set());
        self.set.add_set(&mut output.zip, zip, set, &(0..set.len()))?;
        self.stacks.extend(taken.stacks().cloned().zip(taken.places()));
        self.bytes += taken.stacks().map(row_bytes).sum::<usize>();
        Ok(())
    }

    /// Returns whether it has one stack, and its set the name of that.
    pub(super) fn is_alone(&self) -> bool {
        self.stacks.len() == 1
    }

    /// Names the set, no part of which has been written.
    pub(super) fn rename(&mut self, name: &str) {
        self.set.rename(name);
    }

    /// Ends the set, which becomes ordinary arrays if that is smaller, and `may_be_arrays` or they are still read as images.
    pub(super) fn finish(self, output: &mut Output, may_be_arrays: bool) -> Result<EndedSet> {
        let Self { palette, set, place, stacks, .. } = self;
        let kind = |width| PackedKind { dtype: palette.dtype().clone(), bits: palette.bits(), width };
        let bytes = || set.collected().map(|image| image.rows.len()).sum::<usize>();
        let are_stacks = || set.len() == 0 && stacks.iter().all(|(stack, _)| stack.form.is_none());
        // One of images of one column, as `(20, 60, 1)`, would be read as an image.
        let are_read_alike =
            || stacks.iter().all(|(stack, _)| stack.form.is_some() || is_taken_for_stack(&stack.shape));
        let is_small = set.is_unwritten() && bytes() < SMALL_STACK;
        if is_small && (may_be_arrays || are_stacks()) && are_read_alike() {
            let mut images = set.collected();
            let small = stacks.into_iter().map(|(stack, place)| {
                let (kind, StackShape { key, shape, form }) = (kind(stack.size()[1]), stack);
                let (count, pixels) = (count_images(&shape), shape.iter().product::<usize>());
                output.meter.count_encoded(count, pixels * kind.dtype.item_size());
                let rows = images.by_ref().take(count).flat_map(|image| image.rows).copied().collect();
                SmallStack { key, place, shape, form, kind, rows }
            });
            return Ok(EndedSet::Arrays(small.collect()));
        }
        let (keys, images) = (stacks.len(), set.len());
        for (_, own) in &stacks[1..] {
            output.ledger.order.note_shared(*own, place);
        }
        let shape = Shape::Stacks(stacks.into_iter().map(|(stack, _)| stack).collect());
        Ok(EndedSet::Set { finished: set.finish(&mut output.zip, kind(0), shape)?, keys, images })
    }
}

/// Returns the bytes of the packed rows of a stack.
pub(super) fn row_bytes(stack: &StackShape) -> usize {
    let [height, width] = stack.size();
    count_images(&stack.shape).saturating_mul(height.saturating_mul(width.div_ceil(8)))
}
