//! `bitnpz unpack`.

use std::fmt::Display;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use bitnpz::picture::write_png;
use bitnpz::{Archive, Encoding, Entry, Item, OtherMember, WriteOptions};
use clap::Args;

use super::copy::copy;
use super::files;
use super::filter::Filter;
use super::unpacked_paths::{UsedPaths, image_name, path_of};
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
    // Of several processes that unpack into one folder, each has a name of its own.
    let number = RandomState::new().hash_one(0) >> 32;
    let temporary = format!(".bitnpz.00000000.{number}.tmp");
    let mut unpacker = Unpacker { archive, arguments, used: UsedPaths::default(), temporary };
    let (mut keys, mut others) = (0, 0);
    for item in archive.items() {
        match item.map_err(|error| Failure::of(&arguments.archive.path, &error))? {
            Item::Array(entry) if filter.selects(entry.key()) => {
                unpacker.unpack_entry(&entry)?;
                keys += 1;
            }
            Item::Other(other) if filter.selects(other.name()) => {
                unpacker.unpack_other(&other)?;
                others += 1;
            }
            _ => {}
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((keys, others))
}

/// Writes items of an archive into the output folder.
struct Unpacker<'a> {
    archive: &'a Archive,
    arguments: &'a UnpackArgs,
    used: UsedPaths,
    /// The name that each file has until it is whole; `bitnpz clean` removes such files unless they are locked.
    temporary: String,
}

impl Unpacker<'_> {
    fn unpack_entry(&mut self, entry: &Entry<'_>) -> Outcome {
        let (archive, arguments) = (self.archive, self.arguments);
        let fail = |error: bitnpz::Error| Failure::of(&arguments.archive.path, &error);
        let key = entry.key();
        let base = self.path_of(key)?;
        let has_pixels = !entry.header().is_empty();
        match entry.image_count() {
            Some(1) if entry.shape().len() == 2 && has_pixels => {
                let image = archive.bitmap(key).map_err(fail)?;
                self.write(&with_ending(base, ".png"), key, |file| write_png(file, image.view()))
            }
            Some(_) if has_pixels => {
                let images = archive.images(key).map_err(fail)?;
                let is_free = self.used.add_stack(&base, images.len());
                for (number, image) in images.bitmaps().enumerate() {
                    let image = image.map_err(fail)?;
                    let path = base.join(image_name(number));
                    self.check(is_free && self.used.is_free(&path), &path, key)?;
                    self.create(&path, |file| write_png(file, image.view()))?;
                }
                Ok(())
            }
            _ => {
                let array = archive.dyn_array(key).map_err(fail)?;
                self.write(&with_ending(base, ".npy"), key, |file| array.write(file))
            }
        }
    }

    /// Writes the bytes of a member that is not an array to a file.
    fn unpack_other(&mut self, other: &OtherMember<'_>) -> Outcome {
        let name = other.member_name();
        let path = self.path_of(name)?;
        let bytes = other.read().map_err(|error| Failure::of(&self.arguments.archive.path, &error))?;
        self.write(&path, name, |file| file.write_all(&bytes))
    }

    /// Returns the path of a key or a member in the output folder.
    fn path_of(&self, key: &str) -> Result<PathBuf, Failure> {
        path_of(key).map_err(|error| Failure::at(&self.arguments.archive.path, error))
    }

    /// Writes a file of a key. Its path is relative to the output folder; `content` writes its bytes.
    fn write<E: Display>(
        &mut self,
        path: &Path,
        key: &str,
        content: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
    ) -> Outcome {
        let is_free = self.used.add(path);
        self.check(is_free, path, key)?;
        self.create(path, content)
    }

    /// Checks that nothing else of the archive was written to the path of a key.
    fn check(&self, is_free: bool, path: &Path, key: &str) -> Outcome {
        if is_free {
            return Ok(());
        }
        let path = path.display();
        let message = format!(
            "{key:?} would be written to {path}, as another key was before: unpack one of them into another folder"
        );
        Err(Failure::at(&self.arguments.archive.path, message))
    }

    fn create<E: Display>(
        &self,
        path: &Path,
        content: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
    ) -> Outcome {
        let output = &self.arguments.output;
        let path = output.output.join(path);
        if !output.force && files::exists(&path)? {
            return Err(files::taken(&path));
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        fs::create_dir_all(folder).map_err(|error| Failure::at(folder, error))?;
        // Not synced to disk, which would take longer than everything else for many small files.
        let temporary = folder.join(&self.temporary);
        let written = replace(&path, &temporary, content);
        written.inspect_err(|_| drop(fs::remove_file(&temporary))).map_err(|error| Failure::at(&path, error))
    }
}

/// Adds an ending to a path.
fn with_ending(path: PathBuf, ending: &str) -> PathBuf {
    let mut path = path.into_os_string();
    path.push(ending);
    path.into()
}

/// Writes a file and moves it to its path. What is there is replaced only when the file is whole; a symbolic link is replaced,
/// not followed: it may lead anywhere.
fn replace<E: Display>(
    path: &Path,
    temporary: &Path,
    content: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), String> {
    let text = |error: io::Error| error.to_string();
    let file = File::create_new(temporary).map_err(text)?;
    // Where files cannot be locked, nobody takes them for abandoned.
    drop(file.try_lock());
    if let Ok(old) = fs::symlink_metadata(path)
        && old.is_file()
    {
        file.set_permissions(old.permissions()).map_err(text)?;
    }
    let mut file = BufWriter::new(file);
    content(&mut file).map_err(|error| error.to_string())?;
    file.flush().map_err(text)?;
    drop(file);
    fs::rename(temporary, path).map_err(text)
}
