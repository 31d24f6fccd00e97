//! Taking members out of a damaged archive, with or without its central directory.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use bzip2::bufread::BzDecoder;
use crc32fast::Hasher;
use flate2::bufread::DeflateDecoder;

use crate::archive::lzma;
use crate::error::{Error, ErrorKind, Result};
use crate::limits::Limits;
use crate::method::Method;
use crate::name;
use crate::record::central_header::{self, CentralEntry};
use crate::record::local_header::{self, LocalHeader};
use crate::record::{extra, flags};
use crate::source::ByteSource;
use crate::writer::Writer;

/// False leads are followed until this many times the archive's bytes have been read.
const MAX_READ_FACTOR: u64 = 64;

/// What came of the members of a damaged archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvaged {
    /// The names of members that are gone, and why.
    pub gone: Vec<(String, String)>,
    /// The names of members that are there, and those that they have in their other header: one of the two is damaged.
    pub renamed: Vec<(String, String)>,
    /// The names, by either header, of stored members that are there although their bytes are not all as they were.
    pub changed: Vec<String>,
    /// The numbers of the members in the new archive, in the order in which the damaged one lists them; those that it does not
    /// list come last.
    pub listed: Vec<usize>,
}

/// Writes every member of a damaged archive that is whole into another archive.
///
/// Members are found by their local headers and by what is left of the central directory; one is whole if its bytes have
/// the size and the CRC that either says. Of a stored member that is not, `mend` may make something of use.
///
/// # Errors
///
/// If the file cannot be read, or writing fails.
pub fn salvage<W: Write + Seek>(
    path: impl AsRef<Path>,
    writer: &mut Writer<W>,
    limits: &Limits,
    mut mend: impl for<'a> FnMut(&str, &'a [u8]) -> Option<Cow<'a, [u8]>>,
) -> Result<Salvaged> {
    let source = ByteSource::map(path.as_ref())?;
    let bytes = source.bytes().unwrap_or_default();
    let mut search =
        Search { bytes, limits, left: (bytes.len() as u64 + 1024).saturating_mul(MAX_READ_FACTOR) };
    let mut salvaged = Salvaged::default();
    let leads = search.leads()?;
    let starts: Vec<usize> = leads.keys().copied().collect();
    // Up to where it is known what the bytes are, and where the last whole member ends.
    let (mut known, mut end) = (0, 0);
    let mut listed = Vec::new();
    for (number, (start, lead)) in leads.into_iter().enumerate() {
        if start < end {
            continue;
        }
        salvaged.note_unknown(known, start);
        let next = starts.get(number + 1).copied().unwrap_or_else(|| search.directory_start(start));
        known = next;
        let [name, other] = lead.names();
        let entry = lead.central.as_ref().map_or(usize::MAX, |claim| claim.entry);
        let before = writer.len();
        let attempts = lead.attempts(start, next);
        let mut whole = None;
        for attempt in attempts.iter().filter(|attempt| attempt.is_within(bytes)) {
            if search.is_whole(attempt)? {
                whole = Some(attempt);
                break;
            }
        }
        let (method, size, crc32, data) = if let Some(attempt) = whole {
            (known, end) = (attempt.end(), attempt.end());
            (attempt.method, attempt.size, attempt.crc32, Cow::Borrowed(&bytes[attempt.start..end]))
        } else {
            let stored = attempts.iter().find(|attempt| attempt.is_stored() && attempt.is_within(bytes));
            let mended = stored.and_then(|attempt| {
                let data = &bytes[attempt.start..attempt.end()];
                mend(&name, data).or_else(|| mend(&other, data))
            });
            let Some(data) = mended else {
                let why = "expected the size and CRC that its records say, found other bytes";
                salvaged.gone.push((name, why.to_owned()));
                continue;
            };
            salvaged.changed.extend([name.clone(), other.clone()]);
            (Method::STORED, data.len() as u64, crc32fast::hash(&data), data)
        };
        match writer.add_raw(&name, method, size, crc32, &data) {
            Err(error) if matches!(error.kind(), ErrorKind::Duplicate | ErrorKind::BadName) => {
                salvaged.gone.push((name.clone(), error.to_string()));
            }
            result => result?,
        }
        if other != name {
            // Whoever looks for the member by either name finds it.
            match writer.add_raw(&other, method, size, crc32, &data) {
                Err(error) if matches!(error.kind(), ErrorKind::Duplicate | ErrorKind::BadName) => {}
                result => result?,
            }
            salvaged.renamed.push((name, other));
        }
        listed.extend((before..writer.len()).map(|member| (entry, member)));
    }
    listed.sort_by_key(|&(entry, _)| entry);
    salvaged.listed = listed.into_iter().map(|(_, member)| member).collect();
    salvaged.note_unknown(known, search.directory_start(known));
    Ok(salvaged)
}

impl Salvaged {
    /// Notes that nothing tells what these bytes are.
    fn note_unknown(&mut self, start: usize, end: usize) {
        // A few are padding.
        if end > start + usize::from(extra::STORED_ALIGNMENT) {
            let why =
                "expected the header of a member before them, found none: it is not known what they were";
            self.gone.push((format!("bytes {start} to {end}"), why.to_owned()));
        }
    }
}

/// What a header says of a member.
#[derive(Clone, Debug)]
struct Claim {
    /// Where it stands in the central directory: by the place of the entry in the file.
    entry: usize,
    name: String,
    method: Method,
    crc32: u32,
    compressed_size: u64,
    size: u64,
}

/// What is known of the member at one place.
#[derive(Debug, Default)]
struct Lead {
    /// What the local header says, and where the data starts.
    local: Option<(Claim, usize)>,
    central: Option<Claim>,
}

/// A member as it may be.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    method: Method,
    crc32: u32,
    size: u64,
    start: usize,
    len: usize,
}

impl Attempt {
    fn new(claim: &Claim, start: usize) -> Option<Self> {
        let len = usize::try_from(claim.compressed_size).ok()?;
        start.checked_add(len)?;
        Some(Self { method: claim.method, crc32: claim.crc32, size: claim.size, start, len })
    }

    fn end(&self) -> usize {
        self.start + self.len
    }

    fn is_within(&self, bytes: &[u8]) -> bool {
        self.end() <= bytes.len()
    }

    fn is_stored(&self) -> bool {
        self.method == Method::STORED && self.size == self.len as u64
    }
}

impl Lead {
    /// The member's name: where the headers differ that of the central directory, unless it is the other that can be one.
    /// The other header's is the second.
    fn names(&self) -> [String; 2] {
        let is_npy = |claim: &&Claim| claim.name.ends_with(".npy") || claim.name.ends_with(".json");
        let (local, central) = (self.local.as_ref().map(|(claim, _)| claim), self.central.as_ref());
        let chosen = central.filter(is_npy).or(local.filter(is_npy)).or(central).or(local);
        let name = |claim: Option<&Claim>| claim.map_or_else(String::new, |claim| claim.name.clone());
        let other =
            [central, local].into_iter().find(|claim| claim.is_some() && name(*claim) != name(chosen));
        [name(chosen), name(other.unwrap_or(chosen))]
    }

    /// What the member at `start` may be, the likeliest first, if the next one is at `next`.
    fn attempts(&self, start: usize, next: usize) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        if let Some((claim, data)) = &self.local {
            attempts.extend(self.central.as_ref().and_then(|central| Attempt::new(central, *data)));
            attempts.extend(Attempt::new(claim, *data));
        }
        if let Some(claim) = &self.central {
            // The local header may tell the length of its fields wrong.
            let shortest = start + local_header::LEN + claim.name.len();
            let padding = extra::padding_len(shortest as u64, 0);
            let before_next =
                usize::try_from(claim.compressed_size).ok().and_then(|len| next.checked_sub(len));
            let starts =
                [before_next.filter(|&data| data >= shortest), Some(shortest + padding), Some(shortest)];
            attempts.extend(starts.into_iter().flatten().filter_map(|data| Attempt::new(claim, data)));
        }
        // A member that would reach over the next one is less likely.
        attempts.sort_by_key(|attempt| attempt.end() > next);
        attempts
    }
}

struct Search<'a> {
    bytes: &'a [u8],
    limits: &'a Limits,
    /// The bytes that may still be read.
    left: u64,
}

impl Search<'_> {
    /// What the headers say that are left, by the place of the local header.
    fn leads(&mut self) -> Result<BTreeMap<usize, Lead>> {
        let mut leads = BTreeMap::<usize, Lead>::new();
        let mut position = 0;
        while let Some(start) = self.find(local_header::SIGNATURE, position) {
            position = start + 4;
            let Some((claim, data)) = self.local(start)? else { continue };
            if let Some(attempt) = Attempt::new(&claim, data).filter(|attempt| attempt.is_within(self.bytes))
                && self.is_whole(&attempt)?
            {
                // What looks like a header within a member that is whole is none.
                position = attempt.end();
            }
            leads.entry(start).or_default().local = Some((claim, data));
        }
        // The headers of the last members may be damaged, so that entries are looked for behind the last one found.
        let mut position = leads.last_key_value().map_or(0, |(start, _)| start + 4);
        while let Some(start) = self.find(central_header::SIGNATURE, position) {
            position = start + 4;
            let Some(entry) = CentralEntry::parse(&self.bytes[start..]) else { continue };
            let name = name::decode(entry.name, entry.header.flags);
            let place = usize::try_from(entry.header.offset).ok().filter(|&place| place < start);
            let (Some(name), Some(place)) = (name, place) else { continue };
            let central = Claim {
                entry: start,
                name: name.into_owned(),
                method: entry.header.method,
                crc32: entry.header.crc32,
                compressed_size: entry.header.compressed_size,
                size: entry.header.uncompressed_size,
            };
            position = start + entry.len;
            leads.entry(place).or_default().central = Some(central);
        }
        Ok(leads)
    }

    /// Where the central directory starts behind a member, or the file ends.
    fn directory_start(&self, member: usize) -> usize {
        self.find(central_header::SIGNATURE, member).unwrap_or(self.bytes.len())
    }

    fn find(&self, signature: u32, from: usize) -> Option<usize> {
        let signature = signature.to_le_bytes();
        let bytes = self.bytes.get(from..)?;
        bytes.windows(4).position(|window| window == signature).map(|place| from + place)
    }

    /// The claim of the local header at this place, and where its data starts.
    fn local(&mut self, start: usize) -> Result<Option<(Claim, usize)>> {
        let bytes = &self.bytes[start..];
        let Some(header) = LocalHeader::parse(bytes) else { return Ok(None) };
        let name_end = local_header::LEN + usize::from(header.name_len);
        let data = name_end + usize::from(header.extra_len);
        let parts = bytes.get(local_header::LEN..name_end).zip(bytes.get(name_end..data));
        let Some((raw_name, extra)) = parts else { return Ok(None) };
        let name = name::decode(raw_name, header.flags);
        let (Some(name), Some((compressed_size, size))) = (name, header.sizes(extra)) else {
            return Ok(None);
        };
        let mut claim = Claim {
            entry: usize::MAX,
            name: name.into_owned(),
            method: header.method,
            crc32: header.crc32,
            compressed_size,
            size,
        };
        if header.flags & flags::DATA_DESCRIPTOR != 0
            && claim.method == Method::DEFLATE
            && compressed_size == 0
        {
            self.describe(&mut claim, start + data)?;
        }
        Ok(Some((claim, start + data)))
    }

    /// Completes a claim whose sizes and CRC stand behind its data (APPNOTE 4.3.9).
    fn describe(&mut self, claim: &mut Claim, start: usize) -> Result<()> {
        let left = self.left;
        let mut decoder = DeflateDecoder::new(&self.bytes[start..]);
        let (size, crc32) = self.measure(&mut decoder, self.limits.member_bytes)?;
        let compressed = decoder.total_in();
        let Some(size) = size else { return Ok(()) };
        let end = start + usize::try_from(compressed).unwrap_or(usize::MAX - start);
        let crc_at = |place: usize| self.bytes.get(place..place + 4) == Some(&crc32.to_le_bytes());
        if crc_at(end) || self.bytes.get(end..end + 4) == Some(b"PK\x07\x08") && crc_at(end + 4) {
            (claim.compressed_size, claim.size, claim.crc32) = (compressed, size, crc32);
            self.left = left;
        }
        Ok(())
    }

    /// Whether the bytes are those that the attempt says.
    fn is_whole(&mut self, attempt: &Attempt) -> Result<bool> {
        if attempt.size > self.limits.member_bytes {
            return Ok(false);
        }
        let left = self.left;
        let mut data = &self.bytes[attempt.start..attempt.end()];
        let limit = attempt.size;
        let (size, crc32) = match attempt.method {
            Method::STORED => self.measure(&mut data, limit)?,
            Method::DEFLATE => {
                let mut decoder = DeflateDecoder::new(data);
                let measured = self.measure(&mut decoder, limit)?;
                data = &data[usize::try_from(decoder.total_in()).unwrap_or(0)..];
                measured
            }
            Method::ZSTD => match zstd::stream::read::Decoder::with_buffer(&mut data) {
                Ok(decoder) => self.measure(&mut decoder.single_frame(), limit)?,
                Err(_) => (None, 0),
            },
            Method::BZIP2 => {
                let mut decoder = BzDecoder::new(data);
                let measured = self.measure(&mut decoder, limit)?;
                data = &data[usize::try_from(decoder.total_in()).unwrap_or(0)..];
                measured
            }
            Method::LZMA => match lzma::decoder(std::mem::take(&mut data), limit) {
                Ok(mut decoder) => self.measure(&mut decoder, limit)?,
                Err(_) => (None, 0),
            },
            _ => (None, 0),
        };
        let is_whole = size == Some(attempt.size) && crc32 == attempt.crc32 && data.is_empty();
        if is_whole {
            // No false lead: members that are whole share no bytes, so that each is read but twice.
            self.left = left;
        }
        Ok(is_whole)
    }

    /// The size and CRC of what a reader gives; no size if it fails or gives more than `limit`.
    fn measure(&mut self, reader: &mut impl Read, limit: u64) -> Result<(Option<u64>, u32)> {
        let (mut piece, mut size, mut hasher) = (vec![0; 1 << 16], 0, Hasher::new());
        loop {
            let read = match reader.read(&mut piece) {
                Ok(0) => return Ok((Some(size), hasher.finalize())),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Ok((None, 0)),
            };
            size += read as u64;
            hasher.update(&piece[..read]);
            self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
                Error::corrupt(format!("more false leads than {MAX_READ_FACTOR} times the archive's bytes"))
            })?;
            if size > limit {
                return Ok((None, 0));
            }
        }
    }
}
