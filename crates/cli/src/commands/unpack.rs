//! `bitnpz unpack`.

use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use bitnpz::picture::write_png;
use bitnpz::{Archive, BitmapView, Encoding, Entry, WriteOptions};

use super::filter::Filter;
use crate::arguments::Unpack;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, count};

pub(crate) fn run(arguments: &Unpack, output: &mut Output) -> Outcome {
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let filter = Filter::new(&arguments.keys.keys, &[(&arguments.archive, &archive)])?;
    let is_archive = arguments.output.extension().is_some_and(|ending| ending == "npz");
    let fail = |error: bitnpz::Error| Failure::of(&arguments.archive, &error);
    let keys = if is_archive || super::is_stream(&arguments.output) {
        super::check_free(&arguments.output, arguments.force)?;
        let options = WriteOptions::default().with_encoding(Encoding::Plain);
        let writer = super::create(&arguments.output, &options, output)?;
        let writer = super::copy(writer, &archive, &filter, "unpacking", output).map_err(fail)?;
        super::finish(writer, &arguments.output)?.keys
    } else {
        let keys: Vec<String> = archive.keys().filter(|key| filter.takes(key)).collect();
        let bar = output.progress(keys.len() as u64, "unpacking");
        for key in &keys {
            unpack_entry(&archive, &archive.entry(key).map_err(fail)?, arguments)?;
            bar.inc(1);
        }
        bar.finish_and_clear();
        keys.len()
    };
    output.remark(format!("{} in {}", count(keys, "key"), super::shown(&arguments.output)))?;
    Ok(())
}

fn unpack_entry(archive: &Archive, entry: &Entry<'_>, arguments: &Unpack) -> Outcome {
    let fail = |error: bitnpz::Error| Failure::of(&arguments.archive, &error);
    let base = arguments
        .output
        .join(safe_path(entry.key()).map_err(|error| Failure::at(&arguments.archive, error))?);
    let with_ending = |base: &Path, ending: &str| PathBuf::from(format!("{}.{ending}", base.display()));
    let has_pixels = !entry.header().is_empty();
    match entry.images() {
        Some(1) if entry.shape().len() == 2 && has_pixels => write_picture(
            &with_ending(&base, "png"),
            archive.bitmap(entry.key()).map_err(fail)?.view(),
            arguments,
        ),
        Some(_) if has_pixels => {
            let images = archive.images(entry.key()).map_err(fail)?;
            for (number, image) in images.bitmaps().enumerate() {
                let image = image.map_err(fail)?;
                write_picture(&base.join(format!("{number:06}.png")), image.view(), arguments)?;
            }
            Ok(())
        }
        _ => {
            let array = archive.dyn_array(entry.key()).map_err(fail)?;
            let path = with_ending(&base, "npy");
            array.write(create(&path, arguments)?).map_err(|error| Failure::at(&path, error))
        }
    }
}

fn write_picture(path: &Path, image: BitmapView<'_>, arguments: &Unpack) -> Outcome {
    write_png(create(path, arguments)?, image).map_err(|error| Failure::at(path, error))
}

fn create(path: &Path, arguments: &Unpack) -> Result<BufWriter<File>, Failure> {
    super::check_free(path, arguments.force)?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::at(folder, error))?;
    }
    // A link is replaced, and not written through: it may lead anywhere.
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        fs::remove_file(path).map_err(|error| Failure::at(path, error))?;
    }
    Ok(BufWriter::new(File::create(path).map_err(|error| Failure::at(path, error))?))
}

/// The path below the output folder that a key stands for, on any system.
fn safe_path(key: &str) -> Result<PathBuf, String> {
    let refused = || format!("the key {key:?} would be written outside the folder or to a device; it is not");
    let mut path = PathBuf::new();
    for part in key.split(['/', '\\']) {
        let stem = part.split('.').next().unwrap_or_default().to_ascii_uppercase();
        let device = ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str())
            || (stem.len() == 4 && (stem.starts_with("COM") || stem.starts_with("LPT")));
        if part.is_empty() || part == "." || part == ".." || part.contains(':') || device {
            return Err(refused());
        }
        path.push(part);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_keys_that_leave_the_folder_refused() {
        for key in ["../a", "a/../../b", "/etc/x", "a//b", "C:x", "\\\\host\\x", "nul", "a/com1.txt", ".", ""]
        {
            assert!(safe_path(key).is_err(), "{key}");
        }
        for key in ["a", "a/b.c", "ix-000001", "..a", "conductor"] {
            assert!(safe_path(key).is_ok(), "{key}");
        }
    }
}
