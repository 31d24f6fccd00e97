//! Limits for archives that are not trusted.

/// The largest sizes that a reader accepts from an archive.
///
/// ```
/// use bitnpz_npz::{Archive, Limits, OpenOptions};
///
/// let options = OpenOptions::default().with_limits(Limits::default().with_member_bytes(1 << 20));
/// assert!(Archive::open_with("no such file.npz", &options).is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The largest number of members; 100,000,000 by default.
    pub members: u64,
    /// The largest central directory in bytes; by default 4 GiB less one, which is the largest that is supported.
    pub directory_bytes: u64,
    /// The largest member, decompressed, that is read into memory, in bytes; 64 GiB by default.
    pub member_bytes: u64,
    /// The largest image that is decoded from a few bytes, in bytes of packed rows; 32 MiB by default, which is 268 million
    /// pixels. Images of any size are allowed that take at least a thousandth of their size in the file. This crate does not
    /// decode images; its callers apply this limit.
    pub image_bytes: u64,
    /// The longest archive that is copied from a stream, such as standard input, into a temporary file, in bytes; 64 GiB by
    /// default. Its callers apply this limit.
    pub spooled_bytes: u64,
    /// The limits for members that are arrays.
    pub npy: bitnpz_npy::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            members: 100_000_000,
            directory_bytes: u32::MAX.into(),
            member_bytes: 64 << 30,
            image_bytes: 32 << 20,
            spooled_bytes: 64 << 30,
            npy: bitnpz_npy::Limits::default(),
        }
    }
}

impl Limits {
    /// The names that [`set`](Self::set) accepts.
    pub const NAMES: [&str; 7] = [
        "members",
        "directory_bytes",
        "member_bytes",
        "image_bytes",
        "spooled_bytes",
        "array_bytes",
        "header_bytes",
    ];

    /// Sets the limit with this name, as errors print it. Returns `false` if there is none.
    pub fn set(&mut self, name: &str, value: u64) -> bool {
        match name {
            "members" => self.members = value,
            "directory_bytes" => self.directory_bytes = value.min(u32::MAX.into()),
            "member_bytes" => self.member_bytes = value,
            "image_bytes" => self.image_bytes = value,
            "spooled_bytes" => self.spooled_bytes = value,
            "array_bytes" => self.npy.array_bytes = value,
            "header_bytes" => self.npy.header_bytes = usize::try_from(value).unwrap_or(usize::MAX),
            _ => return false,
        }
        true
    }

    /// Sets the largest number of members.
    #[must_use]
    pub fn with_members(mut self, members: u64) -> Self {
        self.members = members;
        self
    }

    /// Sets the largest central directory in bytes, at most 4 GiB less one.
    #[must_use]
    pub fn with_directory_bytes(mut self, directory_bytes: u64) -> Self {
        self.directory_bytes = directory_bytes.min(u32::MAX.into());
        self
    }

    /// Sets the largest decompressed member in bytes.
    #[must_use]
    pub fn with_member_bytes(mut self, member_bytes: u64) -> Self {
        self.member_bytes = member_bytes;
        self
    }

    /// Sets the largest image that is decoded from a few bytes, in bytes of packed rows.
    #[must_use]
    pub fn with_image_bytes(mut self, image_bytes: u64) -> Self {
        self.image_bytes = image_bytes;
        self
    }

    /// Sets the longest archive that is copied from a stream, in bytes.
    #[must_use]
    pub fn with_spooled_bytes(mut self, spooled_bytes: u64) -> Self {
        self.spooled_bytes = spooled_bytes;
        self
    }

    /// Sets the limits for arrays.
    #[must_use]
    pub fn with_npy(mut self, npy: bitnpz_npy::Limits) -> Self {
        self.npy = npy;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_sets_its_own_limit() {
        let limited = Limits::NAMES.map(|name| {
            let mut limits = Limits::default();
            assert!(limits.set(name, 7), "{name}");
            limits
        });
        for (number, limits) in limited.iter().enumerate() {
            assert!(*limits != Limits::default() && !limited[..number].contains(limits));
        }
        assert!(!Limits::default().set("pixels", 7));
    }
}
