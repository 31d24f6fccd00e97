//! The records at the end of an archive, which locate the central directory (APPNOTE 4.3.14 to 4.3.16).

use super::Fields;

const SIGNATURE: u32 = 0x0605_4B50;
pub(crate) const LEN: usize = 22;
const ZIP64_SIGNATURE: u32 = 0x0606_4B50;
pub(crate) const ZIP64_LEN: usize = 56;
const LOCATOR_SIGNATURE: u32 = 0x0706_4B50;
pub(crate) const LOCATOR_LEN: usize = 20;

/// Version 4.5 of the format, which zip64 needs.
const ZIP64_VERSION: u16 = 45;

/// The end of central directory record, without its comment; or the zip64 record, which has the same fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndRecord {
    pub(crate) disk: u32,
    pub(crate) directory_disk: u32,
    pub(crate) entries_here: u64,
    pub(crate) entries: u64,
    pub(crate) directory_size: u64,
    pub(crate) directory_offset: u64,
}

/// The locator of the zip64 end record, which precedes the end record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Locator {
    pub(crate) disk: u32,
    pub(crate) offset: u64,
    pub(crate) disks: u32,
}

impl EndRecord {
    /// Parses the record at the start of `tail`; `None` unless its comment ends where `tail` does.
    pub(crate) fn parse(tail: &[u8]) -> Option<Self> {
        let mut fields = Fields(tail.get(..LEN)?);
        if fields.u32() != SIGNATURE {
            return None;
        }
        let record = Self {
            disk: fields.u16().into(),
            directory_disk: fields.u16().into(),
            entries_here: fields.u16().into(),
            entries: fields.u16().into(),
            directory_size: fields.u32().into(),
            directory_offset: fields.u32().into(),
        };
        (LEN + usize::from(fields.u16()) == tail.len()).then_some(record)
    }

    /// Returns `true` if a zip64 record has the same values, except where a field refers to it.
    pub(crate) fn agrees(&self, zip64: &Self) -> bool {
        let agree = |narrow: u64, wide: u64, marker: u64| narrow == marker || narrow == wide;
        let (short, long) = (u16::MAX.into(), u32::MAX.into());
        agree(self.disk.into(), zip64.disk.into(), short)
            && agree(self.directory_disk.into(), zip64.directory_disk.into(), short)
            && agree(self.entries_here, zip64.entries_here, short)
            && agree(self.entries, zip64.entries, short)
            && agree(self.directory_size, zip64.directory_size, long)
            && agree(self.directory_offset, zip64.directory_offset, long)
    }

    /// Returns `true` if a field must refer to a zip64 record. The number of entries need not: 65,535 can be their number.
    pub(crate) fn needs_zip64(&self) -> bool {
        self.directory_size == u32::MAX.into() || self.directory_offset == u32::MAX.into()
    }

    /// Parses a zip64 record, and returns it with the length that its own field gives.
    pub(crate) fn parse_zip64(bytes: &[u8]) -> Option<(Self, u64)> {
        let mut fields = Fields(bytes.get(..ZIP64_LEN)?);
        if fields.u32() != ZIP64_SIGNATURE {
            return None;
        }
        let len = fields.u64().checked_add(12)?;
        let _versions = fields.u32();
        let record = Self {
            disk: fields.u32(),
            directory_disk: fields.u32(),
            entries_here: fields.u64(),
            entries: fields.u64(),
            directory_size: fields.u64(),
            directory_offset: fields.u64(),
        };
        Some((record, len))
    }

    /// Appends the records that end an archive, with zip64 records only if a value needs them.
    pub(crate) fn write(entries: u64, directory_size: u64, directory_offset: u64, out: &mut Vec<u8>) {
        let long = u64::from(u32::MAX);
        if entries > u16::MAX.into() || directory_size >= long || directory_offset >= long {
            out.extend_from_slice(&ZIP64_SIGNATURE.to_le_bytes());
            out.extend_from_slice(&(ZIP64_LEN as u64 - 12).to_le_bytes());
            out.extend_from_slice(&ZIP64_VERSION.to_le_bytes());
            out.extend_from_slice(&ZIP64_VERSION.to_le_bytes());
            out.extend_from_slice(&[0; 8]);
            for field in [entries, entries, directory_size, directory_offset] {
                out.extend_from_slice(&field.to_le_bytes());
            }
            out.extend_from_slice(&LOCATOR_SIGNATURE.to_le_bytes());
            out.extend_from_slice(&[0; 4]);
            out.extend_from_slice(&(directory_offset + directory_size).to_le_bytes());
            out.extend_from_slice(&1_u32.to_le_bytes());
        }
        let entries = u16::try_from(entries).unwrap_or(u16::MAX);
        out.extend_from_slice(&SIGNATURE.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&entries.to_le_bytes());
        out.extend_from_slice(&entries.to_le_bytes());
        for field in [directory_size, directory_offset] {
            out.extend_from_slice(&u32::try_from(field).unwrap_or(u32::MAX).to_le_bytes());
        }
        out.extend_from_slice(&[0; 2]);
    }
}

impl Locator {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let mut fields = Fields(bytes.get(..LOCATOR_LEN)?);
        (fields.u32() == LOCATOR_SIGNATURE).then(|| Self {
            disk: fields.u32(),
            offset: fields.u64(),
            disks: fields.u32(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_trips_with_zip64_only_where_needed() {
        let long = u64::from(u32::MAX);
        for (entries, size, offset, wide) in [
            (3, 100, 500, false),
            (65_535, 9, 9, false),
            (65_536, 9, 9, true),
            (1, long, 9, true),
            (1, 9, long + 5, true),
        ] {
            let mut bytes = Vec::new();
            EndRecord::write(entries, size, offset, &mut bytes);
            assert_eq!(bytes.len(), if wide { ZIP64_LEN + LOCATOR_LEN + LEN } else { LEN });
            let expected = EndRecord {
                disk: 0,
                directory_disk: 0,
                entries_here: entries,
                entries,
                directory_size: size,
                directory_offset: offset,
            };
            let end = EndRecord::parse(&bytes[bytes.len() - LEN..]).unwrap();
            assert!(end.agrees(&expected));
            if wide {
                assert_eq!(EndRecord::parse_zip64(&bytes), Some((expected, ZIP64_LEN as u64)));
                assert_eq!(Locator::parse(&bytes[ZIP64_LEN..]).unwrap().offset, offset + size);
            } else {
                assert_eq!(end, expected);
            }
        }
    }
}
