//! `bitnpz verify`.

use bitnpz::Problem;
use serde_json::{Value, json};

use crate::arguments::Verify;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, count, size, thousands};

pub(crate) fn run(arguments: &Verify, output: &mut Output) -> Outcome {
    let archive = match super::open(&arguments.archive, &arguments.read) {
        Ok(archive) => archive,
        Err(Failure::Message(message)) if arguments.json => {
            let problem = json!({ "member": null, "key": null, "image": null, "message": message });
            output.json(&json!({ "whole": false, "problems": [problem] }))?;
            return Err(Failure::Said);
        }
        Err(failure) => return Err(failure),
    };
    let report = if arguments.fast {
        archive.verify_structure()
    } else {
        let bar = output.progress(archive.verify_steps() as u64, "verifying");
        let report = archive.verify(|done| bar.set_position(done as u64));
        let report = report.map_err(|error| Failure::of(&arguments.archive, &error))?;
        bar.finish_and_clear();
        report
    };
    if arguments.json {
        let problems: Vec<_> = report.problems.iter().map(to_json).collect();
        let report = json!({
            "whole": report.problems.is_empty(),
            "members": report.members,
            "bytes": report.bytes,
            "gaps": report.gaps,
            "problems": problems,
        });
        output.json(&report)?;
    } else {
        for problem in &report.problems {
            output.result(format!("damaged: {problem}"))?;
        }
        if report.gaps > 0 {
            output.remark(format!("{} belong to no member, which does no harm", size(report.gaps)))?;
        }
        let bytes = size(report.bytes);
        let (members, are) = match report.members {
            1 => ("the one member".to_owned(), "is"),
            members => (format!("all {} members", thousands(members as u64)), "are"),
        };
        match report.problems.len() {
            0 if arguments.fast => {
                output.remark(format!("the structure of {members} is whole: {bytes} of data, not read"))?;
            }
            0 => output.remark(format!("{members} {are} whole: {bytes} of data"))?,
            problems => output.remark(format!("{}; all else can be read", count(problems, "problem")))?,
        }
    }
    if report.problems.is_empty() { Ok(()) } else { Err(Failure::Said) }
}

/// A problem for programs to read.
pub(super) fn to_json(problem: &Problem) -> Value {
    json!({
        "member": problem.member,
        "key": problem.key,
        "image": problem.image,
        "certain": problem.is_certain,
        "message": problem.message,
    })
}
