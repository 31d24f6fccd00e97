//! The shares of 0 in the contexts of an image's pixels: those of the model, or shares that adapt to the image.
//!
//! Images of textures differ in what follows what: stripes in their angle, tilings in their tile. Shares that adapt start as
//! those of the model, and move with each pixel towards what this image has in the context, as JBIG2's do (ITU-T T.88, annex E).

use std::num::NonZero;

use super::tree::MOST_LEAVES;

/// The share of 0 in each context; what is looked up for one is its *entry*.
pub(super) trait Shares {
    /// Returns the share of 0.
    fn share(&self, entry: u16) -> u16;

    /// Takes a pixel into account.
    fn add(&mut self, entry: u16, pixel: bool);
}

/// Shares that stay: entries are the shares themselves.
pub(super) struct Fixed;

impl Shares for Fixed {
    #[inline]
    fn share(&self, entry: u16) -> u16 {
        entry
    }

    #[inline]
    fn add(&mut self, _entry: u16, _pixel: bool) {}
}

/// How much the shares of a model count at the start of an image: as much as so many quarters of a pixel in each context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trust(pub(super) NonZero<u8>);

impl Trust {
    /// Returns those from which training chooses: a quarter of a pixel to 32 pixels.
    pub(super) fn choices() -> [Self; 8] {
        std::array::from_fn(|power| Self(NonZero::new(1 << power).expect("it is a power of two")))
    }

    /// Returns the same in pixels.
    pub(super) fn pixels(self) -> f64 {
        f64::from(self.0.get()) / 4.0
    }
}

/// The number of pixels of a context after which its share moves at the same rate.
const LIMIT: usize = 255;

/// The bits of a chance and of a step.
const CHANCE_BITS: u32 = 22;
const STEP_BITS: u32 = 15;

/// The share of 0 in a context, more exactly than a coder takes it, and the number of its pixels so far, up to [`LIMIT`].
// Not in one word: the step for the next pixel, which depends on the number, is found before the share is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chance {
    share: u32,
    seen: u32,
}

impl Chance {
    pub(super) fn new(share: u16) -> Self {
        Self { share: u32::from(share) << (CHANCE_BITS - 12), seen: 0 }
    }

    #[inline]
    fn share(self) -> u16 {
        ((self.share >> (CHANCE_BITS - 12)) as u16).max(1)
    }

    #[inline]
    fn add(&mut self, pixel: bool, steps: &Steps) {
        let step = i64::from(steps.0[self.seen as usize % (LIMIT + 1)]);
        let target = if pixel { 0 } else { (1 << CHANCE_BITS) - 1 };
        self.share =
            self.share.wrapping_add_signed((((target - i64::from(self.share)) * step) >> STEP_BITS) as i32);
        self.seen = (self.seen + 1).min(LIMIT as u32);
    }
}

/// How far a share moves towards a pixel, by the number of pixels before it: so that it stays the mean of them all, in which the
/// share of the model counts by the trust in it.
#[derive(Clone, Debug)]
pub(super) struct Steps([u16; LIMIT + 1]);

impl Steps {
    pub(super) fn new(trust: Trust) -> Self {
        let quarters = |seen: usize| 4 * (seen + 1) + usize::from(trust.0.get());
        Self(std::array::from_fn(|seen| ((4 << STEP_BITS) / quarters(seen)) as u16))
    }
}

/// The chances of all leaves of a model's tree, which are entries.
#[derive(Debug, Default)]
pub(super) struct Chances(Vec<Chance>);

impl Chances {
    /// Starts an image with the chances of a model.
    pub(super) fn start(&mut self, initial: &[Chance]) {
        self.0.resize(MOST_LEAVES, Chance::default());
        self.0[..initial.len()].copy_from_slice(initial);
    }

    /// Returns the shares, which move in these steps.
    pub(super) fn adapting<'a>(&'a mut self, steps: &'a Steps) -> Adapting<'a> {
        Adapting { chances: self.0.first_chunk_mut().expect("the image was started"), steps }
    }
}

/// Shares that adapt: entries are the numbers of leaves.
pub(super) struct Adapting<'a> {
    chances: &'a mut [Chance; MOST_LEAVES],
    steps: &'a Steps,
}

impl Shares for Adapting<'_> {
    #[inline]
    fn share(&self, entry: u16) -> u16 {
        self.chances[usize::from(entry) % MOST_LEAVES].share()
    }

    #[inline]
    fn add(&mut self, entry: u16, pixel: bool) {
        self.chances[usize::from(entry) % MOST_LEAVES].add(pixel, self.steps);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stays_the_mean_of_all_pixels() {
        for trust in Trust::choices() {
            let steps = Steps::new(trust);
            let mut chance = Chance::new(1024);
            let mut zeros = trust.pixels() / 4.0;
            for number in 1..200_u32 {
                let pixel = number % 3 == 0;
                chance.add(pixel, &steps);
                zeros += if pixel { 0.0 } else { 1.0 };
                let mean = zeros / (f64::from(number) + trust.pixels());
                assert!(
                    (f64::from(chance.share()) / 4096.0 - mean).abs() < 0.004,
                    "{trust:?} {number}: {mean}"
                );
            }
        }
    }

    #[test]
    fn both_bits_keep_a_share() {
        let steps = Steps::new(Trust::choices()[0]);
        for pixel in [false, true] {
            let mut chance = Chance::new(2048);
            (0..100_000).for_each(|_| chance.add(pixel, &steps));
            assert_eq!(chance.share(), if pixel { 1 } else { 4095 });
        }
    }
}
