//! `bitnpz view`.

use bitnpz::picture::{Marks, draw};
use clap::Args;

use super::files;
use crate::failure::{Failure, Outcome};
use crate::format::count;
use crate::options::ArchiveArgs;
use crate::printer::Printer;

#[derive(Debug, Args)]
pub(crate) struct ViewArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    /// The key of an image or a stack [default: the first key]
    key: Option<String>,
    /// The index of the image in a stack
    #[arg(default_value_t = 0)]
    index: usize,
    /// Draw with # and . only
    #[arg(long)]
    ascii: bool,
}

pub(crate) fn run(arguments: &ViewArgs, printer: &mut Printer) -> Outcome {
    let path = &arguments.archive.path;
    let archive = files::open(&arguments.archive)?;
    let key = arguments.key.clone().or_else(|| archive.keys().next());
    let key = key.ok_or_else(|| Failure::at(path, "the archive is empty"))?;
    let fail = |error: bitnpz::Error| Failure::of(path, &error);
    let images = archive.images(&key).map_err(fail)?;
    let image = images.bitmap(arguments.index).map_err(fail)?;
    let marks = if arguments.ascii { Marks::Ascii } else { Marks::Blocks };
    let [off, on] = images.values();
    let (height, width, ones) = (image.height(), image.width(), image.view().count_ones());
    printer.remark(format!(
        "{} [{} of {}]: {height} x {width}, dtype {}, {} of {on}, {} of {off}",
        key,
        arguments.index,
        images.len(),
        images.dtype().type_string(),
        count(ones, "pixel"),
        height * width - ones,
    ))?;
    Ok(printer.text(draw(image.view(), printer.columns(), marks).trim_end_matches('\n'))?)
}
