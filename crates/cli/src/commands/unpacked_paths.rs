//! The paths in a folder that keys and members are unpacked to.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

/// The paths that files were written to: their hashes, since there may be millions.
#[derive(Default)]
pub(super) struct UsedPaths {
    files: HashSet<u64>,
    /// The folders of stacks, with the number of images in each.
    stacks: HashMap<u64, usize>,
    hasher: RandomState,
}

impl UsedPaths {
    /// Adds the path of a file. Returns whether nothing else was written to it.
    pub(super) fn add(&mut self, path: &Path) -> bool {
        let stack = path.parent().and_then(|folder| self.stacks.get(&self.hash(folder)));
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        let is_of_stack = stack.zip(number).is_some_and(|(images, number)| {
            number < *images && path.file_name() == Some(image_name(number).as_ref())
        });
        let hash = self.hash(path);
        self.files.insert(hash) && !is_of_stack
    }

    /// Adds the folder of a stack. Returns whether it is that of no other.
    pub(super) fn add_stack(&mut self, folder: &Path, images: usize) -> bool {
        let hash = self.hash(folder);
        self.stacks.insert(hash, images).is_none()
    }

    /// Returns whether nothing but an image of a stack was written to this path.
    pub(super) fn is_free(&self, path: &Path) -> bool {
        !self.files.contains(&self.hash(path))
    }

    fn hash(&self, path: &Path) -> u64 {
        self.hasher.hash_one(comparable(path))
    }
}

/// Returns the name of the file of an image of a stack.
pub(super) fn image_name(number: usize) -> String {
    format!("{number:06}.png")
}

/// Returns a path in a form that is the same for all names of a file.
fn comparable(path: &Path) -> PathBuf {
    // File systems of these systems take upper and lower case for the same.
    if cfg!(any(windows, target_os = "macos")) {
        path.to_string_lossy().to_lowercase().into()
    } else {
        path.to_owned()
    }
}

/// Returns the relative path of a key, if it stays inside its folder on any system.
pub(super) fn path_of(key: &str) -> Result<PathBuf, String> {
    let mut path = PathBuf::new();
    for part in key.split(['/', '\\']) {
        if part.is_empty() || part == "." || part == ".." || part.contains(':') || is_device(part) {
            return Err(format!(
                "refused to unpack the key {key:?}: it would be written outside the folder or to a device"
            ));
        }
        path.push(part);
    }
    Ok(path)
}

/// Returns whether a name is that of a device on Windows, where its extension does not count.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_ascii_uppercase();
    let port = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    let is_number = |text: &str| matches!(text.as_bytes(), [b'1'..=b'9']) || ["¹", "²", "³"].contains(&text);
    ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str()) || port.is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_keys_that_leave_the_folder() {
        for key in ["../a", "a/../../b", "/etc/x", "a//b", "C:x", "\\\\host\\x", ".", ""] {
            assert!(path_of(key).is_err(), "{key}");
        }
        for key in ["a", "a/b.c", "ix-000001", "..a", "conductor"] {
            assert!(path_of(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn refuses_names_of_devices_and_no_others() {
        for key in ["nul", "Con", "prn.txt", "AUX .x", "a/com1.txt", "COM9", "lpt1", "LPT²", "com³/a"] {
            assert!(path_of(key).is_err(), "{key}");
        }
        for key in ["come", "comp", "lpts", "com", "com0", "com10", "comé", "com12", "nule", "console"] {
            assert!(path_of(key).is_ok(), "{key}");
        }
    }

    #[test]
    fn a_path_is_used_once() {
        let mut used = UsedPaths::default();
        let mut add = |text: &str| used.add(&path_of(text).unwrap());
        assert!(add("a/b") && add("a/c"));
        assert!(!add("a\\b"));
        // Linux tells upper from lower case.
        assert_eq!(add("A/b"), cfg!(target_os = "linux"));
    }

    #[test]
    fn a_path_in_the_folder_of_a_stack_is_used_once() {
        let mut used = UsedPaths::default();
        assert!(used.add(Path::new("s/000001.png")) && used.add_stack(Path::new("s"), 20));
        assert!(!used.is_free(Path::new("s/000001.png")) && used.is_free(Path::new("s/000002.png")));
        for (name, is_free) in
            [("000019.png", false), ("000020.png", true), ("19.png", true), ("000003.npy", true)]
        {
            assert_eq!(used.add(&Path::new("s").join(name)), is_free, "{name}");
        }
    }
}
