//! `bitnpz unpack`.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use bitnpz::picture::write_png;
use bitnpz::{Archive, BitmapView, Encoding, Entry, Item, OtherMember, WriteOptions};
use clap::Args;

use super::copy::copy;
use super::files;
use super::filter::Filter;
use crate::failure::{Failure, Outcome};
use crate::format::count;
use crate::options::{ArchiveArgs, KeyArgs, OutputArgs};
use crate::printer::Printer;

#[derive(Debug, Args)]
#[command(
    mut_arg("output", |output| output.help("The .npz file or the folder to write").value_name("FILE|FOLDER")),
    after_help = "\
If the output ends in .npz it is written as a plain archive, from which np.load reads the original arrays. Otherwise it is \
a folder: an image becomes KEY.png, a stack KEY/000000.png and so on, any other array KEY.npy."
)]
pub(crate) struct UnpackArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    output: OutputArgs,
}

pub(crate) fn run(arguments: &UnpackArgs, printer: &mut Printer) -> Outcome {
    let (input, path) = (&arguments.archive.path, &arguments.output.output);
    let archive = files::open(&arguments.archive)?;
    let filter = Filter::new(&arguments.keys.keys, &[(input, &archive)])?;
    let is_archive = path.extension().is_some_and(|ending| ending == "npz");
    let (keys, others) = if is_archive || files::is_stream(path) {
        files::check_free(&arguments.output)?;
        let options = WriteOptions::default().with_encoding(Encoding::Plain);
        let writer = files::create(path, &options, printer)?;
        let copied = copy(writer, &archive, &filter, "unpacking", printer);
        let writer = copied.map_err(|error| Failure::of(input, &error))?;
        let summary = files::finish(writer, path)?;
        (summary.keys, summary.others)
    } else {
        unpack_items(&archive, &filter, arguments, printer)?
    };
    let others = if others > 0 { format!(", {}", count(others, "other member")) } else { String::new() };
    Ok(printer.remark(format!("{}{others} in {}", count(keys, "key"), files::output_name(path)))?)
}

/// Writes the selected items as files, and returns the number of arrays and of other members.
fn unpack_items(
    archive: &Archive,
    filter: &Filter,
    arguments: &UnpackArgs,
    printer: &Printer,
) -> Result<(usize, usize), Failure> {
    let bar = printer.progress((archive.len() + archive.other_len()) as u64, "unpacking");
    let (mut keys, mut others) = (0, 0);
    for item in archive.items() {
        match item.map_err(|error| Failure::of(&arguments.archive.path, &error))? {
            Item::Array(entry) if filter.selects(entry.key()) => {
                unpack_entry(archive, &entry, arguments)?;
                keys += 1;
            }
            Item::Other(other) if filter.selects(other.name()) => {
                unpack_other(&other, arguments)?;
                others += 1;
            }
            _ => {}
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((keys, others))
}

fn unpack_entry(archive: &Archive, entry: &Entry<'_>, arguments: &UnpackArgs) -> Outcome {
    let fail = |error: bitnpz::Error| Failure::of(&arguments.archive.path, &error);
    let base = output_path(entry.key(), arguments)?;
    let with_ending = |ending: &str| PathBuf::from(format!("{}.{ending}", base.display()));
    let has_pixels = !entry.header().is_empty();
    match entry.image_count() {
        Some(1) if entry.shape().len() == 2 && has_pixels => {
            let image = archive.bitmap(entry.key()).map_err(fail)?;
            write_picture(&with_ending("png"), image.view(), arguments)
        }
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
            let path = with_ending("npy");
            array.write(create(&path, arguments)?).map_err(|error| Failure::at(&path, error))
        }
    }
}

/// Writes the bytes of a member that is not an array to a file.
fn unpack_other(other: &OtherMember<'_>, arguments: &UnpackArgs) -> Outcome {
    let path = output_path(other.member_name(), arguments)?;
    let bytes = other.read().map_err(|error| Failure::of(&arguments.archive.path, &error))?;
    create(&path, arguments)?.write_all(&bytes).map_err(|error| Failure::at(&path, error))
}

fn write_picture(path: &Path, image: BitmapView<'_>, arguments: &UnpackArgs) -> Outcome {
    write_png(create(path, arguments)?, image).map_err(|error| Failure::at(path, error))
}

fn create(path: &Path, arguments: &UnpackArgs) -> Result<BufWriter<File>, Failure> {
    if !arguments.output.force {
        files::check_new(path)?;
    }
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::at(folder, error))?;
    }
    // A symbolic link is replaced, not followed: it may lead anywhere.
    if fs::symlink_metadata(path).is_ok_and(|found| found.is_symlink()) {
        fs::remove_file(path).map_err(|error| Failure::at(path, error))?;
    }
    Ok(BufWriter::new(File::create(path).map_err(|error| Failure::at(path, error))?))
}

/// Returns the path in the output folder that a key or a member is written to.
fn output_path(key: &str, arguments: &UnpackArgs) -> Result<PathBuf, Failure> {
    let relative = safe_path(key).map_err(|error| Failure::at(&arguments.archive.path, error))?;
    Ok(arguments.output.output.join(relative))
}

/// Returns the relative path of a key, if it stays inside its folder on any system.
fn safe_path(key: &str) -> Result<PathBuf, String> {
    let mut path = PathBuf::new();
    for part in key.split(['/', '\\']) {
        let stem = part.split('.').next().unwrap_or_default().to_ascii_uppercase();
        let is_device = ["CON", "PRN", "AUX", "NUL"].contains(&stem.as_str())
            || (stem.len() == 4 && (stem.starts_with("COM") || stem.starts_with("LPT")));
        if part.is_empty() || part == "." || part == ".." || part.contains(':') || is_device {
            return Err(format!(
                "refused to unpack the key {key:?}: it would be written outside the folder or to a device"
            ));
        }
        path.push(part);
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_keys_that_leave_the_folder() {
        for key in ["../a", "a/../../b", "/etc/x", "a//b", "C:x", "\\\\host\\x", "nul", "a/com1.txt", ".", ""]
        {
            assert!(safe_path(key).is_err(), "{key}");
        }
        for key in ["a", "a/b.c", "ix-000001", "..a", "conductor"] {
            assert!(safe_path(key).is_ok(), "{key}");
        }
    }
}
