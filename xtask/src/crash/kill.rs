//! Trials in which the process is killed.

use std::thread;
use std::time::{Duration, Instant};

use super::count::Count;
use super::scenario::{Bench, Scenario};
use crate::command::Outcome;

/// Kills the process before each of its calls in turn.
pub(super) fn at_every_call(bench: &Bench, scenario: &Scenario) -> Outcome {
    let mut count = Count::default();
    for number in 1.. {
        let what = format!("killed at call {number}");
        bench.prepare(scenario)?;
        let output = bench.faulty(scenario, &format!("any:{number}:kill")).output();
        if output.map_err(|error| error.to_string())?.status.success() {
            break;
        }
        count.note(scenario, bench.found().as_deref(), &what)?;
        bench.check_next(scenario, &what)?;
    }
    count.print(scenario, "killed at each call");
    Ok(())
}

/// Kills the process `runs` times, each time at a random moment.
pub(super) fn at_random(bench: &Bench, scenario: &Scenario, runs: usize) -> Outcome {
    bench.prepare(scenario)?;
    let start = Instant::now();
    bench.command(scenario).output().map_err(|error| error.to_string())?;
    let whole = start.elapsed().as_nanos() * 11 / 10;
    let mut count = Count::default();
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    for run in 0..runs {
        bench.prepare(scenario)?;
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let delay = u64::try_from((u128::from(random) * whole) >> 64).unwrap_or(u64::MAX);
        let mut child = bench.command(scenario).spawn().map_err(|error| error.to_string())?;
        thread::sleep(Duration::from_nanos(delay));
        // It fails if the process has ended already.
        drop(child.kill());
        child.wait().map_err(|error| error.to_string())?;
        let what = format!("killed after {delay} ns");
        count.note(scenario, bench.found().as_deref(), &what)?;
        // The next run need not follow at once: it also removes what several killed runs left.
        if run % 8 == 0 {
            bench.check_next(scenario, &what)?;
        }
    }
    count.print(scenario, "killed at random");
    Ok(())
}
