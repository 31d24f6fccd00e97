//! From a payload to the image.

use super::features::{Buckets, Features, ROWS, RUNS};
use super::model::{Model, Number};
use super::scan::{Coder, PASS, Past, Place, REACH, Scanner, Surroundings, move_by};
use crate::codec::entropy::RangeDecoder;
use crate::codec::rows::RowSink as Rows;

/// Takes images out of payloads; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(in crate::codec) struct Decoder {
    scanner: Scanner<u32>,
    flips: Vec<u64>,
    bytes: Vec<u8>,
}

impl Decoder {
    /// Gives the rows of an image of one pixel or more, or says what is wrong with the payload.
    pub(in crate::codec) fn decode(
        &mut self,
        model: &Model,
        payload: &[u8],
        [height, width]: [usize; 2],
        rows: &mut impl Rows,
    ) -> Result<(), &'static str> {
        self.flips.clear();
        self.flips.resize(width.div_ceil(64), 0);
        let mut pen = Pen {
            model,
            symbols: RangeDecoder::new(payload, &mut self.bytes),
            size: [height, width],
            rows,
            flips: &mut self.flips,
        };
        self.scanner.scan([height, width], &mut pen)?;
        if pen.symbols.is_done() { Ok(()) } else { Err("expected the end of the payload, found more of it") }
    }
}

/// Tells what comes next, from the payload, and draws it.
struct Pen<'a, R> {
    model: &'a Model,
    symbols: RangeDecoder<'a>,
    size: [usize; 2],
    rows: &'a mut R,
    /// Where the color of the row changes, the first pixel in a word's highest bit.
    flips: &'a mut [u64],
}

impl<R> Pen<'_, R> {
    #[inline]
    fn number(&mut self, kind: Number, buckets: &Buckets, features: &[u8], size: usize) -> usize {
        let symbol = self.model.number(kind, features).decode(&mut self.symbols);
        let (first, bits) = buckets.bucket(symbol, size);
        if bits == 0 { first } else { first + self.symbols.bits(bits) }
    }
}

impl<R: Rows> Coder for Pen<'_, R> {
    type Part = u32;
    type Error = &'static str;

    #[inline]
    fn part(&self, surroundings: &Surroundings) -> u32 {
        self.model.part(surroundings)
    }

    fn rows(&mut self, row: usize, features: &[u8; 5]) -> Result<usize, &'static str> {
        self.symbols.check()?;
        let [height, _] = self.size;
        let rows = self.number(Number::Rows, &ROWS, features, height);
        if rows > height - row {
            return Err("expected rows within the image, found more");
        }
        self.rows.repeat(rows);
        Ok(rows)
    }

    fn start_row(&mut self, _row: usize) {
        self.flips.fill(0);
    }

    #[inline]
    fn event(&mut self, place: &Place, part: u32, past: Past) -> Result<u8, &'static str> {
        let symbol = self.model.event(part, past).decode(&mut self.symbols);
        let column = place.next.wrapping_add_signed(i32::from(symbol) - REACH);
        let is_possible = match symbol {
            ..PASS if place.is_edge => column.wrapping_sub(place.start) <= self.size[1] as u32 - place.start,
            ..PASS => symbol == move_by(0),
            PASS => place.is_second_edge,
            _ => true,
        };
        if is_possible { Ok(symbol) } else { Err("expected an edge within the row, found one outside") }
    }

    fn gap(&mut self, place: &Place, features: &Features) -> Result<usize, &'static str> {
        let width = self.size[1];
        let gap = self.number(Number::Gap, &RUNS, features, width);
        let is_inside = gap <= width - place.start as usize;
        if is_inside { Ok(gap) } else { Err("expected a run within the row, found one behind it") }
    }

    fn run(&mut self, start: u32, features: &Features) -> Result<usize, &'static str> {
        let width = self.size[1];
        let run = self.number(Number::Run, &RUNS, features, width);
        let is_inside = run < width - start as usize;
        if is_inside { Ok(run) } else { Err("expected a run within the row, found a longer one") }
    }

    #[inline]
    fn edge(&mut self, column: u32) {
        self.flips[column as usize / 64] |= 1 << 63 >> (column % 64);
    }

    fn end_row(&mut self, _row: usize) {
        let (flips, width) = (&*self.flips, self.size[1]);
        self.rows.row(|row| {
            let mut color = 0;
            for (bytes, &flips) in row.chunks_mut(8).zip(flips) {
                let pixels = fill(flips) ^ color;
                bytes.copy_from_slice(&pixels.to_be_bytes()[..bytes.len()]);
                color = if pixels & 1 == 1 { u64::MAX } else { 0 };
            }
            if let (Some(last), bits @ 1..) = (row.last_mut(), width % 8) {
                *last &= !(0xFF >> bits);
            }
        });
    }
}

/// Pixels from where their color changes.
#[inline]
fn fill(mut flips: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        flips ^= flips >> shift;
    }
    flips
}
