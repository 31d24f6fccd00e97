//! Decoding strips and tiles compressed with CCITT fax codes: modified Huffman, group 3 and group 4.

use bitnpz_npy::with_room;
use hayro_ccitt::{DecodeSettings, Decoder, DecoderContext, EncodingMode};

use super::super::fault::Fault;
use super::page::compression;

/// Rows of packed bits in which 1 is black, and the position of the next pixel.
struct FaxRows {
    bits: Vec<u8>,
    row_bytes: usize,
    row: usize,
    column: usize,
}

impl Decoder for FaxRows {
    fn push_pixel(&mut self, white: bool) {
        let place = self.row * self.row_bytes + self.column / 8;
        if let (false, Some(byte)) = (white, self.bits.get_mut(place)) {
            *byte |= 0x80 >> (self.column % 8);
        }
        self.column += 1;
    }

    fn push_pixel_chunk(&mut self, white: bool, chunk_count: u32) {
        let start = self.row * self.row_bytes + self.column / 8;
        let count = chunk_count as usize;
        if let (false, Some(bytes)) = (white, self.bits.get_mut(start..start + count)) {
            bytes.fill(0xFF);
        }
        self.column += 8 * count;
    }

    fn next_line(&mut self) {
        self.row += 1;
        self.column = 0;
    }
}

/// Decodes a strip or a tile to packed rows in which 1 is black.
pub(super) fn decode(
    data: &[u8],
    [columns, rows]: [usize; 2],
    compression: u64,
    t4_options: u64,
) -> Result<Vec<u8>, Fault> {
    let encoding = match compression {
        compression::GROUP_4 => EncodingMode::Group4,
        compression::GROUP_3 if t4_options & 1 == 1 => EncodingMode::Group3_2D { k: 4 },
        _ => EncodingMode::Group3_1D,
    };
    let small = |length: usize| {
        u32::try_from(length)
            .map_err(|_| Fault::from("expected a side of at most 4,294,967,295 pixels, found a longer one"))
    };
    let mut context = DecoderContext::new(DecodeSettings {
        columns: small(columns)?,
        rows: small(rows)?,
        end_of_block: true,
        end_of_line: false,
        rows_are_byte_aligned: compression == compression::MODIFIED_HUFFMAN,
        encoding,
        invert_black: false,
    });
    let row_bytes = columns.div_ceil(8);
    let mut bits = with_room(row_bytes * rows)?;
    bits.resize(row_bytes * rows, 0);
    let mut decoded = FaxRows { bits, row_bytes, row: 0, column: 0 };
    let failed = |row: usize, why: &dyn std::fmt::Display| {
        Fault::Message(format!("the fax code of a strip or tile is damaged at row {row} of {rows}: {why}"))
    };
    hayro_ccitt::decode(data, &mut decoded, &mut context).map_err(|error| failed(decoded.row, &error))?;
    if decoded.row < rows {
        return Err(failed(decoded.row, &"the data ends there"));
    }
    Ok(decoded.bits)
}
