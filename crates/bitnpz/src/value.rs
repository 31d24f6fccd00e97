//! Pixel values whose type is known only at run time.

use std::fmt;

use bitnpz_npy::{Dtype, Kind};
use half::f16;
use serde_json::{Number, Value as Json};

/// The exact value of a pixel: a bool, integer or float of NumPy.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `np.bool`.
    Bool(bool),
    /// A signed or unsigned integer of up to 64 bits.
    Integer(i128),
    /// `np.float16`, `np.float32` or `np.float64`, widened without loss.
    Float(f64),
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Integer(value) => value.fmt(f),
            Self::Float(value) => write!(f, "{value:?}"),
        }
    }
}

impl Value {
    /// Compares values of one dtype as numbers, and `-0.0` as less than `0.0`.
    pub(crate) fn order(self, other: Self) -> std::cmp::Ordering {
        match (self, other) {
            (Self::Integer(left), Self::Integer(right)) => left.cmp(&right),
            (Self::Float(left), Self::Float(right)) => left.total_cmp(&right),
            _ => std::cmp::Ordering::Equal,
        }
    }

    /// Returns whether the value is below 0, or `-0.0`.
    pub(crate) fn is_negative(self) -> bool {
        match self {
            Self::Integer(value) => value < 0,
            Self::Float(value) => value.is_sign_negative(),
            Self::Bool(_) => false,
        }
    }

    /// Returns the value of an item from its bits in the machine's byte order; `None` if pixels cannot have this dtype.
    pub(crate) fn from_bits(dtype: &Dtype, bits: u64) -> Option<Self> {
        let unused = 64 - 8 * lane_bytes(dtype)?;
        Some(match dtype.kind()? {
            Kind::Bool => Self::Bool(bits != 0),
            Kind::Uint => Self::Integer(bits.into()),
            // Shifting up and arithmetically down again extends the sign.
            Kind::Int => Self::Integer((bits.cast_signed() << unused >> unused).into()),
            Kind::Float => Self::Float(match unused {
                48 => f16::from_bits(u16::try_from(bits).ok()?).to_f64(),
                32 => f32::from_bits(u32::try_from(bits).ok()?).into(),
                _ => f64::from_bits(bits),
            }),
            _ => return None,
        })
    }

    /// Returns the bits of an item with this value in the machine's byte order; `None` if the dtype cannot hold the value exactly.
    pub(crate) fn to_bits(self, dtype: &Dtype) -> Option<u64> {
        let bytes = lane_bytes(dtype)?;
        let mask = u64::MAX >> (64 - 8 * bytes);
        let bits = match (self, dtype.kind()?) {
            (Self::Bool(value), Kind::Bool) => value.into(),
            (Self::Integer(value), Kind::Uint) => u64::try_from(value).ok().filter(|&bits| bits <= mask)?,
            (Self::Integer(value), Kind::Int) => i64::try_from(value).ok()?.cast_unsigned() & mask,
            (Self::Float(value), Kind::Float) => match bytes {
                2 => f16::from_f64(value).to_bits().into(),
                #[expect(clippy::cast_possible_truncation, reason = "compared with the value below")]
                4 => (value as f32).to_bits().into(),
                _ => value.to_bits(),
            },
            _ => return None,
        };
        (Self::from_bits(dtype, bits) == Some(self)).then_some(bits)
    }

    /// Returns the bits of the value converted to another dtype, as `astype` does; `None` if the dtype cannot hold it exactly.
    pub(crate) fn convert(self, dtype: &Dtype) -> Option<u64> {
        #[expect(clippy::cast_precision_loss, reason = "compared with the integer")]
        let float = |value: i128| Some(value as f64).filter(|&float| integer(float) == Some(value));
        let value = match (self, dtype.kind()?) {
            (Self::Bool(value), Kind::Int | Kind::Uint) => Self::Integer(value.into()),
            (Self::Bool(value), Kind::Float) => Self::Float(value.into()),
            (Self::Integer(value), Kind::Float) => Self::Float(float(value)?),
            (Self::Float(value), Kind::Int | Kind::Uint) => Self::Integer(integer(value)?),
            (value, _) => value,
        };
        value.to_bits(dtype)
    }

    /// Returns the value as JSON: a bool, a number, or `"inf"` or `"-inf"`, for which JSON has no number.
    pub(crate) fn to_json(self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Integer(value) => value.to_string(),
            Self::Float(value) => match Number::from_f64(value) {
                Some(number) => number.to_string(),
                None => format!("\"{value}\""),
            },
        }
    }

    /// Parses the JSON of a value of this dtype. Returns `None` if it is not one, and for `-0`: some readers parse it as an integer
    /// and lose the sign.
    pub(crate) fn from_json(dtype: &Dtype, text: &str) -> Option<Self> {
        let json: Json = serde_json::from_str(text).ok().filter(|_| text != "-0")?;
        Some(match (&json, dtype.kind()?) {
            (Json::Bool(value), Kind::Bool) => Self::Bool(*value),
            (Json::Number(number), Kind::Uint | Kind::Int) => Self::Integer(number.as_i128()?),
            (Json::Number(number), Kind::Float) => Self::Float(number.as_f64()?),
            (Json::String(text), Kind::Float) if text == "inf" => Self::Float(f64::INFINITY),
            (Json::String(text), Kind::Float) if text == "-inf" => Self::Float(f64::NEG_INFINITY),
            _ => return None,
        })
    }
}

/// Returns a float as an integer; `None` if it is not whole.
#[expect(clippy::cast_possible_truncation, reason = "checked to be whole and in range")]
fn integer(value: f64) -> Option<i128> {
    (value.fract() == 0.0 && value.abs() < 1e30).then_some(value as i128)
}

/// Returns the size of an item in bytes; `None` if pixels cannot have this dtype: they are bools, or integers or floats of up to 8
/// bytes.
pub(crate) fn lane_bytes(dtype: &Dtype) -> Option<usize> {
    match dtype.kind()? {
        Kind::Bool | Kind::Int | Kind::Uint | Kind::Float => {
            Some(dtype.item_size()).filter(|&size| size <= 8)
        }
        _ => None,
    }
}

/// Converts an item's bits from the machine's byte order to the array's, or back.
pub(crate) fn swap(dtype: &Dtype, bits: u64) -> u64 {
    if dtype.is_native() { bits } else { bits.swap_bytes() >> (64 - 8 * dtype.item_size()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_exactly_or_not_at_all() {
        let bits = |value: Value, dtype: &str| value.convert(&Dtype::from_type_string(dtype).unwrap());
        assert_eq!(bits(Value::Bool(true), "<f4"), Some(1.0_f32.to_bits().into()));
        assert_eq!(bits(Value::Integer(255), "|i1"), None);
        assert_eq!(bits(Value::Integer(-1), "|i1"), Some(255));
        assert_eq!(bits(Value::Float(255.0), "|u1"), Some(255));
        assert_eq!(bits(Value::Float(0.5), "|u1"), None);
        assert_eq!(bits(Value::Float(f64::INFINITY), "<i8"), None);
        assert_eq!(bits(Value::Float(0.1), "<f4"), None);
        assert_eq!(bits(Value::Integer((1 << 53) + 1), "<f8"), None);
    }
}
