//! The paths in a folder that keys and members are unpacked to.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The paths that files were written to, each with its key.
#[derive(Default)]
pub(super) struct UsedPaths(HashMap<PathBuf, Rc<str>>);

impl UsedPaths {
    /// Adds the path of a file, unless there is one of another key.
    pub(super) fn add(&mut self, path: &Path, key: &Rc<str>) -> Result<(), String> {
        match self.0.insert(comparable(path), Rc::clone(key)) {
            Some(other) => Err(format!(
                "{other:?} and {key:?} would both be written to {}: unpack one of them into another folder",
                path.display()
            )),
            None => Ok(()),
        }
    }
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
        let mut add = |text: &str| {
            let key: Rc<str> = text.into();
            used.add(&path_of(text).unwrap(), &key)
        };
        assert!(add("a/b").is_ok() && add("a/c").is_ok());
        assert!(add("a\\b").unwrap_err().starts_with("\"a/b\" and \"a\\\\b\" would both be written to "));
        // Linux tells upper from lower case.
        assert_eq!(add("A/b").is_ok(), cfg!(target_os = "linux"));
    }
}
