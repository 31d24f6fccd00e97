//! Where an archive's bytes go.

use std::io::{self, Seek, SeekFrom, Write};

use bitnpz_npz::AtomicFile;

use crate::progress::Meter;

/// A file that takes the bytes of an archive, and counts them.
#[derive(Debug)]
pub(crate) struct Sink {
    file: AtomicFile,
    position: u64,
    meter: Meter,
}

impl Sink {
    pub(super) fn new(file: AtomicFile, meter: Meter) -> Self {
        Self { file, position: 0, meter }
    }

    /// The file with all that was written.
    pub(super) fn into_file(self) -> AtomicFile {
        self.file
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.position += written as u64;
        self.meter.reach(self.position);
        self.meter.tell();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Sink {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.position = self.file.seek(position)?;
        Ok(self.position)
    }
}
