//! The member of an array that is written piece by piece.

use std::fmt;
use std::io::Write;

use bitnpz_npy::Header;
use bitnpz_npz::{Compression, ErrorKind, Stream};

use super::ledger::Ledger;
use super::output::Output;
use super::target::Target;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::names;
use crate::packed::PackedKind;

/// An array that is to be written piece by piece.
#[derive(Debug)]
pub(super) struct NewArray<'a> {
    pub(super) key: &'a str,
    /// Its place in the order of saving.
    pub(super) place: usize,
    /// What its images are, if its items are their packed rows.
    pub(super) kind: Option<PackedKind>,
    /// Whether it is deflated in parts, so that not all of it need be read.
    pub(super) in_parts: bool,
}

/// A member to which the items of an array are written. If it is dropped without [`finish`](Self::finish), the archive fails.
pub(super) struct ArrayStream<'a> {
    /// `None` once writing has failed: what follows would be in another place.
    stream: Option<Stream<'a, Target>>,
    ledger: &'a mut Ledger,
    key: String,
    /// The number of the member.
    number: usize,
    place: usize,
    kind: Option<PackedKind>,
}

impl fmt::Debug for ArrayStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ArrayStream").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Output {
    /// Starts the member of an array whose key is claimed. `header` is the one that it has as far as its length is known.
    pub(super) fn start_array(
        &mut self,
        array: NewArray<'_>,
        header: &Header,
        compression: Compression,
    ) -> Result<ArrayStream<'_>> {
        let NewArray { key, place, kind, in_parts } = array;
        let (name, head, number) = (names::of_array(key), header.to_bytes()?, self.zip.len());
        let stream = if in_parts {
            self.zip.stream_in_parts(&name, head, header.data_len() as u64, compression)
        } else {
            self.zip.stream_with(&name, head, compression)
        };
        let stream = stream.map_err(|error| Error::from(error).with_key(key))?;
        Ok(ArrayStream {
            stream: Some(stream),
            ledger: &mut self.ledger,
            key: key.to_owned(),
            number,
            place,
            kind,
        })
    }
}

impl ArrayStream<'_> {
    /// Writes some bytes of the items.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.try_write(bytes);
        if written.is_err() {
            self.stream = None;
        }
        written.map_err(|error| error.with_key(&self.key))
    }

    fn try_write(&mut self, bytes: &[u8]) -> Result<()> {
        interrupt::check()?;
        let stream = self.stream.as_mut().ok_or(ErrorKind::Poisoned).map_err(bitnpz_npz::Error::from)?;
        Ok(stream.write_all(bytes).map_err(bitnpz_npz::Error::from)?)
    }

    /// Ends the array, whose header and number of images are known now.
    pub(super) fn finish(self, header: &Header, images: usize) -> Result<()> {
        let Self { stream, ledger, key, number, place, kind } = self;
        let stream = stream.ok_or(ErrorKind::Poisoned).map_err(bitnpz_npz::Error::from)?;
        stream.finish(&header.to_bytes()?).map_err(|error| Error::from(error).with_key(&key))?;
        ledger.note_array(number, place, kind, images);
        Ok(())
    }
}
