//! Decompressing strips and tiles to samples.

use std::borrow::Cow;
use std::io::Cursor;

use bitnpz_npy::{make_room, with_room};
use tiff::decoder::{Decoder, Limits};

use super::super::fault::{Fault, check_size};
use super::super::raster::Samples;
use super::directory::TiffDirectory;
use super::page::{Page, SampleFormat, compression};
use super::{fax, tag};

/// 2^53: an `f64` represents every integer below it exactly.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Decompresses the samples of a page.
pub(super) fn read_samples(directory: &TiffDirectory<'_>, page: &Page, limit: u64) -> Result<Samples, Fault> {
    let planes = if page.is_planar { page.samples } else { 1 };
    let mut rows = Vec::new();
    for plane in 0..planes {
        rows.push(PlaneRows::read(directory, page, plane, limit)?);
    }
    let total = page.width * page.height * page.samples;
    Ok(match (page.format, page.bits) {
        (SampleFormat::Unsigned, 1..=8) => Samples::U8(interleave(page, &rows, total, PlaneRows::small)?),
        (SampleFormat::Unsigned, 16) => Samples::U16(interleave(page, &rows, total, |rows, row, sample| {
            u16::from_ne_bytes(rows.bytes(row, sample))
        })?),
        _ => {
            check_size(total as u128 * 8, limit)?;
            let values = interleave(page, &rows, total, |rows, row, sample| rows.number(page, row, sample))?;
            if page.format != SampleFormat::Float && values.iter().any(|value| value.abs() >= MAX_EXACT) {
                return Err(Fault::unsupported("a TIFF file with integers of 2^53 or more"));
            }
            Samples::F64(values)
        }
    })
}

/// Returns all samples in the order of pixels, from one plane or several.
fn interleave<T>(
    page: &Page,
    planes: &[PlaneRows],
    total: usize,
    value: impl Fn(&PlaneRows, usize, usize) -> T,
) -> Result<Vec<T>, Fault> {
    let mut values = with_room(total)?;
    let together = page.interleaved_samples();
    for row in 0..page.height {
        for column in 0..page.width {
            for plane in planes {
                values.extend((0..together).map(|sample| value(plane, row, column * together + sample)));
            }
        }
    }
    Ok(values)
}

/// The rows of one plane: numbers in the machine's byte order, or packed bits.
struct PlaneRows {
    data: Vec<u8>,
    row_bytes: usize,
    bits: u32,
}

impl PlaneRows {
    fn read(directory: &TiffDirectory<'_>, page: &Page, plane: usize, limit: u64) -> Result<Self, Fault> {
        let file = plane_as_file(directory, page, plane, limit)?;
        let mut limits = Limits::unlimited();
        limits.decoding_buffer_size = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut decoder = Decoder::new(Cursor::new(file))?.with_limits(limits);
        let size = decoder.image_buffer_layout()?.complete_len;
        let size = check_size(size as u128, limit)?;
        let mut data = with_room(size)?;
        data.resize(size, 0);
        decoder.read_image_bytes(&mut data)?;
        let row_bits = page.width * page.interleaved_samples() * page.bits as usize;
        Ok(Self { data, row_bytes: row_bits.div_ceil(8), bits: page.bits })
    }

    /// Returns a sample of at most 8 bits.
    fn small(&self, row: usize, sample: usize) -> u8 {
        let row = &self.data[row * self.row_bytes..][..self.row_bytes];
        let start = sample * self.bits as usize;
        // A sample of 3, 5, 6 or 7 bits can extend into the next byte.
        let next = row.get(start / 8 + 1).copied().unwrap_or(0);
        let word = u16::from_be_bytes([row[start / 8], next]) << (start % 8);
        word.to_be_bytes()[0] >> (8 - self.bits)
    }

    fn bytes<const N: usize>(&self, row: usize, sample: usize) -> [u8; N] {
        let start = row * self.row_bytes + sample * N;
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.data[start..start + N]);
        bytes
    }

    /// Returns a sample that is a float, a signed integer or an integer of more than 16 bits.
    fn number(&self, page: &Page, row: usize, sample: usize) -> f64 {
        match (page.format, page.bits) {
            (SampleFormat::Float, 16) => half::f16::from_ne_bytes(self.bytes(row, sample)).to_f64(),
            (SampleFormat::Float, 32) => f32::from_ne_bytes(self.bytes(row, sample)).into(),
            (SampleFormat::Float, _) => f64::from_ne_bytes(self.bytes(row, sample)),
            (SampleFormat::Signed, 8) => i8::from_ne_bytes(self.bytes(row, sample)).into(),
            (SampleFormat::Signed, 16) => i16::from_ne_bytes(self.bytes(row, sample)).into(),
            (SampleFormat::Signed, 32) => i32::from_ne_bytes(self.bytes(row, sample)).into(),
            (SampleFormat::Unsigned, 32) => u32::from_ne_bytes(self.bytes(row, sample)).into(),
            (SampleFormat::Signed, _) => i64::from_ne_bytes(self.bytes(row, sample)) as f64,
            (SampleFormat::Unsigned, _) => u64::from_ne_bytes(self.bytes(row, sample)) as f64,
        }
    }
}

/// Returns a BigTIFF file with the strips or tiles of one plane, which declares them plain grey samples.
fn plane_as_file(
    directory: &TiffDirectory<'_>,
    page: &Page,
    plane: usize,
    limit: u64,
) -> Result<Vec<u8>, Fault> {
    let mut file = Vec::new();
    file.extend_from_slice(if directory.is_big_endian() { b"MM" } else { b"II" });
    let put = |file: &mut Vec<u8>, number: u64, size: usize| match directory.is_big_endian() {
        true => file.extend_from_slice(&number.to_be_bytes()[8 - size..]),
        false => file.extend_from_slice(&number.to_le_bytes()[..size]),
    };
    for (number, size) in [(43, 2), (8, 2), (0, 2), (0, 8)] {
        put(&mut file, number, size);
    }
    let (mut offsets, mut lengths) = (Vec::new(), Vec::new());
    for (number, range) in chunks(directory, page, plane)?.into_iter().enumerate() {
        let chunk = decompress_fax(directory, page, number, &directory.bytes()[range])?;
        offsets.push(file.len() as u64);
        lengths.push(chunk.len() as u64);
        // Overlapping strips can add up to more than the file has.
        check_size(file.len() as u128 + chunk.len() as u128, limit)?;
        make_room(&mut file, chunk.len())?;
        file.extend_from_slice(&chunk);
    }
    let mut tags = new_tags(directory, page)?;
    let [offsets_tag, lengths_tag] = if page.is_tiled {
        [tag::TILE_OFFSETS, tag::TILE_BYTES]
    } else {
        [tag::STRIP_OFFSETS, tag::STRIP_BYTES]
    };
    tags.extend([(offsets_tag, 16, offsets), (lengths_tag, 16, lengths)]);
    tags.sort_unstable_by_key(|&(tag, ..)| tag);
    write_directory(&mut file, &tags, put);
    Ok(file)
}

/// A tag to write, its type (7 for bytes, 16 for numbers of 8 bytes) and its values.
type NewTag = (u16, u16, Vec<u64>);

/// Returns all tags except the offsets and lengths of the strips or tiles.
fn new_tags(directory: &TiffDirectory<'_>, page: &Page) -> Result<Vec<NewTag>, Fault> {
    let format = match page.format {
        SampleFormat::Unsigned => 1,
        SampleFormat::Signed => 2,
        SampleFormat::Float => 3,
    };
    let compression = if page.is_fax() { compression::NONE } else { page.compression };
    // As in libtiff, other compressions ignore the predictor.
    let has_predictor = matches!(
        compression,
        compression::LZW | compression::DEFLATE | compression::OLD_DEFLATE | compression::ZSTD
    );
    let predictor = if has_predictor { directory.number(tag::PREDICTOR).unwrap_or(1) } else { 1 };
    let numbers = [
        (tag::WIDTH, page.width as u64),
        (tag::LENGTH, page.height as u64),
        (tag::BITS, page.bits.into()),
        (tag::COMPRESSION, compression),
        (tag::PHOTOMETRIC, 1),
        (tag::SAMPLES, page.interleaved_samples() as u64),
        (tag::PREDICTOR, predictor),
        (tag::SAMPLE_FORMAT, format),
    ];
    let mut tags: Vec<NewTag> = numbers.into_iter().map(|(tag, number)| (tag, 16, vec![number])).collect();
    let [columns, rows] = page.chunk.map(|side| vec![side as u64]);
    if page.is_tiled {
        tags.extend([(tag::TILE_WIDTH, 16, columns), (tag::TILE_LENGTH, 16, rows)]);
    } else {
        tags.push((tag::ROWS_PER_STRIP, 16, rows));
    }
    if directory.contains(tag::JPEG_TABLES) {
        tags.push((tag::JPEG_TABLES, 7, directory.numbers(tag::JPEG_TABLES)?));
    }
    Ok(tags)
}

/// Appends a directory, and writes its offset into the header.
fn write_directory(file: &mut Vec<u8>, tags: &[NewTag], put: impl Fn(&mut Vec<u8>, u64, usize)) {
    let mut entries = Vec::new();
    for (tag, kind, values) in tags {
        let size = if *kind == 7 { 1 } else { 8 };
        let mut data = Vec::new();
        values.iter().for_each(|&value| put(&mut data, value, size));
        [(u64::from(*tag), 2), (u64::from(*kind), 2), (values.len() as u64, 8)]
            .into_iter()
            .for_each(|(number, size)| put(&mut entries, number, size));
        if data.len() > 8 {
            put(&mut entries, file.len() as u64, 8);
            file.extend_from_slice(&data);
        } else {
            data.resize(8, 0);
            entries.extend_from_slice(&data);
        }
    }
    let mut start = Vec::new();
    put(&mut start, file.len() as u64, 8);
    file[8..16].copy_from_slice(&start);
    put(file, tags.len() as u64, 8);
    file.extend_from_slice(&entries);
    put(file, 0, 8);
}

/// Returns the ranges of the file that the strips or tiles of a plane occupy.
fn chunks(
    directory: &TiffDirectory<'_>,
    page: &Page,
    plane: usize,
) -> Result<Vec<std::ops::Range<usize>>, Fault> {
    let [offsets, lengths] = if page.is_tiled {
        [tag::TILE_OFFSETS, tag::TILE_BYTES]
    } else {
        [tag::STRIP_OFFSETS, tag::STRIP_BYTES]
    };
    let (offsets, lengths) = (directory.numbers(offsets)?, directory.numbers(lengths)?);
    let what = if page.is_tiled { "tile" } else { "strip" };
    let size = directory.bytes().len();
    let mut ranges = Vec::new();
    for chunk in plane * page.chunks()..(plane + 1) * page.chunks() {
        let Some(&offset) = offsets.get(chunk) else {
            return Err(Fault::Message(format!(
                "expected {what} {chunk}, found {} in the TIFF file",
                offsets.len()
            )));
        };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        // Old files lack the lengths of their strips.
        let length = lengths
            .get(chunk)
            .map_or(size.saturating_sub(start), |&length| usize::try_from(length).unwrap_or(usize::MAX));
        let end = start.checked_add(length).filter(|&end| end <= size);
        let end = end
            .ok_or_else(|| Fault::Message(format!("{what} {chunk} lies beyond the end of the TIFF file")))?;
        ranges.push(start..end);
    }
    Ok(ranges)
}

/// Puts the bits of a strip or a tile in order, and decompresses it if its compression is a CCITT fax code.
fn decompress_fax<'a>(
    directory: &TiffDirectory<'_>,
    page: &Page,
    number: usize,
    chunk: &'a [u8],
) -> Result<Cow<'a, [u8]>, Fault> {
    let mut chunk = Cow::Borrowed(chunk);
    // The fill order does not apply to JPEG.
    if directory.number(tag::FILL_ORDER) == Some(2) && page.compression != compression::JPEG {
        chunk.to_mut().iter_mut().for_each(|byte| *byte = byte.reverse_bits());
    }
    if page.is_fax() {
        let [columns, rows] = page.chunk;
        // The last strip has only the remaining rows; tiles are always whole.
        let rows = if page.is_tiled { rows } else { rows.min(page.height - number * rows) };
        let options = directory.number(tag::T4_OPTIONS).unwrap_or(0);
        return Ok(Cow::Owned(fax::decode(&chunk, [columns, rows], page.compression, options)?));
    }
    Ok(chunk)
}
