//! What `ls` and `verify` print of sharded archives.

use std::path::Path;

use bitnpz::{Content, Dtype, OpenOptions, ShardReport, ShardedArchive};
use serde_json::{Value, json};

use super::filter::Filter;
use super::problem::to_json;
use crate::failure::{Failure, Outcome};
use crate::format::{count, dtype_text, size, thousands};
use crate::options::LimitArgs;
use crate::printer::Printer;

/// Checks that a path can be that of a manifest.
pub(super) fn check_manifest_name(path: &Path) -> Outcome {
    if bitnpz::is_manifest(path) {
        return Ok(());
    }
    let message = format!("expected the path of a manifest, which ends in {}", bitnpz::MANIFEST_SUFFIX);
    Err(Failure::at(path, message))
}

pub(super) fn open(path: &Path, limits: &LimitArgs) -> Result<ShardedArchive, Failure> {
    let options = OpenOptions::default().with_limits(limits.limits());
    ShardedArchive::open_with(path, &options).map_err(|error| Failure::of(path, &error))
}

/// An array of a sharded archive.
struct Listed {
    kind: &'static str,
    /// `None` of images that have keys of their own.
    key: Option<String>,
    dtype: Dtype,
    shape: Vec<usize>,
}

/// Lists the arrays that these keys select, and the shards if there are no keys.
pub(super) fn list(
    path: &Path,
    limits: &LimitArgs,
    keys: &[String],
    keys_only: bool,
    is_json: bool,
    printer: &mut Printer,
) -> Outcome {
    let archive = open(path, limits)?;
    let failed = |error: bitnpz::Error| Failure::of(path, &error);
    let filter = Filter::of(keys, |key| archive.contains(key).map_err(failed))?;
    let keyed = archive.keyed_images().map_err(failed)?;
    if keys_only {
        for key in archive.array_keys().filter(|key| filter.selects(key)) {
            printer.result(key)?;
        }
        for (images, index) in
            keyed.iter().flat_map(|images| (0..images.len()).map(move |index| (images, index)))
        {
            if let Some(key) = images.try_key(index).map_err(failed)?.filter(|key| filter.selects(key)) {
                printer.result(key)?;
            }
        }
        return Ok(());
    }
    let mut arrays = Vec::new();
    for key in archive.array_keys().filter(|key| filter.selects(key)) {
        arrays.push(listed(&archive, key).map_err(failed)?);
    }
    if arrays.is_empty() && !filter.selects_all() {
        let message = format!("the archive holds none of these keys: {}", keys.join(", "));
        return Err(Failure::at(path, message));
    }
    if let Some(images) = keyed.filter(|_| keys.is_empty()) {
        let (dtype, shape) = (images.dtype().clone(), images.shape().to_vec());
        arrays.push(Listed { kind: "images", key: None, dtype, shape });
    }
    let shards = if keys.is_empty() { archive.shards() } else { &[] };
    if is_json {
        let arrays = arrays.iter().map(|array| {
            let (kind, dtype) = (array.kind, dtype_text(&array.dtype));
            json!({ "key": array.key, "kind": kind, "dtype": dtype, "shape": array.shape })
        });
        let shards = shards.iter().map(
            |shard| json!({ "key": shard.name, "kind": "shard", "bytes": shard.bytes, "items": shard.items }),
        );
        return printer.json_list(arrays.chain(shards).map(Ok));
    }
    for array in arrays {
        let dtype = match array.dtype.record() {
            Some(_) => "record".to_owned(),
            None => array.dtype.type_string(),
        };
        let shape: Vec<String> = array.shape.iter().map(ToString::to_string).collect();
        let (shape, key) = (shape.join(" x "), array.key.as_deref().unwrap_or("(keys of their own)"));
        printer.result(format!("{:6} {dtype:>8} {shape:>26}  {key}", array.kind))?;
    }
    for shard in shards {
        let items = shard.items.iter().max().copied().unwrap_or(0);
        let (items, bytes) = (count(items, "item"), thousands(shard.bytes));
        printer.result(format!("{:6} {bytes:>14} bytes {items:>20}  {}", "shard", shard.name))?;
    }
    Ok(())
}

/// Describes an array; of one that is the same in all shards the first is read.
fn listed(archive: &ShardedArchive, key: &str) -> bitnpz::Result<Listed> {
    let own = Some(key.to_owned());
    if let Some(header) = archive.header(key) {
        let kind = if archive.images(key).is_ok() { "images" } else { "array" };
        return Ok(Listed { kind, key: own, dtype: header.dtype, shape: header.shape });
    }
    match archive.get(key)? {
        Content::Array(array) => {
            let (dtype, shape) = (array.dtype().clone(), array.shape().to_vec());
            Ok(Listed { kind: "shared", key: own, dtype, shape })
        }
        _ => unreachable!("arrays that are the same in all shards are read"),
    }
}

/// Verifies all shards.
pub(super) fn verify(
    path: &Path,
    limits: &LimitArgs,
    fast: bool,
    is_json: bool,
    printer: &mut Printer,
) -> Outcome {
    let archive = open(path, limits)?;
    let bar = printer.steps_progress("verifying");
    let reports = archive.verify(!fast, |steps| bar.show(steps));
    drop(bar);
    let reports = reports.map_err(|error| Failure::of(path, &error))?;
    let printed = print(&reports, fast, is_json, printer);
    if reports.iter().all(|shard| shard.report.problems.is_empty()) {
        printed
    } else {
        Err(Failure::found(printed))
    }
}

fn print(reports: &[ShardReport], fast: bool, is_json: bool, printer: &mut Printer) -> Outcome {
    let problems = || {
        reports.iter().flat_map(|shard| shard.report.problems.iter().map(|problem| (&shard.name, problem)))
    };
    let bytes = reports.iter().map(|shard| shard.report.bytes).sum();
    if is_json {
        let listed: Vec<Value> = problems()
            .map(|(shard, problem)| {
                let mut json = to_json(problem);
                json["shard"] = json!(shard);
                json
            })
            .collect();
        return Ok(printer.json(&json!({
            "whole": listed.is_empty(),
            "shards": reports.len(),
            "bytes": bytes,
            "problems": listed,
        }))?);
    }
    for (shard, problem) in problems() {
        let problem = problem.to_string();
        printer.result(format!("damaged: {shard}: {}", problem.strip_prefix(": ").unwrap_or(&problem)))?;
    }
    let shards = count(reports.len(), "shard");
    Ok(printer.remark(match problems().count() {
        0 if fast => format!("the structure of {shards} is whole: {} of data, not read", size(bytes)),
        0 => format!("{shards}, whole: {} of data", size(bytes)),
        found => format!("{}; everything else can be read", count(found, "problem")),
    })?)
}
