//! A model of a disk that loses what was not synced.
//!
//! After a crash of the machine, a write without a later sync of its file may be complete, missing, zeros, or partial. A
//! name that was created, changed or removed without a later sync of its folder may be old or new, independently of earlier
//! changes.

use std::collections::BTreeMap;
use std::fs;

use super::count::Count;
use super::scenario::{Bench, Scenario, name_of};
use crate::command::Outcome;

/// A change of the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Change {
    /// A new file with this name.
    Create(String),
    Write {
        name: String,
        offset: usize,
        data: Vec<u8>,
    },
    Sync(String),
    SyncFolder,
    /// A second name for a file.
    Link(String, String),
    Rename(String, String),
    Unlink(String),
}

/// The content of a file, which may have several names.
#[derive(Clone, Debug, Default)]
struct File {
    synced: Vec<u8>,
    /// The writes since the last sync: offset and data.
    writes: Vec<(usize, Vec<u8>)>,
}

/// A change of a folder; files are given by their numbers.
#[derive(Clone, Debug)]
enum Naming {
    Set(String, usize),
    Remove(String),
    Rename { from: String, to: String, file: usize },
}

/// What is on the disk, and what a crash may undo.
#[derive(Clone, Debug, Default)]
struct Disk {
    files: Vec<File>,
    /// The names that a program sees.
    names: BTreeMap<String, usize>,
    /// The names at the last sync of the folder.
    synced_names: BTreeMap<String, usize>,
    /// The changes of names since then.
    namings: Vec<Naming>,
}

/// Runs a scenario, and checks every state in which a crash at any moment of it may leave the disk.
pub(super) fn run(bench: &Bench, scenario: &Scenario) -> Outcome {
    bench.prepare(scenario)?;
    let log = bench.log();
    let output = bench.faulty(scenario, "").output();
    if !output.map_err(|error| error.to_string())?.status.success() {
        return Err(format!("{}: expected success while the calls are logged", scenario.name));
    }
    let text = fs::read_to_string(&log).map_err(|error| format!("{}: {error}", log.display()))?;
    let changes: Vec<Change> =
        text.lines().filter_map(|line| parse(line, &bench.folder.display().to_string())).collect();
    let mut disk = Disk::default();
    if let Some(old) = &scenario.old {
        disk.files.push(File { synced: old.clone(), writes: Vec::new() });
        disk.names.insert("a.npz".to_owned(), 0);
        disk.synced_names = disk.names.clone();
    }
    let mut count = Count::default();
    for (number, change) in changes.iter().enumerate() {
        disk.apply(change);
        for state in disk.after_crash("a.npz") {
            count.note(scenario, state.as_deref(), &format!("a crash after change {number}"))?;
        }
    }
    if disk.after_crash("a.npz").iter().any(|state| state.as_ref() != Some(&scenario.new)) {
        return Err(format!(
            "{}: expected the new content to be safe once the command has ended",
            scenario.name
        ));
    }
    count.print(scenario, "states of the disk after a crash");
    Ok(())
}

/// Parses a line of the log; lines about other calls give nothing.
fn parse(line: &str, folder: &str) -> Option<Change> {
    let words: Vec<&str> = line.split(' ').collect();
    let name = |path: &str| name_of(path).to_owned();
    Some(match *words.as_slice() {
        ["create", path] => Change::Create(name(path)),
        ["write", path, offset, data] => {
            let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
            let data = data.as_bytes().chunks(2).filter_map(byte).collect();
            Change::Write { name: name(path), offset: offset.parse().ok()?, data }
        }
        ["fsync", path] if path == folder => Change::SyncFolder,
        ["fsync", path] => Change::Sync(name(path)),
        ["link", from, to] => Change::Link(name(from), name(to)),
        ["rename", from, to] => Change::Rename(name(from), name(to)),
        ["unlink", path] => Change::Unlink(name(path)),
        _ => return None,
    })
}

impl Disk {
    fn apply(&mut self, change: &Change) {
        match change {
            Change::Create(name) => {
                self.files.push(File::default());
                let file = self.files.len() - 1;
                self.names.insert(name.clone(), file);
                self.namings.push(Naming::Set(name.clone(), file));
            }
            Change::Write { name, offset, data } => {
                if let Some(&file) = self.names.get(name) {
                    self.files[file].writes.push((*offset, data.clone()));
                }
            }
            Change::Sync(name) => {
                if let Some(&file) = self.names.get(name) {
                    let file = &mut self.files[file];
                    for (offset, data) in std::mem::take(&mut file.writes) {
                        put(&mut file.synced, offset, &data);
                    }
                }
            }
            Change::SyncFolder => {
                self.synced_names = self.names.clone();
                self.namings.clear();
            }
            Change::Link(from, to) => {
                if let Some(&file) = self.names.get(from) {
                    self.names.insert(to.clone(), file);
                    self.namings.push(Naming::Set(to.clone(), file));
                }
            }
            Change::Rename(from, to) => {
                if let Some(file) = self.names.remove(from) {
                    self.names.insert(to.clone(), file);
                    self.namings.push(Naming::Rename { from: from.clone(), to: to.clone(), file });
                }
            }
            Change::Unlink(name) => {
                self.names.remove(name);
                self.namings.push(Naming::Remove(name.clone()));
            }
        }
    }

    /// Lists what may be under a name after a crash now.
    fn after_crash(&self, name: &str) -> Vec<Option<Vec<u8>>> {
        let mut files: Vec<Option<usize>> = Vec::new();
        for kept in subsets(self.namings.len()) {
            let mut names = self.synced_names.clone();
            let kept = self.namings.iter().zip(kept).filter(|(_, is_kept)| *is_kept);
            for (naming, _) in kept {
                match naming {
                    Naming::Set(name, file) => drop(names.insert(name.clone(), *file)),
                    Naming::Remove(name) => drop(names.remove(name)),
                    Naming::Rename { from, to, file } => {
                        names.remove(from);
                        names.insert(to.clone(), *file);
                    }
                }
            }
            let file = names.get(name).copied();
            if !files.contains(&file) {
                files.push(file);
            }
        }
        files
            .iter()
            .flat_map(|file| file.map_or_else(|| vec![None], |file| self.files[file].after_crash()))
            .collect()
    }
}

impl File {
    /// Lists what the file may hold after a crash now.
    fn after_crash(&self) -> Vec<Option<Vec<u8>>> {
        let mut states = Vec::new();
        for kept in subsets(self.writes.len()) {
            for lost in [Lost::Missing, Lost::Zeros, Lost::Torn] {
                let mut content = self.synced.clone();
                for ((offset, data), is_kept) in self.writes.iter().zip(&kept) {
                    match (is_kept, &lost) {
                        (true, _) => put(&mut content, *offset, data),
                        (false, Lost::Missing) => {}
                        (false, Lost::Zeros) => put(&mut content, *offset, &vec![0; data.len()]),
                        (false, Lost::Torn) => put(&mut content, *offset, &data[..data.len() / 2]),
                    }
                }
                if !states.contains(&Some(content.clone())) {
                    states.push(Some(content));
                }
            }
        }
        states
    }
}

/// What is left of a write that was not synced.
enum Lost {
    Missing,
    Zeros,
    Torn,
}

/// Writes to a file, which grows if it has to.
fn put(content: &mut Vec<u8>, offset: usize, data: &[u8]) {
    let end = offset + data.len();
    content.resize(content.len().max(end), 0);
    content[offset..end].copy_from_slice(data);
}

/// Lists the subsets of `count` changes to try: all of them for up to 8 changes, since 256 are quick; for more, each prefix, each
/// change alone and all but each.
fn subsets(count: usize) -> Vec<Vec<bool>> {
    if count <= 8 {
        return (0..1_usize << count)
            .map(|bits| (0..count).map(|place| bits >> place & 1 == 1).collect())
            .collect();
    }
    let choose = |is_in: &dyn Fn(usize) -> bool| (0..count).map(is_in).collect::<Vec<bool>>();
    let mut subsets = Vec::new();
    for place in 0..=count {
        subsets.push(choose(&|other| other < place));
        subsets.push(choose(&|other| other == place));
        subsets.push(choose(&|other| other != place));
    }
    subsets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn states(changes: &[Change]) -> Vec<Option<Vec<u8>>> {
        let mut disk = Disk::default();
        changes.iter().for_each(|change| disk.apply(change));
        disk.after_crash("a")
    }

    #[test]
    fn may_tear_a_file_renamed_before_its_sync() {
        let [temporary, name] = ["t", "a"].map(str::to_owned);
        let write = Change::Write { name: temporary.clone(), offset: 0, data: vec![1; 4] };
        let [create, sync] = [Change::Create(temporary.clone()), Change::Sync(temporary.clone())];
        let rename = Change::Rename(temporary, name);
        let careless = states(&[create.clone(), write.clone(), rename.clone(), Change::SyncFolder]);
        assert!(careless.contains(&Some(vec![1, 1])) && careless.contains(&Some(vec![0; 4])));
        let careful = states(&[create.clone(), write.clone(), sync.clone(), rename.clone()]);
        assert!(careful.contains(&None) && careful.contains(&Some(vec![1; 4])) && careful.len() == 2);
        let done = states(&[create, write, sync, rename, Change::SyncFolder]);
        assert_eq!(done, [Some(vec![1; 4])]);
    }
}
