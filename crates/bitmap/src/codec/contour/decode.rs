//! From payloads to images.
//!
//! Following a segment is a chain of look-ups, each of which waits for the one before. So several images are decoded at
//! once, in *lanes*: each takes one event in turn, and their look-ups overlap.

use super::alphabet::Alphabet;
use super::bits::BitReader;
use super::canvas::{Canvas, LARGE, Narrow, Wide};
use super::event::{Effect, Kind};
use super::fault::Fault;
use super::model::Model;
use super::segments::Segments;
use super::tables::Tables;
use super::walk::{Coder, Segment, Walk};
use crate::codec::rows::RowSink;
use crate::error::{Error, ErrorKind};

/// The number of images that are decoded at once.
const LANES: usize = 3;

/// An image to decode: its number, payload, height and width, and where its packed rows go, if they are wanted.
#[derive(Debug)]
pub(in crate::codec) struct Job<'a> {
    pub(in crate::codec) number: usize,
    pub(in crate::codec) payload: &'a [u8],
    pub(in crate::codec) size: [usize; 2],
    pub(in crate::codec) rows: &'a mut [u8],
}

/// Decodes images; reuses its buffers from one to the next.
#[derive(Debug, Default)]
pub(in crate::codec) struct Decoder {
    narrow: [Lane<Narrow<u64>>; LANES],
    wide: [Lane<Narrow<u128>>; LANES],
    widest: [Lane<Wide>; LANES],
}

impl Decoder {
    /// Decodes images of one pixel or more; an error comes with the number of the image that is to blame.
    pub(in crate::codec) fn decode(
        &mut self,
        model: &Model,
        jobs: &mut [Job<'_>],
    ) -> Result<(), (usize, Error)> {
        let width = jobs.iter().map(|job| job.size[1]).max().unwrap_or(0);
        match width {
            ..=64 => decode(&model.tables, jobs, &mut self.narrow),
            65..=128 => decode(&model.tables, jobs, &mut self.wide),
            _ => decode(&model.tables, jobs, &mut self.widest),
        }
    }

    /// Decodes the rows of a large image, most of which may be the same as the row above.
    pub(in crate::codec) fn decode_rows(
        &mut self,
        model: &Model,
        payload: &[u8],
        size: [usize; 2],
        rows: &mut impl RowSink,
    ) -> Result<(), Error> {
        let lane = &mut self.widest[0];
        lane.canvas
            .make_room(size.map(|side| side as u32))
            .map_err(|bytes| ErrorKind::OutOfMemory { bytes })?;
        let mut jobs = [Job { number: 0, payload, size, rows: &mut [] }];
        let mut next = 0;
        let lanes = std::array::from_mut(lane);
        let decoded = lanes[0]
            .start(&model.tables, &mut jobs, &mut next)
            .map_err(|fault| (0, fault))
            .and_then(|has_segments| {
                if has_segments {
                    run(&model.tables, &mut jobs, &mut next, lanes).map(|_| ())
                } else {
                    Ok(())
                }
            });
        if decoded.is_ok() {
            lane.canvas.pass_on(rows);
        }
        lane.shrink();
        Ok(decoded.map_err(|(_, fault)| fault)?)
    }
}

/// An image while it is decoded.
#[derive(Debug, Default)]
struct Lane<C> {
    reader: BitReader,
    walk: Walk,
    canvas: C,
    segment: Segment,
    size: [u32; 2],
    /// The index of its job.
    job: usize,
}

/// Decodes images in all lanes; large ones in one lane, so that they do not take so many times the memory.
fn decode<C: Canvas>(
    tables: &Tables,
    jobs: &mut [Job<'_>],
    lanes: &mut [Lane<C>; LANES],
) -> Result<(), (usize, Error)> {
    let is_large = jobs.iter().any(|job| job.rows.len() > LARGE);
    let count = if is_large { 1 } else { LANES.min(jobs.len()) };
    for job in &*jobs {
        let size = job.size.map(|side| side as u32);
        for lane in &mut lanes[..count] {
            let room = lane.canvas.make_room(size);
            room.map_err(|bytes| (job.number, ErrorKind::OutOfMemory { bytes }.into()))?;
        }
    }
    let decoded = decode_in_lanes(tables, jobs, lanes, count);
    lanes.iter_mut().for_each(Lane::shrink);
    decoded.map_err(|(number, fault)| (number, fault.into()))
}

/// Decodes images in this many lanes.
fn decode_in_lanes<C: Canvas>(
    tables: &Tables,
    jobs: &mut [Job<'_>],
    lanes: &mut [Lane<C>; LANES],
    count: usize,
) -> Result<(), (usize, Fault)> {
    let mut next = 0;
    let mut active = 0;
    while active < count {
        let lane = &mut lanes[active];
        if !lane.start(tables, jobs, &mut next).map_err(|fault| (jobs[lane.job].number, fault))? {
            break;
        }
        active += 1;
    }
    if active == LANES {
        // The lane that finds no more images is swapped out.
        let idle = run(tables, jobs, &mut next, lanes)?;
        lanes.swap(idle, LANES - 1);
        active -= 1;
    }
    for lane in &mut lanes[..active] {
        run(tables, jobs, &mut next, std::array::from_mut(lane))?;
    }
    Ok(())
}

/// Decodes images in these lanes, until there are no more for one of them; returns its number.
fn run<C: Canvas, const N: usize>(
    tables: &Tables,
    jobs: &mut [Job<'_>],
    next: &mut usize,
    lanes: &mut [Lane<C>; N],
) -> Result<usize, (usize, Fault)> {
    loop {
        // Each look-up of all lanes comes before the next one of any.
        let codes: [u16; N] = std::array::from_fn(|lane| lanes[lane].segment.event_code(tables));
        let events: [(u16, u32); N] =
            std::array::from_fn(|lane| tables.event(codes[lane], lanes[lane].reader.peek()));
        for (number, (lane, (symbol, bits))) in lanes.iter_mut().zip(events).enumerate() {
            lane.reader.skip(bits);
            let effect = Effect::of(symbol);
            if !lane.step(effect) {
                let goes_on = lane.leave(tables, effect, jobs, next);
                if !goes_on.map_err(|fault| (jobs[lane.job].number, fault))? {
                    return Ok(number);
                }
            }
        }
    }
}

impl<C: Canvas> Lane<C> {
    /// Gives up the memory that a large image took.
    fn shrink(&mut self) {
        self.canvas.shrink();
        self.reader.shrink(LARGE);
        self.walk.shrink(LARGE / size_of::<Segment>());
    }

    /// Starts with the next image that has segments; returns whether there is one.
    fn start(&mut self, tables: &Tables, jobs: &mut [Job<'_>], next: &mut usize) -> Result<bool, Fault> {
        while *next < jobs.len() {
            self.job = *next;
            let job = &jobs[self.job];
            *next += 1;
            self.size = job.size.map(|side| side as u32);
            self.reader.start(job.payload);
            self.canvas.start(self.size);
            self.walk.start(self.size);
            if self.next_segment(tables)? {
                return Ok(true);
            }
            self.finish(&mut jobs[self.job])?;
        }
        Ok(false)
    }

    fn next_segment(&mut self, tables: &Tables) -> Result<bool, Fault> {
        let Self { reader, walk, canvas, segment, .. } = self;
        reader.check()?;
        walk.next_segment(segment, &mut PayloadCoder { tables, reader, canvas })
    }

    fn finish(&mut self, job: &mut Job<'_>) -> Result<(), Fault> {
        self.reader.finish()?;
        if !job.rows.is_empty() {
            self.canvas.write(job.rows);
        }
        Ok(())
    }

    /// Takes a step with a segment; returns false, and does nothing, if it would leave the image or is none.
    #[inline]
    fn step(&mut self, effect: &Effect) -> bool {
        let segment = &mut self.segment;
        let [height, width] = self.size;
        let old = segment.edges;
        let row = segment.row + effect.rows;
        let [left, right] = [0, 1].map(|side| old[side].wrapping_add_signed(effect.moves[side]));
        let faults = left
            | width.wrapping_sub(right)
            | right.wrapping_sub(left).wrapping_sub(1)
            | (height - 1).wrapping_sub(row);
        if faults >> 31 != 0 {
            return false;
        }
        self.canvas.invert(row, [[old[0], left], [old[1], right]]);
        segment.histories = segment.histories.update(effect.rows, effect.update);
        segment.edges = [left, right];
        segment.row = row;
        true
    }

    /// Applies an event that is more than a step, and goes on to the next segment and the next image if need be; returns
    /// false if there are no more images.
    // Not cold, but apart from the loop over the lanes.
    #[cold]
    #[inline(never)]
    fn leave(
        &mut self,
        tables: &Tables,
        effect: &Effect,
        jobs: &mut [Job<'_>],
        next: &mut usize,
    ) -> Result<bool, Fault> {
        let Self { reader, walk, canvas, segment, .. } = self;
        let mut coder = PayloadCoder { tables, reader, canvas };
        let mut effect = effect;
        if effect.kind == Kind::Escape {
            effect = Effect::of(coder.read_common(Alphabet::Event));
        }
        if walk.apply(effect, segment, &mut coder)? || self.next_segment(tables)? {
            return Ok(true);
        }
        self.finish(&mut jobs[self.job])?;
        self.start(tables, jobs, next)
    }
}

/// Reads symbols from a payload and draws on a canvas.
struct PayloadCoder<'a, C> {
    tables: &'a Tables,
    reader: &'a mut BitReader,
    canvas: &'a mut C,
}

impl<C> PayloadCoder<'_, C> {
    /// Reads a symbol in the common code.
    #[inline]
    fn read_common(&mut self, alphabet: Alphabet) -> u16 {
        let (symbol, bits) = self.tables.common(alphabet, self.reader.peek());
        self.reader.skip(bits);
        symbol
    }
}

impl<C: Canvas> Coder for PayloadCoder<'_, C> {
    fn symbol(
        &mut self,
        alphabet: Alphabet,
        features: [u8; 4],
        _known: impl FnOnce(&Segments) -> usize,
    ) -> Result<usize, Fault> {
        let (symbol, bits) = self.tables.number(alphabet, features, self.reader.peek());
        self.reader.skip(bits);
        let is_escaped = usize::from(symbol) >= alphabet.symbols();
        Ok(if is_escaped { self.read_common(alphabet) } else { symbol }.into())
    }

    fn bits(&mut self, count: u32, _known: impl FnOnce(&Segments) -> u32) -> u32 {
        self.reader.read(count)
    }

    fn birth(&self, _number: usize) -> u32 {
        0
    }

    fn successors(&self, _run: u32) -> [u32; 2] {
        [0; 2]
    }

    fn invert(&mut self, row: u32, pairs: [[u32; 2]; 2]) {
        self.canvas.invert(row, pairs);
    }

    fn complete(&mut self, row: u32) {
        self.canvas.complete(row);
    }

    fn next_pixel(&self, row: u32, from: u32, is_black: bool) -> u32 {
        self.canvas.next_pixel(row, from, is_black)
    }
}
