//! `bitnpz stats`.

use bitnpz::Stats;
use clap::Args;
use serde_json::{Value, json};

use super::files;
use super::filter::Filter;
use crate::failure::{Failure, Outcome};
use crate::format::{count, thousands};
use crate::options::{ArchiveArgs, FormatArgs, KeyArgs};
use crate::printer::Printer;

/// The columns of the longest bar: with its label and count it fits 80 columns.
const LONGEST_BAR: usize = 40;

#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    #[command(flatten)]
    keys: KeyArgs,
    #[command(flatten)]
    format: FormatArgs,
}

pub(crate) fn run(arguments: &StatsArgs, printer: &mut Printer) -> Outcome {
    let path = &arguments.archive.path;
    let archive = files::open(&arguments.archive)?;
    let filter = Filter::new(&arguments.keys.keys, &[(path, &archive)])?;
    let bar = printer.steps_progress("reading images");
    let stats = archive.stats(|key| filter.selects(key), |steps| bar.show(steps));
    drop(bar);
    let stats = stats.map_err(|error| Failure::of(path, &error))?;
    if arguments.format.json { Ok(printer.json(&to_json(&stats))?) } else { print(&stats, printer) }
}

/// Returns the stored bytes per image.
fn bytes_per_image(stats: &Stats) -> f64 {
    stats.bytes as f64 / stats.images.max(1) as f64
}

/// Returns the fraction of pixels that are 1.
fn density(stats: &Stats) -> f64 {
    stats.ones as f64 / stats.pixels.max(1) as f64
}

fn to_json(stats: &Stats) -> Value {
    let bins = bins(&stats.sizes).map(|([from, to], images)| json!([from, to, images]));
    json!({
        "images": stats.images,
        "pixels": stats.pixels,
        "bytes": stats.bytes,
        "bytes_per_image": (stats.images > 0).then(|| bytes_per_image(stats)),
        "density": (stats.pixels > 0).then(|| density(stats)),
        "duplicates": stats.duplicates,
        "blank": stats.blank,
        "images_by_bytes": bins.collect::<Vec<_>>(),
        "images_by_density": stats.densities,
    })
}

fn print(stats: &Stats, printer: &mut Printer) -> Outcome {
    printer.result(format!("images      {}", thousands(stats.images as u64)))?;
    if stats.images == 0 {
        return Ok(());
    }
    printer.result(format!("duplicates  {}", thousands(stats.duplicates as u64)))?;
    printer.result(format!("blank       {}", thousands(stats.blank as u64)))?;
    printer.result(format!("density     {:.1} % of the pixels are 1", 100.0 * density(stats)))?;
    printer.result(format!("per image   {:.1} bytes, without headers", bytes_per_image(stats)))?;
    printer.text("\nbytes per image")?;
    let label = |[from, to]: [u64; 2]| if from == to { from.to_string() } else { format!("{from} to {to}") };
    let sizes: Vec<(String, usize)> = bins(&stats.sizes).map(|(bin, images)| (label(bin), images)).collect();
    histogram(&sizes, printer)?;
    printer.text("\npixels that are 1")?;
    let parts = stats.densities.iter().enumerate();
    let parts: Vec<(String, usize)> =
        parts.map(|(part, images)| (format!("up to {} %", 10 * (part + 1)), *images)).collect();
    histogram(&parts, printer)
}

/// Returns the bins of sizes from the first that has images: the least and the most bytes, and the number of images.
fn bins(sizes: &[usize]) -> impl Iterator<Item = ([u64; 2], usize)> {
    let bin = |bits: usize| if bits == 0 { [0, 0] } else { [1 << (bits - 1), (1 << (bits - 1)) * 2 - 1] };
    let first = sizes.iter().position(|images| *images > 0).unwrap_or(0);
    sizes.iter().enumerate().skip(first).map(move |(bits, images)| (bin(bits), *images))
}

/// Prints a labelled bar for each count.
fn histogram(lines: &[(String, usize)], printer: &mut Printer) -> Outcome {
    let most = lines.iter().map(|(_, images)| *images).max().unwrap_or(0).max(1);
    let width = lines.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
    for (label, images) in lines {
        let bar = "█".repeat((*images as u128 * LONGEST_BAR as u128).div_ceil(most as u128) as usize);
        let line = format!("  {label:>width$}  {bar:<LONGEST_BAR$}  {}", count(*images, "image"));
        printer.result(line)?;
    }
    Ok(())
}
