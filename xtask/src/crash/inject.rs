//! Every call that can fail does, one after the other.

use std::fs;

use super::Count;
use super::scenario::{Bench, Scenario};
use crate::command::Outcome;

/// The classes of calls, and an error that each may give: EIO, ENOSPC, EACCES, EPERM, ENOMEM, EAGAIN.
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
            // If the last call fails, which syncs the folder, the new archive is there all the same.
            let is_new = found.as_ref() == Some(&scenario.new);
            if done && !is_new {
                return Err(format!("{}, {what}: it succeeded without the new content", scenario.name));
            }
            if !done && !String::from_utf8_lossy(&output.stderr).starts_with("bitnpz: error: ") {
                return Err(format!("{}, {what}: no message: {output:?}", scenario.name));
            }
            count.note(scenario, found.as_deref(), &what)?;
            let is_kept =
                |name: &String| ["a.npz", "a.npz.partial", "a.npz.partial.job"].contains(&name.as_str());
            let files = bench.files()?;
            if class != "unlink" && !files.iter().all(is_kept) {
                return Err(format!("{}, {what}: it left {files:?}", scenario.name));
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
        return Err(format!("{}: short writes change the archive", scenario.name));
    }
    Ok(())
}
