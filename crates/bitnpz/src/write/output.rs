//! The archive that is being written, with its ledger.

use bitnpz_npy::Header;
use bitnpz_npz::Owner;

use super::ledger::{Ledger, Summary};
use super::target::Target;
use super::trial::SmallTrials;
use crate::encoding::Encoding;
use crate::error::{Error, ErrorKind, Result};
use crate::held_file::HeldFile;
use crate::names;
use crate::options::WriteOptions;
use crate::progress::Meter;
use crate::set::KeySet;
use crate::threads;

/// The archive that is being written.
pub(super) struct Output {
    pub(super) zip: bitnpz_npz::Writer<Target>,
    pub(super) ledger: Ledger,
    /// The keys of all arrays, of which many are no members yet, or become none.
    keys: KeySet,
    pub(super) meter: Meter,
    pub(super) trials: SmallTrials,
    owner: Owner,
    /// Whether there may be image sets: beside them, large arrays are deflated in parts.
    pub(super) has_sets: bool,
}

/// Smaller arrays are deflated in one go, and read whole: that takes a few milliseconds.
const PARTS_BYTES: usize = 1 << 20;

impl Output {
    /// Starts an archive there.
    pub(super) fn new(target: Target, options: &WriteOptions, meter: Meter) -> Self {
        let threads = options.threads.unwrap_or_else(threads::default_count);
        let zip_options = bitnpz_npz::WriteOptions::default();
        let zip_options = zip_options.with_compression(options.compression).with_threads(threads);
        let zip = if target.is_seekable() {
            bitnpz_npz::Writer::new(target, &zip_options)
        } else {
            bitnpz_npz::Writer::new_unseekable(target, &zip_options)
        };
        let has_sets = options.encoding.unwrap_or_default() == Encoding::Sets;
        Self {
            zip,
            ledger: Ledger::default(),
            keys: KeySet::default(),
            meter,
            trials: SmallTrials::default(),
            owner: Owner::current(),
            has_sets,
        }
    }

    /// Returns whether a key is taken.
    pub(super) fn contains(&self, key: &str) -> bool {
        self.keys.contains(bitnpz_npz::identity(key))
    }

    /// Takes a key.
    pub(super) fn claim(&mut self, key: &str) -> Result<()> {
        if self.keys.insert(bitnpz_npz::identity(key)) {
            return Ok(());
        }
        Err(Error::from(ErrorKind::DuplicateKey).with_key(key))
    }

    /// Returns whether an array of this header is deflated in parts, so that not all of it need be read.
    pub(super) fn has_parts(&self, header: &Header) -> bool {
        let has_items_in_order = !header.fortran_order || header.shape.len() == 1;
        self.has_sets && header.data_len() >= PARTS_BYTES && !header.shape.is_empty() && has_items_in_order
    }

    /// Checks that this process started the archive: a fork would write into its parent's files.
    pub(super) fn check_owner(&self) -> Result<()> {
        Ok(self.owner.check().map_err(bitnpz_npz::Error::from)?)
    }

    /// Makes a change that is whole or not there: if it fails halfway, the archive is abandoned and cannot be finished.
    pub(super) fn whole<R>(&mut self, change: impl FnOnce(&mut Self) -> Result<R>) -> Result<R> {
        change(self).inspect_err(|_| self.zip.abandon())
    }

    /// Ends the archive, whose central directory lists the members with these numbers first.
    /// `appended_to` is the file that it replaces, which must still be there.
    pub(super) fn finish(
        mut self,
        listed: &[usize],
        appended_to: Option<HeldFile>,
    ) -> Result<FinishedOutput> {
        if let Some(index) = self.ledger.packed_index(|number| self.zip.name(number)) {
            self.zip.add(names::PACKED, index.to_json())?;
        }
        let target = self.zip.finish_in_order(listed)?;
        Ok(FinishedOutput { summary: self.ledger.summary(), target, meter: self.meter, appended_to })
    }
}

/// An archive that is complete and not committed yet.
pub(super) struct FinishedOutput {
    pub(super) summary: Summary,
    pub(super) target: Target,
    pub(super) meter: Meter,
    appended_to: Option<HeldFile>,
}

impl FinishedOutput {
    /// Makes the archive appear at its path. Of several writers that append to one file, the first one does.
    pub(super) fn commit(mut self) -> Result<Summary> {
        if let Some(file) = &self.appended_to {
            // What takes long comes before the lock.
            self.target.sync()?;
            file.lock_if_possible()?;
            if !file.is_there() {
                return Err(ErrorKind::ArchiveChanged { path: file.path().to_owned() }.into());
            }
        }
        self.target.commit()?;
        Ok(self.summary)
    }
}
