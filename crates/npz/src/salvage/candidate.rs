//! What the headers say of one member, and the ways to read it.

use crate::method::Method;
use crate::record::{extra, local_header};

/// A member that starts at a known offset, as its headers describe it. At least one of them is there.
#[derive(Debug, Default)]
pub(super) struct Candidate {
    /// The local header's claim, and the offset of the data.
    pub(super) local: Option<(HeaderClaim, usize)>,
    /// The claim of the entry in the central directory.
    pub(super) central: Option<HeaderClaim>,
}

/// What one header says of a member.
#[derive(Clone, Debug)]
pub(super) struct HeaderClaim {
    /// The offset in the file of the entry in the central directory; `usize::MAX` for a local header.
    pub(super) entry: usize,
    pub(super) name: String,
    pub(super) method: Method,
    pub(super) crc32: u32,
    pub(super) compressed_size: u64,
    pub(super) size: u64,
}

/// One way to read a member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) method: Method,
    pub(super) crc32: u32,
    pub(super) size: u64,
    /// The offset of the data.
    pub(super) start: usize,
    /// The length of the data.
    len: usize,
}

impl Attempt {
    /// Makes an attempt to read data at this offset; `None` if its end overflows.
    pub(super) fn new(claim: &HeaderClaim, start: usize) -> Option<Self> {
        let len = usize::try_from(claim.compressed_size).ok()?;
        start.checked_add(len)?;
        Some(Self { method: claim.method, crc32: claim.crc32, size: claim.size, start, len })
    }

    /// Returns the end of the data.
    pub(super) fn end(&self) -> usize {
        self.start + self.len
    }

    /// Returns the data, if it lies within the archive's bytes.
    pub(super) fn data<'a>(&self, archive: &'a [u8]) -> Option<&'a [u8]> {
        archive.get(self.start..self.end())
    }

    /// Returns `true` if the data is stored, with consistent sizes.
    pub(super) fn is_stored(&self) -> bool {
        self.method == Method::STORED && self.size == self.len as u64
    }
}

impl Candidate {
    /// Returns the member's name, and the name in the other header, which is the same unless one of them is damaged.
    ///
    /// If they differ, the first name with a usual extension is taken, the central directory's before the local header's.
    pub(super) fn names(&self) -> [String; 2] {
        let is_usual = |claim: &&HeaderClaim| claim.name.ends_with(".npy") || claim.name.ends_with(".json");
        let (local, central) = (self.local.as_ref().map(|(claim, _)| claim), self.central.as_ref());
        let chosen = central.filter(is_usual).or(local.filter(is_usual)).or(central).or(local);
        let name = |claim: Option<&HeaderClaim>| claim.map_or_else(String::new, |claim| claim.name.clone());
        let other =
            [central, local].into_iter().find(|claim| claim.is_some() && name(*claim) != name(chosen));
        [name(chosen), name(other.unwrap_or(chosen))]
    }

    /// Returns whether it is a local header that says the same as this entry of the central directory.
    pub(super) fn is_local_of(&self, central: &HeaderClaim) -> bool {
        let sizes = |claim: &HeaderClaim| (claim.crc32, claim.compressed_size, claim.size);
        self.central.is_none()
            && self
                .local
                .as_ref()
                .is_some_and(|(local, _)| local.name == central.name && sizes(local) == sizes(central))
    }

    /// Returns the offset of the member's entry in the central directory, or `usize::MAX`, which sorts last.
    pub(super) fn entry(&self) -> usize {
        self.central.as_ref().map_or(usize::MAX, |claim| claim.entry)
    }

    /// Returns the ways to read the member at `start`, the likeliest first. `next` is the offset of the next member.
    pub(super) fn attempts(&self, start: usize, next: usize) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        if let Some((claim, data)) = &self.local {
            attempts.extend(self.central.as_ref().and_then(|central| Attempt::new(central, *data)));
            attempts.extend(Attempt::new(claim, *data));
        }
        if let Some(claim) = &self.central {
            // The local header may be damaged: try the places where its data could start.
            let shortest = start + local_header::LEN + claim.name.len();
            let padded = shortest + extra::padding_len(shortest as u64, 0);
            let before_next =
                usize::try_from(claim.compressed_size).ok().and_then(|len| next.checked_sub(len));
            let starts = [before_next.filter(|&data| data >= shortest), Some(padded), Some(shortest)];
            attempts.extend(starts.into_iter().flatten().filter_map(|data| Attempt::new(claim, data)));
        }
        // A member that overlaps the next one is less likely.
        attempts.sort_by_key(|attempt| attempt.end() > next);
        attempts
    }
}
