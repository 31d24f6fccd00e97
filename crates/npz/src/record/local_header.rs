//! The local file header, which precedes a member's data (APPNOTE 4.3.7).

use super::central_header::CentralHeader;
use super::{Fields, IN_ZIP64, extra};
use crate::method::Method;

pub(crate) const SIGNATURE: u32 = 0x0403_4B50;
pub(crate) const LEN: usize = 30;

/// A local file header, without its name and extra field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LocalHeader {
    pub(crate) version_needed: u16,
    pub(crate) flags: u16,
    pub(crate) method: Method,
    pub(crate) crc32: u32,
    pub(crate) compressed_size: u32,
    pub(crate) uncompressed_size: u32,
    pub(crate) name_len: u16,
    pub(crate) extra_len: u16,
}

impl LocalHeader {
    /// Parses the fixed part; `None` if the bytes are not a local header.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes.get(..LEN)?);
        if fields.u32() != SIGNATURE {
            return None;
        }
        let (version_needed, flags, method) = (fields.u16(), fields.u16(), fields.u16());
        let _time_and_date = fields.u32();
        Some(Self {
            version_needed,
            flags,
            method: Method::from_number(method),
            crc32: fields.u32(),
            compressed_size: fields.u32(),
            uncompressed_size: fields.u32(),
            name_len: fields.u16(),
            extra_len: fields.u16(),
        })
    }

    /// Returns the length of the header with its name and extra field.
    pub(crate) fn len(&self) -> u64 {
        (LEN + usize::from(self.name_len) + usize::from(self.extra_len)) as u64
    }

    /// Returns the compressed and the uncompressed size, from the zip64 field if the header refers to it; `None` if that
    /// field is missing.
    pub(crate) fn sizes(&self, extra: &[u8]) -> Option<(u64, u64)> {
        let sizes = [self.uncompressed_size, self.compressed_size];
        let [uncompressed, compressed] = extra::zip64(extra, sizes.map(|size| size == IN_ZIP64))?;
        Some((compressed.unwrap_or(sizes[1].into()), uncompressed.unwrap_or(sizes[0].into())))
    }

    /// Appends the fixed part. The time is constant, so that equal input gives equal bytes.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&SIGNATURE.to_le_bytes());
        for field in [self.version_needed, self.flags, self.method.number()] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        out.extend_from_slice(&super::central_header::TIME_AND_DATE.to_le_bytes());
        for field in [self.crc32, self.compressed_size, self.uncompressed_size] {
            out.extend_from_slice(&field.to_le_bytes());
        }
        for field in [self.name_len, self.extra_len] {
            out.extend_from_slice(&field.to_le_bytes());
        }
    }
}

/// Returns a whole local header: the fixed part, the name and the extra field.
pub(crate) fn whole(header: &CentralHeader, name: &str, extra: &[u8]) -> Vec<u8> {
    let wide = extra::zip64(extra, [true, true]).is_some();
    let size = |size: u64| {
        if wide { IN_ZIP64 } else { u32::try_from(size).expect("larger sizes have a zip64 field") }
    };
    let mut bytes = Vec::with_capacity(LEN + name.len() + extra.len());
    LocalHeader {
        version_needed: header.version_needed,
        flags: header.flags,
        method: header.method,
        crc32: header.crc32,
        compressed_size: size(header.compressed_size),
        uncompressed_size: size(header.uncompressed_size),
        name_len: u16::try_from(name.len()).expect("names are checked"),
        extra_len: u16::try_from(extra.len()).expect("padding is short"),
    }
    .write(&mut bytes);
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(extra);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips() {
        let header = LocalHeader {
            version_needed: 45,
            flags: 1 << 11,
            method: Method::DEFLATE,
            crc32: 0x1234_5678,
            compressed_size: IN_ZIP64,
            uncompressed_size: 9,
            name_len: 3,
            extra_len: 12,
        };
        let mut bytes = Vec::new();
        header.write(&mut bytes);
        assert_eq!(bytes.len(), LEN);
        assert_eq!(LocalHeader::parse(&bytes), Some(header.clone()));
        assert_eq!(LocalHeader::parse(&bytes[..29]), None);
        let mut extra = Vec::new();
        extra::push_zip64(&mut extra, &[1 << 33]);
        assert_eq!(header.sizes(&extra), Some((1 << 33, 9)));
        assert_eq!(header.sizes(&[]), None);
    }
}
