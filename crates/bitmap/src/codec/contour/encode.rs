//! From an image to its symbols.

use std::convert::Infallible;

use super::features::{Buckets, Features, ROWS, RUNS};
use super::model::{Model, Number};
use super::scan::{Coder, PASS, Past, Place, REACH, RISE, Scanner, Surroundings, move_by};
use crate::codec::entropy::RangeEncoder;
use crate::view::BitmapView;

/// What is done with symbols.
pub(super) trait Sink {
    /// What a context owes to the edge above.
    type Part: Copy;

    fn part(&self, surroundings: &Surroundings) -> Self::Part;
    fn event(&mut self, part: Self::Part, past: Past, symbol: u8);
    fn number(&mut self, number: Number, features: &[u8], symbol: u8);
    /// The lowest bits of a number.
    fn bits(&mut self, number: usize, count: u32);
}

/// Tells what comes next, from the image.
#[derive(Debug)]
pub(super) struct Teller<'a, S> {
    pub(super) sink: S,
    image: BitmapView<'a>,
    /// The edges of the row, and how many of them were told.
    edges: Vec<u32>,
    told: usize,
}

impl<'a, S: Sink> Teller<'a, S> {
    pub(super) fn new(sink: S) -> Self {
        Self { sink, image: BitmapView::default(), edges: Vec::new(), told: 0 }
    }

    /// Tells an image of one pixel or more.
    pub(super) fn tell(&mut self, image: BitmapView<'a>, scanner: &mut Scanner<S::Part>) {
        self.image = image;
        let Ok(()) = scanner.scan([image.height(), image.width()], self);
    }

    fn number(&mut self, kind: Number, buckets: &Buckets, number: usize, features: &[u8], size: usize) {
        let symbol = buckets.symbol(number);
        self.sink.number(kind, features, symbol);
        let (first, bits) = buckets.bucket(symbol, size);
        if bits > 0 {
            self.sink.bits(number - first, bits);
        }
    }

    fn row(&self, row: usize) -> &'a [u8] {
        let stride = self.image.stride();
        &self.image.as_bytes()[row * stride..][..stride]
    }

    /// An edge that was not told yet, so many behind the next one.
    fn coming(&self, ahead: usize) -> u32 {
        self.edges.get(self.told + ahead).copied().unwrap_or(self.image.width() as u32)
    }
}

impl<S: Sink> Coder for Teller<'_, S> {
    type Part = S::Part;
    type Error = Infallible;

    fn part(&self, surroundings: &Surroundings) -> S::Part {
        self.sink.part(surroundings)
    }

    fn rows(&mut self, row: usize, features: &[u8; 5]) -> Result<usize, Infallible> {
        let is_same = |&row: &usize| match row.checked_sub(1) {
            Some(above) => self.row(row) == self.row(above),
            None => self.row(row).iter().all(|&byte| byte == 0),
        };
        let rows = (row..self.image.height()).take_while(is_same).count();
        self.number(Number::Rows, &ROWS, rows, features, self.image.height());
        Ok(rows)
    }

    fn start_row(&mut self, row: usize) {
        let (bytes, width) = (self.row(row), self.image.width() as u32);
        self.edges.clear();
        self.told = 0;
        let mut last = 0;
        for (word, bytes) in bytes.chunks(8).enumerate() {
            let mut padded = [0; 8];
            padded[..bytes.len()].copy_from_slice(bytes);
            let pixels = u64::from_be_bytes(padded);
            let mut flips = pixels ^ (pixels >> 1 | last << 63);
            last = pixels & 1;
            while flips != 0 {
                let bit = flips.leading_zeros();
                flips ^= 1 << 63 >> bit;
                self.edges.push(word as u32 * 64 + bit);
            }
        }
        self.edges.pop_if(|&mut edge| edge == width);
    }

    fn event(&mut self, place: &Place, part: S::Part, past: Past) -> Result<u8, Infallible> {
        let edge = self.coming(0);
        let by = edge.cast_signed() - place.next.cast_signed();
        let symbol = if place.is_second_edge && edge > place.second && by > 2 {
            PASS
        } else if by.abs() <= if place.is_edge { REACH } else { 0 } {
            move_by(by)
        } else {
            RISE
        };
        self.sink.event(part, past, symbol);
        Ok(symbol)
    }

    fn gap(&mut self, place: &Place, features: &Features) -> Result<usize, Infallible> {
        let gap = (self.coming(0) - place.start) as usize;
        self.number(Number::Gap, &RUNS, gap, features, self.image.width());
        Ok(gap)
    }

    fn run(&mut self, start: u32, features: &Features) -> Result<usize, Infallible> {
        let run = (self.coming(1) - start - 1) as usize;
        self.number(Number::Run, &RUNS, run, features, self.image.width());
        Ok(run)
    }

    fn edge(&mut self, _column: u32) {
        self.told += 1;
    }

    fn end_row(&mut self, _row: usize) {}
}

/// Puts symbols into a payload.
#[derive(Debug)]
struct Ink<'a> {
    model: &'a Model,
    symbols: RangeEncoder<'a>,
}

impl Sink for Ink<'_> {
    type Part = u32;

    fn part(&self, surroundings: &Surroundings) -> u32 {
        self.model.part(surroundings)
    }

    fn event(&mut self, part: u32, past: Past, symbol: u8) {
        self.symbols.encode(self.model.event(part, past).share(symbol));
    }

    fn number(&mut self, number: Number, features: &[u8], symbol: u8) {
        self.symbols.encode(self.model.number(number, features).share(symbol));
    }

    fn bits(&mut self, number: usize, count: u32) {
        self.symbols.encode_bits(number, count);
    }
}

/// Codes images; keeps its memory from one to the next.
#[derive(Debug, Default)]
pub(in crate::codec) struct Encoder {
    scanner: Scanner<u32>,
    edges: Vec<u32>,
}

impl Encoder {
    /// Appends the payload of an image of one pixel or more.
    pub(in crate::codec) fn encode(&mut self, model: &Model, image: BitmapView<'_>, payload: &mut Vec<u8>) {
        let ink = Ink { model, symbols: RangeEncoder::new(payload) };
        let mut teller = Teller { edges: std::mem::take(&mut self.edges), ..Teller::new(ink) };
        teller.tell(image, &mut self.scanner);
        teller.sink.symbols.finish();
        self.edges = teller.edges;
    }
}
