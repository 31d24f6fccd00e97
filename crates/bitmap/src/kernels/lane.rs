//! The lanes of vectors: the bits of one pixel each.

/// The bits of a pixel: an unsigned integer of its width.
///
/// Types of one width are packed alike, whatever their byte order. This trait is sealed.
pub trait Lane: Copy + Eq + Default + Send + Sync + sealed::Lane {}

mod sealed {
    /// What the kernels of all instruction sets need of lanes of one width.
    pub trait Lane: super::super::portable::PortableLane + super::x86::X86Lane {}
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    pub trait X86Lane: super::super::avx2::Avx2Lane + super::super::avx512::Avx512Lane {}
    impl<L: super::super::avx2::Avx2Lane + super::super::avx512::Avx512Lane> X86Lane for L {}
}

#[cfg(not(target_arch = "x86_64"))]
mod x86 {
    pub trait X86Lane {}
    impl<L> X86Lane for L {}
}

macro_rules! lanes {
    ($($lane:ty)*) => {$(
        impl sealed::Lane for $lane {}
        impl Lane for $lane {}
    )*};
}

lanes!(u8 u16 u32 u64);
