//! The files below a folder.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// What is below a folder, sorted by name.
#[derive(Default)]
pub(super) struct Walk {
    /// The files, each with its folder relative to the first.
    pub(super) files: Vec<(PathBuf, PathBuf)>,
    /// What can be neither read nor listed: pipes, devices, sockets.
    pub(super) special: Vec<PathBuf>,
    /// The links to a folder that they are in themselves, which are not followed.
    pub(super) loops: Vec<PathBuf>,
    /// The folder that is being listed and those above it, without links.
    above: Vec<PathBuf>,
}

impl Walk {
    /// Lists everything below a folder.
    pub(super) fn of(folder: &Path) -> io::Result<Self> {
        let mut walk = Self::default();
        walk.list(folder, Path::new(""))?;
        Ok(walk)
    }

    fn list(&mut self, folder: &Path, within: &Path) -> io::Result<()> {
        let real = folder.canonicalize()?;
        if self.above.contains(&real) {
            self.loops.push(folder.to_owned());
            return Ok(());
        }
        self.above.push(real);
        let mut entries =
            fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
        entries.sort();
        for path in entries {
            if path.is_dir() {
                self.list(&path, &within.join(path.file_name().unwrap_or_default()))?;
            } else if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
                self.special.push(path);
            } else {
                self.files.push((path, within.to_owned()));
            }
        }
        self.above.pop();
        Ok(())
    }
}
