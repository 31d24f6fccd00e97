//! `bitnpz info`.

use std::collections::BTreeMap;

use bitnpz::Item;
use serde_json::json;

use crate::arguments::Info;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, size, thousands};

pub(crate) fn run(arguments: &Info, output: &mut Output) -> Outcome {
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let mut encodings = BTreeMap::<String, usize>::new();
    let mut codecs = BTreeMap::<String, usize>::new();
    let mut dtypes = BTreeMap::<String, usize>::new();
    let mut shapes = BTreeMap::<String, usize>::new();
    let (mut keys, mut images, mut arrays, mut pixels, mut image_bytes) =
        (0_usize, 0_usize, 0_usize, 0_u64, 0_u64);
    let mut others = 0_usize;
    for item in archive.items() {
        let Item::Array(entry) = item.map_err(|error| Failure::of(&arguments.archive, &error))? else {
            others += 1;
            continue;
        };
        keys += 1;
        let Some(count) = entry.image_count() else {
            arrays += 1;
            continue;
        };
        images += count;
        pixels += entry.header().len() as u64;
        image_bytes += entry.stored_bytes();
        *encodings.entry(entry.encoding().to_string()).or_default() += count;
        if let Some(codec) = entry.codec() {
            *codecs.entry(codec.to_string()).or_default() += count;
        }
        *dtypes.entry(entry.dtype().type_string()).or_default() += count;
        let [.., height, width] = entry.shape() else { continue };
        *shapes.entry(format!("{height} x {width}")).or_default() += count;
    }
    let per_image = archive.size() as f64 / images.max(1) as f64;
    if arguments.json {
        let info = json!({
            "file": arguments.archive.display().to_string(),
            "bytes": archive.size(),
            "keys": keys,
            "images": images,
            "arrays": arrays,
            "others": others,
            "pixels": pixels,
            "image_bytes": image_bytes,
            "bytes_per_image": if images == 0 { None } else { Some(per_image) },
            "encodings": encodings,
            "codecs": codecs,
            "dtypes": dtypes,
            "shapes": shapes,
        });
        return Ok(output.json(&info)?);
    }
    let list = |counts: &BTreeMap<String, usize>| {
        let mut counts: Vec<(&String, &usize)> = counts.iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let more = if counts.len() > 3 { format!(", and {} more", counts.len() - 3) } else { String::new() };
        let first: Vec<String> = counts
            .iter()
            .take(3)
            .map(|(what, count)| format!("{what} ({})", thousands(**count as u64)))
            .collect();
        format!("{}{more}", first.join(", "))
    };
    output.result(format!("file        {}", arguments.archive.display()))?;
    output.result(format!("size        {} ({} bytes)", size(archive.size()), thousands(archive.size())))?;
    output.result(format!("keys        {}", thousands(keys as u64)))?;
    output.result(format!("images      {}", thousands(images as u64)))?;
    output.result(format!("arrays      {}", thousands(arrays as u64)))?;
    if others > 0 {
        output.result(format!("others      {}", thousands(others as u64)))?;
    }
    if images > 0 {
        output.result(format!("encoding    {}", list(&encodings)))?;
        if !codecs.is_empty() {
            output.result(format!("codec       {}", list(&codecs)))?;
        }
        output.result(format!("dtype       {}", list(&dtypes)))?;
        output.result(format!("shape       {}", list(&shapes)))?;
        output.result(format!("per image   {per_image:.1} bytes of the file"))?;
        output
            .result(format!("per pixel   {:.3} bits", archive.size() as f64 * 8.0 / pixels.max(1) as f64))?;
    }
    Ok(())
}
