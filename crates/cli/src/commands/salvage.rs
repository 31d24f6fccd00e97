//! `bitnpz salvage`.

use crate::arguments::Salvage;
use crate::failure::Outcome;
use crate::output::Output;

pub(crate) fn run(_: &Salvage, _: &mut Output) -> Outcome {
    Ok(())
}
