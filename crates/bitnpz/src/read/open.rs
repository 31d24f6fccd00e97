//! Opening an archive's contents.

use std::collections::HashMap;
use std::num::NonZero;

use bitnpz_npz::Member;

use super::contents::{Contents, SetArray};
use super::order::Order;
use super::report::Problem;
use crate::error::{Error, ErrorKind, Result};
use crate::names::{self, is_reserved};
use crate::packed::PackedIndex;
use crate::set::{Sets, StackShape, Stacks, StoredSet};
use crate::threads;

/// Other keys are compared with those of images in so many sets when an archive is opened: writers make eight.
const MOST_COMPARED: usize = 64;

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
        let Sets { names, order, whole, few } = match zip.find(names::SETS) {
            Some(member) => Sets::from_json(&member.read()?).map_err(damaged)?,
            None => Sets::default(),
        };
        let sets: Vec<_> = names.iter().map(|name| StoredSet::open(&zip, name)).collect::<Result<_>>()?;
        let order = Order::new(order, || counts(&zip, &sets)).map_err(damaged)?;
        let (stacks, twice) = find_stacks(&sets);
        let contents = Self { zip, packed, sets, stacks, order, whole, few, threads };
        match twice.or_else(|| contents.ambiguous_key()) {
            Some(key) => Err(Error::from(ErrorKind::AmbiguousKey).with_key(&key)),
            None => Ok(contents),
        }
    }

    /// Returns a key that two arrays have, at least one of which is a member or a stack. Images of different sets with the same
    /// key are found by `verify`, because every key would have to be compared; so are those of very many sets.
    fn ambiguous_key(&self) -> Option<String> {
        let keyed: Vec<_> = self.keyed_sets().map(|(_, set)| set).collect();
        let keyed = if keyed.len() > MOST_COMPARED { &[] } else { keyed.as_slice() };
        let is_keyed = |key: &str| keyed.iter().any(|set| set.find(&self.zip, key).is_some());
        let stack = self.stacks.keys().find(|key| self.member(key).is_some() || is_keyed(key));
        let is_in_sets = |member: &Member<'_>| is_keyed(bitnpz_npz::identity(member.key()));
        let member = || self.members().find(|member| !keyed.is_empty() && is_in_sets(member));
        stack.cloned().or_else(|| member().map(|member| member.key().to_owned()))
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
        let (stacks, _) = find_stacks(&sets);
        (Self { zip, packed, sets, stacks, order, whole: listed.whole, few: listed.few, threads }, problems)
    }
}

/// Returns the images of each stack by its key, and a key that two stacks have.
fn find_stacks(sets: &[StoredSet]) -> (HashMap<String, SetArray>, Option<String>) {
    let (mut found, mut twice) = (HashMap::new(), None);
    for (number, set) in sets.iter().enumerate() {
        for (place, StackShape { key, .. }) in set.stacks().into_iter().flat_map(Stacks::iter).enumerate() {
            let array = SetArray { set: number, images: set.images_of_key(place) };
            if found.insert(key.clone(), array).is_some() {
                twice = Some(key.clone());
            }
        }
    }
    (found, twice)
}

/// Returns the number of keys of each source, as numbered by [`Order`].
fn counts(zip: &bitnpz_npz::Archive, sets: &[StoredSet]) -> Vec<usize> {
    let members = zip.members().filter(|member| !is_reserved(member.name())).count();
    std::iter::once(members).chain(sets.iter().map(StoredSet::key_count)).collect()
}
