//! `bitnpz verify`.

use bitnpz::Report;
use clap::Args;
use serde_json::json;

use super::files;
use super::problem::to_json;
use super::sharded;
use crate::failure::{Failure, Outcome};
use crate::format::{count, size, thousands};
use crate::options::{ArchiveArgs, FormatArgs};
use crate::printer::Printer;

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    /// Check only the structure of the archive, without reading the data
    #[arg(long)]
    fast: bool,
    #[command(flatten)]
    format: FormatArgs,
}

pub(crate) fn run(arguments: &VerifyArgs, printer: &mut Printer) -> Outcome {
    let is_json = arguments.format.json;
    let path = &arguments.archive.path;
    if bitnpz::is_manifest(path) {
        return sharded::verify(path, &arguments.archive.limits, arguments.fast, is_json, printer);
    }
    let archive = match files::open(&arguments.archive) {
        Ok(archive) => archive,
        Err(Failure::Message(message)) if is_json => {
            let problem = json!({ "member": null, "key": null, "image": null, "message": message });
            let printed = printer.json(&json!({ "whole": false, "problems": [problem] }));
            return Err(Failure::found(printed.map_err(Failure::from)));
        }
        Err(failure) => return Err(failure),
    };
    let report = if arguments.fast {
        archive.verify_structure()
    } else {
        let bar = printer.steps_progress("verifying");
        let report = archive.verify(|steps| bar.show(steps));
        drop(bar);
        report
    };
    let report = report.map_err(|error| Failure::of(&arguments.archive.path, &error))?;
    let printed = print(&report, arguments, printer);
    if report.problems.is_empty() { printed } else { Err(Failure::found(printed)) }
}

fn print(report: &Report, arguments: &VerifyArgs, printer: &mut Printer) -> Outcome {
    if arguments.format.json {
        let problems: Vec<_> = report.problems.iter().map(to_json).collect();
        return Ok(printer.json(&json!({
            "whole": report.problems.is_empty(),
            "members": report.members,
            "bytes": report.bytes,
            "gaps": report.gaps,
            "problems": problems,
        }))?);
    }
    for problem in &report.problems {
        printer.result(format!("damaged: {problem}"))?;
    }
    if report.gaps > 0 {
        printer.remark(format!("{} belong to no member; this is harmless", size(report.gaps)))?;
    }
    let bytes = size(report.bytes);
    let (members, are) = match report.members {
        1 => ("the one member".to_owned(), "is"),
        members => (format!("all {} members", thousands(members as u64)), "are"),
    };
    Ok(printer.remark(match report.problems.len() {
        0 if arguments.fast => format!("the structure of {members} is whole: {bytes} of data, not read"),
        0 => format!("{members} {are} whole: {bytes} of data"),
        problems => format!("{}; everything else can be read", count(problems, "problem")),
    })?)
}
