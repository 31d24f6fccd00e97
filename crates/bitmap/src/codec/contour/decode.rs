//! From a payload to the image.

use super::features::{Buckets, Features, ROWS, RUNS};
use super::model::{Model, Number};
use super::scan::{Coder, PASS, Past, Place, REACH, Scanner, Surroundings, move_by};
use crate::codec::range_coder::RangeDecoder;

/// Takes images out of payloads; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(in crate::codec) struct Decoder {
    scanner: Scanner<u32>,
    flips: Vec<u64>,
    bytes: Vec<u8>,
}

impl Decoder {
    /// Draws an image of one pixel or more into packed rows that are zero, or says what is wrong with the payload.
    pub(in crate::codec) fn decode(
        &mut self,
        model: &Model,
        payload: &[u8],
        [height, width]: [usize; 2],
        rows: &mut [u8],
    ) -> Result<(), &'static str> {
        self.flips.clear();
        self.flips.resize(width.div_ceil(64), 0);
        let mut pen = Pen {
            model,
            symbols: RangeDecoder::new(payload, &mut self.bytes),
            size: [height, width],
            rows,
            stride: width.div_ceil(8),
            flips: &mut self.flips,
        };
        self.scanner.scan([height, width], &mut pen)?;
        if pen.symbols.is_done() { Ok(()) } else { Err("expected the end of the payload, found more of it") }
    }
}

/// Tells what comes next, from the payload, and draws it.
struct Pen<'a> {
    model: &'a Model,
    symbols: RangeDecoder<'a>,
    size: [usize; 2],
    rows: &'a mut [u8],
    stride: usize,
    /// Where the color of the row changes, the first pixel in a word's highest bit.
    flips: &'a mut [u64],
}

impl Pen<'_> {
    #[inline]
    fn number(&mut self, kind: Number, buckets: &Buckets, features: &[u8], size: usize) -> usize {
        let symbol = self.model.number(kind, features).decode(&mut self.symbols);
        let (first, bits) = buckets.bucket(symbol, size);
        if bits == 0 { first } else { first + self.symbols.bits(bits) }
    }
}

impl Coder for Pen<'_> {
    type Part = u32;
    type Error = &'static str;

    #[inline]
    fn part(&self, surroundings: &Surroundings) -> u32 {
        self.model.part(surroundings)
    }

    fn rows(&mut self, row: usize, features: &[u8; 5]) -> Result<usize, &'static str> {
        let [height, _] = self.size;
        let rows = self.number(Number::Rows, &ROWS, features, height);
        if rows > height - row {
            return Err("expected rows within the image, found more");
        }
        if let Some(above) = row.checked_sub(1) {
            let stride = self.stride;
            let (above, below) = self.rows[above * stride..].split_at_mut(stride);
            below[..rows * stride].chunks_exact_mut(stride).for_each(|row| row.copy_from_slice(above));
        }
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

    fn end_row(&mut self, row: usize) {
        let row = &mut self.rows[row * self.stride..][..self.stride];
        let mut color = 0;
        for (bytes, &flips) in row.chunks_mut(8).zip(&*self.flips) {
            let pixels = fill(flips) ^ color;
            bytes.copy_from_slice(&pixels.to_be_bytes()[..bytes.len()]);
            color = if pixels & 1 == 1 { u64::MAX } else { 0 };
        }
        if let (Some(last), bits @ 1..) = (row.last_mut(), self.size[1] % 8) {
            *last &= !(0xFF >> bits);
        }
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
