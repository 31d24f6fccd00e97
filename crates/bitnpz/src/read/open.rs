//! Opening an archive's contents.

use std::num::NonZero;

use bitnpz_npz::Member;

use super::contents::Contents;
use super::order::Order;
use super::report::Problem;
use crate::error::{Error, ErrorKind, Result};
use crate::names::{self, is_reserved};
use crate::packed::PackedIndex;
use crate::set::{Sets, Stacks, StoredSet};
use crate::threads;

impl Contents {
    /// Opens the contents of an archive.
    ///
    /// # Errors
    ///
    /// If the library's own members are damaged, or two arrays have the same key.
    pub(super) fn open(zip: bitnpz_npz::Archive, threads: NonZero<usize>) -> Result<Self> {
        let packed = match zip.find(names::PACKED) {
            Some(member) => PackedIndex::from_json(&member.read()?)
                .map_err(|message| ErrorKind::Damaged { member: names::PACKED.to_owned(), message })?,
            None => PackedIndex::default(),
        };
        let damaged = |message| ErrorKind::Damaged { member: names::SETS.to_owned(), message };
        let Sets { names, order } = match zip.find(names::SETS) {
            Some(member) => Sets::from_json(&member.read()?).map_err(damaged)?,
            None => Sets::default(),
        };
        let sets: Vec<_> = names.iter().map(|name| StoredSet::open(&zip, name)).collect::<Result<_>>()?;
        let order = Order::new(order, || counts(&zip, &sets)).map_err(damaged)?;
        let contents = Self { zip, packed, sets, order, threads };
        match contents.ambiguous_key() {
            Some(key) => Err(Error::from(ErrorKind::AmbiguousKey).with_key(&key)),
            None => Ok(contents),
        }
    }

    /// Returns a key that two arrays have, at least one of which is a member or a stack. Images of different sets with the same
    /// key are found by `verify`, because every key would have to be compared.
    fn ambiguous_key(&self) -> Option<String> {
        let in_sets = |key: &str| self.sets.iter().filter(|set| set.has_key(&self.zip, key)).count();
        let stacks = self.sets.iter().filter_map(StoredSet::stacks).flat_map(Stacks::iter);
        let stack =
            stacks.map(|stack| stack.key.as_str()).find(|key| self.member(key).is_some() || in_sets(key) > 1);
        let is_in_sets = |member: &Member<'_>| in_sets(bitnpz_npz::identity(member.key())) > 0;
        let member = || self.members().find(|member| !self.sets.is_empty() && is_in_sets(member));
        stack.map(str::to_owned).or_else(|| member().map(|member| member.key().to_owned()))
    }

    /// Opens the contents of an archive with missing or damaged members. Image sets that cannot be opened are left out; the
    /// problems say why.
    pub(super) fn open_undamaged(zip: bitnpz_npz::Archive) -> (Self, Vec<Problem>) {
        let mut problems = Vec::new();
        let read = |name| zip.find(name).and_then(|member| member.read().ok());
        let packed = read(names::PACKED).map(|json| PackedIndex::from_json(&json));
        let packed = packed.transpose().unwrap_or_else(|message| {
            problems.push(Problem::of_member(names::PACKED, message));
            None
        });
        // Sets that the list does not name, because it is lost, are found by the names of their descriptions.
        let listed = read(names::SETS).and_then(|json| Sets::from_json(&json).ok()).unwrap_or_default();
        let described = zip.members().filter_map(|member| {
            let name = names::described_set(member.name())?.to_owned();
            (!listed.names.contains(&name)).then_some(name)
        });
        let names: Vec<String> = listed.names.iter().cloned().chain(described).collect();
        let (mut sets, mut sources) = (Vec::new(), vec![Some(0)]);
        for name in names {
            match StoredSet::open(&zip, &name) {
                Ok(set) => {
                    sets.push(set);
                    sources.push(Some(sets.len()));
                }
                Err(error) => {
                    problems.push(Problem::of_member(&name, error.to_string()));
                    sources.push(None);
                }
            }
        }
        let source_of = |source: usize| sources.get(source).copied().flatten();
        let runs = listed.order.unwrap_or_default().into_iter();
        let runs = runs.filter_map(|(source, count)| Some((source_of(source)?, count))).collect();
        let order = Order::of_remaining(runs, counts(&zip, &sets));
        let (packed, threads) = (packed.unwrap_or_default(), threads::default_count());
        (Self { zip, packed, sets, order, threads }, problems)
    }
}

/// Returns the number of keys of each source, as numbered by [`Order`].
fn counts(zip: &bitnpz_npz::Archive, sets: &[StoredSet]) -> Vec<usize> {
    let members = zip.members().filter(|member| !is_reserved(member.name())).count();
    std::iter::once(members).chain(sets.iter().map(StoredSet::key_count)).collect()
}
