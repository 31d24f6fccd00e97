//! Compresses a whole member.

use std::cell::RefCell;

use bitnpz_npy::with_room;
use libdeflater::{CompressionLvl, Compressor};

use crate::error::Result;
use crate::memory::check_room;
use crate::method::{Compression, Method};

/// The data of a member as it will be stored in the archive.
///
/// ```
/// use bitnpz_npz::{CompressedMember, Compression};
///
/// let member = CompressedMember::new(vec![0; 1000], Compression::default())?;
/// assert!(member.compressed_size() < 50);
/// # Ok::<(), bitnpz_npz::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct CompressedMember {
    pub(super) method: Method,
    /// The CRC-32 of the uncompressed bytes.
    pub(super) crc32: u32,
    /// The size of the uncompressed bytes.
    pub(super) size: u64,
    pub(super) data: Vec<u8>,
    pub(super) placement: Placement,
}

/// The position of a member's data in the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Placement {
    /// At a multiple of [`STORED_ALIGNMENT`](crate::record::extra::STORED_ALIGNMENT).
    Aligned,
    /// Right after the local header.
    Unaligned,
}

impl Placement {
    /// Returns the placement of data that was compressed with this method elsewhere.
    pub(super) fn of(method: Method) -> Self {
        if method == Method::STORED { Self::Aligned } else { Self::Unaligned }
    }
}

thread_local! {
    /// The last compressor of this thread and its level: making one costs more than compressing a small image.
    static DEFLATE: RefCell<Option<(u8, Compressor)>> = const { RefCell::new(None) };
}

impl CompressedMember {
    /// Compresses a member. Stores it instead if that does not make it smaller.
    ///
    /// # Errors
    ///
    /// If the compressor fails, or the memory cannot be allocated.
    pub fn new(bytes: Vec<u8>, compression: Compression) -> Result<Self> {
        let (crc32, size) = (crc32fast::hash(&bytes), bytes.len() as u64);
        let (method, data) = match compression {
            Compression::Stored => (Method::STORED, None),
            Compression::Deflate { level } => (Method::DEFLATE, deflate(&bytes, level)?),
            Compression::Zstd { level } => (Method::ZSTD, Some(zstd(&bytes, level)?)),
        };
        Ok(match data.filter(|data| data.len() < bytes.len()) {
            Some(data) => Self { method, crc32, size, data, placement: Placement::Unaligned },
            None => {
                let placement = Placement::of(compression.method());
                Self { method: Method::STORED, crc32, size, data: bytes, placement }
            }
        })
    }

    /// Returns the compressed size in bytes.
    #[must_use]
    pub fn compressed_size(&self) -> usize {
        self.data.len()
    }

    /// Makes a member of an existing deflate stream, with the size and the CRC-32 of its uncompressed bytes.
    #[must_use]
    pub fn from_deflate(data: Vec<u8>, size: u64, crc32: u32) -> Self {
        Self { method: Method::DEFLATE, crc32, size, data, placement: Placement::Unaligned }
    }
}

/// Compresses bytes to a zstd frame.
fn zstd(bytes: &[u8], level: u8) -> Result<Vec<u8>> {
    let mut data = with_room(zstd::zstd_safe::compress_bound(bytes.len()))?;
    zstd::bulk::Compressor::new(level.into())?.compress_to_buffer(bytes, &mut data)?;
    Ok(data)
}

/// Compresses bytes to a deflate stream, if that is smaller.
fn deflate(bytes: &[u8], level: u8) -> Result<Option<Vec<u8>>> {
    check_room(bytes.len())?;
    DEFLATE.with_borrow_mut(|cached| {
        let mut known = cached.take().filter(|(known, _)| *known == level);
        let (_, compressor) = known.get_or_insert_with(|| {
            let effort = CompressionLvl::new(i32::from(level.min(12))).unwrap_or_default();
            (level, Compressor::new(effort))
        });
        let mut data = vec![0; bytes.len()];
        let compressed = compressor.deflate_compress(bytes, &mut data);
        *cached = known;
        Ok(compressed.ok().map(|len| {
            data.truncate(len);
            data
        }))
    })
}
