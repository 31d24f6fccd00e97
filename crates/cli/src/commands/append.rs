//! `bitnpz append`.

use super::pack::report;
use super::packing::{Packing, Start};
use crate::arguments::Append;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

pub(crate) fn run(arguments: &Append, output: &mut Output) -> Outcome {
    if !super::exists(&arguments.archive)? {
        return Err(Failure::missing(&arguments.archive));
    }
    let packing = Packing::new(&arguments.inputs, &arguments.read, arguments.write.options())?;
    let summary = packing.run(&arguments.archive, Start::Append, output)?;
    report(&arguments.archive, summary, output)
}
