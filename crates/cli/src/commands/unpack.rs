//! `bitnpz unpack`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use bitnpz::picture::write_png;
use bitnpz::{Archive, BitmapView, Encoding, Entry, Item, OtherMember, WriteOptions};

use super::filter::Filter;
use crate::arguments::Unpack;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, count};

pub(crate) fn run(arguments: &Unpack, output: &mut Output) -> Outcome {
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let filter = Filter::new(&arguments.keys.keys, &[(&arguments.archive, &archive)])?;
    let is_archive = arguments.output.extension().is_some_and(|ending| ending == "npz");
    let fail = |error: bitnpz::Error| Failure::of(&arguments.archive, &error);
    let (keys, others) = if is_archive || super::is_stream(&arguments.output) {
        super::check_free(&arguments.output, arguments.force)?;
        let options = WriteOptions::default().with_encoding(Encoding::Plain);
        let writer = super::create(&arguments.output, &options, output)?;
        let writer = super::copy(writer, &archive, &filter, "unpacking", output).map_err(fail)?;
        let summary = super::finish(writer, &arguments.output)?;
        (summary.keys, summary.others)
    } else {
        let bar = output.progress((archive.len() + archive.other_len()) as u64, "unpacking");
        let (mut keys, mut others) = (0, 0);
        for item in archive.items() {
            match item.map_err(fail)? {
                Item::Array(entry) if filter.takes(entry.key()) => {
                    unpack_entry(&archive, &entry, arguments)?;
                    keys += 1;
                }
                Item::Other(other) if filter.takes(other.name()) => {
                    unpack_other(&other, arguments)?;
                    others += 1;
                }
                _ => {}
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        (keys, others)
    };
    let others = if others > 0 { format!(", {}", count(others, "other member")) } else { String::new() };
    output.remark(format!("{}{others} in {}", count(keys, "key"), super::shown(&arguments.output)))?;
    Ok(())
}

fn unpack_entry(archive: &Archive, entry: &Entry<'_>, arguments: &Unpack) -> Outcome {
    let fail = |error: bitnpz::Error| Failure::of(&arguments.archive, &error);
    let base = arguments
        .output
        .join(safe_path(entry.key()).map_err(|error| Failure::at(&arguments.archive, error))?);
    let with_ending = |base: &Path, ending: &str| PathBuf::from(format!("{}.{ending}", base.display()));
    let has_pixels = !entry.header().is_empty();
    match entry.image_count() {
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

/// Writes a member that is no array as the file that it is.
fn unpack_other(other: &OtherMember<'_>, arguments: &Unpack) -> Outcome {
    let fail = |error: bitnpz::Error| Failure::of(&arguments.archive, &error);
    let path = safe_path(other.member_name()).map_err(|error| Failure::at(&arguments.archive, error))?;
    let path = arguments.output.join(path);
    let bytes = other.read().map_err(fail)?;
    create(&path, arguments)?.write_all(&bytes).map_err(|error| Failure::at(&path, error))
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
