//! `cargo xtask crash [RUNS]`: does the command ever lose what was there? On Linux only. `cargo xtask crash others [RUNS]`: do
//! others? (`benches/crash.py`)
//!
//! - [`inject`]: every call that can fail does, one after the other.
//! - [`kill`]: the process is killed at every call, and `RUNS` times in each mode at a random moment.
//! - [`disk`]: from a log of what was written every state is made in which a crash of the machine may leave the disk.

mod disk;
mod inject;
mod kill;
mod scenario;

use crate::command::{self, Outcome, cargo};
use crate::package;
use scenario::Bench;

/// How often each mode is killed at a random moment unless told otherwise.
const RUNS: usize = 1000;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    if !cfg!(target_os = "linux") {
        return Err("this takes Linux: it stands between the command and the C library".to_owned());
    }
    let runs = match arguments {
        [] => RUNS,
        [others, runs @ ..] if others == "others" => return package::crash_others(runs),
        [runs] => runs.parse().map_err(|_| format!("{runs}: expected a number of runs"))?,
        _ => return Err("usage: cargo xtask crash [others] [RUNS]".to_owned()),
    };
    let packages =
        ["build", "--release", "--locked", "--package", "bitnpz-cli", "--package", "bitnpz-faults"];
    command::run(&mut cargo(&packages))?;
    let bench = Bench::new()?;
    println!("{:8} {:32} {:>7} {:>9} {:>9} {:>9}", "mode", "trial", "runs", "old there", "new there", "lost");
    for scenario in bench.scenarios()? {
        inject::run(&bench, &scenario)?;
        kill::at_every_call(&bench, &scenario)?;
        kill::at_random(&bench, &scenario, runs)?;
        disk::run(&bench, &scenario)?;
    }
    Ok(())
}

/// What was found in the place of the archive after some trials.
#[derive(Debug, Default)]
struct Count {
    runs: usize,
    old: usize,
    new: usize,
}

impl Count {
    /// Counts a trial after which there are these bytes.
    fn note(&mut self, scenario: &scenario::Scenario, found: Option<&[u8]>, what: &str) -> Outcome {
        self.runs += 1;
        if found == Some(scenario.new.as_slice()) {
            self.new += 1;
        } else if found == scenario.old.as_deref() {
            self.old += 1;
        } else {
            let found = found.map_or("nothing".to_owned(), |bytes| format!("{} other bytes", bytes.len()));
            return Err(format!(
                "{}, {what}: expected the old content or the new, found {found}",
                scenario.name
            ));
        }
        Ok(())
    }

    fn print(&self, scenario: &scenario::Scenario, trial: &str) {
        let Self { runs, old, new } = self;
        println!("{:8} {trial:32} {runs:7} {old:9} {new:9} {:9}", scenario.name, runs - old - new);
    }
}
