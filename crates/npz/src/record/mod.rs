//! Parses and writes the records of a ZIP archive, one module per record.

pub(crate) mod central_header;
pub(crate) mod end_record;
pub(crate) mod extra;
pub(crate) mod local_header;
pub(crate) mod parts;

/// The general purpose flags (APPNOTE 4.4.4) that this crate uses.
pub(crate) mod flags {
    /// Options of the compression method: the effort of deflate, the end marker of LZMA.
    pub(crate) const METHOD_OPTIONS: u16 = 0b110;
    /// The data is encrypted.
    pub(crate) const ENCRYPTED: u16 = 1 << 0;
    /// A data descriptor after the data has the sizes and the CRC; the local header need not have them.
    pub(crate) const DATA_DESCRIPTOR: u16 = 1 << 3;
    /// The data is a patch for another file.
    pub(crate) const PATCH: u16 = 1 << 5;
    /// The data is strongly encrypted.
    pub(crate) const STRONGLY_ENCRYPTED: u16 = 1 << 6;
    /// The name is UTF-8.
    pub(crate) const UTF8: u16 = 1 << 11;
    /// Values in local headers are masked.
    pub(crate) const MASKED: u16 = 1 << 13;
}

/// The value of a 32-bit field whose true value is in the zip64 extra field.
pub(crate) const IN_ZIP64: u32 = u32::MAX;

/// The version of the format that has zip64 fields (APPNOTE 4.4.3.2).
pub(crate) const ZIP64_VERSION: u16 = 45;

/// Reads the little-endian fields of a record one after the other.
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> [u8; N] {
        let (field, rest) =
            self.0.split_first_chunk().expect("a record's length is checked before its fields");
        self.0 = rest;
        *field
    }

    pub(crate) fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.take())
    }

    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take())
    }

    pub(crate) fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take())
    }
}
