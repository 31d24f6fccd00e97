//! Reads a member from start to end in bounded memory.

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use bzip2::bufread::BzDecoder;
use crc32fast::Hasher;
use flate2::bufread::DeflateDecoder;
use lzma_rust2::LzmaReader;

use super::ahead::Ahead;
use super::data::MemberData;
use super::lzma;
use crate::error::{Error, Result};
use crate::method::Method;

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

/// So much of a member of a file that is read by range is requested at first, with its header: often only the start is read.
const FIRST_BYTES: u64 = 64 << 10;

/// Then it is requested in parts of so many bytes.
const REQUEST_BYTES: u64 = 8 << 20;

/// A member's compressed bytes, buffered.
type CompressedReader<'a> = BufReader<SourceRange<'a>>;

struct SourceRange<'a> {
    ahead: Ahead<'a>,
    position: u64,
    end: u64,
}

impl Read for SourceRange<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let left = self.end - self.position;
        if self.ahead.from(self.position).is_empty() {
            let request = left.min(REQUEST_BYTES.max(bytes.len() as u64));
            self.ahead.request(self.position..self.position + request).map_err(io::Error::other)?;
        }
        let most = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        let read = self.ahead.read(self.position, &mut bytes[..most]).map_err(io::Error::other)?;
        self.position += read as u64;
        Ok(read)
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
        let (mut ahead, size) = (Ahead::new(member.source, Vec::new()), member.header.compressed_size);
        ahead.request(member.request(0..size.min(FIRST_BYTES)))?;
        let position = member.locate_in(&ahead)?.data_start;
        let range = SourceRange { ahead, position, end: position + size };
        let data = BufReader::with_capacity(64 << 10, range);
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
