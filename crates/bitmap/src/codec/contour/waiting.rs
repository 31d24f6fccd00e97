//! Edges that wait for a merge, since the other edge of their run has ended.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::collections::binary_heap::PeekMut;

use super::history::{History, Target};
use super::segments::Side;

/// An edge that waits for its partner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WaitingEdge {
    pub(super) row: u32,
    pub(super) column: u32,
    pub(super) side: Side,
    pub(super) history: History,
    pub(super) run: u32,
}

impl Ord for WaitingEdge {
    /// The one in the uppermost row is the greatest, so that a heap returns it first.
    fn cmp(&self, other: &Self) -> Ordering {
        other.row.cmp(&self.row)
    }
}

impl PartialOrd for WaitingEdge {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The number of waiting edges among which a segment's target is looked for: the latest ones.
const LATEST: usize = 8;

/// The edges that wait; reuses its buffers from one image to the next.
#[derive(Debug, Default)]
pub(super) struct WaitingEdges {
    edges: BinaryHeap<WaitingEdge>,
    /// The latest edges that waited; those of rows that are passed do not wait any more.
    latest: [WaitingEdge; LATEST],
    /// The place of the next one among these.
    next_latest: usize,
    /// The edges that were taken from a row.
    taken: Vec<WaitingEdge>,
}

impl WaitingEdges {
    pub(super) fn clear(&mut self) {
        self.edges.clear();
        self.latest = Default::default();
        self.next_latest = 0;
    }

    /// Returns the number of edges for which there is room.
    pub(super) fn capacity(&self) -> usize {
        self.edges.capacity().max(self.taken.capacity())
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.edges.len()
    }

    pub(super) fn push(&mut self, edge: WaitingEdge) {
        self.edges.push(edge);
        self.latest[self.next_latest] = edge;
        self.next_latest = (self.next_latest + 1) % LATEST;
    }

    /// Returns the uppermost row in which an edge waits.
    #[inline]
    pub(super) fn uppermost_row(&self) -> Option<u32> {
        self.edges.peek().map(|edge| edge.row)
    }

    /// Takes the edges that wait in the uppermost row, which is this one, and returns them from left to right.
    pub(super) fn take_row(&mut self, row: u32) -> &[WaitingEdge] {
        self.taken.clear();
        while let Some(edge) = self.edges.peek_mut().filter(|edge| edge.row == row) {
            self.taken.push(PeekMut::pop(edge));
        }
        self.taken.sort_by_key(|edge| (edge.column, edge.side));
        &self.taken
    }

    /// Returns where a run with these edges, in this row, will probably merge: with the nearest waiting edge below it, on either
    /// side.
    #[inline]
    pub(super) fn target(&self, row: u32, edges: [u32; 2]) -> Target {
        if self.edges.is_empty() { Target::NONE } else { self.nearest(row, edges) }
    }

    /// Returns the nearest of the latest edges: on either side the one in the next column, the lowest one to the left and the
    /// uppermost one to the right; of both the uppermost one.
    fn nearest(&self, row: u32, [start, end]: [u32; 2]) -> Target {
        // Keys without branches, which are hard to predict: the column above the row.
        let (mut left, mut right) = (0, u64::MAX);
        for edge in &self.latest {
            let key = u64::from(edge.column) << 32 | u64::from(edge.row);
            let is_below = edge.row > row;
            let is_left = is_below & (edge.side == Side::Left) & (edge.column < start);
            let is_right = is_below & (edge.side == Side::Right) & (edge.column > end);
            left = left.max(if is_left { key } else { 0 });
            right = right.min(if is_right { key } else { u64::MAX });
        }
        let [left_row, right_row] = [left, right].map(|key| key as u32);
        match (left > 0, right < u64::MAX) {
            (true, true) if right_row < left_row => Target::right(right_row),
            (true, _) => Target::left(left_row),
            (false, true) => Target::right(right_row),
            (false, false) => Target::NONE,
        }
    }
}
