//! `bitnpz info`.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use bitnpz::{Archive, Entry, Item};
use clap::Args;
use serde_json::{Value, json};

use super::files;
use crate::failure::{Failure, Outcome};
use crate::format::{size, thousands};
use crate::options::{ArchiveArgs, FormatArgs};
use crate::printer::Printer;

/// The values of a property that are printed, the most frequent ones.
const SHOWN_VALUES: usize = 3;

#[derive(Debug, Args)]
pub(crate) struct InfoArgs {
    #[command(flatten)]
    archive: ArchiveArgs,
    #[command(flatten)]
    format: FormatArgs,
}

pub(crate) fn run(arguments: &InfoArgs, printer: &mut Printer) -> Outcome {
    let archive = files::open(&arguments.archive)?;
    let info = Info::of(&archive).map_err(|error| Failure::of(&arguments.archive.path, &error))?;
    let file = arguments.archive.path.display().to_string();
    if arguments.format.json { Ok(printer.json(&info.to_json(&file))?) } else { info.print(&file, printer) }
}

/// The number of images by a property.
type Counts = BTreeMap<String, usize>;

/// The counts of an archive.
#[derive(Default)]
struct Info {
    file_bytes: u64,
    keys: usize,
    images: usize,
    arrays: usize,
    others: usize,
    pixels: u64,
    image_bytes: u64,
    encodings: Counts,
    codecs: Counts,
    dtypes: Counts,
    shapes: Counts,
}

impl Info {
    fn of(archive: &Archive) -> bitnpz::Result<Self> {
        let mut info = Self { file_bytes: archive.size(), ..Self::default() };
        for item in archive.items() {
            match item? {
                Item::Array(entry) => info.add(&entry),
                _ => info.others += 1,
            }
        }
        Ok(info)
    }

    fn add(&mut self, entry: &Entry<'_>) {
        self.keys += 1;
        let Some(count) = entry.image_count() else {
            self.arrays += 1;
            return;
        };
        self.images += count;
        self.pixels += entry.header().len() as u64;
        self.image_bytes += entry.stored_bytes();
        *self.encodings.entry(entry.encoding().to_string()).or_default() += count;
        if let Some(codec) = entry.codec() {
            *self.codecs.entry(codec.to_string()).or_default() += count;
        }
        *self.dtypes.entry(entry.dtype().type_string()).or_default() += count;
        if let [.., height, width] = entry.shape() {
            *self.shapes.entry(format!("{height} x {width}")).or_default() += count;
        }
    }

    /// Returns the bytes of the file for each image, if there are images.
    fn bytes_per_image(&self) -> Option<f64> {
        (self.images > 0).then(|| self.file_bytes as f64 / self.images as f64)
    }

    fn to_json(&self, file: &str) -> Value {
        json!({
            "file": file,
            "bytes": self.file_bytes,
            "keys": self.keys,
            "images": self.images,
            "arrays": self.arrays,
            "others": self.others,
            "pixels": self.pixels,
            "image_bytes": self.image_bytes,
            "bytes_per_image": self.bytes_per_image(),
            "encodings": self.encodings,
            "codecs": self.codecs,
            "dtypes": self.dtypes,
            "shapes": self.shapes,
        })
    }

    fn print(&self, file: &str, printer: &mut Printer) -> Outcome {
        printer.result(format!("file        {file}"))?;
        let bytes = thousands(self.file_bytes);
        printer.result(format!("size        {} ({bytes} bytes)", size(self.file_bytes)))?;
        printer.result(format!("keys        {}", thousands(self.keys as u64)))?;
        printer.result(format!("images      {}", thousands(self.images as u64)))?;
        printer.result(format!("arrays      {}", thousands(self.arrays as u64)))?;
        if self.others > 0 {
            printer.result(format!("others      {}", thousands(self.others as u64)))?;
        }
        let Some(per_image) = self.bytes_per_image() else { return Ok(()) };
        printer.result(format!("encoding    {}", most_frequent(&self.encodings)))?;
        if !self.codecs.is_empty() {
            printer.result(format!("codec       {}", most_frequent(&self.codecs)))?;
        }
        printer.result(format!("dtype       {}", most_frequent(&self.dtypes)))?;
        printer.result(format!("shape       {}", most_frequent(&self.shapes)))?;
        printer.result(format!("per image   {per_image:.1} bytes of the file"))?;
        let per_pixel = self.file_bytes as f64 * 8.0 / self.pixels.max(1) as f64;
        Ok(printer.result(format!("per pixel   {per_pixel:.3} bits"))?)
    }
}

/// Lists the most frequent values, each with the number of its images.
fn most_frequent(counts: &Counts) -> String {
    let mut counts: Vec<(&String, &usize)> = counts.iter().collect();
    counts.sort_by_key(|(_, count)| Reverse(**count));
    let shown = counts.iter().take(SHOWN_VALUES);
    let shown: Vec<String> =
        shown.map(|(value, count)| format!("{value} ({})", thousands(**count as u64))).collect();
    let more = match counts.len().saturating_sub(SHOWN_VALUES) {
        0 => String::new(),
        more => format!(", and {more} more"),
    };
    format!("{}{more}", shown.join(", "))
}
