//! Going through an image from edge to edge, the same way to code and to decode.
//!
//! A row is the columns where its color changes, beginning with white: its edges. It is told as what happened to the
//! edges of the row above (ITU-T T.6 calls them changing elements of the reference line): they moved, a pair of them
//! went away, or a new run came up.

use super::features::{AT_START, Features, NEW, NONE, STILL, capped, class, zone};

/// How far an edge moves at most.
pub(super) const REACH: i32 = 6;

/// What happens to an edge, as symbols: it moves by -`REACH` to `REACH` columns, which are the first of them; it ends, and
/// so does the one behind it; or a run comes up before it that has no edges above.
pub(super) const PASS: u8 = 2 * REACH as u8 + 1;
pub(super) const RISE: u8 = PASS + 1;
pub(super) const EVENTS: usize = RISE as usize + 1;

/// The symbol of a move.
pub(super) fn move_by(columns: i32) -> u8 {
    (columns + REACH) as u8
}

/// A column where the color changes.
#[derive(Clone, Copy, Debug)]
struct Edge {
    column: u32,
    /// How the edge moved in the last three rows, the last first.
    slopes: [u8; 3],
}

/// What a context owes to the edge above.
#[derive(Clone, Copy, Debug)]
pub(super) struct Surroundings {
    pub(super) slopes: [u8; 3],
    /// From white to black or back; whether it is one, or the place behind the last.
    pub(super) kind: u8,
    /// Columns to the edge behind it, and from the one before it.
    pub(super) right: u32,
    pub(super) left: u32,
    /// How the edge behind it moved.
    pub(super) next_slope: u8,
    pub(super) zone: u8,
}

/// Where in a row an event is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The first column that has no color yet.
    pub(super) start: u32,
    /// The next edge above; the width if there is none.
    pub(super) next: u32,
    /// Whether there is one.
    pub(super) is_edge: bool,
    /// The one behind it; the width if there is none.
    pub(super) second: u32,
    pub(super) is_second_edge: bool,
}

/// What a context owes to the events before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Past {
    pub(super) last: u8,
    pub(super) second_last: u8,
    /// Columns from where the row is to the next edge above.
    pub(super) gap: u32,
}

/// One side of the code: it tells what comes next, from the image or from the payload.
pub(super) trait Coder {
    /// What a context owes to the edge above, worked out once for each row.
    type Part: Copy;
    /// What can go wrong.
    type Error;

    fn part(&self, surroundings: &Surroundings) -> Self::Part;

    /// How many rows from this one on are the same as the row above; the first row has a blank one above.
    fn rows(&mut self, row: usize, features: &[u8; 5]) -> Result<usize, Self::Error>;

    /// Starts on a row that differs from the one above.
    fn start_row(&mut self, row: usize);

    /// What happens next, as its symbol.
    fn event(&mut self, place: &Place, part: Self::Part, past: Past) -> Result<u8, Self::Error>;

    /// How many pixels come before a new run.
    fn gap(&mut self, place: &Place, features: &Features) -> Result<usize, Self::Error>;

    /// How many pixels a new run that starts here has, less one.
    fn run(&mut self, start: u32, features: &Features) -> Result<usize, Self::Error>;

    /// An edge was found.
    fn edge(&mut self, column: u32);

    /// A row that differs from the one above is complete.
    fn end_row(&mut self, row: usize);
}

/// Goes through images; keeps its memory from one to the next.
#[derive(Debug)]
pub(super) struct Scanner<P> {
    /// The edges of the row above, and of this one so far.
    above: Vec<Edge>,
    row: Vec<Edge>,
    /// The part of each edge above, and of two places behind the last.
    parts: Vec<P>,
}

impl<P> Default for Scanner<P> {
    fn default() -> Self {
        Self { above: Vec::new(), row: Vec::new(), parts: Vec::new() }
    }
}

/// What a row's contexts take from the rows before it.
struct Before {
    /// How the last row differed from the one above it: only moves of one column, of more, or other events too.
    change: u8,
    /// New runs so far.
    runs: usize,
    /// The class of the last new run's length.
    stroke: u8,
}

impl<P: Copy> Scanner<P> {
    /// Goes through an image of one pixel or more.
    pub(super) fn scan<C: Coder<Part = P>>(
        &mut self,
        [height, width]: [usize; 2],
        coder: &mut C,
    ) -> Result<(), C::Error> {
        self.above.clear();
        let mut before = Before { change: 0, runs: 0, stroke: 0 };
        let mut last = 0;
        let mut row = 0;
        while row < height {
            let edges = capped(self.above.len());
            let features = [edges, last, before.change, zone(row, height), class((height - row) as u32)];
            let same = coder.rows(row, &features)?;
            last = capped(same + 1);
            self.stay(same);
            row += same;
            if row == height {
                break;
            }
            coder.start_row(row);
            self.scan_row(coder, width, zone(row, height), &mut before)?;
            coder.end_row(row);
            std::mem::swap(&mut self.above, &mut self.row);
            row += 1;
        }
        Ok(())
    }

    /// The edges above stay where they are for so many rows.
    fn stay(&mut self, rows: usize) {
        for edge in &mut self.above {
            for _ in 0..rows.min(3) {
                edge.slopes = [STILL, edge.slopes[0], edge.slopes[1]];
            }
        }
    }

    fn scan_row<C: Coder<Part = P>>(
        &mut self,
        coder: &mut C,
        width: usize,
        zone_down: u8,
        before: &mut Before,
    ) -> Result<(), C::Error> {
        let width = width as u32;
        let edges = self.above.len();
        self.find_parts(coder, width, zone_down);
        // What is behind the last edge, for both colors.
        self.above.extend([Edge { column: width, slopes: [NEW; 3] }; 3]);
        self.row.clear();
        before.change = 0;
        // The edges of one parity go from white to black, here and above.
        let (mut next, mut start) = (0, 0);
        let (mut last, mut second_last) = (AT_START, AT_START);
        loop {
            while self.above[next].column < start {
                next += 2;
            }
            let (edge, second) = (self.above[next], self.above[next + 1].column);
            let is_edge = next < edges;
            let place = Place { start, next: edge.column, is_edge, second, is_second_edge: next + 1 < edges };
            let gap = edge.column - start;
            let symbol = coder.event(&place, self.parts[next], Past { last, second_last, gap })?;
            second_last = last;
            last = symbol;
            match symbol {
                ..PASS => {
                    let by = i32::from(symbol) - REACH;
                    before.change = before.change.max(by.unsigned_abs().min(2) as u8);
                    let column = edge.column.wrapping_add_signed(by);
                    if column == width {
                        return Ok(());
                    }
                    let [first, second, _] = edge.slopes;
                    self.row.push(Edge { column, slopes: [symbol, first, second] });
                    coder.edge(column);
                    start = column + 1;
                    next += 1;
                }
                PASS => {
                    before.change = 3;
                    next += 2;
                }
                _ => {
                    before.change = 3;
                    let kind = if edges == 0 { 0 } else { 1 + u8::from(is_edge) };
                    let mut features = [
                        class(gap),
                        (next % 2) as u8,
                        kind,
                        class(second - edge.column),
                        second_last,
                        capped(before.runs),
                        before.stroke,
                        zone_down,
                        zone(start as usize, width as usize),
                        if is_edge { edge.slopes[0] } else { NONE },
                        u8::from(start == 0),
                    ];
                    let first = start + coder.gap(&place, &features)? as u32;
                    if first == width {
                        return Ok(());
                    }
                    features[3] = class(second.saturating_sub(first));
                    features[0] = edge.column.checked_sub(first).map_or(15, class);
                    features[8] = zone(first as usize, width as usize);
                    features[9] = class(first - start);
                    let end = first + 1 + coder.run(first, &features)? as u32;
                    before.runs += 1;
                    before.stroke = class(end - first);
                    for column in [first, end] {
                        if column < width {
                            self.row.push(Edge { column, slopes: [NEW; 3] });
                            coder.edge(column);
                        }
                    }
                    if end == width {
                        return Ok(());
                    }
                    start = end + 1;
                }
            }
        }
    }

    /// Works out the parts of all edges above, and of what is behind them.
    fn find_parts<C: Coder<Part = P>>(&mut self, coder: &C, width: u32, zone_down: u8) {
        self.parts.clear();
        let mut left = 0;
        let zone = zone_down / 2;
        for (number, edge) in self.above.iter().enumerate() {
            let (next, next_slope) =
                self.above.get(number + 1).map_or((width, NONE), |next| (next.column, next.slopes[0]));
            let kind = (number % 2) as u8;
            let (right, from_left) = (next - edge.column, edge.column - left);
            let surroundings =
                Surroundings { slopes: edge.slopes, kind, right, left: from_left, next_slope, zone };
            self.parts.push(coder.part(&surroundings));
            left = edge.column;
        }
        for number in [0, 1, 2].map(|behind| self.above.len() + behind) {
            let kind = 2 + (number % 2) as u8;
            let behind =
                Surroundings { slopes: [NEW; 3], kind, right: 0, left: width - left, next_slope: NONE, zone };
            self.parts.push(coder.part(&behind));
        }
    }
}
