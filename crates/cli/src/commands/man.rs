//! `bitnpz man`.

use std::fs;
use std::path::PathBuf;

use clap::{Args, Command};

use crate::failure::{Failure, Outcome};
use crate::printer::Printer;

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// The folder to write the pages to
    #[arg(long, value_name = "FOLDER")]
    dir: PathBuf,
}

pub(crate) fn run(arguments: &ManArgs, command: Command, printer: &mut Printer) -> Outcome {
    let fail = |error: std::io::Error| Failure::at(&arguments.dir, error);
    fs::create_dir_all(&arguments.dir).map_err(fail)?;
    clap_mangen::generate_to(command, &arguments.dir).map_err(fail)?;
    Ok(printer.remark(format!("{}: read with man -l", arguments.dir.join("bitnpz.1").display()))?)
}
