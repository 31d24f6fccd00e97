//! How much an archive may ask for.

/// How much an archive may ask for before it is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The most members; 100,000,000 unless changed.
    pub members: u64,
    /// The largest central directory in bytes; 4 GiB less one, which is the most there can be.
    pub directory_bytes: u64,
    /// The largest member, decompressed, that is read into memory; 64 GiB unless changed.
    pub member_bytes: u64,
    /// What the members that are arrays may ask for.
    pub npy: bitnpz_npy::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 100_000_000,
            directory_bytes: u32::MAX.into(),
            member_bytes: 64 << 30,
            npy: bitnpz_npy::Limits::default(),
        }
    }
}

impl Limits {
    /// At most this many members.
    #[must_use]
    pub fn with_members(mut self, members: u64) -> Self {
        self.members = members;
        self
    }

    /// A central directory of at most this many bytes, and never 4 GiB or more.
    #[must_use]
    pub fn with_directory_bytes(mut self, directory_bytes: u64) -> Self {
        self.directory_bytes = directory_bytes.min(u32::MAX.into());
        self
    }

    /// Members of at most this many bytes, decompressed.
    #[must_use]
    pub fn with_member_bytes(mut self, member_bytes: u64) -> Self {
        self.member_bytes = member_bytes;
        self
    }

    /// These limits for arrays.
    #[must_use]
    pub fn with_npy(mut self, npy: bitnpz_npy::Limits) -> Self {
        self.npy = npy;
        self
    }
}
