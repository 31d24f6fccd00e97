//! Going through an image from edge to edge, the same way to code and to decode.
//!
//! A row is the columns where its color changes, beginning with white: its edges. It is told as what happened to the
//! edges of the row above (ITU-T T.6 calls them changing elements of the reference line): they moved, a pair of them
//! went away, or a new run came up.

use super::features::{
    AFTER_NEW, AFTER_PASS, AT_START, FEATURES, Features, NEW, NONE, STILL, capped, class, zone,
};

/// How far an edge moves at most.
pub(super) const REACH: i32 = 6;

/// A column where the color changes, and how it came there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) column: u32,
    /// How the edge moved in the last three rows, the last first.
    slopes: [u8; 3],
}

/// What happens next in a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The next edge above goes on, so many columns farther; behind the last edge above, the row ends.
    Move(i32),
    /// The next two edges above end.
    Pass,
    /// A run that has no edges above.
    New,
}

impl Event {
    /// How many symbols there are.
    pub(super) const SYMBOLS: usize = 15;

    /// Its symbol.
    pub(super) fn symbol(self) -> u8 {
        match self {
            Event::Move(by) => (by + REACH) as u8,
            Event::Pass => 13,
            Event::New => 14,
        }
    }

    pub(super) fn from_symbol(symbol: u8) -> Self {
        match symbol {
            0..13 => Event::Move(i32::from(symbol) - REACH),
            13 => Event::Pass,
            _ => Event::New,
        }
    }
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
    /// The one behind it.
    pub(super) second: Option<u32>,
}

/// One side of the code: it tells what comes next, from the image or from the payload.
pub(super) trait Coder {
    /// What a context owes to the edge above, worked out once for each row.
    type Part: Copy;
    /// What can go wrong.
    type Error;

    /// The part of these features, of which the last three are not known yet.
    fn part(&self, features: &Features) -> Self::Part;

    /// How many rows from this one on are the same as the row above; the first row has a blank one above.
    fn rows(&mut self, row: usize, features: &Features) -> Result<usize, Self::Error>;

    /// Starts on a row that differs from the one above.
    fn start_row(&mut self, row: usize);

    /// What happens next.
    fn event(&mut self, place: &Place, part: Self::Part, rest: [u8; 3]) -> Result<Event, Self::Error>;

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
    above: Vec<Edge>,
    row: Vec<Edge>,
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
            let mut features = [0; FEATURES];
            let edges = capped(self.above.len());
            features[..5].copy_from_slice(&[
                edges,
                last,
                before.change,
                zone(row, height),
                class(height - row),
            ]);
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
        let parts = self.parts(coder, width, zone_down);
        self.row.clear();
        before.change = 0;
        let (mut next, mut start) = (0, 0);
        let (mut last, mut second_last) = (AT_START, AT_START);
        loop {
            // Edges of one parity go from white to black.
            let parity = self.row.len() % 2;
            next += usize::from(next % 2 != parity);
            while self.above.get(next).is_some_and(|edge| edge.column < start) {
                next += 2;
            }
            let edge = self.above.get(next);
            let place = Place {
                start,
                next: edge.map_or(width, |edge| edge.column),
                is_edge: edge.is_some(),
                second: self.above.get(next + 1).map(|edge| edge.column),
            };
            let part = if edge.is_some() { self.parts[next] } else { parts[parity] };
            let gap = class((place.next - start) as usize);
            let event = coder.event(&place, part, [last, gap, second_last])?;
            second_last = last;
            match event {
                Event::Pass => {
                    before.change = 3;
                    next += 2;
                    last = AFTER_PASS;
                }
                Event::Move(by) => {
                    before.change = before.change.max(by.unsigned_abs().min(2) as u8);
                    let column = place.next.wrapping_add_signed(by);
                    if column == width {
                        return Ok(());
                    }
                    last = (by + REACH) as u8;
                    let [first, second, _] = self.above[next].slopes;
                    self.row.push(Edge { column, slopes: [last, first, second] });
                    coder.edge(column);
                    start = column + 1;
                    next += 1;
                }
                Event::New => {
                    before.change = 3;
                    let kind = if self.above.is_empty() { 0 } else { 1 + u8::from(place.is_edge) };
                    let slope = edge.map_or(NONE, |edge| edge.slopes[0]);
                    let second = place.second.unwrap_or(width);
                    let mut features = [
                        gap,
                        parity as u8,
                        kind,
                        class((second - place.next) as usize),
                        last,
                        capped(before.runs),
                        before.stroke,
                        zone_down,
                        zone(start as usize, width as usize),
                        slope,
                        u8::from(start == 0),
                    ];
                    let first = start + coder.gap(&place, &features)? as u32;
                    if first == width {
                        return Ok(());
                    }
                    features[3] = class(second.saturating_sub(first) as usize);
                    features[0] = if place.next < first { 15 } else { class((place.next - first) as usize) };
                    features[8] = zone(first as usize, width as usize);
                    features[9] = class((first - start) as usize);
                    let end = first + 1 + coder.run(first, &features)? as u32;
                    before.runs += 1;
                    before.stroke = class((end - first) as usize);
                    for column in [first, end] {
                        if column < width {
                            self.row.push(Edge { column, slopes: [NEW; 3] });
                            coder.edge(column);
                        }
                    }
                    if end == width {
                        return Ok(());
                    }
                    last = AFTER_NEW;
                    start = end + 1;
                }
            }
        }
    }

    /// Works out the parts of all edges above, and gives those of the place behind the last, for both colors.
    fn parts<C: Coder<Part = P>>(&mut self, coder: &C, width: u32, zone_down: u8) -> [P; 2] {
        self.parts.clear();
        let mut left = 0;
        for (number, edge) in self.above.iter().enumerate() {
            let next = self.above.get(number + 1);
            let right = next.map_or(width, |next| next.column) - edge.column;
            let [first, second, third] = edge.slopes;
            let (left_class, right_class) = (class((edge.column - left) as usize), class(right as usize));
            let slope = next.map_or(NONE, |next| next.slopes[0]);
            let kind = (number % 2) as u8;
            let part = [first, second, third, kind, right_class, left_class, slope, zone_down / 2, 0, 0, 0];
            self.parts.push(coder.part(&part));
            left = edge.column;
        }
        let left = class((width - left) as usize);
        [2, 3].map(|kind| coder.part(&[NEW, NEW, NEW, kind, 0, left, NONE, zone_down / 2, 0, 0, 0]))
    }
}
