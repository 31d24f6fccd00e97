//! The files of a pack that can be resumed: the partial archive FILE.partial, and FILE.partial.job, which records the
//! inputs and options it was started with.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bitnpz::{file_at, replace_file, sync_folder_of};

use super::files;
use crate::failure::{Failure, Outcome};

/// The paths of a partial archive, of its job, and of the archive that it becomes.
pub(super) struct Partial {
    output: PathBuf,
    archive: PathBuf,
    job: PathBuf,
}

impl Partial {
    /// Derives the paths from that of the output. Links are followed, so that all are in one folder.
    pub(super) fn of(output: &Path) -> Result<Self, Failure> {
        let target = file_at(output).map_err(|error| Failure::at(output, error))?;
        let output = target.ok_or_else(|| {
            let message = "--resume: expected an archive that is a file, found a folder, a device or a pipe";
            Failure::at(output, message)
        })?;
        let with_suffix = |path: &OsStr, suffix: &str| {
            let mut name = path.to_owned();
            name.push(suffix);
            PathBuf::from(name)
        };
        let archive = with_suffix(output.as_os_str(), ".partial");
        let job = with_suffix(archive.as_os_str(), ".job");
        Ok(Self { output, archive, job })
    }

    pub(super) fn archive(&self) -> &Path {
        &self.archive
    }

    /// Checks that the partial archive was started with this job; records the job if there is no partial archive.
    pub(super) fn check(&self, job: &str) -> Outcome {
        if files::exists(&self.archive)? {
            if !files::exists(&self.job)? {
                let message = format!(
                    "{} is missing, which says what it was started with; remove the file to start over",
                    self.job.display()
                );
                return Err(Failure::at(&self.archive, message));
            }
            let recorded = fs::read_to_string(&self.job).map_err(|error| Failure::at(&self.job, error))?;
            if recorded == job {
                return Ok(());
            }
            let message = "was started with other inputs or options; use the same again, or remove the file to start over";
            return Err(Failure::at(&self.archive, message));
        }
        self.record(job).map_err(|error| Failure::at(&self.job, error))
    }

    /// Writes the job durably, before anything of the archive is written.
    fn record(&self, job: &str) -> io::Result<()> {
        let mut file = File::create(&self.job)?;
        file.write_all(job.as_bytes())?;
        file.sync_all()?;
        sync_folder_of(&self.job)
    }

    /// Renames the complete archive to the output, durably, and removes the job. The archive itself is durable already.
    pub(super) fn publish(&self) -> Outcome {
        replace_file(&self.archive, &self.output).map_err(|error| Failure::at(&self.output, error))?;
        self.remove_job()
    }

    pub(super) fn remove_job(&self) -> Outcome {
        match fs::remove_file(&self.job) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::at(&self.job, error)),
            _ => Ok(()),
        }
    }
}
