//! From an image to its segments.
//!
//! A segment is a black run followed downwards for as long as it stays one run. It begins as a new run in white (a birth),
//! as one side of a split, or where two segments merge; its edges move independently.

use super::event::{END, Event, MANY_ROWS, STAY, action};
use super::matching::{Costs, Matcher, NONE};
use crate::view::BitmapView;

/// A run of a segment: the first column and the column behind the last, from a row downwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) row: u32,
    pub(super) edges: [u32; 2],
}

/// What comes after a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The next run, whose edges have moved.
    Run(u32),
    /// The run has no successor in this row.
    Death { row: u32 },
    /// A hole opens in this row; the runs on its two sides.
    Split { row: u32, sides: [u32; 2] },
    /// One edge ends in a row, the other one is in this column there: it belongs to a run of a merged segment.
    Merge { row: u32, column: u32, side: Side, merged: u32 },
}

/// The edge of a run that is left when the other one has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    #[default]
    Left,
    Right,
}

/// The most edges that all rows of an image have, which bounds the memory of the encoder to about 500 MB: a page of dense text,
/// scanned at 600 dots to the inch, has three million.
const MAX_EDGES: usize = 1 << 23;

/// Images with an edge for fewer pixels, those that fill packed rows included, are noise, of which packed rows are smaller.
const PIXELS_PER_EDGE: usize = 3;

/// The segments of an image; reuses its buffers from one image to the next.
#[derive(Debug, Default)]
pub(super) struct Segments {
    width: u32,
    /// The runs of all segments, each with what follows.
    pub(super) runs: Vec<(Run, Next)>,
    /// The first runs of the segments that begin in white, by row and then by column.
    pub(super) births: Vec<u32>,
    /// The runs that are older than the births of their row, and for each row with births where its runs start.
    older: Vec<[u32; 2]>,
    older_rows: Vec<(u32, usize)>,
    /// The edges of all rows, and where each row's begin.
    edges: Vec<u32>,
    starts: Vec<usize>,
    /// For each run of the upper and of the lower row its number in `runs`.
    above: Vec<u32>,
    here: Vec<u32>,
    matcher: Matcher,
}

impl Segments {
    /// Finds the segments of an image, matching the edges of its rows at these costs; returns false if there are too many.
    pub(super) fn find(&mut self, image: BitmapView<'_>, costs: &Costs) -> bool {
        self.width = image.width() as u32;
        self.edges.clear();
        self.starts.clear();
        self.starts.push(0);
        let most = MAX_EDGES.min(image.as_bytes().len() * 8 / PIXELS_PER_EDGE);
        for row in image.rows() {
            push_edges(row, image.width() as u32, &mut self.edges);
            self.starts.push(self.edges.len());
            if self.edges.len() > most {
                return false;
            }
        }
        self.runs.clear();
        self.births.clear();
        self.older.clear();
        self.older_rows.clear();
        self.above.clear();
        for row in 0..image.height() as u32 {
            self.match_row(row, costs);
        }
        let height = image.height() as u32;
        for &run in &self.above {
            self.runs[run as usize].1 = Next::Death { row: height };
        }
        true
    }

    /// Returns the first run of a birth.
    pub(super) fn birth(&self, number: usize) -> Option<Run> {
        self.births.get(number).map(|&run| self.runs[run as usize].0)
    }

    /// Returns the number of the white interval to the right of `start` in which a birth lies, and the columns between.
    pub(super) fn birth_place(&self, birth: usize, row: u32, start: u32) -> (usize, u32) {
        let column = self.birth(birth).map_or(0, |run| run.edges[0]);
        let older = self.older(row);
        let passed = older.partition_point(|run| run[1] <= start);
        let number = older[passed..].partition_point(|run| run[1] <= column);
        let from = if number == 0 { start } else { older[passed + number - 1][1] };
        (number, column - from)
    }

    /// Returns the first pixel of this color from a column on, or the width, in a row with births: as it is without them.
    pub(super) fn next_pixel(&self, row: u32, from: u32, is_black: bool) -> u32 {
        let older = self.older(row);
        let run = older.get(older.partition_point(|run| run[1] <= from));
        match (run, is_black) {
            (Some(&[start, _]), true) => start.max(from),
            (Some(&[start, end]), false) if start <= from => end,
            (_, false) => from,
            (None, true) => self.width,
        }
    }

    /// Returns the runs of a row with births that are older than these.
    fn older(&self, row: u32) -> &[[u32; 2]] {
        let found = self.older_rows.binary_search_by_key(&row, |&(row, _)| row).expect("the row has births");
        let start = self.older_rows[found].1;
        let end = self.older_rows.get(found + 1).map_or(self.older.len(), |&(_, start)| start);
        &self.older[start..end]
    }

    /// Returns the rows without a change before what follows a run.
    pub(super) fn rows_to_next(&self, run: u32, row: u32) -> u32 {
        match self.runs[run as usize].1 {
            Next::Run(next) => self.runs[next as usize].0.row - row - 1,
            Next::Death { row: end } | Next::Merge { row: end, .. } => end - row - 1,
            Next::Split { row: end, .. } => end - row,
        }
    }

    /// Returns how far an edge of a run moves.
    pub(super) fn move_of(&self, run: u32, side: usize) -> i32 {
        let (Run { edges, .. }, next) = self.runs[run as usize];
        let column = match next {
            Next::Run(next) => self.runs[next as usize].0.edges[side],
            Next::Merge { column, .. } => column,
            Next::Death { .. } | Next::Split { .. } => edges[side],
        };
        column.cast_signed() - edges[side].cast_signed()
    }

    /// Returns the columns of the hole that splits a run.
    pub(super) fn hole(&self, run: u32) -> [u32; 2] {
        match self.runs[run as usize].1 {
            Next::Split { sides: [left, right], .. } => {
                [self.runs[left as usize].0.edges[1], self.runs[right as usize].0.edges[0]]
            }
            _ => unreachable!("the run splits"),
        }
    }

    /// Returns the event that follows a run, seen from this row.
    pub(super) fn event(&self, run: u32, row: u32) -> Event {
        let rows = self.rows_to_next(run, row).min(MANY_ROWS) as u8;
        let moved = |side| action(self.move_of(run, side));
        let actions = match self.runs[run as usize].1 {
            Next::Run(_) => [moved(0), moved(1)],
            Next::Death { .. } => [END; 2],
            Next::Split { .. } => [STAY; 2],
            Next::Merge { side: Side::Left, .. } => [moved(0), END],
            Next::Merge { side: Side::Right, .. } => [END, moved(1)],
        };
        Event { rows, actions }
    }

    /// Returns the runs that follow a run.
    pub(super) fn successors(&self, run: u32) -> [u32; 2] {
        match self.runs[run as usize].1 {
            Next::Run(next) | Next::Merge { merged: next, .. } => [next; 2],
            Next::Split { sides, .. } => sides,
            Next::Death { .. } => [run; 2],
        }
    }

    /// Continues the segments of the row above into this row.
    fn match_row(&mut self, row: u32, costs: &Costs) {
        let [start, middle, end] = [row.max(1) - 1, row, row + 1].map(|row| self.starts[row as usize]);
        let (upper, lower) = (&self.edges[start..middle], &self.edges[middle..end]);
        if upper == lower {
            return;
        }
        self.matcher.match_rows(upper, lower, costs);
        self.here.clear();
        let (first_birth, first_older) = (self.births.len(), self.older.len());
        let mut edge = 0;
        while edge < lower.len() {
            // A span of runs, which holes separate, from a left edge to a right edge that were there above.
            let last = if self.matcher.above[edge] == NONE {
                edge + 1
            } else {
                let is_right = |&edge: &usize| edge % 2 == 1 && self.matcher.above[edge] != NONE;
                (edge..lower.len()).find(is_right).expect("a span has two edges")
            };
            let first = self.runs.len() as u32;
            let run = |edges| (Run { row, edges }, Next::Death { row: 0 });
            self.runs.push(run([lower[edge], lower[last]]));
            let ends = [edge, last].map(|edge| self.matcher.above[edge]);
            if ends[0] != NONE {
                self.older.extend(lower[edge..=last].chunks_exact(2).map(|run| [run[0], run[1]]));
            }
            match ends {
                [NONE, _] => self.births.push(first),
                [left, right] => {
                    let origins = [left, right].map(|edge| self.above[edge as usize / 2] as usize);
                    if origins[0] == origins[1] {
                        if self.runs[origins[0]].0.edges == [lower[edge], lower[last]] {
                            // Nothing has moved: the run goes on, or it splits.
                            self.runs.pop();
                        } else {
                            self.runs[origins[0]].1 = Next::Run(first);
                        }
                    } else {
                        let merge =
                            |side, edge: usize| Next::Merge { row, column: lower[edge], side, merged: first };
                        self.runs[origins[0]].1 = merge(Side::Left, edge);
                        self.runs[origins[1]].1 = merge(Side::Right, last);
                    }
                }
            }
            let mut whole = if self.runs.len() as u32 > first {
                first
            } else {
                self.above[self.matcher.above[edge] as usize / 2]
            };
            while edge + 1 < last {
                let sides = [self.runs.len() as u32, self.runs.len() as u32 + 1];
                self.runs.push(run([lower[edge], lower[edge + 1]]));
                self.runs.push(run([lower[edge + 2], lower[last]]));
                self.runs[whole as usize].1 = Next::Split { row, sides };
                self.here.push(sides[0]);
                whole = sides[1];
                edge += 2;
            }
            self.here.push(whole);
            edge += 2;
        }
        if self.births.len() > first_birth {
            self.older_rows.push((row, first_older));
        } else {
            self.older.truncate(first_older);
        }
        for (number, &run) in self.above.iter().enumerate() {
            if [2 * number, 2 * number + 1].map(|edge| self.matcher.below[edge]) == [NONE; 2] {
                self.runs[run as usize].1 = Next::Death { row };
            }
        }
        std::mem::swap(&mut self.above, &mut self.here);
    }
}

/// Appends the columns where a row changes its color, starting from white; an edge at the width closes a last run.
fn push_edges(row: &[u8], width: u32, edges: &mut Vec<u32>) {
    let start = edges.len();
    let mut last = 0;
    for (word, bytes) in row.chunks(8).enumerate() {
        let mut padded = [0; 8];
        padded[..bytes.len()].copy_from_slice(bytes);
        let pixels = u64::from_be_bytes(padded);
        let mut changes = pixels ^ (pixels >> 1 | last << 63);
        last = pixels & 1;
        while changes != 0 {
            let bit = changes.leading_zeros();
            changes ^= 1 << 63 >> bit;
            edges.push(word as u32 * 64 + bit);
        }
    }
    if (edges.len() - start) % 2 == 1 {
        edges.push(width);
    }
}
