//! The process is killed.

use std::thread;
use std::time::{Duration, Instant};

use super::Count;
use super::scenario::{Bench, Scenario};
use crate::command::Outcome;

/// Before each of its calls.
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

/// At a random moment, so many times.
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
        // It may have ended already.
        drop(child.kill());
        child.wait().map_err(|error| error.to_string())?;
        let what = format!("killed after {delay} ns");
        count.note(scenario, bench.found().as_deref(), &what)?;
        // What a killed run leaves is found by the next, whenever that comes.
        if run % 8 == 0 {
            bench.check_next(scenario, &what)?;
        }
    }
    count.print(scenario, "killed at random");
    Ok(())
}
