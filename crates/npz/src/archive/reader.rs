//! Reads a member from start to end in bounded memory.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::BzDecoder;
use crc32fast::Hasher;
use flate2::bufread::DeflateDecoder;
use lzma_rust2::LzmaReader;

use super::data::MemberData;
use super::lzma;
use crate::error::{Error, Result};
use crate::method::Method;
use crate::source::ByteSource;

/// A reader of a member's decompressed bytes.
///
/// Size and CRC are verified at the end of the member: the last read fails with
/// [`io::ErrorKind::InvalidData`] if they differ from those in the archive.
pub struct MemberReader<'a> {
    decoder: Decoder<'a>,
    member: MemberData<'a>,
    read: u64,
    hasher: Hasher,
}

enum Decoder<'a> {
    Stored(CompressedReader<'a>),
    Deflate(DeflateDecoder<CompressedReader<'a>>),
    Zstd(Box<zstd::stream::read::Decoder<'static, CompressedReader<'a>>>),
    Bzip2(BzDecoder<CompressedReader<'a>>),
    Lzma(Box<LzmaReader<CompressedReader<'a>>>),
}

/// A member of a file that is read by range is requested in parts of so many bytes.
const REQUEST_BYTES: u64 = 8 << 20;

/// A member's compressed bytes, buffered.
type CompressedReader<'a> = BufReader<SourceRange<'a>>;

struct SourceRange<'a> {
    source: &'a ByteSource,
    position: u64,
    end: u64,
    /// Up to here it is requested, if the file is read by range.
    requested: u64,
}

impl Read for SourceRange<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let len = bytes.len().min(left);
        let end = self.position + len as u64;
        if let ByteSource::Ranges(ranges) = self.source
            && end > self.requested
        {
            self.requested = self.end.min(end.max(self.position + REQUEST_BYTES));
            let request = self.position..self.requested;
            drop(ranges.prefetch(std::iter::once(request)).map_err(io::Error::other)?);
        }
        self.source.read_exact_at(self.position, &mut bytes[..len]).map_err(io::Error::other)?;
        self.position += len as u64;
        Ok(len)
    }
}

impl fmt::Debug for MemberReader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemberReader")
            .field("member", &self.member.name)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

impl<'a> MemberReader<'a> {
    pub(super) fn new(member: &MemberData<'a>) -> Result<Self> {
        let located = member.locate()?;
        let end = located.data_start + member.header.compressed_size;
        let data = BufReader::with_capacity(
            64 << 10,
            SourceRange { source: member.source, position: located.data_start, end, requested: 0 },
        );
        let decoder = match member.header.method {
            Method::STORED => Decoder::Stored(data),
            Method::DEFLATE => Decoder::Deflate(DeflateDecoder::new(data)),
            Method::BZIP2 => Decoder::Bzip2(BzDecoder::new(data)),
            Method::LZMA => Decoder::Lzma(Box::new(lzma::decoder(data, member.header.uncompressed_size)?)),
            _ => Decoder::Zstd(Box::new(zstd::stream::read::Decoder::with_buffer(data)?.single_frame())),
        };
        Ok(Self { decoder, member: member.clone(), read: 0, hasher: Hasher::new() })
    }

    /// Returns the number of decompressed bytes read so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.read
    }

    /// Returns `true` if the decoder has used all compressed bytes.
    fn is_exhausted(&mut self) -> io::Result<bool> {
        let data = match &mut self.decoder {
            Decoder::Stored(data) => data,
            Decoder::Deflate(decoder) => decoder.get_mut(),
            Decoder::Zstd(decoder) => decoder.get_mut(),
            Decoder::Bzip2(decoder) => decoder.get_mut(),
            // This decoder reads ahead, so only size and CRC are checked.
            Decoder::Lzma(_) => return Ok(true),
        };
        Ok(data.fill_buf()?.is_empty())
    }

    /// Returns the error of a decoder, which says what is wrong with the data, as one of a damaged member.
    fn damaged(&self, error: io::Error) -> io::Error {
        let is_of_decoder = !matches!(self.decoder, Decoder::Stored(_))
            && error.get_ref().is_none_or(|error| !error.is::<Error>())
            && error.raw_os_error().is_none()
            && !matches!(error.kind(), io::ErrorKind::OutOfMemory | io::ErrorKind::Interrupted);
        if !is_of_decoder {
            return error;
        }
        let error = Error::corrupt(format!("its compressed data is damaged: {error}"));
        io::Error::new(io::ErrorKind::InvalidData, error.of(&self.member.name))
    }

    fn check_end(&mut self) -> io::Result<()> {
        let size = self.member.header.uncompressed_size;
        let error = if self.read != size {
            Some(Error::inconsistent("the size of the data", size, self.read))
        } else if !self.is_exhausted()? {
            Some(Error::corrupt("bytes follow the end of the compressed data"))
        } else {
            self.member.check_crc32(self.hasher.clone().finalize()).err()
        };
        error.map_or(Ok(()), |error| {
            Err(io::Error::new(io::ErrorKind::InvalidData, error.of(&self.member.name)))
        })
    }
}

impl Read for MemberReader<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let read = match &mut self.decoder {
            Decoder::Stored(data) => data.read(bytes),
            Decoder::Deflate(decoder) => decoder.read(bytes),
            Decoder::Zstd(decoder) => decoder.read(bytes),
            Decoder::Bzip2(decoder) => decoder.read(bytes),
            Decoder::Lzma(decoder) => decoder.read(bytes),
        };
        let read = read.map_err(|error| self.damaged(error))?;
        self.hasher.update(&bytes[..read]);
        self.read += read as u64;
        if read == 0 || self.read > self.member.header.uncompressed_size {
            self.check_end()?;
        }
        Ok(read)
    }
}
