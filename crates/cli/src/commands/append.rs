//! `bitnpz append`.

use std::path::PathBuf;

use clap::Args;

use super::files;
use super::packer::{self, Start};
use super::packing::Packing;
use crate::failure::{Failure, Outcome};
use crate::options::{InputArgs, LimitArgs, WriteArgs};
use crate::printer::Printer;

#[derive(Debug, Args)]
#[command(after_help = "\
The archive is replaced when everything has been added, whole or not at all; what it holds is copied unchanged. Images \
are added to the image sets that exist; pictures and .npy stacks to the stack named by --name.

Examples:
  bitnpz append glyphs.npz later/
  bitnpz append scans.npz more/*.png --threshold 128 --name scans    extend a stack
  bitnpz append scans.npz more.npy --name scans                      with a stack of NumPy")]
pub(crate) struct AppendArgs {
    /// The archive
    archive: PathBuf,
    #[command(flatten)]
    inputs: InputArgs,
    #[command(flatten)]
    write: WriteArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(arguments: &AppendArgs, printer: &mut Printer) -> Outcome {
    if !files::exists(&arguments.archive)? {
        return Err(Failure::missing(&arguments.archive));
    }
    files::check_no_manifest(&arguments.archive)?;
    let packing = Packing::new(&arguments.inputs, &arguments.limits, arguments.write.options())?;
    let packed = packer::run(packing, &arguments.archive, Start::Append, printer)?;
    packed.report(&arguments.archive, printer)
}
