//! Which process something belongs to.

use std::io;

/// The process that made a file or a thread. A fork of it inherits its memory, but no threads, and shares its files: it must
/// neither write nor remove them, and would wait for a thread forever.
#[derive(Clone, Copy, Debug)]
pub struct Owner(u32);

impl Owner {
    /// This process.
    #[must_use]
    pub fn current() -> Self {
        Self(std::process::id())
    }

    /// That this process is the owner.
    ///
    /// # Errors
    ///
    /// If it is a fork of it.
    pub fn check(self) -> io::Result<()> {
        if self.0 == std::process::id() {
            return Ok(());
        }
        Err(io::Error::other(
            "this process is a fork of the one that writes the archive, and cannot go on with it",
        ))
    }
}
