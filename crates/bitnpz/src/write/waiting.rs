//! Stacks that come in batches and become members, each of which is written in one go.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;

use bitnpz_npy::make_room;

use super::array_stream::{ArrayStream, NewArray};
use super::output::Output;
use super::spill::Spill;
use super::stack::Stack;
use crate::encoding::Encoding;
use crate::error::Result;
use crate::packed::unpack;

/// So many bytes of packed rows are kept in memory, before they are moved to a temporary file.
const MOST_HELD: usize = if cfg!(test) { 4 << 10 } else { 64 << 20 };

/// The packed rows copied at a time to the archive, in bytes.
const COPIED_BYTES: usize = 1 << 20;

/// Stacks whose packed rows wait until all are there, in the order of saving.
#[derive(Debug)]
pub(super) struct WaitingStacks {
    spill: Spill,
    stacks: Vec<WaitingStack>,
    /// The number of each stack, by its key.
    numbers: HashMap<String, usize>,
    /// The bytes in memory.
    held: usize,
}

#[derive(Debug)]
struct WaitingStack {
    stack: Stack,
    encoding: Encoding,
    /// Its place in the order of saving.
    place: usize,
    /// Where the packed rows at the beginning are in the temporary file.
    spilled: Vec<Range<u64>>,
    /// The packed rows that follow.
    rows: Vec<u8>,
}

impl WaitingStacks {
    /// Starts without stacks, with temporary files in this folder.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { spill: Spill::new(folder), stacks: Vec::new(), numbers: HashMap::new(), held: 0 }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.stacks.is_empty()
    }

    /// Returns the stack with this key.
    pub(super) fn get(&self, key: &str) -> Option<&Stack> {
        self.numbers.get(key).map(|&number| &self.stacks[number].stack)
    }

    /// Starts a stack, whose key none of them has, with these items.
    pub(super) fn start(
        &mut self,
        mut stack: Stack,
        encoding: Encoding,
        items: &[u8],
        count: usize,
        output: &mut Output,
    ) -> Result<()> {
        stack.push(items, count)?;
        let rows = stack.take_rows();
        let place = output.ledger.order.new_place();
        output.ledger.order.note(place);
        self.held += rows.len();
        self.numbers.insert(stack.key.clone(), self.stacks.len());
        self.stacks.push(WaitingStack { stack, encoding, place, spilled: Vec::new(), rows });
        self.bound_memory(output)
    }

    /// Adds `count` items, given as bytes, to the stack with this key.
    pub(super) fn push(&mut self, key: &str, items: &[u8], count: usize, output: &mut Output) -> Result<()> {
        let WaitingStack { stack, rows, .. } = &mut self.stacks[self.numbers[key]];
        stack.push(items, count)?;
        let added = stack.take_rows();
        // The stack has counted all of its items.
        output.whole(|_| Ok(make_room(rows, added.len())?))?;
        rows.extend_from_slice(&added);
        self.held += added.len();
        self.bound_memory(output)
    }

    /// Moves the rows in memory to the temporary file if they are many.
    fn bound_memory(&mut self, output: &mut Output) -> Result<()> {
        if self.held <= MOST_HELD {
            return Ok(());
        }
        output.whole(|_| self.spill())
    }

    fn spill(&mut self) -> Result<()> {
        for WaitingStack { spilled, rows, .. } in
            self.stacks.iter_mut().filter(|stack| !stack.rows.is_empty())
        {
            spilled.push(self.spill.append(rows)?);
            *rows = Vec::new();
        }
        self.held = 0;
        Ok(())
    }

    /// Writes all stacks.
    pub(super) fn write(self, output: &mut Output) -> Result<()> {
        let mut spill = self.spill;
        self.stacks.into_iter().try_for_each(|waiting| {
            let written = waiting.write(&mut spill, output);
            written.map_err(|error| error.with_key(&waiting.stack.key))
        })
    }
}

impl WaitingStack {
    fn write(&self, spill: &mut Spill, output: &mut Output) -> Result<()> {
        let Self { stack, encoding, place, spilled, rows } = self;
        let (header, compression) = (stack.header(*encoding), output.zip.options().compression);
        output.meter.count_images(stack.images(), stack.shape[0] * stack.item_bytes());
        let array =
            NewArray { key: &stack.key, place: *place, kind: stack.kind_in(*encoding), in_parts: false };
        let mut stream = output.start_array(array, &header, compression)?;
        let piece_bytes =
            (COPIED_BYTES / stack.item_row_bytes().max(1)).max(1) * stack.item_row_bytes().max(1);
        for range in spilled {
            spill.read(range.clone(), piece_bytes, |rows| self.write_rows(rows, &mut stream))?;
        }
        rows.chunks(piece_bytes).try_for_each(|rows| self.write_rows(rows, &mut stream))?;
        stream.finish(&header, stack.images())
    }

    /// Writes the packed rows of some items.
    fn write_rows(&self, rows: &[u8], stream: &mut ArrayStream<'_>) -> Result<()> {
        let kind = self.stack.kind();
        match self.encoding {
            Encoding::Packed => stream.write(rows),
            _ => stream.write(&unpack(rows, kind.width, &kind.dtype, kind.bits)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array3, Axis, concatenate};

    use crate::{Archive, Encoding, WriteOptions, Writer};

    /// Limits are low in tests of this crate: rows go to the temporary file, and come back in their order.
    #[test]
    fn rows_in_a_temporary_file_keep_their_order() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        let batch = |key: usize, round: usize| {
            Array3::from_shape_fn((key * 20 + round, 9, 11), |(n, y, x)| {
                (y * 5 + x * (n % 31 + 1) + key + round) % 7 < 2
            })
        };
        for encoding in [Encoding::Packed, Encoding::Plain] {
            let mut writer =
                Writer::create_with(&path, &WriteOptions::default().with_encoding(encoding)).unwrap();
            for round in 0..5 {
                (0..6).for_each(|key| writer.extend(&format!("{key}"), &batch(key, round)).unwrap());
                writer.extend("no pixels", &Array3::from_elem((7, 0, 3), true)).unwrap();
            }
            assert_eq!(writer.finish().unwrap().images, 1595);
            let archive = Archive::open(&path).unwrap();
            for key in 0..6 {
                let [one, two, three, four, five] = std::array::from_fn(|round| batch(key, round));
                let all = concatenate![Axis(0), one, two, three, four, five].into_dyn();
                assert_eq!(archive.array::<bool>(&format!("{key}")).unwrap(), all, "{encoding}");
            }
            assert_eq!(archive.array::<bool>("no pixels").unwrap().shape(), [35, 0, 3]);
        }
    }
}
