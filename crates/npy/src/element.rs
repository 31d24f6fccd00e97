//! The Rust types that arrays are read as and written from.

use bytemuck::CheckedBitPattern;
use bytemuck::NoUninit;
use half::f16;
use num_complex::Complex;

use crate::kind::Kind;

/// A Rust type that can be an item of a NumPy array: `bool`, integers of 8 to 64 bits, `f16`, `f32`, `f64`
/// and complex numbers of the latter two. This trait is sealed.
pub trait Element: Copy + NoUninit + CheckedBitPattern + sealed::Sealed + Send + Sync + 'static {
    /// The kind of its dtype.
    const KIND: Kind;

    /// Appends the items that these bytes stand for and returns `true`, if not every byte is a valid item of this type.
    /// Returns `false` for all other types: their items have the same bytes in memory as in the file.
    #[doc(hidden)]
    fn extend_from_bytes(_bytes: &[u8], _items: &mut Vec<Self>) -> bool {
        false
    }
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! elements {
    ($($type:ty => $kind:ident),* $(,)?) => {$(
        impl sealed::Sealed for $type {}
        impl Element for $type {
            const KIND: Kind = Kind::$kind;
        }
    )*};
}

impl sealed::Sealed for bool {}

impl Element for bool {
    const KIND: Kind = Kind::Bool;

    /// Appends `true` for every byte except zero, like NumPy. Bytes are compared and never reinterpreted as `bool`.
    fn extend_from_bytes(bytes: &[u8], items: &mut Vec<Self>) -> bool {
        items.extend(bytes.iter().map(|&byte| byte != 0));
        true
    }
}

elements! {
    i8 => Int, i16 => Int, i32 => Int, i64 => Int,
    u8 => Uint, u16 => Uint, u32 => Uint, u64 => Uint,
    f16 => Float, f32 => Float, f64 => Float,
    Complex<f32> => Complex, Complex<f64> => Complex,
}
