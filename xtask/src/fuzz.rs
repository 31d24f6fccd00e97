//! `cargo xtask fuzz [SECONDS] [address] [TARGET ...]`: replays each target's seeds and corpus, then fuzzes it.
//!
//! With 0 seconds it only replays. Below 30 seconds the targets are compiled faster and run slower.

use std::fs;

use crate::command::{self, Outcome, cargo, root};
use crate::{python, test};

/// The default time for each target: the search is past the seeds, and all targets take five minutes.
const SECONDS: u64 = 30;

/// Targets that read the same inputs as another one.
const SAME_SEEDS: [(&str, &str); 1] = [("reference", "payload")];

pub(crate) fn run(arguments: &[String]) -> Outcome {
    let mut arguments = arguments.iter().map(String::as_str).peekable();
    let seconds = arguments.next_if(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    let seconds = seconds.map_or(Ok(SECONDS), |word| {
        word.parse().map_err(|_| format!("{word}: expected a number of seconds"))
    })?;
    // A stable compiler accepts sanitizers only with `RUSTC_BOOTSTRAP`. Most errors show without: there is little unsafe code,
    // and every target counts its allocations itself.
    let sanitizer = if arguments.next_if_eq(&"address").is_some() { "address" } else { "none" };
    let all = targets()?;
    let mut chosen: Vec<String> = arguments.map(str::to_owned).collect();
    if let Some(unknown) = chosen.iter().find(|target| !all.contains(target)) {
        return Err(format!("{unknown}: expected one of {}", all.join(", ")));
    }
    if chosen.is_empty() {
        chosen = all;
    }
    let python = python::environment(python::ORACLE, test::REQUIREMENTS)?;
    // The targets write many small files, which is faster in memory.
    let memory = std::path::Path::new("/dev/shm");
    let base = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let scratch = tempfile::tempdir_in(base).map_err(|error| error.to_string())?;
    for target in chosen {
        let corpus = format!("fuzz/corpus/{target}");
        fs::create_dir_all(root().join(&corpus)).map_err(|error| format!("{corpus}: {error}"))?;
        let same = SAME_SEEDS.iter().find(|(name, _)| *name == target);
        let seeds = format!("fuzz/seeds/{}", same.map_or(target.as_str(), |(_, other)| other));
        let dictionary = format!("fuzz/dictionaries/{target}.dict");
        let dictionary = root().join(&dictionary).exists().then(|| format!("-dict={dictionary}"));
        let fuzz = |limits: &[&str]| {
            let mut command = cargo(&["fuzz", "run", "--sanitizer", sanitizer]);
            command.args((seconds < SECONDS).then_some("--dev")).args([&target, &corpus, &seeds, "--"]);
            command.env("TMPDIR", scratch.path()).env("BITNPZ_PYTHON", &python);
            if sanitizer != "none" {
                command.env("RUSTC_BOOTSTRAP", "1");
            }
            command::run(command.args(&dictionary).args(limits))
        };
        fuzz(&["-runs=0"])?;
        if seconds > 0 {
            fuzz(&[&format!("-max_total_time={seconds}"), "-print_final_stats=1"])?;
        }
    }
    Ok(())
}

/// Lists the names of the targets in alphabetical order.
fn targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/fuzz_targets");
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let stem = |file: fs::DirEntry| file.path().file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let mut targets: Vec<String> = files.flatten().filter_map(stem).collect();
    targets.sort();
    Ok(targets)
}
