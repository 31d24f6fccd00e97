//! Where an archive is written to, with a meter.

use std::fmt;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};

use bitnpz_npz::AtomicFile;

use crate::error::Result;
use crate::progress::Meter;

/// The length of the buffer of an output: each write of one may be a system call, or a request.
const BUFFER_BYTES: usize = 256 << 10;

/// Where an archive is written to; it tells a meter how long it has become.
#[derive(Debug)]
pub(super) struct Target {
    kind: TargetKind,
    position: u64,
    meter: Meter,
}

enum TargetKind {
    /// A file that appears at its path when it is committed.
    File(AtomicFile),
    /// An output of the caller's, which cannot be sought.
    Output(Output),
}

/// An output with a buffer, which is not written if the archive is abandoned; `None` once everything has been written.
struct Output(Option<BufWriter<Box<dyn Write + Send>>>);

impl Output {
    fn get(&mut self) -> io::Result<&mut impl Write> {
        self.0.as_mut().ok_or_else(|| io::Error::other("the archive is complete"))
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        drop(self.0.take().map(BufWriter::into_parts));
    }
}

impl fmt::Debug for TargetKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => file.fmt(f),
            Self::Output(_) => f.write_str("Output"),
        }
    }
}

impl Target {
    pub(super) fn file(file: AtomicFile, meter: Meter) -> Self {
        Self { kind: TargetKind::File(file), position: 0, meter }
    }

    pub(super) fn output(output: Box<dyn Write + Send>, meter: Meter) -> Self {
        Self {
            kind: TargetKind::Output(Output(Some(BufWriter::with_capacity(BUFFER_BYTES, output)))),
            position: 0,
            meter,
        }
    }

    pub(super) fn is_seekable(&self) -> bool {
        matches!(self.kind, TargetKind::File(_))
    }

    /// Syncs everything that was written to a file to disk.
    pub(super) fn sync(&mut self) -> Result<()> {
        match &mut self.kind {
            TargetKind::File(file) => Ok(file.sync()?),
            TargetKind::Output(_) => Ok(()),
        }
    }

    /// Makes everything that was written appear at its path; in the output of a caller it is already.
    pub(super) fn commit(self) -> Result<()> {
        match self.kind {
            TargetKind::File(file) => Ok(file.commit()?),
            TargetKind::Output(mut output) => Ok(output
                .0
                .take()
                .map_or(Ok(()), |mut output| output.flush())
                .map_err(bitnpz_npz::Error::from)?),
        }
    }

    /// Copies everything that was written to a file.
    pub(super) fn copy_to(self, out: impl Write) -> Result<()> {
        match self.kind {
            TargetKind::File(file) => Ok(file.copy_to(out)?),
            TargetKind::Output(_) => {
                let message =
                    "expected an archive in a file, found one that was written to an output: use finish";
                let error = io::Error::new(io::ErrorKind::InvalidInput, message);
                Err(bitnpz_npz::Error::from(error).into())
            }
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.kind {
            TargetKind::File(file) => file.write(bytes)?,
            TargetKind::Output(output) => output.get()?.write(bytes)?,
        };
        self.position += written as u64;
        self.meter.record_bytes(self.position);
        self.meter.report();
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.kind {
            TargetKind::File(file) => file.flush(),
            TargetKind::Output(output) => output.get()?.flush(),
        }
    }
}

impl Seek for Target {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        match &mut self.kind {
            TargetKind::File(file) => self.position = file.seek(position)?,
            TargetKind::Output(_) => return Err(io::ErrorKind::NotSeekable.into()),
        }
        Ok(self.position)
    }
}
