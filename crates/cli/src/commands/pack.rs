//! `bitnpz pack`.

use std::num::NonZero;
use std::time::Instant;

use clap::Args;

use super::files;
use super::packer::{self, Packed, Start};
use super::packing::Packing;
use super::partial::Partial;
use crate::failure::{Failure, Outcome};
use crate::format::{change, size};
use crate::options::{InputArgs, LimitArgs, OutputArgs, WriteArgs};
use crate::printer::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
Pictures are PNG, PBM, PGM, PPM, PAM, TIFF, BMP, GIF, JPEG and WebP files. The key of a picture is its path below the folder \
that holds all inputs, without the extension. White pixels become True, or black ones with --invert; of two other colours \
the lighter counts as white. Arrays of .npy and .npz files that have two or more dimensions and at most two values are packed, \
whatever the values are; all others are stored unchanged.

Examples:
  bitnpz pack training.npz -o packed.npz
  bitnpz pack glyphs/ 'more/*.png' -o glyphs.npz
  bitnpz pack scans/ --threshold 128 --invert --name scans -o scans.npz   one array (N, H, W)
  bitnpz pack train/ --labels -o train.npz                                its folders are classes
  bitnpz pack stack.npy --name glyphs -o glyphs.npz
  bitnpz pack grey.npy --threshold 128 -o glyphs.npz                      an array of grey pixels
  bitnpz pack years/*.npz -o all.npz --resume                             continues if it was killed")]
pub(crate) struct PackArgs {
    #[command(flatten)]
    inputs: InputArgs,
    #[command(flatten)]
    output: OutputArgs,
    /// Add classes named by folders: the class number of each picture as an array "labels", the names as "classes"
    #[arg(long)]
    labels: bool,
    /// Save progress in FILE.partial, and continue from there if it exists
    #[arg(long)]
    resume: bool,
    /// With --resume, the number of images between saves [default: a million, or 128 MiB of a stack]
    #[arg(long, value_name = "IMAGES")]
    every: Option<NonZero<usize>>,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(arguments: &PackArgs, printer: &mut Printer) -> Outcome {
    let start = Instant::now();
    let path = &arguments.output.output;
    files::check_free(&arguments.output)?;
    if arguments.resume && files::is_stream(path) {
        let message = "--resume: expected an archive that is a file, found standard output";
        return Err(Failure::Message(message.to_owned()));
    }
    let mut packing = Packing::new(&arguments.inputs, &arguments.limits, arguments.write.options())?;
    if arguments.labels {
        packing = packing.labelled()?;
    }
    let bytes_in = packing.bytes();
    let packed = if arguments.resume {
        resume(packing, arguments, printer)?
    } else {
        packer::run(packing, path, Start::New, printer)?
    };
    packed.report(path, printer)?;
    let Some(bytes) = files::written_bytes(path) else { return Ok(()) };
    printer.remark(format!("{} in, {} out: {}", size(bytes_in), size(bytes), change(bytes_in, bytes)))?;
    if packed.summary.images > 0 {
        let per_image = bytes as f64 / packed.summary.images as f64;
        printer.remark(format!("{per_image:.1} bytes per image, {:.1} s", start.elapsed().as_secs_f64()))?;
    }
    Ok(())
}

/// Packs into a partial archive, which takes the name of the output when it is complete.
fn resume(packing: Packing<'_>, arguments: &PackArgs, printer: &mut Printer) -> Result<Packed, Failure> {
    let partial = Partial::of(&arguments.output.output)?;
    partial.check(&packing.job())?;
    let packed = packer::run(packing, partial.archive(), Start::Resume { every: arguments.every }, printer);
    if packed.is_err() && !files::exists(partial.archive())? {
        // Nothing was saved that could be resumed.
        partial.remove_job()?;
    }
    let packed = packed?;
    partial.publish()?;
    Ok(packed)
}
