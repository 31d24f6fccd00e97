//! The two pixel values of an array, found while its rows are packed.

use bitnpz_bitmap::{Lane, pack_rows};
use bitnpz_npy::{ByteOrder, Dtype};

use crate::value::{Value, lane_bytes};

/// Which two values the bits 0 and 1 stand for, in arrays of one type.
///
/// Values are found in the order in which they come: zero takes the bit 0, any other first value the
/// bit 1, and the second value the bit that is left. So a stream of images can be packed without
/// knowing what comes later, and arrays of False/True, 0/1, 0/255 or 0.0/1.0 get the bits one expects.
#[derive(Clone, Debug)]
pub(crate) struct Palette {
    dtype: Dtype,
    /// Bit patterns as they lie in memory, for the bits 0 and 1.
    found: [Option<u64>; 2],
}

/// A pixel that is neither of the two values found before it.
#[derive(Clone, Debug)]
pub(crate) struct Unfit {
    /// Which pixel, counted through the array in C order.
    pub(crate) pixel: usize,
    pub(crate) reason: UnfitReason,
}

#[derive(Clone, Debug)]
pub(crate) enum UnfitReason {
    NotANumber,
    ThirdValue { found: Value, off: Value, on: Value },
}

impl Palette {
    /// An empty palette; `None` if pixels cannot be of this type.
    pub(crate) fn new(dtype: &Dtype) -> Option<Self> {
        lane_bytes(dtype)?;
        let mut palette = Self { dtype: dtype.clone(), found: [None; 2] };
        if dtype.kind() == Some(bitnpz_npy::Kind::Bool) {
            palette.found = [Some(0), Some(1)];
        }
        Some(palette)
    }

    /// The values of the bits 0 and 1. One that never came is 0 or, if that is taken, 1.
    pub(crate) fn values(&self) -> [Value; 2] {
        self.lanes().map(|lane| self.value(lane))
    }

    fn lanes(&self) -> [u64; 2] {
        let one = match self.dtype.kind() {
            Some(bitnpz_npy::Kind::Float) => Value::Float(1.0),
            _ => Value::Integer(1),
        };
        let one = one.to_bits(&self.dtype).map_or(1, |bits| swap(&self.dtype, bits));
        let [off, on] = self.found;
        [off.unwrap_or(0), on.unwrap_or(one)]
    }

    fn value(&self, lane: u64) -> Value {
        Value::from_bits(&self.dtype, swap(&self.dtype, lane)).expect("checked in `new`")
    }

    /// Packs rows of `width` pixels, as they lie in memory, and appends them to `rows`.
    pub(crate) fn pack(&mut self, pixels: &[u8], width: usize, rows: &mut Vec<u8>) -> Result<(), Unfit> {
        match lane_bytes(&self.dtype) {
            Some(1) => self.pack_lanes::<u8>(pixels, width, rows),
            Some(2) => self.pack_lanes::<u16>(pixels, width, rows),
            Some(4) => self.pack_lanes::<u32>(pixels, width, rows),
            _ => self.pack_lanes::<u64>(pixels, width, rows),
        }
    }

    fn pack_lanes<L: PixelLane>(
        &mut self,
        pixels: &[u8],
        width: usize,
        rows: &mut Vec<u8>,
    ) -> Result<(), Unfit> {
        let aligned;
        let pixels: &[L] = match bytemuck::try_cast_slice(pixels) {
            Ok(pixels) => pixels,
            Err(_) => {
                aligned = bytemuck::pod_collect_to_vec::<u8, L>(pixels);
                &aligned
            }
        };
        let (start, stride) = (rows.len(), width.div_ceil(8));
        rows.resize(start + pixels.len() / width.max(1) * stride, 0);
        loop {
            let [off, on] = self.lanes().map(narrow::<L>);
            let Err(pixel) = pack_rows(pixels, width, off, on, &mut rows[start..]) else { break };
            self.learn(&pixels[..pixel], pixels[pixel]).map_err(|reason| Unfit { pixel, reason })?;
        }
        if self.found.contains(&None) {
            self.note_seen(pixels);
        }
        Ok(())
    }

    /// Makes room for a value that is neither of the two assumed so far, given all pixels before it.
    fn learn<L: PixelLane>(&mut self, before: &[L], lane: L) -> Result<(), UnfitReason> {
        self.note_seen(before);
        let lane = lane.into();
        if matches!(self.value(lane), Value::Float(value) if value.is_nan()) {
            return Err(UnfitReason::NotANumber);
        }
        // Zero is assumed for the bit 0 until another value takes it, so a first value is never zero here.
        let free = if self.found == [None; 2] { Some(1) } else { self.found.iter().position(Option::is_none) };
        let Some(bit) = free else {
            let [off, on] = self.values();
            return Err(UnfitReason::ThirdValue { found: self.value(lane), off, on });
        };
        self.found[bit] = Some(lane);
        Ok(())
    }

    /// Keeps an assumed value for good once a pixel has it.
    fn note_seen<L: PixelLane>(&mut self, pixels: &[L]) {
        for (found, assumed) in self.found.iter_mut().zip(self.lanes()) {
            if found.is_none() && pixels.contains(&narrow(assumed)) {
                *found = Some(assumed);
            }
        }
    }
}

/// A lane as the packing kernels take it.
trait PixelLane: Lane + bytemuck::AnyBitPattern + Into<u64> + TryFrom<u64> + PartialEq {}

impl<L: Lane + bytemuck::AnyBitPattern + Into<u64> + TryFrom<u64> + PartialEq> PixelLane for L {}

/// The low bits of a lane: the palette's lanes are of its type's width.
fn narrow<L: PixelLane>(lane: u64) -> L {
    L::try_from(lane).unwrap_or_else(|_| unreachable!("the palette's lanes have the width of its type"))
}

/// Turns an item's bits from the machine's byte order into the array's, or back.
fn swap(dtype: &Dtype, bits: u64) -> u64 {
    if dtype.is_native() {
        return bits;
    }
    bits.swap_bytes() >> (64 - 8 * dtype.item_size())
}
