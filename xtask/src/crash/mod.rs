//! `cargo xtask crash [RUNS]`: checks on Linux that the command never loses an archive. `cargo xtask crash others [RUNS]` checks
//! other programs (`benches/crash.py`).
//!
//! - [`inject`] makes each system call fail in turn.
//! - [`kill`] kills the process at each call, and `RUNS` times in each mode at a random moment.
//! - [`disk`] derives from a log of all writes every state in which a crash of the machine may leave the disk.

mod count;
mod disk;
mod inject;
mod kill;
mod scenario;

use crate::command::{self, Outcome, cargo};
use crate::package;
use scenario::Bench;

/// The default number of kills at a random moment in each mode. If none of 1000 loses the archive, at most 0.3 % of such kills
/// do, with 95 % confidence.
const RUNS: usize = 1000;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    if !cfg!(target_os = "linux") {
        return Err("expected Linux: the trials need LD_PRELOAD".to_owned());
    }
    let runs = match arguments {
        [] => RUNS,
        [others, runs @ ..] if others == "others" => return package::crash_others(runs),
        [runs] => runs.parse().map_err(|_| format!("{runs}: expected a number of runs"))?,
        _ => return Err("usage: cargo xtask crash [others] [RUNS]".to_owned()),
    };
    let program = command::built()?;
    command::run(&mut cargo(&["build", "--locked", "--quiet", "--package", "bitnpz-faults"]))?;
    let bench = Bench::new(program)?;
    println!("{:8} {:32} {:>7} {:>9} {:>9} {:>9}", "mode", "trial", "runs", "old there", "new there", "lost");
    for scenario in bench.scenarios()? {
        inject::run(&bench, &scenario)?;
        kill::at_every_call(&bench, &scenario)?;
        kill::at_random(&bench, &scenario, runs)?;
        disk::run(&bench, &scenario)?;
    }
    Ok(())
}
