//! The project's own tasks: `cargo xtask` lists them.

#![allow(clippy::print_stdout, clippy::print_stderr)]

mod command;
mod crash;
mod fuzz;
mod layers;
mod lint;
mod model;
mod msrv;
mod package;
mod peers;
mod python;
mod ratio;
mod sanitize;
mod setup;
mod steps;
mod stores;
mod test;
mod tree;

use std::process::ExitCode;

use command::Outcome;

/// A task that `cargo xtask` runs.
struct Task {
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Outcome,
}

/// All tasks, in the order in which a newcomer needs them.
const TASKS: [Task; 21] = [
    task("setup", "", "install NumPy for the tests, below target, and say what to do next", setup::run),
    task("test", "[ARGS]", "run all tests; with ARGS for cargo test, those in Rust only", test::run),
    task("lint", "", "run rustfmt, clippy and rustdoc with warnings denied", lint::run),
    task(
        "layers",
        "[CRATE ...]",
        "find files that import in a circle and crates that depend upwards",
        layers::run,
    ),
    task(
        "python",
        "[--quick] [ARGS]",
        "test the wheel on every Python, or quickly on one; ARGS for pytest",
        package::test,
    ),
    task(
        "frameworks",
        "",
        "test the wheel with PyTorch, Grain, scikit-learn, Ray, Dask and Spark",
        package::test_frameworks,
    ),
    task("stores", "[ARGS]", "test the wheel with S3 servers other than moto; ARGS for pytest", stores::run),
    task("steps", "", "run the tests with hostile files and count every step", steps::run),
    task(
        "fuzz",
        "[SECONDS] [address] [TARGET ...]",
        "replay seeds, then fuzz each target, with AddressSanitizer if asked",
        fuzz::run,
    ),
    task(
        "crash",
        "[others] [RUNS]",
        "kill the command, make its calls fail, and look for lost data",
        crash::run,
    ),
    task("sanitize", "", "run the libraries' tests with AddressSanitizer", sanitize::run),
    task("msrv", "", "check that no dependency needs a newer Rust than ours", msrv::run),
    task("tree", "", "check how many packages the library brings", tree::run),
    task("model", "", "make the images that the shipped model is trained on, and train it", model::run),
    task("ratio", "FILE.npz ...", "compare the sizes of image sets with those of other formats", ratio::run),
    task("workflows", "FILE.npz ...", "compare workflows in Python with the usual ones", package::compare),
    task("scale", "FILE.npz [IMAGES]", "open, read and merge very large archives", package::scale),
    task("network", "FILE.npz", "simulate reading an archive over a network", package::network),
    task("remote", "FILE.npz", "read archives over HTTP with latency added", package::remote),
    task("ray", "FILE.npz [IMAGES [RUNS]]", "read and write through Ray Data", package::ray),
    task(
        "peers",
        "[--quick] FILE.npz ...",
        "compare with other formats that hold images; quickly, with recorded ratios",
        peers::run,
    ),
];

const fn task(
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Outcome,
) -> Task {
    Task { name, arguments, help, run }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match TASKS.iter().find(|task| task.name == name) {
        Some(task) => (task.run)(&rest),
        None if name.is_empty() => {
            println!("{}", usage());
            Ok(())
        }
        None => Err(format!("expected a task, found '{name}'\n{}", usage())),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> String {
    let mut text = "usage: cargo xtask TASK [ARGUMENTS]\n".to_owned();
    for Task { name, arguments, help, .. } in &TASKS {
        text.push_str(&format!("\n{:43} {help}", format!("{name} {arguments}")));
    }
    text
}
