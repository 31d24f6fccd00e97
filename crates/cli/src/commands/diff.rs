//! `bitnpz diff`.

use bitnpz::{Difference, DifferenceKind};
use serde_json::{Value, json};

use super::filter::Filter;
use crate::arguments::Diff;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, count};

/// So many numbers of images are printed.
const PRINTED: usize = 10;

pub(crate) fn run(arguments: &Diff, output: &mut Output) -> Outcome {
    let (first, second) = (&arguments.first, &arguments.second);
    if super::is_stream(first) && super::is_stream(second) {
        return Err(Failure::Message("expected one archive from standard input, found two".to_owned()));
    }
    let (one, other) = (super::open(first, &arguments.read)?, super::open(second, &arguments.read)?);
    let filter = Filter::new(&arguments.keys.keys, &[(first, &one), (second, &other)])?;
    let bar = output.progress(one.len() as u64, "comparing");
    let differences = one.diff(&other, |key| filter.takes(key), |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    let differences = differences.map_err(|error| Failure::of(first, &error))?;
    if arguments.json {
        let list: Vec<Value> = differences.iter().map(to_json).collect();
        output.json(&json!({ "same": list.is_empty(), "differences": list }))?;
    } else {
        for Difference { key, kind, .. } in &differences {
            output.result(match kind {
                DifferenceKind::OnlyInFirst => format!("only in {}: {key}", super::shown_input(first)),
                DifferenceKind::OnlyInSecond => format!("only in {}: {key}", super::shown_input(second)),
                kind => format!("{key}: {}", describe(kind)),
            })?;
        }
        match differences.len() {
            0 => output.remark("no differences")?,
            number => output.remark(count(number, "difference"))?,
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(Failure::Said) }
}

/// What differs between two arrays.
fn describe(kind: &DifferenceKind) -> String {
    match kind {
        DifferenceKind::Types { first, second } => format!("{first} and {second}"),
        DifferenceKind::Images { of: 1, .. } => "the image differs".to_owned(),
        DifferenceKind::Images { numbers, of } => {
            let list: Vec<String> = numbers.iter().take(PRINTED).map(ToString::to_string).collect();
            let more = if numbers.len() > PRINTED { ", ..." } else { "" };
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
