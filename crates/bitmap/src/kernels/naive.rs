//! Packing and unpacking pixel by pixel, which the kernels are tested against.

pub(super) fn pack_rows<L: Copy + Eq>(
    pixels: &[L],
    width: usize,
    off: L,
    on: L,
    rows: &mut [u8],
) -> Result<(), usize> {
    rows.fill(0);
    for (i, &pixel) in pixels.iter().enumerate() {
        let (row, column) = (i / width, i % width);
        if pixel == on {
            rows[row * width.div_ceil(8) + column / 8] |= 0x80 >> (column % 8);
        } else if pixel != off {
            return Err(i);
        }
    }
    Ok(())
}

pub(super) fn unpack_rows<L: Copy>(rows: &[u8], width: usize, off: L, on: L, pixels: &mut [L]) {
    for (i, pixel) in pixels.iter_mut().enumerate() {
        let (row, column) = (i / width, i % width);
        let bit = rows[row * width.div_ceil(8) + column / 8] & (0x80 >> (column % 8));
        *pixel = if bit != 0 { on } else { off };
    }
}
