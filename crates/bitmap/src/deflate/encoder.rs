//! The encoder of DEFLATE streams.

use std::num::NonZero;

use super::bits::{BitWriter, Bits};
use super::block::{LastBlock, TokenBlock};
use super::head::Head;
use super::parser::Parser;
use super::pixel_bits::PixelBits;
use super::prices::Prices;
use crate::parallel;
use crate::view::BitmapView;

/// The number of pixels of a block: a multiple of 64, few enough that codes can follow changes within a large image.
const BLOCK_PIXELS: usize = 1 << 16;

/// So many blocks of a large image are written between two checks whether to go on: some tens of milliseconds.
const BLOCKS_AT_ONCE: usize = 512;

/// Images of at most this many pixels seldom pay for dynamic codes, so their path is found at the prices of fixed ones.
const FIXED_PRICES_PIXELS: usize = 1024;

/// Compresses images of any size into DEFLATE streams with a common head, such as the header of a `.npy` file.
///
/// It reuses its buffers; the same input gives the same bytes, whatever was encoded before.
///
/// ```
/// use bitnpz_bitmap::{Bitmap, DeflateEncoder};
///
/// let image = Bitmap::zeros(64, 64)?;
/// let mut stream = Vec::new();
/// DeflateEncoder::new(b"header").encode(image.view(), [0, 255], &mut stream);
/// assert!(stream.len() < 40, "of 4102 bytes");
/// # Ok::<(), bitnpz_bitmap::Error>(())
/// ```
#[derive(Debug)]
pub struct DeflateEncoder {
    head: Head,
    buffers: Buffers,
    fixed: Prices,
    typical: Prices,
}

/// What the blocks that a thread writes use in turn.
#[derive(Debug, Default)]
struct Buffers {
    pixels: PixelBits,
    parser: Parser,
}

impl DeflateEncoder {
    /// Creates an encoder of streams that start with the bytes of `head`.
    #[must_use]
    pub fn new(head: &[u8]) -> Self {
        Self {
            head: Head::new(head),
            buffers: Buffers::default(),
            fixed: Prices::fixed(),
            typical: Prices::typical(),
        }
    }

    /// Appends a raw DEFLATE stream of the head and one byte for each pixel: the first of `values` where its bit is 0,
    /// the second where it is 1.
    pub fn encode(&mut self, image: BitmapView<'_>, values: [u8; 2], stream: &mut Vec<u8>) {
        let mut out = BitWriter::new(stream);
        let mut buffers = std::mem::take(&mut self.buffers);
        let blocks = self.blocks(image, values);
        (0..blocks.count()).for_each(|number| blocks.write(number, &mut buffers, &mut out));
        self.buffers = buffers;
        out.align();
    }

    /// Does the same on up to this many threads. The bytes are the same for any number of them.
    ///
    /// # Errors
    ///
    /// That of `check`, which is called again and again; the stream is incomplete then.
    pub fn encode_large<E>(
        &self,
        threads: NonZero<usize>,
        image: BitmapView<'_>,
        values: [u8; 2],
        stream: &mut Vec<u8>,
        mut check: impl FnMut() -> Result<(), E>,
    ) -> Result<(), E> {
        let mut out = BitWriter::new(stream);
        let blocks = self.blocks(image, values);
        for start in (0..blocks.count()).step_by(BLOCKS_AT_ONCE) {
            check()?;
            let count = (blocks.count() - start).min(BLOCKS_AT_ONCE);
            let block =
                |buffers: &mut Buffers, number| Bits::of(|out| blocks.write(start + number, buffers, out));
            parallel::map(threads, count, block).iter().for_each(|bits| out.put_all(bits));
        }
        out.align();
        Ok(())
    }

    fn blocks<'a>(&'a self, image: BitmapView<'a>, values: [u8; 2]) -> Blocks<'a> {
        let len = image.height() * image.width();
        let prices = if len <= FIXED_PRICES_PIXELS { &self.fixed } else { &self.typical };
        Blocks { head: &self.head, image, len, values, prices }
    }
}

/// The blocks of a stream. Each can be written apart from the others, since the pixels before it are known.
struct Blocks<'a> {
    head: &'a Head,
    image: BitmapView<'a>,
    /// The number of pixels.
    len: usize,
    values: [u8; 2],
    prices: &'a Prices,
}

impl Blocks<'_> {
    /// Returns the number of blocks, one at least.
    fn count(&self) -> usize {
        self.len.div_ceil(BLOCK_PIXELS).max(1)
    }

    /// Writes the block with this number, the first with the head.
    fn write(&self, number: usize, buffers: &mut Buffers, out: &mut BitWriter<'_>) {
        let start = number * BLOCK_PIXELS;
        let Buffers { pixels, parser } = buffers;
        let range = pixels.load(self.image, start..self.len.min(start + BLOCK_PIXELS), self.values);
        let tokens = parser.parse(pixels, range, self.image.width(), self.prices);
        let [off, on] = self.values;
        let block = TokenBlock::new(tokens, [off.min(on), off.max(on)]);
        let last = if number + 1 == self.count() { LastBlock::Yes } else { LastBlock::No };
        if number == 0 {
            self.head.write(&block, last, out);
        } else {
            block.write(last, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::DeflateDecoder;
    use proptest::prelude::*;

    use super::*;
    use crate::{Bitmap, PixelValues};

    fn check(head: &[u8], image: &Bitmap, values: [u8; 2]) -> usize {
        let mut encoder = DeflateEncoder::new(head);
        let [mut first, mut second] = [Vec::new(), Vec::new()];
        encoder.encode(image.view(), values, &mut first);
        encoder.encode(image.view(), values, &mut second);
        assert_eq!(first, second);
        second.clear();
        let threads = NonZero::new(3).unwrap();
        encoder.encode_large(threads, image.view(), values, &mut second, || Ok::<_, ()>(())).unwrap();
        assert_eq!(first, second);
        let mut inflated = Vec::new();
        let mut decoder = DeflateDecoder::new(first.as_slice());
        decoder.read_to_end(&mut inflated).unwrap();
        assert_eq!(decoder.total_in(), first.len() as u64);
        let [off, on] = values;
        let pixels = image.unpack(PixelValues { off, on }).into_raw_vec_and_offset().0;
        assert!(inflated == [head, &pixels].concat());
        first.len()
    }

    /// Generates images of every kind: noise of any density, stripes, blobs, and blank ones.
    fn images() -> impl Strategy<Value = Bitmap> {
        (0_usize..150, 0_usize..150, any::<u64>(), 0_u32..9, 1_usize..40).prop_map(
            |(height, width, seed, kind, period)| {
                let mut image = Bitmap::zeros(height, width).unwrap();
                for (row, column) in (0..height).flat_map(|row| (0..width).map(move |column| (row, column))) {
                    let noise = (seed ^ (row * 977 + column) as u64)
                        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
                        .leading_zeros();
                    let (x, y) = (column.abs_diff(width / 2), row.abs_diff(height / 2));
                    let value = match kind {
                        0 => false,
                        1 => true,
                        2 => column % period == 0,
                        3 => row / period % 2 == 0,
                        4 => x * x + y * y < period * period,
                        kind => noise > kind - 5,
                    };
                    image.set(row, column, value);
                }
                image
            },
        )
    }

    proptest! {
        #[test]
        fn inflates_to_the_bytes_of_every_image(image in images(), head in prop::collection::vec(any::<u8>(), 0..300), values in any::<[u8; 2]>()) {
            check(&head, &image, values);
        }
    }

    #[test]
    fn encodes_many_blocks_and_wide_rows() {
        for (height, width) in [
            (1, 70_000),
            (3, 40_000),
            (600, 700),
            (65_536, 2),
            (70_000, 1),
            (1, 65_536),
            (256, 256),
            (1200, 1000),
        ] {
            let mut image = Bitmap::zeros(height, width).unwrap();
            for pixel in (0..height * width).step_by(97) {
                image.set(pixel / width, pixel % width, true);
            }
            check(b"npy", &image, [0, 1]);
        }
    }

    #[test]
    fn encodes_prefixes_of_every_length() {
        let image = Bitmap::zeros(3, 3).unwrap();
        for len in [0, 1, 2, 3, 257, 258, 259, 5000] {
            check(&vec![b' '; len], &image, [0, 1]);
            let varied: Vec<u8> = (0..len).map(|i| (i * i / 7) as u8).collect();
            check(&varied, &image, [0, 1]);
        }
    }
}
