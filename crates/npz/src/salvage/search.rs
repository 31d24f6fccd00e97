//! Searches a damaged archive for members.

use std::collections::BTreeMap;
use std::io::{self, Read};

use bitnpz_npy::zeros;
use bzip2::bufread::BzDecoder;
use crc32fast::Hasher;
use flate2::bufread::DeflateDecoder;

use super::candidate::{Attempt, Candidate, HeaderClaim};
use crate::archive::{DEFLATE_RATIO, lzma};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::method::Method;
use crate::name;
use crate::record::central_header::{self, CentralEntry};
use crate::record::flags;
use crate::record::local_header::{self, LocalHeader};

/// The search stops after decompressing this many times the archive's bytes without result, or so many bytes of a small archive.
/// Honest archives stay far below it; a hostile one could otherwise make the search take hours.
const MAX_READ_FACTOR: u64 = 64;
const MIN_BUDGET: u64 = 256 << 20;

/// For so many entries of the central directory without a local header in their place one is searched for elsewhere.
const MOST_PREFIX_TRIES: usize = 8;

/// The number of decompressed bytes that are hashed at a time: they fit into the second-level cache.
const HASH_BUFFER_BYTES: usize = 1 << 16;

/// Size and CRC of decompressed data; `None` if it could not be decompressed.
type Measured = Option<(u64, u32)>;

pub(super) struct Search<'a> {
    bytes: &'a [u8],
    limits: Limits,
    /// The number of bytes that may still be decompressed without result.
    budget: u64,
    /// The number of bytes that names may still have: those of an honest archive share none.
    name_budget: usize,
}

impl<'a> Search<'a> {
    pub(super) fn new(bytes: &'a [u8], limits: Limits) -> Self {
        let least = MIN_BUDGET.min(limits.member_bytes);
        let budget = (bytes.len() as u64).saturating_mul(MAX_READ_FACTOR).max(least);
        Self { bytes, budget, name_budget: bytes.len(), limits }
    }

    /// Finds all members by their headers, ordered by the offset of the local header.
    pub(super) fn candidates(&mut self) -> Result<BTreeMap<usize, Candidate>> {
        let mut candidates = self.local_headers()?;
        self.add_central_headers(&mut candidates);
        Ok(candidates)
    }

    /// Returns the first attempt that gives data with the right size and CRC.
    pub(super) fn first_intact(&mut self, attempts: &[Attempt]) -> Result<Option<Attempt>> {
        for attempt in attempts {
            if self.is_intact(attempt)? {
                return Ok(Some(*attempt));
            }
        }
        Ok(None)
    }

    /// Returns the offset of the central directory after a member, or the end of the file.
    pub(super) fn directory_start(&self, member: usize) -> usize {
        self.find(central_header::SIGNATURE, member).unwrap_or(self.bytes.len())
    }

    fn local_headers(&mut self) -> Result<BTreeMap<usize, Candidate>> {
        let mut candidates = BTreeMap::<usize, Candidate>::new();
        let mut position = 0;
        while let Some(start) = self.find(local_header::SIGNATURE, position) {
            position = start + 4;
            let Some((claim, data)) = self.parse_local(start)? else { continue };
            if let Some(attempt) = Attempt::new(&claim, data)
                && self.is_intact(&attempt)?
            {
                // A signature within an intact member is data.
                position = attempt.end();
            }
            candidates.entry(start).or_default().local = Some((claim, data));
        }
        Ok(candidates)
    }

    /// Adds the entries of the central directory. They are searched for after the last local header found: the headers of
    /// members after it may be damaged.
    fn add_central_headers(&self, candidates: &mut BTreeMap<usize, Candidate>) {
        let mut position = candidates.last_key_value().map_or(0, |(start, _)| start + 4);
        // The bytes before the archive that its offsets do not count, as those of a program that unpacks it.
        let (mut prefix, mut tries) = (0, MOST_PREFIX_TRIES);
        while let Some(start) = self.find(central_header::SIGNATURE, position) {
            position = start + 4;
            let Some(entry) = CentralEntry::parse(&self.bytes[start..]) else { continue };
            let name = name::decode(entry.name, entry.header.flags);
            let member = usize::try_from(entry.header.offset).ok().filter(|&member| member < start);
            let (Some(name), Some(member)) = (name, member) else { continue };
            let claim = HeaderClaim {
                entry: start,
                name: name.into_owned(),
                method: entry.header.method,
                crc32: entry.header.crc32,
                compressed_size: entry.header.compressed_size,
                size: entry.header.uncompressed_size,
            };
            position = start + entry.len;
            if tries > 0 && !candidates.contains_key(&(member + prefix)) {
                let like = candidates.iter().find(|(_, candidate)| candidate.is_local_of(&claim));
                prefix = like.and_then(|(start, _)| start.checked_sub(member)).unwrap_or(prefix);
                tries -= 1;
            }
            let member = member + prefix;
            candidates.entry(member).or_default().central = Some(claim);
        }
    }

    fn find(&self, signature: u32, from: usize) -> Option<usize> {
        let signature = signature.to_le_bytes();
        let bytes = self.bytes.get(from..)?;
        bytes.windows(4).position(|window| window == signature).map(|offset| from + offset)
    }

    /// Parses the local header at this offset, and returns its claim with the offset of its data.
    fn parse_local(&mut self, start: usize) -> Result<Option<(HeaderClaim, usize)>> {
        let bytes = &self.bytes[start..];
        let Some(header) = LocalHeader::parse(bytes) else { return Ok(None) };
        let name_end = local_header::LEN + usize::from(header.name_len);
        let data = name_end + usize::from(header.extra_len);
        let parts = bytes.get(local_header::LEN..name_end).zip(bytes.get(name_end..data));
        let Some((raw_name, extra)) = parts else { return Ok(None) };
        self.name_budget = self.name_budget.checked_sub(raw_name.len()).ok_or_else(names_overlap)?;
        let name = name::decode(raw_name, header.flags);
        let (Some(name), Some((compressed_size, size))) = (name, header.sizes(extra)) else {
            return Ok(None);
        };
        let mut claim = HeaderClaim {
            entry: usize::MAX,
            name: name.into_owned(),
            method: header.method,
            crc32: header.crc32,
            compressed_size,
            size,
        };
        let has_descriptor = header.flags & flags::DATA_DESCRIPTOR != 0;
        if has_descriptor && claim.method == Method::DEFLATE && compressed_size == 0 {
            self.complete(&mut claim, start + data)?;
        }
        Ok(Some((claim, start + data)))
    }

    /// Completes a claim whose sizes and CRC are in a data descriptor (APPNOTE 4.3.9), which the end of the deflate stream
    /// locates.
    fn complete(&mut self, claim: &mut HeaderClaim, start: usize) -> Result<()> {
        let budget = self.budget;
        let mut decoder = DeflateDecoder::new(&self.bytes[start..]);
        let measured = self.measure(&mut decoder, self.limits.member_bytes, self.bytes.len() - start)?;
        let compressed = decoder.total_in();
        let Some((size, crc32)) = measured else { return Ok(()) };
        let end = start + usize::try_from(compressed).unwrap_or(usize::MAX - start);
        let crc_at = |offset: usize| self.bytes.get(offset..offset + 4) == Some(&crc32.to_le_bytes());
        if crc_at(end) || self.bytes.get(end..end + 4) == Some(b"PK\x07\x08") && crc_at(end + 4) {
            (claim.compressed_size, claim.size, claim.crc32) = (compressed, size, crc32);
            self.budget = budget;
        }
        Ok(())
    }

    /// Decompresses a member and returns `true` if its size and CRC are those of the attempt.
    fn is_intact(&mut self, attempt: &Attempt) -> Result<bool> {
        let Some(mut data) = attempt.data(self.bytes) else { return Ok(false) };
        if attempt.size > self.limits.member_bytes {
            return Ok(false);
        }
        let budget = self.budget;
        let (limit, compressed) = (attempt.size, data.len());
        let measured = match attempt.method {
            Method::STORED => self.measure(&mut data, limit, compressed)?,
            Method::DEFLATE => {
                let mut decoder = DeflateDecoder::new(data);
                let measured = self.measure(&mut decoder, limit, compressed)?;
                data = &data[usize::try_from(decoder.total_in()).unwrap_or(0)..];
                measured
            }
            Method::ZSTD => match zstd::stream::read::Decoder::with_buffer(&mut data) {
                Ok(decoder) => self.measure(&mut decoder.single_frame(), limit, compressed)?,
                Err(_) => None,
            },
            Method::BZIP2 => {
                let mut decoder = BzDecoder::new(data);
                let measured = self.measure(&mut decoder, limit, compressed)?;
                data = &data[usize::try_from(decoder.total_in()).unwrap_or(0)..];
                measured
            }
            Method::LZMA => match lzma::decoder(std::mem::take(&mut data), limit) {
                Ok(mut decoder) => self.measure(&mut decoder, limit, compressed)?,
                Err(_) => None,
            },
            _ => None,
        };
        let is_intact = measured == Some((attempt.size, attempt.crc32)) && data.is_empty();
        if is_intact {
            // Intact members share no bytes and are read twice at most, so they need no budget.
            self.budget = budget;
        }
        Ok(is_intact)
    }

    /// Returns the size and CRC of a reader's bytes, which are these many compressed; `None` if it fails or gives more than `limit`.
    fn measure(&mut self, reader: &mut impl Read, limit: u64, compressed: usize) -> Result<Measured> {
        let (mut buffer, mut size, mut hasher) = (zeros(HASH_BUFFER_BYTES)?, 0, Hasher::new());
        // One member may be as small as deflate can make it.
        let most = self.budget.max(DEFLATE_RATIO.saturating_mul(compressed as u64));
        if self.budget == 0 {
            return Err(gave_up());
        }
        loop {
            let read = match reader.read(&mut buffer) {
                Ok(0) => return Ok(Some((size, hasher.finalize()))),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Ok(None),
            };
            size += read as u64;
            hasher.update(&buffer[..read]);
            self.budget = self.budget.saturating_sub(read as u64);
            if size > most {
                return Err(gave_up());
            }
            if size > limit {
                return Ok(None);
            }
        }
    }
}

fn names_overlap() -> Error {
    Error::corrupt(
        "the search for members gave up: the names that it found take more bytes than the archive".to_owned(),
    )
}

fn gave_up() -> Error {
    Error::corrupt(format!(
        "the search for members gave up: it decompressed {MAX_READ_FACTOR} times the archive's bytes without result"
    ))
}
