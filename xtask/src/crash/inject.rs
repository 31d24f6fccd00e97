//! Trials in which one system call fails.

use std::fs;

use super::count::Count;
use super::scenario::{Bench, Scenario};
use crate::command::Outcome;

/// The classes of calls, and the errors they give: EPERM (1), EIO (5), EAGAIN (11), ENOMEM (12), EACCES (13), ENOSPC (28).
const FAULTS: [(&str, i32); 15] = [
    ("open", 13),
    ("open", 28),
    ("write", 5),
    ("write", 28),
    ("fsync", 5),
    ("link", 1),
    ("rename", 5),
    ("unlink", 5),
    ("seek", 5),
    ("stat", 5),
    ("chmod", 5),
    ("lock", 5),
    ("read", 5),
    ("mmap", 12),
    ("thread", 11),
];

/// Makes each call of each class fail in turn, then makes all writes short.
pub(super) fn run(bench: &Bench, scenario: &Scenario) -> Outcome {
    let mut count = Count::default();
    for (class, errno) in FAULTS {
        for number in 1.. {
            let what = format!("call {number} of {class} fails with error {errno}");
            bench.prepare(scenario)?;
            let output = bench.faulty(scenario, &format!("{class}:{number}:{errno}")).output();
            let output = output.map_err(|error| error.to_string())?;
            let found = bench.found();
            let done = output.status.success();
            // A failed command may leave the new archive: the last call syncs the folder.
            let is_new = found.as_ref() == Some(&scenario.new);
            if done && !is_new {
                return Err(format!("{}, {what}: expected the new content after success", scenario.name));
            }
            if !done && !String::from_utf8_lossy(&output.stderr).starts_with("bitnpz: error: ") {
                return Err(format!(
                    "{}, {what}: expected an error message, found {output:?}",
                    scenario.name
                ));
            }
            count.note(scenario, found.as_deref(), &what)?;
            let is_kept =
                |name: &String| ["a.npz", "a.npz.partial", "a.npz.partial.job"].contains(&name.as_str());
            let files = bench.files()?;
            if class != "unlink" && !files.iter().all(is_kept) {
                return Err(format!(
                    "{}, {what}: expected no temporary files, found {files:?}",
                    scenario.name
                ));
            }
            let log = fs::read_to_string(bench.log()).unwrap_or_default();
            if !log.contains("failed\n") {
                break;
            }
            bench.check_next(scenario, &what)?;
        }
    }
    count.print(scenario, "a call fails");

    bench.prepare(scenario)?;
    let halved = bench.faulty(scenario, "write:0:half").output().map_err(|error| error.to_string())?;
    if !halved.status.success() || bench.found().as_ref() != Some(&scenario.new) {
        return Err(format!("{}: expected the same archive with short writes", scenario.name));
    }
    Ok(())
}
