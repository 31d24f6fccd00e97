//! The walk over an image: in which order its segments and their events are coded.
//!
//! Segments are coded depth first: one follows a segment down, event by event, through its splits, until it dies or waits
//! for a merge. Births come from top to bottom; merged segments as soon as both their edges are known. Encoder and decoder
//! take the same walk; what is not known on the way they get from a [`Coder`].

use std::mem::take;

use super::alphabet::{Alphabet, Features, INTERVALS};
use super::event::{Action, END, Effect, Event, FAR, Kind, MANY_ROWS, STAY};
use super::fault::Fault;
use super::history::{Histories, History, Target, Update, countdown_class};
use super::numbers::{BUCKETS, bucket, bucket_range, length_class, side_bits};
use super::segments::{Segments, Side};
use super::tables::Tables;
use super::waiting::{WaitingEdge, WaitingEdges};

/// One direction of the codec. An encoder knows the image and writes what it is asked; a decoder reads it.
pub(super) trait Coder {
    /// Codes a symbol in the context of these features; an encoder finds it with `known`.
    fn symbol(
        &mut self,
        alphabet: Alphabet,
        features: [u8; 4],
        known: impl FnOnce(&Segments) -> usize,
    ) -> Result<usize, Fault>;

    /// Codes a number of so many bits.
    fn bits(&mut self, count: u32, known: impl FnOnce(&Segments) -> u32) -> u32;

    /// Returns the number of the first run of a birth, and of those that follow a run, among [`Segments`]: an encoder knows
    /// them, and a decoder does not need them.
    fn birth(&self, number: usize) -> u32;
    fn successors(&self, run: u32) -> [u32; 2];

    /// Inverts the pixels between the columns of each pair, from a row downwards.
    fn invert(&mut self, row: u32, pairs: [[u32; 2]; 2]);

    /// Completes the rows down to this one, in which a birth is next.
    fn complete(&mut self, row: u32);

    /// Returns the first pixel of this color from a column on, or the width, in the row of the next birth.
    fn next_pixel(&self, row: u32, from: u32, is_black: bool) -> u32;
}

/// A segment while it is followed, in the row of its last event.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Segment {
    pub(super) row: u32,
    pub(super) edges: [u32; 2],
    pub(super) histories: Histories,
    pub(super) target: Target,
    /// The number of its run among [`Segments`], if they are known.
    pub(super) run: u32,
}

impl Segment {
    /// Returns the width of the run as a feature.
    pub(super) fn width(&self) -> u8 {
        (self.edges[1] - self.edges[0]).min(31) as u8
    }

    /// Returns the number of the code of the next event.
    #[inline]
    pub(super) fn event_code(&self, tables: &Tables) -> u16 {
        let [left, right] = self.edges;
        tables.event_code(self.histories, right - left, self.target.countdown(self.row))
    }

    /// Returns the features of the next event.
    pub(super) fn features(&self) -> Features {
        let [[a, b, c], [d, e, f]] = self.histories.each().map(History::features);
        [a, b, c, d, e, f, self.width(), countdown_class(self.target.countdown(self.row))]
    }
}

/// The row of the next birth if there is none: below all others.
const NO_BIRTH: u32 = u32::MAX;

/// The state of a walk; reuses its buffers from one image to the next.
#[derive(Debug, Default)]
pub(super) struct Walk {
    height: u32,
    width: u32,
    side_bits: u32,
    /// The segments that come next, the first one last.
    open: Vec<Segment>,
    /// The edges that wait for a merge.
    waiting: WaitingEdges,
    births: usize,
    /// The row of the next birth, once it is coded.
    next_birth: Option<u32>,
    last_row: u32,
    last_rows: u32,
    last_length: u32,
    last_end: u32,
    /// The lowest row in which an edge has ended.
    lowest_end: u32,
}

impl Walk {
    /// Starts the walk over an image of one pixel or more.
    pub(super) fn start(&mut self, [height, width]: [u32; 2]) {
        self.open.clear();
        self.waiting.clear();
        *self = Self {
            height,
            width,
            side_bits: side_bits([height, width]),
            open: take(&mut self.open),
            waiting: take(&mut self.waiting),
            ..Self::default()
        };
    }

    /// Gives up the memory for more than so many segments.
    pub(super) fn shrink(&mut self, most: usize) {
        if self.open.capacity().max(self.waiting.capacity()) > most {
            *self = Self::default();
        }
    }

    /// Finds the next segment to follow; returns false if the image is complete.
    #[inline]
    pub(super) fn next_segment(
        &mut self,
        segment: &mut Segment,
        coder: &mut impl Coder,
    ) -> Result<bool, Fault> {
        loop {
            if let Some(next) = self.open.pop() {
                *segment = next;
                break;
            }
            let birth = match self.next_birth {
                Some(row) => row,
                None => self.code_birth_row(coder)?,
            };
            match self.waiting.uppermost_row() {
                Some(row) if row <= birth => self.merge(row)?,
                _ if birth == NO_BIRTH => return Ok(false),
                _ => {
                    *segment = self.code_birth(birth, coder)?;
                    break;
                }
            }
        }
        segment.target = self.target(segment);
        Ok(true)
    }

    /// Codes how many rows the next birth is below the last one, and returns its row.
    fn code_birth_row(&mut self, coder: &mut impl Coder) -> Result<u32, Fault> {
        let features = [
            self.births.min(31) as u8,
            length_class(self.lowest_end.saturating_sub(self.last_row)),
            length_class(self.last_rows),
            self.waiting.len().min(31) as u8,
        ];
        let (births, last_row) = (self.births, self.last_row);
        let rows = |segments: &Segments| segments.birth(births).map(|run| run.row - last_row);
        let symbol = coder.symbol(Alphabet::BirthRows, features, |segments| {
            rows(segments).map_or(0, |rows| 1 + bucket(rows))
        })?;
        let Some(bucket) = symbol.checked_sub(1) else { return Ok(*self.next_birth.insert(NO_BIRTH)) };
        let (first, bits) = bucket_range(bucket, self.side_bits);
        self.last_rows = first + coder.bits(bits, |segments| rows(segments).map_or(0, |rows| rows - first));
        let row = self.last_row + self.last_rows;
        if row < self.height { Ok(*self.next_birth.insert(row)) } else { Err(Fault::RunBelow) }
    }

    /// Codes a new run in this row.
    fn code_birth(&mut self, row: u32, coder: &mut impl Coder) -> Result<Segment, Fault> {
        let is_same_row = self.births > 0 && row == self.last_row;
        let start = if is_same_row { self.last_end } else { 0 };
        coder.complete(row);
        let first = [start, coder.next_pixel(row, start, true)];
        let second = next_interval(first, row, coder);
        let births = self.births;
        let width = |[start, end]: [u32; 2]| length_class(end - start);
        let features = [width(first), width(second), is_same_row.into(), births.min(31) as u8];
        let [start, end] = self.code_interval(row, [first, second], features, coder)?;
        if start >= end {
            return Err(Fault::NewRunInBlack);
        }
        let features =
            [births.min(31) as u8, length_class(self.width - start), length_class(self.last_length), 0];
        let length = 1 + self.code_number(Alphabet::BirthLength, features, coder, |segments| {
            let run = segments.birth(births).expect("there is a birth");
            run.edges[1] - run.edges[0] - 1
        })?;
        if length > end - start {
            return Err(Fault::NewRunTooLong);
        }
        let edges = [start, start + length];
        coder.invert(row, [edges, [0; 2]]);
        self.last_row = row;
        self.last_end = edges[1];
        self.last_length = length;
        self.births += 1;
        self.next_birth = None;
        let run = coder.birth(births);
        Ok(Segment { row, edges, histories: Histories::default(), target: Target::NONE, run })
    }

    /// Codes where a new run starts, and returns the interval of white from there; the first two of the row are known.
    fn code_interval(
        &mut self,
        row: u32,
        [first, second]: [[u32; 2]; 2],
        features: [u8; 4],
        coder: &mut impl Coder,
    ) -> Result<[u32; 2], Fault> {
        let births = self.births;
        let place = |segments: &Segments| segments.birth_place(births, row, first[0]);
        let symbol = coder.symbol(Alphabet::BirthGap, features, |segments| {
            let (number, gap) = place(segments);
            number.min(INTERVALS - 1) * BUCKETS + bucket(gap)
        })?;
        let mut number = symbol / BUCKETS;
        if number == INTERVALS - 1 {
            let more = self.code_number(Alphabet::MoreIntervals, [0; 4], coder, |segments| {
                (place(segments).0 + 1 - INTERVALS) as u32
            })?;
            number += more as usize;
        }
        let (first_gap, bits) = bucket_range(symbol % BUCKETS, self.side_bits);
        let gap = first_gap + coder.bits(bits, |segments| place(segments).1 - first_gap);
        let mut interval = if number == 0 { first } else { second };
        for _ in 1..number {
            if interval[1] == self.width {
                return Err(Fault::TooFewIntervals);
            }
            interval = next_interval(interval, row, coder);
        }
        Ok([interval[0] + gap, interval[1]])
    }

    /// Applies an event to a segment; returns whether the segment goes on.
    #[inline]
    pub(super) fn apply(
        &mut self,
        effect: &Effect,
        segment: &mut Segment,
        coder: &mut impl Coder,
    ) -> Result<bool, Fault> {
        let rows = u32::from(effect.event.rows);
        match effect.kind {
            Kind::Death => self.die(segment, rows, coder).map(|()| false),
            Kind::Split => self.split(segment, rows, coder).map(|()| true),
            Kind::Step | Kind::End => self.go_on(segment, rows, effect, coder),
            Kind::Numbers | Kind::Escape => self.apply_with_numbers(effect, segment, coder),
        }
    }

    /// Applies an event of which numbers tell more.
    fn apply_with_numbers(
        &mut self,
        effect: &Effect,
        segment: &mut Segment,
        coder: &mut impl Coder,
    ) -> Result<bool, Fault> {
        let mut effect = *effect;
        let Event { rows, actions } = effect.event;
        let mut rows = u32::from(rows);
        if rows == MANY_ROWS {
            rows += self.code_more_rows(actions, segment, coder)?;
        }
        match actions {
            [END, END] => return self.die(segment, rows, coder).map(|()| false),
            [STAY, STAY] => return self.split(segment, rows, coder).map(|()| true),
            _ => {}
        }
        for side in [0, 1] {
            if actions[side] == FAR {
                effect.moves[side] = self.code_far_move(side, actions[1 - side], segment, coder)?;
            }
        }
        effect.update = Update::of_moves(effect.moves);
        self.go_on(segment, rows, &effect, coder)
    }

    /// Moves the edges of a segment after so many rows, one of which may end; returns whether the segment goes on.
    #[inline]
    fn go_on(
        &mut self,
        segment: &mut Segment,
        rows: u32,
        effect: &Effect,
        coder: &mut impl Coder,
    ) -> Result<bool, Fault> {
        let row = segment.row + rows + 1;
        let old = segment.edges;
        let moved = [0, 1].map(|side| old[side].wrapping_add_signed(effect.moves[side]));
        let has_ended = effect.event.actions.map(|action| action == END);
        let edges = [0, 1].map(|side| if has_ended[side] { self.width } else { moved[side] });
        let is_inside = edges[0] <= self.width && edges[1] <= self.width;
        let is_run = has_ended[0] || has_ended[1] || edges[0] < edges[1];
        if !(is_inside && is_run && row < self.height) {
            return Err(Fault::RunOutside);
        }
        coder.invert(row, [[old[0], edges[0]], [old[1], edges[1]]]);
        segment.row = row;
        segment.edges = edges;
        segment.histories = segment.histories.after(rows + 1, effect.update);
        segment.run = coder.successors(segment.run)[0];
        if has_ended[0] || has_ended[1] {
            self.wait(segment, has_ended[0].into());
            return Ok(false);
        }
        Ok(true)
    }

    /// Codes how many rows more without a change there are than the symbol of an event tells.
    fn code_more_rows(
        &mut self,
        [left, right]: [Action; 2],
        &Segment { row, run, target, .. }: &Segment,
        coder: &mut impl Coder,
    ) -> Result<u32, Fault> {
        let features = [left, right, countdown_class(target.countdown(row)), 0];
        self.code_number(Alphabet::MoreRows, features, coder, |segments| {
            segments.rows_to_next(run, row) - MANY_ROWS
        })
    }

    /// Ends a segment after so many rows.
    fn die(&mut self, segment: &Segment, rows: u32, coder: &mut impl Coder) -> Result<(), Fault> {
        let row = segment.row + rows + 1;
        if row > self.height {
            return Err(Fault::RunOutside);
        }
        if row < self.height {
            coder.invert(row, [segment.edges, [0; 2]]);
        }
        self.lowest_end = self.lowest_end.max(row);
        Ok(())
    }

    /// Codes by how many columns an edge moves that moves far.
    fn code_far_move(
        &mut self,
        side: usize,
        other: u8,
        segment: &Segment,
        coder: &mut impl Coder,
    ) -> Result<i32, Fault> {
        let features = [side as u8, segment.histories.each()[side].move_class(), other, segment.width()];
        let run = segment.run;
        let columns = |segments: &Segments| segments.move_of(run, side);
        let far = |segments: &Segments| columns(segments).unsigned_abs() - 4;
        let symbol = coder.symbol(Alphabet::FarMove, features, |segments| {
            2 * bucket(far(segments)) + usize::from(columns(segments) < 0)
        })?;
        let (first, bits) = bucket_range(symbol / 2, self.side_bits);
        let far = (4 + first + coder.bits(bits, |segments| far(segments) - first)).cast_signed();
        Ok(if symbol % 2 == 1 { -far } else { far })
    }

    /// Splits a segment after so many rows; goes on with its left side and leaves the right one for later.
    fn split(&mut self, segment: &mut Segment, rows: u32, coder: &mut impl Coder) -> Result<(), Fault> {
        let [left, right] = segment.edges;
        let run = segment.run;
        let features = [segment.width(), 0, 0, 0];
        let gap = self
            .code_number(Alphabet::HoleGap, features, coder, |segments| segments.hole(run)[0] - left - 1)?;
        let start = left + 1 + gap;
        let row = segment.row + rows;
        if row >= self.height || start >= right {
            return Err(Fault::HoleOutside);
        }
        let features = [length_class(right - start), 0, 0, 0];
        let length = self.code_number(Alphabet::HoleLength, features, coder, |segments| {
            let [start, end] = segments.hole(run);
            end - start - 1
        })?;
        let end = start + 1 + length;
        if end >= right {
            return Err(Fault::HoleTooLong);
        }
        coder.invert(row, [[start, end], [0; 2]]);
        let outer = segment.histories.after(rows, Update::of_moves([0; 2])).each();
        let [left_run, right_run] = coder.successors(run);
        let side = |edges, histories, run| Segment {
            row,
            edges,
            histories: Histories::new(histories),
            target: Target::NONE,
            run,
        };
        self.open.push(side([end, right], [History::default(), outer[1]], right_run));
        *segment = side([left, start], [outer[0], History::default()], left_run);
        segment.target = self.target(segment);
        Ok(())
    }

    /// Leaves one side of a segment, whose other one has ended, to wait for a merge.
    fn wait(&mut self, segment: &Segment, side: usize) {
        let edge = WaitingEdge {
            row: segment.row,
            column: segment.edges[side],
            side: [Side::Left, Side::Right][side],
            history: segment.histories.each()[side],
            run: segment.run,
        };
        self.lowest_end = self.lowest_end.max(edge.row);
        self.waiting.push(edge);
    }

    /// Joins the edges that wait in a row to runs, and opens their segments.
    fn merge(&mut self, row: u32) -> Result<(), Fault> {
        for pair in self.waiting.take_row(row).rchunks(2) {
            match pair {
                [left, right]
                    if left.side == Side::Left && right.side == Side::Right && left.column < right.column =>
                {
                    self.open.push(Segment {
                        row,
                        edges: [left.column, right.column],
                        histories: Histories::new([left.history, right.history]),
                        target: Target::NONE,
                        run: left.run,
                    });
                }
                _ => return Err(Fault::NoPartner),
            }
        }
        Ok(())
    }

    /// Returns where a segment will probably merge.
    #[inline]
    fn target(&self, segment: &Segment) -> Target {
        self.waiting.target(segment.row, segment.edges)
    }

    fn code_number<C: Coder>(
        &self,
        alphabet: Alphabet,
        features: [u8; 4],
        coder: &mut C,
        known: impl Fn(&Segments) -> u32,
    ) -> Result<u32, Fault> {
        let symbol = coder.symbol(alphabet, features, |segments| bucket(known(segments)))?;
        let (first, bits) = bucket_range(symbol, self.side_bits);
        Ok(first + coder.bits(bits, |segments| known(segments) - first))
    }
}

/// Returns the white interval behind another one of a row, which is empty if there is none.
fn next_interval([_, end]: [u32; 2], row: u32, coder: &impl Coder) -> [u32; 2] {
    let start = coder.next_pixel(row, end, false);
    [start, coder.next_pixel(row, start, true)]
}
