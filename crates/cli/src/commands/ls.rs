//! `bitnpz ls`.

use bitnpz::{Entry, Item, OtherMember};
use clap::Args;
use serde_json::{Value, json};

use super::files;
use super::filter::Filter;
use super::sharded;
use crate::failure::{Failure, Outcome};
use crate::format::{dtype_text, thousands};
use crate::options::{ArchiveArgs, FormatArgs, KeyArgs};
use crate::printer::Printer;

#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    #[command(flatten)]
    filter: KeyArgs,
    /// Print keys only
    #[arg(id = "keys_only", short, long = "keys", conflicts_with = "json")]
    keys_only: bool,
    #[command(flatten)]
    format: FormatArgs,
}

pub(crate) fn run(arguments: &LsArgs, printer: &mut Printer) -> Outcome {
    let path = &arguments.archive.path;
    if bitnpz::is_manifest(path) {
        let LsArgs { archive, filter, keys_only, format } = arguments;
        return sharded::list(path, &archive.limits, &filter.keys, *keys_only, format.json, printer);
    }
    let archive = files::open(&arguments.archive)?;
    let filter = Filter::new(&arguments.filter.keys, &[(path, &archive)])?;
    if arguments.keys_only {
        let mut names = archive.names().filter(|name| filter.selects(name));
        return Ok(names.try_for_each(|name| printer.result(name))?);
    }
    let items = archive.items().map(|item| item.map_err(|error| Failure::of(path, &error)));
    let mut items = items.filter(|item| item.as_ref().map_or(true, |item| filter.selects(name(item))));
    if arguments.format.json {
        return printer.json_list(items.map(|item| Ok(to_json(&item?))));
    }
    items.try_for_each(|item| Ok(printer.result(line(&item?))?))
}

fn name<'a>(item: &'a Item<'_>) -> &'a str {
    match item {
        Item::Array(entry) => entry.key(),
        Item::Other(other) => other.name(),
        _ => "",
    }
}

fn kind(entry: &Entry<'_>) -> &'static str {
    match entry.image_count() {
        Some(_) if entry.shape().len() == 2 => "image",
        Some(_) => "images",
        None => "array",
    }
}

fn line(item: &Item<'_>) -> String {
    match item {
        Item::Array(entry) => array_line(entry),
        Item::Other(other) => {
            let (content, bytes) = (other.content().to_string(), thousands(other.stored_bytes()));
            format!("{:6} {content:35} {bytes:>12}  {}", "other", other.name())
        }
        _ => String::new(),
    }
}

fn array_line(entry: &Entry<'_>) -> String {
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

fn to_json(item: &Item<'_>) -> Value {
    match item {
        Item::Array(entry) => array_json(entry),
        Item::Other(other) => other_json(other),
        _ => Value::Null,
    }
}

fn array_json(entry: &Entry<'_>) -> Value {
    json!({
        "key": entry.key(),
        "kind": kind(entry),
        "encoding": entry.encoding().to_string(),
        "codec": entry.codec().map(|codec| codec.to_string()),
        "dtype": dtype_text(entry.dtype()),
        "shape": entry.shape(),
        "images": entry.image_count(),
        "bytes": entry.stored_bytes(),
    })
}

fn other_json(other: &OtherMember<'_>) -> Value {
    json!({
        "key": other.name(),
        "kind": "other",
        "content": other.content().to_string(),
        "bytes": other.stored_bytes(),
    })
}
