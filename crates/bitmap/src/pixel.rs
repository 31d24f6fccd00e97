//! The types of pixels, and the two values of an image.

use std::cmp::Ordering;
use std::fmt;

use bytemuck::{Pod, cast_slice, cast_slice_mut};
use half::f16;

use crate::kernels::{self, Lane};

/// A type of pixels: `bool`, integers of 8 to 64 bits, `f16`, `f32` and `f64`.
///
/// This trait is sealed.
pub trait Pixel: Copy + fmt::Debug + sealed::Sealed + Send + Sync + 'static {
    /// The value zero, or false.
    const ZERO: Self;
    /// The value one, or true.
    const ONE: Self;

    #[doc(hidden)]
    type Lane: Lane + Pod;
    #[doc(hidden)]
    fn lane(self) -> Self::Lane;
    #[doc(hidden)]
    fn order(self, other: Self) -> Ordering;
    #[doc(hidden)]
    fn is_nan(self) -> bool;
    #[doc(hidden)]
    fn lanes(pixels: &[Self]) -> &[Self::Lane];
    #[doc(hidden)]
    fn unpack_rows(bits: &[u8], width: usize, values: PixelValues<Self>, pixels: &mut [Self]);
}

mod sealed {
    pub trait Sealed {}
}

/// The two values that the bits 0 and 1 of an image stand for.
///
/// Values are compared by their bits: `-0.0` differs from `0.0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelValues<T> {
    /// The value of pixels whose bit is 0.
    pub off: T,
    /// The value of pixels whose bit is 1.
    pub on: T,
}

impl<T: Pixel> Default for PixelValues<T> {
    /// Returns zero and one, or false and true.
    fn default() -> Self {
        Self { off: T::ZERO, on: T::ONE }
    }
}

impl<T: Pixel> PixelValues<T> {
    /// Finds the two values of pixels.
    ///
    /// Of the first two different values, the smaller is `off`. If all pixels have one value, it is `off` if it is zero,
    /// with one as `on`, and else `on`, with zero as `off`. Bools are always `false` and `true`.
    ///
    /// ```
    /// use bitnpz_bitmap::PixelValues;
    /// assert_eq!(PixelValues::find(&[255_u8, 255, 0]), PixelValues { off: 0, on: 255 });
    /// assert_eq!(PixelValues::find(&[7.5_f32]), PixelValues { off: 0.0, on: 7.5 });
    /// assert_eq!(PixelValues::find(&[false]), PixelValues { off: false, on: true });
    /// ```
    #[must_use]
    pub fn find(pixels: &[T]) -> Self {
        let Some(&first) = pixels.first() else { return Self::default() };
        let other = T::lanes(pixels).iter().position(|&lane| lane != first.lane());
        let [off, on] = match other.map(|at| pixels[at]) {
            Some(other) if first.order(other).is_lt() => [first, other],
            Some(other) => [other, first],
            None if first.lane() == T::ZERO.lane() => [first, T::ONE],
            None => [T::ZERO, first],
        };
        Self { off, on }
    }
}

macro_rules! pixels {
    ($($type:ty, $lane:ty, $zero:expr, $one:expr, $order:expr, $nan:expr;)*) => {$(
        impl sealed::Sealed for $type {}

        impl Pixel for $type {
            const ZERO: Self = $zero;
            const ONE: Self = $one;
            type Lane = $lane;

            fn lane(self) -> Self::Lane {
                bytemuck::cast(self)
            }

            fn order(self, other: Self) -> Ordering {
                $order(&self, &other)
            }

            fn is_nan(self) -> bool {
                $nan(self)
            }

            fn lanes(pixels: &[Self]) -> &[Self::Lane] {
                cast_slice(pixels)
            }

            fn unpack_rows(bits: &[u8], width: usize, values: PixelValues<Self>, pixels: &mut [Self]) {
                kernels::unpack_rows(bits, width, values.off.lane(), values.on.lane(), cast_slice_mut(pixels));
            }
        }
    )*};
}

pixels! {
    u8, u8, 0, 1, Ord::cmp, |_| false;
    i8, u8, 0, 1, Ord::cmp, |_| false;
    u16, u16, 0, 1, Ord::cmp, |_| false;
    i16, u16, 0, 1, Ord::cmp, |_| false;
    u32, u32, 0, 1, Ord::cmp, |_| false;
    i32, u32, 0, 1, Ord::cmp, |_| false;
    u64, u64, 0, 1, Ord::cmp, |_| false;
    i64, u64, 0, 1, Ord::cmp, |_| false;
    f16, u16, f16::ZERO, f16::ONE, f16::total_cmp, f16::is_nan;
    f32, u32, 0.0, 1.0, f32::total_cmp, f32::is_nan;
    f64, u64, 0.0, 1.0, f64::total_cmp, f64::is_nan;
}

impl sealed::Sealed for bool {}

impl Pixel for bool {
    const ZERO: Self = false;
    const ONE: Self = true;
    type Lane = u8;

    fn lane(self) -> u8 {
        self.into()
    }

    fn order(self, other: Self) -> Ordering {
        self.cmp(&other)
    }

    fn is_nan(self) -> bool {
        false
    }

    fn lanes(pixels: &[Self]) -> &[u8] {
        cast_slice(pixels)
    }

    fn unpack_rows(bits: &[u8], width: usize, values: PixelValues<Self>, pixels: &mut [Self]) {
        kernels::unpack_bools(bits, width, values.off, values.on, pixels);
    }
}
