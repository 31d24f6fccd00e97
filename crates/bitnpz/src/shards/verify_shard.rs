//! Verifying one of the shards.

use super::describe::has_only_common;
use super::open_shards::{OpenShard, OpenShards, Part};
use crate::error::{Error, Result};
use crate::read::{Problem, Report};

impl OpenShards {
    /// Verifies a shard, with its pixels or only its structure, and what the manifest says of it.
    pub(super) fn verify_shard(&self, number: usize, pixels: bool) -> Result<Report> {
        let arrays = || {
            let all = self.manifest.arrays.iter().zip(&self.manifest.shards()[number].items).enumerate();
            // A shard without images with keys of their own has no set of them.
            let there = all.filter(|(_, (array, items))| array.key.is_some() || **items > 0);
            there.map(|(array, _)| array).collect::<Vec<_>>()
        };
        let parts = || arrays().into_iter().try_for_each(|array| self.part(number, array).map(drop));
        let mut report = match self.get(number) {
            Ok(shard) if pixels => shard.archive.verify(|_| ())?,
            Ok(shard) => shard.archive.verify_structure()?,
            Err(error) if self.is_of_store(&error) => return Err(error),
            Err(error) => {
                let problems = vec![Problem::of_member("", error.to_string())];
                return Ok(Report { problems, ..Report::default() });
            }
        };
        let found = parts().and_then(|()| self.check_contradictions(number, pixels));
        if report.problems.is_empty()
            && let Err(error) = found
        {
            if self.is_of_store(&error) {
                return Err(error);
            }
            report.problems.push(Problem::of_member("", error.to_string()));
        }
        Ok(report)
    }

    /// Returns whether a store cannot be read, which says nothing about a shard.
    fn is_of_store(&self, error: &Error) -> bool {
        self.place.is_store() && error.is_of_system()
    }

    /// Checks that a shard has the arrays that are the same in all, and if `pixels` says so, that images of one value have no pixel
    /// of the other.
    fn check_contradictions(&self, number: usize, pixels: bool) -> Result<()> {
        let shard = self.get(number)?;
        let first = match self.get(0) {
            Err(error) if self.is_of_store(&error) => return Err(error),
            // The report of the first shard says why it cannot be opened.
            first => first.ok(),
        };
        for key in &self.manifest.shared {
            let content = |shard: &OpenShard| {
                shard.archive.zip().find(key).map(|member| (member.crc32(), member.size()))
            };
            let found = content(&shard);
            if found.is_none() || first.as_ref().is_some_and(|first| content(first) != found) {
                return Err(shard.contradicts(format!(
                    "{key:?}: expected the array of the first shard, found another or none"
                )));
            }
        }
        for (array, cut) in self.manifest.arrays.iter().enumerate().filter(|_| pixels) {
            if self.manifest.shards()[number].items[array] == 0 {
                continue;
            }
            if let (Some(kind), Part::Images(images)) = (&cut.kind, self.part(number, array)?)
                && kind.bits != images.kind().bits
                && !has_only_common(&images, kind)?
            {
                let ([off, on], [own_off, own_on]) = (kind.values(), images.values());
                let message =
                    format!("expected pixels of {on} or {off}, found pixels of {own_on} or {own_off}");
                return Err(shard.contradicts(message));
            }
        }
        Ok(())
    }
}
