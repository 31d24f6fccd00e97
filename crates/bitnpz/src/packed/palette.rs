//! The two pixel values of an array, found while its rows are packed.

use bitnpz_bitmap::{Lane, pack_rows, unpack_rows};
use bitnpz_npy::{Dtype, Kind, make_room};

use super::index::PackedKind;
use crate::error::Result;
use crate::value::{Value, lane_bytes, swap};

/// The two pixel values of arrays of one dtype, for bit 0 and bit 1.
///
/// Values are found while pixels are packed, so that a stream of images can be packed without reading ahead. If the first
/// pixels have two values, the smaller one gets bit 0. If they have only one, zero and negative values get bit 0, and others bit 1;
/// the second value gets the other bit, even if it is smaller.
#[derive(Clone, Debug)]
pub(crate) struct Palette {
    dtype: Dtype,
    /// The values found so far, for bit 0 and bit 1, as bit patterns in the byte order of the dtype.
    found: [Option<u64>; 2],
}

/// A pixel with a third value, or NaN.
#[derive(Clone, Debug)]
pub(crate) struct UnfitPixel {
    /// The index of the pixel among those given, in C order.
    pub(crate) pixel: usize,
    pub(crate) found: Value,
    pub(crate) values: [Value; 2],
}

impl Palette {
    /// Returns an empty palette; `None` if pixels cannot have this dtype.
    pub(crate) fn new(dtype: &Dtype) -> Option<Self> {
        lane_bytes(dtype)?;
        let found = if dtype.kind() == Some(Kind::Bool) { [Some(0), Some(1)] } else { [None; 2] };
        Some(Self { dtype: dtype.clone(), found })
    }

    /// Returns the palette of packed images of this kind.
    pub(crate) fn of(kind: &PackedKind) -> Self {
        Self { dtype: kind.dtype.clone(), found: kind.bits.map(|bits| Some(swap(&kind.dtype, bits))) }
    }

    /// Returns the palette of packed images of this kind that are blank: their second value is only assumed.
    pub(crate) fn of_blank(kind: &PackedKind) -> Self {
        let Self { dtype, found: [off, _] } = Self::of(kind);
        Self { dtype, found: [off, None] }
    }

    /// Returns the palette of packed images of this kind all of whose pixels have the second value: the first is only assumed.
    pub(crate) fn of_full(kind: &PackedKind) -> Self {
        let Self { dtype, found: [_, on] } = Self::of(kind);
        Self { dtype, found: [None, on] }
    }

    /// Returns the palette of the images of all of these palettes: the first that has found both values, else what they have found
    /// together. Images of another one may have the same values for other bits.
    pub(crate) fn common(all: &[Self]) -> Option<Self> {
        if let Some(both) = all.iter().find(|palette| palette.has_both_values()) {
            return Some(both.clone());
        }
        let first = all.iter().find(|palette| palette.found != [None; 2])?;
        let value = first.found[0].or(first.found[1])?;
        let others = all.iter().flat_map(|palette| palette.found).flatten();
        let other = others.into_iter().find(|other| *other != value)?;
        let mut pair = [value, other];
        pair.sort_by(|&left, &right| first.value(left).order(first.value(right)));
        Some(Self { dtype: first.dtype.clone(), found: pair.map(Some) })
    }

    /// Returns whether the values found are among those of another palette, for whichever bits.
    pub(crate) fn has_values_of(&self, other: &Self) -> bool {
        self.dtype == other.dtype
            && self.found.iter().flatten().all(|lane| other.found.contains(&Some(*lane)))
    }

    /// Returns the dtype of the arrays.
    pub(crate) fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// Returns whether both values have been found.
    pub(crate) fn has_both_values(&self) -> bool {
        self.found.iter().all(Option::is_some)
    }

    /// Returns whether the palettes have the same dtype and no bit for which they have found different values.
    pub(crate) fn agrees_with(&self, other: &Self) -> bool {
        let agrees =
            |(one, other): (&Option<u64>, &Option<u64>)| one.is_none() || other.is_none() || one == other;
        self.dtype == other.dtype && self.found.iter().zip(&other.found).all(agrees)
    }

    /// Returns the palette with the values of both, which must agree.
    pub(crate) fn united_with(&self, other: &Self) -> Self {
        let [off, on] = self.found;
        Self { dtype: self.dtype.clone(), found: [off.or(other.found[0]), on.or(other.found[1])] }
    }

    /// Returns the two values, of which one that was not found is assumed.
    pub(crate) fn values(&self) -> [Value; 2] {
        self.lanes().map(|lane| self.value(lane))
    }

    /// Returns the two values as bit patterns in the machine's byte order. A value not found is 0 for bit 0, and 1 for bit 1.
    pub(crate) fn bits(&self) -> [u64; 2] {
        self.lanes().map(|lane| swap(&self.dtype, lane))
    }

    /// Returns the two values as bit patterns in the byte order of the dtype. For a value not found yet, 0 or 1 is assumed.
    fn lanes(&self) -> [u64; 2] {
        let one = match self.dtype.kind() {
            Some(Kind::Float) => Value::Float(1.0),
            Some(Kind::Bool) => Value::Bool(true),
            _ => Value::Integer(1),
        };
        let one = one.to_bits(&self.dtype).map_or(1, |bits| swap(&self.dtype, bits));
        let [off, on] = self.found;
        [off.unwrap_or(0), on.unwrap_or(one)]
    }

    fn value(&self, lane: u64) -> Value {
        Value::from_bits(&self.dtype, swap(&self.dtype, lane)).expect("`new` checked the dtype")
    }

    /// Returns the length of the packed rows of these pixels in bytes.
    pub(crate) fn rows_len(&self, pixels: &[u8], width: usize) -> usize {
        let pixels = pixels.len() / self.dtype.item_size();
        pixels.checked_div(width).unwrap_or(0) * width.div_ceil(8)
    }

    /// Packs rows of `width` pixels, given in the byte order of the dtype, and appends them to `rows`.
    pub(crate) fn pack(
        &mut self,
        pixels: &[u8],
        width: usize,
        rows: &mut Vec<u8>,
    ) -> std::result::Result<(), UnfitPixel> {
        match self.dtype.item_size() {
            1 if self.dtype.kind() == Some(Kind::Bool) => {
                pack_bools(pixels, width, rows);
                Ok(())
            }
            1 => self.pack_lanes::<u8>(pixels, width, rows),
            2 => self.pack_lanes::<u16>(pixels, width, rows),
            4 => self.pack_lanes::<u32>(pixels, width, rows),
            _ => self.pack_lanes::<u64>(pixels, width, rows),
        }
    }

    fn pack_lanes<L: PixelLane>(
        &mut self,
        pixels: &[u8],
        width: usize,
        rows: &mut Vec<u8>,
    ) -> std::result::Result<(), UnfitPixel> {
        let copy;
        let pixels: &[L] = match bytemuck::try_cast_slice(pixels) {
            Ok(pixels) => pixels,
            // Bytes that are not aligned for their type.
            Err(_) => {
                copy = bytemuck::pod_collect_to_vec::<u8, L>(pixels);
                &copy
            }
        };
        let start = rows.len();
        rows.resize(start + pixels.len().checked_div(width).unwrap_or(0) * width.div_ceil(8), 0);
        if self.found == [None; 2] {
            self.find_values(pixels)?;
        }
        loop {
            let [off, on] = self.lanes().map(narrow::<L>);
            let Err(pixel) = pack_rows(pixels, width, off, on, &mut rows[start..]) else { break };
            self.add_value(pixels, pixel)?;
        }
        if self.found.contains(&None) {
            self.keep_seen(pixels);
        }
        Ok(())
    }

    /// Finds the values of the first pixels.
    fn find_values<L: PixelLane>(&mut self, pixels: &[L]) -> std::result::Result<(), UnfitPixel> {
        let Some(&first) = pixels.first() else { return Ok(()) };
        self.refuse_nan(first.into(), 0)?;
        let other = pixels.iter().position(|&lane| lane != first);
        let zero = L::default();
        self.found = match other {
            Some(at) => {
                let other = pixels[at].into();
                self.refuse_nan(other, at)?;
                let mut pair = [first.into(), other];
                pair.sort_by(|&left, &right| self.value(left).order(self.value(right)));
                pair.map(Some)
            }
            // The other value is most often 0 or greater.
            None if first == zero || self.value(first.into()).is_negative() => [Some(first.into()), None],
            None => [None, Some(first.into())],
        };
        Ok(())
    }

    /// Adds the value of a pixel that has neither of the values assumed so far.
    fn add_value<L: PixelLane>(&mut self, pixels: &[L], pixel: usize) -> std::result::Result<(), UnfitPixel> {
        self.keep_seen(&pixels[..pixel]);
        let lane = pixels[pixel].into();
        self.refuse_nan(lane, pixel)?;
        match self.found.iter().position(Option::is_none) {
            Some(free) => self.found[free] = Some(lane),
            None => return Err(self.unfit(lane, pixel)),
        }
        Ok(())
    }

    /// Marks assumed values as found if a pixel has them.
    fn keep_seen<L: PixelLane>(&mut self, pixels: &[L]) {
        for (found, assumed) in self.lanes().into_iter().enumerate() {
            if self.found[found].is_none() && pixels.contains(&narrow(assumed)) {
                self.found[found] = Some(assumed);
            }
        }
    }

    fn refuse_nan(&self, lane: u64, pixel: usize) -> std::result::Result<(), UnfitPixel> {
        match self.value(lane) {
            Value::Float(value) if value.is_nan() => Err(self.unfit(lane, pixel)),
            _ => Ok(()),
        }
    }

    fn unfit(&self, lane: u64, pixel: usize) -> UnfitPixel {
        UnfitPixel { pixel, found: self.value(lane), values: self.lanes().map(|lane| self.value(lane)) }
    }
}

/// Appends the packed rows of bools, of which any nonzero byte is true.
fn pack_bools(pixels: &[u8], width: usize, rows: &mut Vec<u8>) {
    let start = rows.len();
    rows.resize(start + pixels.len().checked_div(width).unwrap_or(0) * width.div_ceil(8), 0);
    if pack_rows(pixels, width, 0, 1, &mut rows[start..]).is_err() {
        // Pillow makes bool arrays of 0 and 255.
        let (bytes, strides) =
            (pixels.chunks_exact(width), rows[start..].chunks_exact_mut(width.div_ceil(8)));
        let mut row = vec![0; width];
        for (pixels, packed) in bytes.zip(strides) {
            row.iter_mut().zip(pixels).for_each(|(bit, &byte)| *bit = u8::from(byte != 0));
            pack_rows(&row, width, 0_u8, 1, packed).expect("bits are 0 or 1");
        }
    }
}

/// Returns the pixels of packed rows, in the byte order of the dtype.
pub(crate) fn unpack(rows: &[u8], width: usize, dtype: &Dtype, bits: [u64; 2]) -> Result<Vec<u8>> {
    let mut pixels = Vec::new();
    unpack_onto(rows, width, dtype, bits, &mut pixels)?;
    Ok(pixels)
}

/// Appends the pixels of packed rows, in the byte order of the dtype.
pub(crate) fn unpack_onto(
    rows: &[u8],
    width: usize,
    dtype: &Dtype,
    bits: [u64; 2],
    pixels: &mut Vec<u8>,
) -> Result<()> {
    let height = rows.len().checked_div(width.div_ceil(8)).unwrap_or(0);
    let (start, len) = (pixels.len(), height * width * dtype.item_size());
    make_room(pixels, len)?;
    pixels.resize(start + len, 0);
    let lanes = bits.map(|bits| swap(dtype, bits));
    unpack_into(rows, width, dtype.item_size(), lanes, &mut pixels[start..]);
    Ok(())
}

/// Fills `pixels` with the pixels of packed rows: for each bit one of two lanes, which are bit patterns in memory.
pub(crate) fn unpack_into(rows: &[u8], width: usize, item_size: usize, lanes: [u64; 2], pixels: &mut [u8]) {
    match item_size {
        1 => unpack_lanes::<u8>(rows, width, lanes, pixels),
        2 => unpack_lanes::<u16>(rows, width, lanes, pixels),
        4 => unpack_lanes::<u32>(rows, width, lanes, pixels),
        _ => unpack_lanes::<u64>(rows, width, lanes, pixels),
    }
}

fn unpack_lanes<L: PixelLane>(rows: &[u8], width: usize, lanes: [u64; 2], pixels: &mut [u8]) {
    let [off, on] = lanes.map(narrow::<L>);
    match bytemuck::try_cast_slice_mut(pixels) {
        Ok(pixels) => unpack_rows(rows, width, off, on, pixels),
        // Bytes that are not aligned for their type.
        Err(_) => {
            let mut copy = vec![L::default(); pixels.len() / size_of::<L>()];
            unpack_rows(rows, width, off, on, &mut copy);
            pixels.copy_from_slice(bytemuck::cast_slice(&copy));
        }
    }
}

/// A lane that can be cast to and from bytes and widened to 64 bits.
trait PixelLane: Lane + bytemuck::Pod + Into<u64> + TryFrom<u64> {}

impl<L: Lane + bytemuck::Pod + Into<u64> + TryFrom<u64>> PixelLane for L {}

/// Returns a lane in the type of its width.
fn narrow<L: PixelLane>(lane: u64) -> L {
    L::try_from(lane).unwrap_or_else(|_| unreachable!("a palette's lanes have the width of its dtype"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(palette: &mut Palette, pixels: &[i16]) -> std::result::Result<Vec<u8>, UnfitPixel> {
        let mut rows = Vec::new();
        palette.pack(bytemuck::cast_slice(pixels), pixels.len(), &mut rows)?;
        Ok(rows)
    }

    #[test]
    fn finds_values_in_any_order() {
        let cases: [&[&[i16]]; 6] = [
            &[&[0, 0], &[0, 1]],
            &[&[0], &[0, 7, 7]],
            &[&[7, 7], &[7, 0]],
            &[&[1], &[5, 1]],
            &[&[5, -5], &[5]],
            &[&[9], &[3], &[9, 3]],
        ];
        for images in cases {
            let mut palette = Palette::new(&Dtype::of::<i16>()).unwrap();
            let packed: Vec<Vec<u8>> =
                images.iter().map(|image| pack(&mut palette, image).unwrap()).collect();
            for (image, rows) in images.iter().zip(packed) {
                let pixels = unpack(&rows, image.len(), &Dtype::of::<i16>(), palette.bits()).unwrap();
                assert_eq!(pixels, bytemuck::cast_slice::<i16, u8>(image));
            }
        }
    }

    #[test]
    fn packs_any_nonzero_byte_of_a_bool_as_true() {
        let mut palette = Palette::new(&Dtype::of::<bool>()).unwrap();
        let mut rows = vec![7];
        palette.pack(&[0, 255, 1, 2, 0, 0], 3, &mut rows).unwrap();
        assert_eq!((rows, palette.bits()), (vec![7, 0b0110_0000, 0b1000_0000], [0, 1]));
    }

    #[test]
    fn rejects_a_third_value_at_any_position() {
        for images in [
            &[&[0_i16, 1][..], &[1, 0, 2]],
            &[&[1], &[0, 1, 255]],
            &[&[0], &[1, 7]],
            &[&[7], &[0, 1]],
            &[&[1, 1], &[0, 7]],
        ] {
            let mut palette = Palette::new(&Dtype::of::<i16>()).unwrap();
            pack(&mut palette, images[0]).unwrap();
            let unfit = pack(&mut palette, images[1]).unwrap_err();
            assert_eq!(unfit.pixel, images[1].len() - 1, "{images:?}");
        }
    }

    #[test]
    fn rejects_nan_and_keeps_minus_zero() {
        let mut rows = Vec::new();
        for pixels in [[f64::NAN, 0.0], [0.0, f64::NAN], [f64::NAN; 2]] {
            let mut palette = Palette::new(&Dtype::of::<f64>()).unwrap();
            assert!(palette.pack(bytemuck::cast_slice(&pixels), 2, &mut rows).is_err());
        }
        let mut palette = Palette::new(&Dtype::of::<f64>()).unwrap();
        rows.clear();
        palette.pack(bytemuck::cast_slice(&[0.0, -0.0]), 2, &mut rows).unwrap();
        assert_eq!(palette.bits(), [(-0.0_f64).to_bits(), 0]);
        assert_eq!(rows, [0b1000_0000]);
    }
}
