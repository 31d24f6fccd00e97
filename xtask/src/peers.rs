//! `cargo xtask peers FILE.npz ... [--quick]`: compares bitnpz with the other formats that hold images.

use crate::command::{self, Outcome, command};
use crate::package;

/// The packages of all formats, and of those of the quick check.
const ALL: &str = "benches/peers/requirements.txt";
const FEW: &str = "benches/requirements.txt";

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    let (environment, requirements) = if is_quick { ("venv-ratio", FEW) } else { ("venv-peers", ALL) };
    let python = package::for_reports(environment, requirements)?;
    command::run(command(&python, &["-m", "benches.peers"]).args(arguments))
}
