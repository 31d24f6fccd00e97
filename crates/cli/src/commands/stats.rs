//! `bitnpz stats`.

use serde_json::json;

use super::filter::Filter;
use crate::arguments::Stats;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, count, thousands};

/// The columns of the longest bar.
const LONGEST: usize = 40;

pub(crate) fn run(arguments: &Stats, output: &mut Output) -> Outcome {
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let filter = Filter::new(&arguments.keys.keys, &[(&arguments.archive, &archive)])?;
    let bar = output.progress(0, "looking at images");
    let stats = archive.stats(|key| filter.takes(key), |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    let stats = stats.map_err(|error| Failure::of(&arguments.archive, &error))?;
    let share = |part: u64, whole: u64| part as f64 / whole.max(1) as f64;
    let per_image = share(stats.bytes, stats.images as u64);
    let density = share(stats.ones, stats.pixels);
    if arguments.json {
        let stats = json!({
            "images": stats.images,
            "pixels": stats.pixels,
            "bytes": stats.bytes,
            "bytes_per_image": if stats.images == 0 { None } else { Some(per_image) },
            "density": if stats.pixels == 0 { None } else { Some(density) },
            "duplicates": stats.duplicates,
            "blank": stats.blank,
            "images_by_bytes": bins(&stats.sizes).map(|([from, to], images)| json!([from, to, images])).collect::<Vec<_>>(),
            "images_by_density": stats.densities,
        });
        return Ok(output.json(&stats)?);
    }
    output.result(format!("images      {}", thousands(stats.images as u64)))?;
    if stats.images == 0 {
        return Ok(());
    }
    output.result(format!("duplicates  {}", thousands(stats.duplicates as u64)))?;
    output.result(format!("blank       {}", thousands(stats.blank as u64)))?;
    output.result(format!("density     {:.1} % of the pixels are 1", 100.0 * density))?;
    output.result(format!("per image   {per_image:.1} bytes, headers apart"))?;
    output.result("\nbytes per image")?;
    let label = |[from, to]: [u64; 2]| if from == to { from.to_string() } else { format!("{from} to {to}") };
    let sizes: Vec<(String, usize)> = bins(&stats.sizes).map(|(bin, images)| (label(bin), images)).collect();
    histogram(&sizes, output)?;
    output.result("\npixels that are 1")?;
    let parts = stats.densities.iter().enumerate();
    let parts: Vec<(String, usize)> =
        parts.map(|(part, images)| (format!("up to {} %", 10 * (part + 1)), *images)).collect();
    histogram(&parts, output)
}

/// The bins of sizes that have images: the least and the most bytes, and how many images.
fn bins(sizes: &[usize]) -> impl Iterator<Item = ([u64; 2], usize)> {
    let bin = |bits: usize| if bits == 0 { [0, 0] } else { [1 << (bits - 1), (1 << (bits - 1)) * 2 - 1] };
    let first = sizes.iter().position(|images| *images > 0).unwrap_or(0);
    sizes.iter().enumerate().skip(first).map(move |(bits, images)| (bin(bits), *images))
}

/// Draws a bar for each line.
fn histogram(lines: &[(String, usize)], output: &mut Output) -> Outcome {
    let most = lines.iter().map(|(_, images)| *images).max().unwrap_or(0).max(1);
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    for (label, images) in lines {
        let bar = "█".repeat((images * LONGEST).div_ceil(most));
        let line = format!("  {label:>width$}  {bar:<LONGEST$}  {}", count(*images, "image"));
        output.result(line)?;
    }
    Ok(())
}
