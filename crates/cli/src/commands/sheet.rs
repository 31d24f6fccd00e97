//! `bitnpz sheet`.

use std::io::{self, Write};
use std::path::Path;

use bitnpz::picture::SheetFormat;
use bitnpz::{Archive, AtomicFile, Bitmap, Images, NpzError};
use clap::Args;

use super::files;
use super::filter::Filter;
use crate::failure::{Failure, Outcome};
use crate::format::count;
use crate::options::{ArchiveArgs, KeyArgs, OutputArgs};
use crate::printer::Printer;

#[derive(Debug, Args)]
#[command(mut_arg("output", |output| {
    output.help("The picture to write: .png, .bmp, .pgm or .pbm; - writes a PNG to standard output")
}))]
pub(crate) struct SheetArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// The maximum number of images, chosen at even distances
    #[arg(long, default_value_t = 120, value_name = "N")]
    count: usize,
}

/// An image by its index in a sequence.
type ImageAt = (Images, usize);

pub(crate) fn run(arguments: &SheetArgs, printer: &mut Printer) -> Outcome {
    let (input, path) = (&arguments.archive.path, &arguments.output.output);
    files::check_free(&arguments.output)?;
    if files::is_stream(path) {
        printer.leave_stdout_to_data()?;
    }
    format(path)?;
    let archive = files::open(&arguments.archive)?;
    let filter = Filter::new(&arguments.keys.keys, &[(input, &archive)])?;
    let fail = |error: bitnpz::Error| Failure::of(input, &error);
    let chosen = choose(&archive, &filter, arguments.count).map_err(fail)?;
    if chosen.is_empty() {
        return Err(Failure::at(input, "the archive has no images"));
    }
    let size = |(images, index): &ImageAt| images.size_of(*index);
    let sizes: Vec<_> = chosen.iter().map(size).collect::<bitnpz::Result<_>>().map_err(fail)?;
    write(path, &sizes, |number| {
        let (images, index) = &chosen[number];
        images.bitmap(*index).map_err(fail)
    })?;
    Ok(printer.remark(format!("{} in {}", count(chosen.len(), "image"), files::output_name(path)))?)
}

/// Writes a contact sheet of images of these sizes (height, width).
pub(crate) fn write(
    path: &Path,
    sizes: &[[usize; 2]],
    image: impl FnMut(usize) -> Result<Bitmap, Failure>,
) -> Outcome {
    let mut picture = Vec::new();
    bitnpz::picture::sheet(&mut picture, format(path)?, sizes, image)?;
    if files::is_stream(path) {
        let mut stdout = io::stdout();
        return Ok(stdout.write_all(&picture).and_then(|()| stdout.flush())?);
    }
    let write = || -> bitnpz::Result<()> {
        let mut file = AtomicFile::create(path)?;
        file.write_all(&picture).map_err(NpzError::from)?;
        Ok(file.commit()?)
    };
    write().map_err(|error| Failure::of(path, &error))
}

/// Returns the picture format of a file by its name.
fn format(path: &Path) -> Result<SheetFormat, Failure> {
    if files::is_stream(path) {
        return Ok(SheetFormat::Png);
    }
    SheetFormat::of(path).ok_or_else(|| {
        let expected = SheetFormat::ENDINGS.join(", ");
        Failure::at(path, format!("expected a name that ends in one of {expected}"))
    })
}

/// Returns up to `count` numbers below `len` at even distances.
fn evenly(len: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(len);
    (0..count).map(move |number| number * len / count)
}

/// Chooses up to `count` images, about as many from each selected key. A key that was asked for must hold images.
fn choose(archive: &Archive, filter: &Filter, count: usize) -> bitnpz::Result<Vec<ImageAt>> {
    let mut counts = Vec::new();
    for key in archive.keys().filter(|key| filter.selects(key)) {
        let known = archive.entry(&key)?.image_count();
        let asked = || (!filter.selects_all()).then(|| archive.images(&key).map(|images| images.len()));
        if let Some(images) = known.map(Ok).or_else(asked).transpose()? {
            counts.push((key, images));
        }
    }
    let keys: Vec<usize> = evenly(counts.len(), count).collect();
    let mut chosen = Vec::new();
    for (done, &number) in keys.iter().enumerate() {
        let (key, len) = &counts[number];
        let wanted = (count - chosen.len()).div_ceil(keys.len() - done);
        let images = archive.images(key)?;
        chosen.extend(evenly(*len, wanted).map(|index| (images.clone(), index)));
    }
    Ok(chosen)
}
