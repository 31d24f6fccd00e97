//! From an image to its symbols.

use super::alphabet::Alphabet;
use super::event::{Effect, Event};
use super::fault::Fault;
use super::matching::Costs;
use super::segments::Segments;
use super::walk::{Coder, Segment, Walk};
use crate::view::BitmapView;

/// Receives the symbols of images.
pub(super) trait SymbolSink {
    /// Receives what happens next to a segment.
    fn event(&mut self, segment: &Segment, event: Event);

    /// Receives a symbol of another alphabet and the features of its context.
    fn symbol(&mut self, alphabet: Alphabet, features: [u8; 4], symbol: usize);

    /// Receives a number of so many bits.
    fn bits(&mut self, number: u32, count: u32);
}

/// Walks over images and passes on their symbols; reuses its buffers from one to the next.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    segments: Segments,
    walk: Walk,
}

impl Scanner {
    /// Passes on the symbols of an image of one pixel or more, with the edges of its rows matched at these costs; returns
    /// false, and does nothing, if the image has too many edges.
    pub(super) fn scan(&mut self, image: BitmapView<'_>, costs: &Costs, sink: &mut impl SymbolSink) -> bool {
        if !self.segments.find(image, costs) {
            return false;
        }
        self.walk.start([image.height() as u32, image.width() as u32]);
        let mut coder = ImageCoder { segments: &self.segments, sink };
        let mut segment = Segment::default();
        while self.walk.next_segment(&mut segment, &mut coder).expect("the segments are of an image") {
            let mut goes_on = true;
            while goes_on {
                let effect = coder.event(&segment);
                let applied = self.walk.apply(effect, &mut segment, &mut coder);
                goes_on = applied.expect("the segments are of an image");
            }
        }
        true
    }
}

/// Knows the image and passes its symbols to a sink.
struct ImageCoder<'a, S> {
    segments: &'a Segments,
    sink: &'a mut S,
}

impl<S: SymbolSink> ImageCoder<'_, S> {
    /// Passes on what happens next to a segment.
    fn event(&mut self, segment: &Segment) -> &'static Effect {
        let event = self.segments.event(segment.run, segment.row);
        self.sink.event(segment, event);
        Effect::of(event.symbol())
    }
}

impl<S: SymbolSink> Coder for ImageCoder<'_, S> {
    fn symbol(
        &mut self,
        alphabet: Alphabet,
        features: [u8; 4],
        known: impl FnOnce(&Segments) -> usize,
    ) -> Result<usize, Fault> {
        let symbol = known(self.segments);
        self.sink.symbol(alphabet, features, symbol);
        Ok(symbol)
    }

    fn bits(&mut self, count: u32, known: impl FnOnce(&Segments) -> u32) -> u32 {
        let number = known(self.segments);
        if count > 0 {
            self.sink.bits(number, count);
        }
        number
    }

    fn birth(&self, number: usize) -> u32 {
        self.segments.births[number]
    }

    fn successors(&self, run: u32) -> [u32; 2] {
        self.segments.successors(run)
    }

    fn invert(&mut self, _row: u32, _pairs: [[u32; 2]; 2]) {}

    fn complete(&mut self, _row: u32) {}

    fn next_pixel(&self, row: u32, from: u32, is_black: bool) -> u32 {
        self.segments.next_pixel(row, from, is_black)
    }
}
