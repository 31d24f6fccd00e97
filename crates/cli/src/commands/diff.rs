//! `bitnpz diff`.

use std::path::PathBuf;

use bitnpz::{Difference, DifferenceKind};
use clap::Args;
use serde_json::{Value, json};

use super::files;
use super::filter::Filter;
use crate::failure::{Failure, Outcome};
use crate::format::count;
use crate::options::{FormatArgs, KeyArgs, LimitArgs};
use crate::printer::Printer;

/// The indices of differing images that are printed for a stack: they fit a line.
const SHOWN_INDICES: usize = 10;

#[derive(Debug, Args)]
#[command(after_help = "\
Arrays are compared by key, dtype, shape and values, however they are stored. \
Exit code 0 if all are the same, 1 if not.")]
pub(crate) struct DiffArgs {
    /// The first archive
    first: PathBuf,
    /// The second archive
    second: PathBuf,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    format: FormatArgs,
    #[command(flatten)]
    limits: LimitArgs,
}

pub(crate) fn run(arguments: &DiffArgs, printer: &mut Printer) -> Outcome {
    let (first, second) = (&arguments.first, &arguments.second);
    if files::is_stream(first) && files::is_stream(second) {
        return Err(Failure::Message("expected one archive from standard input, found two".to_owned()));
    }
    let one = files::open_at(first, &arguments.limits)?;
    let other = files::open_at(second, &arguments.limits)?;
    let filter = Filter::new(&arguments.keys.keys, &[(first, &one), (second, &other)])?;
    let bar = printer.steps_progress("comparing");
    let differences = one.diff(&other, |key| filter.selects(key), |steps| bar.show(steps));
    drop(bar);
    let differences = differences.map_err(|error| Failure::of(first, &error))?;
    let printed = print(&differences, arguments, printer);
    if differences.is_empty() { printed } else { Err(Failure::found(printed)) }
}

fn print(differences: &[Difference], arguments: &DiffArgs, printer: &mut Printer) -> Outcome {
    if arguments.format.json {
        let list: Vec<Value> = differences.iter().map(to_json).collect();
        return Ok(printer.json(&json!({ "same": list.is_empty(), "differences": list }))?);
    }
    let [first, second] = [&arguments.first, &arguments.second].map(|path| files::input_name(path));
    for Difference { key, kind, .. } in differences {
        printer.result(match kind {
            DifferenceKind::OnlyInFirst => format!("only in {first}: {key}"),
            DifferenceKind::OnlyInSecond => format!("only in {second}: {key}"),
            kind => format!("{key}: {}", describe(kind)),
        })?;
    }
    Ok(match differences.len() {
        0 => printer.remark("no differences"),
        number => printer.remark(count(number, "difference")),
    }?)
}

/// Describes the difference between two arrays of one key.
fn describe(kind: &DifferenceKind) -> String {
    match kind {
        DifferenceKind::Types { first, second } => format!("{first} and {second}"),
        DifferenceKind::Images { of: 1, .. } => "the image differs".to_owned(),
        DifferenceKind::Images { numbers, of } => {
            let list: Vec<String> = numbers.iter().take(SHOWN_INDICES).map(ToString::to_string).collect();
            let more = if numbers.len() > SHOWN_INDICES { ", ..." } else { "" };
            let verb = if numbers.len() == 1 { "differs" } else { "differ" };
            format!("{} of {} {verb}: {}{more}", numbers.len(), count(*of, "image"), list.join(", "))
        }
        _ => "the values differ".to_owned(),
    }
}

fn to_json(difference: &Difference) -> Value {
    let key = &difference.key;
    match &difference.kind {
        DifferenceKind::OnlyInFirst => json!({ "key": key, "what": "only in first" }),
        DifferenceKind::OnlyInSecond => json!({ "key": key, "what": "only in second" }),
        DifferenceKind::Types { first, second } => {
            json!({ "key": key, "what": "types", "first": first, "second": second })
        }
        DifferenceKind::Images { numbers, of } => {
            json!({ "key": key, "what": "images", "images": numbers, "of": of })
        }
        _ => json!({ "key": key, "what": "values" }),
    }
}
