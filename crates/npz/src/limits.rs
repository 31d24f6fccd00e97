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
    /// The largest image, in bytes of packed rows, that a few bytes may stand for; 32 MiB unless changed, which is 268 million
    /// pixels. Images of any size may be read that take a thousandth of this in the file. It is for those who know what the
    /// members stand for; this crate does not.
    pub image_bytes: u64,
    /// The longest archive that is read from a stream, such as standard input, into a temporary file, in bytes; 64 GiB unless
    /// changed.
    pub spooled_bytes: u64,
    /// What the members that are arrays may ask for.
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
    /// The names by which [`set`](Self::set) knows the limits.
    pub const NAMES: [&str; 7] = [
        "members",
        "directory_bytes",
        "member_bytes",
        "image_bytes",
        "spooled_bytes",
        "array_bytes",
        "header_bytes",
    ];

    /// Sets the limit of this name, which errors give; `false` if there is none.
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

    /// Images of at most this many bytes of packed rows, if they are of a few bytes.
    #[must_use]
    pub fn with_image_bytes(mut self, image_bytes: u64) -> Self {
        self.image_bytes = image_bytes;
        self
    }

    /// Archives of at most this many bytes from streams.
    #[must_use]
    pub fn with_spooled_bytes(mut self, spooled_bytes: u64) -> Self {
        self.spooled_bytes = spooled_bytes;
        self
    }

    /// These limits for arrays.
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
    fn does_each_name_set_a_limit_of_its_own() {
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
