//! `bitnpz ls`.

use bitnpz::Entry;
use serde_json::{Value, json};

use super::filter::Filter;
use crate::arguments::Ls;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, thousands};

pub(crate) fn run(arguments: &Ls, output: &mut Output) -> Outcome {
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let filter = Filter::new(&arguments.filter.keys, &[(&arguments.archive, &archive)])?;
    let mut keys = archive.keys().filter(|key| filter.takes(key));
    if arguments.keys_only {
        return Ok(keys.try_for_each(|key| output.result(key))?);
    }
    let mut entries = keys.map(|key| {
        let entry = archive.entry(&key);
        entry.map_err(|error| Failure::of(&arguments.archive, &error))
    });
    if arguments.json {
        return output.json_list(entries.map(|entry| Ok(to_json(&entry?))));
    }
    entries.try_for_each(|entry| Ok(output.result(line(&entry?))?))
}

fn kind(entry: &Entry<'_>) -> &'static str {
    match entry.images() {
        Some(_) if entry.shape().len() == 2 => "image",
        Some(_) => "images",
        None => "array",
    }
}

fn line(entry: &Entry<'_>) -> String {
    let kind = kind(entry);
    let dtype = match entry.dtype().record() {
        Some(_) => "record".to_owned(),
        None => entry.dtype().type_string(),
    };
    let shape: Vec<String> = entry.shape().iter().map(ToString::to_string).collect();
    let (encoding, bytes) = (entry.encoding(), thousands(entry.stored_bytes()));
    let (shape, key) = (shape.join(" x "), entry.key());
    format!("{kind:6} {encoding:7} {dtype:>8} {shape:>18} {bytes:>12}  {key}")
}

fn to_json(entry: &Entry<'_>) -> Value {
    json!({
        "key": entry.key(),
        "kind": kind(entry),
        "encoding": entry.encoding().to_string(),
        "codec": entry.codec().map(|codec| codec.to_string()),
        "dtype": entry.dtype().to_string(),
        "shape": entry.shape(),
        "images": entry.images(),
        "bytes": entry.stored_bytes(),
    })
}
