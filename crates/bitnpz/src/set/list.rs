//! `sets.json`: the image sets of an archive, and the order of its keys.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::description::check_version;
use crate::order::Run;

/// The version of `sets.json`.
const SETS_VERSION: u32 = 1;

/// The names of an archive's sets, and the order in which its keys were saved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sets {
    pub(crate) names: Vec<String>,
    /// The runs of keys in the order of saving; `None` if members come first and then one set after the other.
    pub(crate) order: Option<Vec<Run>>,
    /// The keys of arrays that each shard of an archive has as a whole: when shards are merged, they are not joined.
    pub(crate) whole: BTreeSet<String>,
    /// The keys of ordinary arrays that are images, too few for a set.
    pub(crate) few: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SetsJson {
    version: u32,
    sets: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<Vec<Run>>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    whole: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    few: BTreeSet<String>,
}

impl Sets {
    pub(crate) fn to_json(&self) -> Vec<u8> {
        let Self { names, order, whole, few } = self.clone();
        let sets = SetsJson { version: SETS_VERSION, sets: names, order, whole, few };
        serde_json::to_vec(&sets).expect("names and numbers are plain JSON")
    }

    /// Reads the member's bytes.
    ///
    /// # Errors
    ///
    /// What is wrong with them.
    pub(crate) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let sets: SetsJson = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        check_version(sets.version, SETS_VERSION)?;
        let mut names = HashSet::new();
        match sets.sets.iter().find(|name| !names.insert(name.as_str())) {
            Some(name) => Err(format!("expected names that differ, found {name:?} twice")),
            None => {
                let SetsJson { sets: names, order, whole, few, .. } = sets;
                Ok(Self { names, order, whole, few })
            }
        }
    }
}
