//! `bitnpz man`.

use std::fs;

use clap::CommandFactory;

use crate::arguments::{Arguments, Man};
use crate::failure::{Failure, Outcome};
use crate::output::Output;

pub(crate) fn run(arguments: &Man, output: &mut Output) -> Outcome {
    let fail = |error: std::io::Error| Failure::at(&arguments.dir, error);
    fs::create_dir_all(&arguments.dir).map_err(fail)?;
    clap_mangen::generate_to(Arguments::command(), &arguments.dir).map_err(fail)?;
    Ok(output.remark(format!("{}: read them with man -l", arguments.dir.join("bitnpz.1").display()))?)
}
