//! The central directory header, one for each member (APPNOTE 4.3.12).

use super::{Fields, IN_ZIP64, extra};
use crate::method::Method;

pub(crate) const SIGNATURE: u32 = 0x0201_4B50;
pub(crate) const LEN: usize = 46;

/// 1980-01-01 00:00:00, the earliest MS-DOS time: constant, so that equal input gives equal bytes.
pub(crate) const TIME_AND_DATE: u32 = 0x0021_0000;

/// Made on Unix by version 3.0 of the format, as NumPy's archives are.
const VERSION_MADE_BY: u16 = 3 << 8 | 30;

/// A regular file that its owner may read and write, as in NumPy's archives.
const EXTERNAL_ATTRIBUTES: u32 = 0o600 << 16;

/// A central directory header, without its name, extra field and comment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CentralHeader {
    pub(crate) version_needed: u16,
    pub(crate) flags: u16,
    pub(crate) method: Method,
    pub(crate) crc32: u32,
    pub(crate) compressed_size: u64,
    pub(crate) uncompressed_size: u64,
    pub(crate) disk: u16,
    pub(crate) offset: u64,
}

/// A whole entry of the central directory, with borrowed name and extra field.
#[derive(Clone, Debug)]
pub(crate) struct CentralEntry<'a> {
    pub(crate) header: CentralHeader,
    pub(crate) name: &'a [u8],
    pub(crate) extra: &'a [u8],
    /// The length of the whole entry in bytes.
    pub(crate) len: usize,
}

impl<'a> CentralEntry<'a> {
    /// Parses the entry at the start of these bytes; `None` if there is none, or a zip64 value is missing.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = bytes.split_at_checked(LEN)?;
        let mut fields = Fields(fixed);
        if fields.u32() != SIGNATURE {
            return None;
        }
        let _version_made_by = fields.u16();
        let (version_needed, flags, method) = (fields.u16(), fields.u16(), fields.u16());
        let _time_and_date = fields.u32();
        let crc32 = fields.u32();
        let (compressed, uncompressed) = (fields.u32(), fields.u32());
        let (name_len, extra_len) = (usize::from(fields.u16()), usize::from(fields.u16()));
        let comment_len = usize::from(fields.u16());
        let disk = fields.u16();
        let _attributes = (fields.u16(), fields.u32());
        let offset = fields.u32();

        let (name, rest) = rest.split_at_checked(name_len)?;
        let (extra, rest) = rest.split_at_checked(extra_len)?;
        rest.get(..comment_len)?;
        let narrow = [uncompressed, compressed, offset];
        let [wide_uncompressed, wide_compressed, wide_offset] =
            extra::zip64(extra, narrow.map(|value| value == IN_ZIP64))?;
        let header = CentralHeader {
            version_needed,
            flags,
            method: Method::from_number(method),
            crc32,
            compressed_size: wide_compressed.unwrap_or(compressed.into()),
            uncompressed_size: wide_uncompressed.unwrap_or(uncompressed.into()),
            disk,
            offset: wide_offset.unwrap_or(offset.into()),
        };
        Some(Self { header, name, extra, len: LEN + name_len + extra_len + comment_len })
    }
}

impl CentralHeader {
    /// Appends the whole entry, with a zip64 field only for the values that need it, and these further extra fields.
    pub(crate) fn write(&self, name: &str, more: &[u8], out: &mut Vec<u8>) {
        let values = [self.uncompressed_size, self.compressed_size, self.offset];
        let narrow = values.map(|value| u32::try_from(value).unwrap_or(IN_ZIP64));
        let wide: Vec<u64> = values
            .into_iter()
            .zip(narrow)
            .filter(|(_, narrow)| *narrow == IN_ZIP64)
            .map(|(value, _)| value)
            .collect();
        let mut extra = Vec::new();
        if !wide.is_empty() {
            extra::push_zip64(&mut extra, &wide);
        }
        extra.extend_from_slice(more);
        let lengths =
            [name.len(), extra.len()].map(|len| u16::try_from(len).expect("names and fields are checked"));

        out.extend_from_slice(&SIGNATURE.to_le_bytes());
        for field in [VERSION_MADE_BY, self.version_needed, self.flags, self.method.number()] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        for field in [TIME_AND_DATE, self.crc32, narrow[1], narrow[0]] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        let (comment_len, internal_attributes) = (0, 0);
        for field in [lengths[0], lengths[1], comment_len, self.disk, internal_attributes] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        for field in [EXTERNAL_ATTRIBUTES, narrow[2]] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&extra);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_with_zip64_only_where_needed() {
        let limit = u64::from(IN_ZIP64);
        let cases = [
            (5, 9, 100, 0),
            (limit - 1, 9, 0, 0),
            (limit, 9, 1, 12),
            (limit, limit + 1, limit * 2, 28),
            (0, 0, limit, 12),
        ];
        for (compressed_size, uncompressed_size, offset, extra_len) in cases {
            let header = CentralHeader {
                version_needed: 20,
                flags: 0,
                method: Method::DEFLATE,
                crc32: 77,
                compressed_size,
                uncompressed_size,
                disk: 0,
                offset,
            };
            let mut bytes = Vec::new();
            header.write("name.npy", &[], &mut bytes);
            assert_eq!(bytes.len(), LEN + 8 + extra_len);
            let entry = CentralEntry::parse(&bytes).unwrap();
            assert_eq!((entry.header, entry.name, entry.len), (header, b"name.npy".as_slice(), bytes.len()));
            assert!((0..bytes.len()).all(|end| CentralEntry::parse(&bytes[..end]).is_none()));
        }
    }
}
