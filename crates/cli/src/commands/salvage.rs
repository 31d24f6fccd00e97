//! `bitnpz salvage`.

use bitnpz::Problem;
use serde_json::json;

use super::verify::to_json;
use crate::arguments::Salvage;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, count, thousands};

pub(crate) fn run(arguments: &Salvage, output: &mut Output) -> Outcome {
    super::check_free(&arguments.output, arguments.force)?;
    let bar = output.progress(0, "salvaging");
    let result =
        bitnpz::salvage(&arguments.archive, &arguments.output, &arguments.read.limits(), |done, all| {
            bar.set_length(all as u64);
            bar.set_position(done as u64);
        });
    bar.finish_and_clear();
    let salvage = result.map_err(|error| Failure::of(&arguments.archive, &error))?;
    let (saved, gone, doubtful) = (salvage.saved, &salvage.gone, &salvage.doubtful);
    if arguments.json {
        let list = |problems: &[Problem]| problems.iter().map(to_json).collect::<Vec<_>>();
        let report = json!({
            "keys": saved.keys,
            "images": saved.images,
            "gone": list(gone),
            "doubtful": list(doubtful),
        });
        output.json(&report)?;
    } else {
        for (what, problems) in [("gone", gone), ("doubtful", doubtful)] {
            for problem in problems {
                output.result(format!("{what}: {problem}"))?;
            }
        }
        let path = arguments.output.display();
        let number = |problems: &[Problem]| thousands(problems.len() as u64);
        output.remark(format!("{path}: {}, {}", count(saved.keys, "key"), count(saved.images, "image")))?;
        output.remark(format!("{} gone, {} doubtful", number(gone), number(doubtful)))?;
    }
    if gone.is_empty() && doubtful.is_empty() { Ok(()) } else { Err(Failure::Said) }
}
