//! `cargo xtask fuzz [SECONDS]`: every fuzz target, seeds first, on the stable toolchain.

use std::fs;

use crate::command::{self, Outcome, cargo, root};

/// How long each target is fuzzed unless told otherwise, in seconds.
const SECONDS: u64 = 30;

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let seconds = match arguments {
        [] => SECONDS,
        [seconds] => seconds.parse().map_err(|_| format!("{seconds}: expected a number of seconds"))?,
        _ => return Err("usage: cargo xtask fuzz [SECONDS]".to_owned()),
    };
    for target in targets()? {
        let corpus = format!("fuzz/corpus/{target}");
        let seeds = format!("fuzz/seeds/{target}");
        fs::create_dir_all(root().join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
        // No sanitizer: that is what a stable compiler can do; every target counts its allocations itself.
        let fuzz = |limits: &[&str]| {
            let folders: &[&str] = &["fuzz", "run", "--sanitizer", "none", &target, &corpus, &seeds, "--"];
            command::run(cargo(folders).args(limits))
        };
        fuzz(&["-runs=0"])?;
        fuzz(&[&format!("-max_total_time={seconds}"), "-print_final_stats=1"])?;
    }
    Ok(())
}

/// The names of the targets, in alphabetical order.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let stem = |file: fs::DirEntry| file.path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut targets: Vec<String> = files.flatten().filter_map(stem).collect();
    targets.sort();
    Ok(targets)
}
