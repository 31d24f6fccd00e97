//! Compressing a member whole.

use std::cell::RefCell;

use bitnpz_npy::with_room;
use libdeflater::{CompressionLvl, Compressor};

use crate::error::Result;
use crate::method::{Compression, Method};

/// A member as it will lie in the archive.
#[derive(Clone, Debug)]
pub struct CompressedMember {
    pub(super) method: Method,
    /// Of the bytes before compression.
    pub(super) crc32: u32,
    /// Of the bytes before compression.
    pub(super) size: u64,
    pub(super) data: Vec<u8>,
    pub(super) is_aligned: bool,
}

thread_local! {
    /// Making a compressor costs more than compressing a small image.
    static DEFLATE: RefCell<Option<(u8, Compressor)>> = const { RefCell::new(None) };
}

impl CompressedMember {
    /// Compresses a member; what does not get smaller is stored.
    ///
    /// # Errors
    ///
    /// If the compressor fails.
    pub fn new(bytes: Vec<u8>, compression: Compression) -> Result<Self> {
        let (crc32, size) = (crc32fast::hash(&bytes), bytes.len() as u64);
        let (method, data) = match compression {
            Compression::Stored => (Method::STORED, None),
            Compression::Deflate { level } => (Method::DEFLATE, deflate(&bytes, level)),
            Compression::Zstd { level } => (Method::ZSTD, Some(zstd(&bytes, level)?)),
        };
        Ok(match data.filter(|data| data.len() < bytes.len()) {
            Some(data) => Self { method, crc32, size, data, is_aligned: false },
            None => {
                let is_aligned = compression == Compression::Stored;
                Self { method: Method::STORED, crc32, size, data: bytes, is_aligned }
            }
        })
    }

    /// Its size in bytes as it will lie in the archive.
    #[must_use]
    pub fn compressed_size(&self) -> usize {
        self.data.len()
    }

    /// A member that is a deflate stream already: of bytes of this size and CRC-32.
    #[must_use]
    pub fn from_deflate(data: Vec<u8>, size: u64, crc32: u32) -> Self {
        Self { method: Method::DEFLATE, crc32, size, data, is_aligned: false }
    }
}

/// A zstd frame of these bytes.
fn zstd(bytes: &[u8], level: u8) -> Result<Vec<u8>> {
    let mut data = with_room(zstd::zstd_safe::compress_bound(bytes.len()))?;
    zstd::bulk::Compressor::new(level.into())?.compress_to_buffer(bytes, &mut data)?;
    Ok(data)
}

/// A deflate stream of these bytes, if it is smaller than they are.
fn deflate(bytes: &[u8], level: u8) -> Option<Vec<u8>> {
    DEFLATE.with_borrow_mut(|cached| {
        let mut known = cached.take().filter(|(known, _)| *known == level);
        let (_, compressor) = known.get_or_insert_with(|| {
            let effort = CompressionLvl::new(i32::from(level.min(12))).unwrap_or_default();
            (level, Compressor::new(effort))
        });
        let mut data = vec![0; bytes.len()];
        let compressed = compressor.deflate_compress(bytes, &mut data);
        *cached = known;
        data.truncate(compressed.ok()?);
        Some(data)
    })
}
