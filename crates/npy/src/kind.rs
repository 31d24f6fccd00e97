//! The kinds of items, and the order of their bytes.

/// The kind of a dtype without fields, like `np.dtype.kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// `b`: one byte, 0 or 1.
    Bool,
    /// `i`: 1, 2, 4 or 8 bytes.
    Int,
    /// `u`: 1, 2, 4 or 8 bytes.
    Uint,
    /// `f`: 2, 4 or 8 bytes, or a long double of 12 or 16.
    Float,
    /// `c`: two floats of 4, 8, 12 or 16 bytes.
    Complex,
    /// `S`: a byte string; trailing zeros are padding.
    Bytes,
    /// `U`: a string of code points, 4 bytes each.
    Unicode,
    /// `V`: raw bytes.
    Void,
    /// `M`: 8 bytes, a count of units since 1970.
    DateTime,
    /// `m`: 8 bytes, a count of units.
    TimeDelta,
}

/// The order of an item's bytes in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ByteOrder {
    /// `<`: the least significant byte first.
    Little,
    /// `>`: the most significant byte first.
    Big,
    /// `|`: one byte, or bytes without an order.
    None,
}

impl ByteOrder {
    /// The byte order of this machine.
    pub const NATIVE: Self = if cfg!(target_endian = "little") { Self::Little } else { Self::Big };

    pub(crate) fn mark(self) -> char {
        match self {
            Self::Little => '<',
            Self::Big => '>',
            Self::None => '|',
        }
    }
}

impl Kind {
    /// Every kind with its letter and its sizes in bytes; no sizes where any is allowed.
    pub(crate) const ALL: [(char, Self, &'static [usize]); 10] = [
        ('b', Self::Bool, &[1]),
        ('i', Self::Int, &[1, 2, 4, 8]),
        ('u', Self::Uint, &[1, 2, 4, 8]),
        ('f', Self::Float, &[2, 4, 8, 12, 16]),
        ('c', Self::Complex, &[8, 16, 24, 32]),
        ('S', Self::Bytes, &[]),
        ('U', Self::Unicode, &[]),
        ('V', Self::Void, &[]),
        ('M', Self::DateTime, &[8]),
        ('m', Self::TimeDelta, &[8]),
    ];

    pub(crate) fn letter(self) -> char {
        Self::ALL.iter().find(|&&(_, kind, _)| kind == self).map_or('?', |&(letter, ..)| letter)
    }
}
