//! `cargo xtask peers FILE.npz ... [--quick]`: compares bitnpz with the other formats that hold images.

use crate::command::{self, Outcome, command};
use crate::package;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let python = package::for_reports("venv-peers", "benches/peers/requirements.txt")?;
    command::run(command(&python, &["-m", "benches.peers"]).args(arguments))
}
