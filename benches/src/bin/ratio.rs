//! Reports the bytes per image, everything included, of bitnpz's encodings and of other formats, each written by a real
//! encoder.
//!
//! `cargo xtask ratio FILE.npz ...` prints a table of formats and one of orders. With `--output FOLDER` it also updates
//! the tables in `compression.md` there, and draws `compression.svg`. `BITNPZ_PYTHON` names a Python interpreter with
//! the packages of `benches/requirements.txt`.

#![allow(clippy::print_stdout, reason = "a report")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bitnpz::{Archive, Encoding, PixelValues, WriteOptions, Writer};
use bitnpz_benches::{SampleSet, chart, jbig2, key, orders};
use bitnpz_oracle::Oracle;
use ndarray::Array3;

type AnyError = Box<dyn std::error::Error>;

/// The bytes per image of one sample, by format.
struct Sizes {
    name: String,
    shape: [usize; 3],
    /// The codec that the writer chose.
    codec: String,
    bytes: Vec<(String, f64)>,
    /// The bytes per image of image sets, by the order in which the images were saved.
    orders: Vec<(String, f64)>,
}

fn main() -> Result<(), AnyError> {
    let mut files: Vec<String> = std::env::args().skip(1).collect();
    let output = match files.iter().position(|argument| argument == "--output") {
        Some(place) => {
            files.remove(place);
            Some(PathBuf::from(files.remove(place)))
        }
        None => None,
    };
    let mut numpy = Oracle::start();
    let mut all = Vec::new();
    for file in &files {
        all.push(measure(&SampleSet::load(Path::new(file))?, &mut numpy)?);
    }
    let tables = [markdown(&all), orders_markdown(&all)];
    println!("{}", tables.join("\n"));
    if let Some(folder) = output {
        let report = folder.join("compression.md");
        let text = fs::read_to_string(&report).unwrap_or_default();
        let text =
            tables.iter().enumerate().fold(text, |text, (place, table)| with_table(&text, place, table));
        fs::write(&report, text)?;
        let first = |name: &str| !name.starts_with("`np.savez") && !name.contains("plain");
        let sets = all.iter().map(|sizes| {
            let bars = sizes.bytes.iter().filter(|(name, _)| first(name)).cloned();
            (format!("{}, bytes per image", sizes.name), bars.collect())
        });
        fs::write(folder.join("compression.svg"), chart::bars(&sets.collect::<Vec<_>>()))?;
    }
    Ok(())
}

fn measure(set: &SampleSet, numpy: &mut Oracle) -> Result<Sizes, AnyError> {
    let folder = tempfile::tempdir()?;
    let count = set.images.len() as f64;
    let [height, width] = [set.images[0].height(), set.images[0].width()];
    let mut bytes = Vec::new();
    let mut codec = String::new();
    for encoding in [Encoding::Sets, Encoding::Packed, Encoding::Plain] {
        let path = folder.path().join(format!("{encoding}.npz"));
        let size = write(&path, set, 0..set.images.len(), encoding)?;
        let name = if encoding == Encoding::Sets {
            codec = Archive::open(&path)?
                .entry(&key(0))?
                .codec()
                .map_or("-".to_owned(), |codec| codec.to_string());
            "**bitnpz**".to_owned()
        } else {
            format!("bitnpz, {encoding}")
        };
        bytes.push((name, size / count));
    }
    let mut by_order = Vec::new();
    for (name, order) in orders(set) {
        let path = folder.path().join("order.npz");
        by_order.push((name, write(&path, set, order, Encoding::Sets)? / count));
    }
    let plain = folder.path().join("plain.npz");
    bytes.push(("`np.savez_compressed`".to_owned(), savez_compressed(numpy, &plain) / count));
    let coded: usize = set.images.iter().map(|image| jbig2::generic_region(image.view())).sum();
    bytes.push(("JBIG2 generic region (ours)".to_owned(), coded as f64 / count));

    let rows: Vec<u8> = set.images.iter().flat_map(|image| image.as_bytes().iter().copied()).collect();
    let rows = Array3::from_shape_vec([set.images.len(), height, width.div_ceil(8)], rows)?;
    let path = folder.path().join("packed.npy");
    bitnpz::DynArray::from_ndarray(&rows).write(fs::File::create(&path)?)?;
    bytes.extend(others(&path, width)?);
    bytes.sort_by(|a, b| a.1.total_cmp(&b.1));
    let (name, shape) = (set.name.clone(), [set.images.len(), height, width]);
    Ok(Sizes { name, shape, codec, bytes, orders: by_order })
}

/// Writes images of a sample, each under its own key, and returns the bytes of the archive.
fn write(
    path: &Path,
    set: &SampleSet,
    order: impl IntoIterator<Item = usize>,
    encoding: Encoding,
) -> Result<f64, AnyError> {
    let mut writer = Writer::create_with(path, &WriteOptions::default().with_encoding(encoding))?;
    for (number, image) in order.into_iter().enumerate() {
        writer.add_image(&key(number), &set.images[image].unpack(PixelValues::<bool>::default()))?;
    }
    writer.finish()?;
    Ok(fs::metadata(path)?.len() as f64)
}

/// Runs `benches/formats.py`, which returns the bytes per image of other formats.
fn others(packed: &Path, width: usize) -> Result<BTreeMap<String, f64>, AnyError> {
    let python = std::env::var("BITNPZ_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats.py");
    let output = Command::new(python).arg(script).arg(packed).arg(width.to_string()).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Returns the bytes of the archive that `np.savez_compressed` writes from the arrays of this one.
fn savez_compressed(numpy: &mut Oracle, plain: &Path) -> f64 {
    let code = "
z = np.load(inputs[0].decode())
file = io.BytesIO()
np.savez_compressed(file, **{key: z[key] for key in z.files})
outputs.append(b'%d' % len(file.getvalue()))
";
    let outputs = numpy.run(code, &[plain.to_string_lossy().as_bytes()]);
    String::from_utf8_lossy(&outputs[0]).parse().unwrap_or(f64::NAN)
}

/// Replaces the table at this place in a report.
fn with_table(report: &str, place: usize, table: &str) -> String {
    let (mut text, mut tables, mut is_in_table) = (String::new(), 0, false);
    for line in report.lines() {
        let is_row = line.starts_with('|');
        if is_row && !is_in_table {
            tables += 1;
            text.push_str(if tables == place + 1 { table } else { "" });
        }
        is_in_table = is_row;
        if !is_row || tables != place + 1 {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

/// Formats a row for each sample: the bytes per image by order, and the ratio of the most to the least.
fn orders_markdown(all: &[Sizes]) -> String {
    let mut text = String::from("| | bytes per image, by order | most : least |\n|---|---|---:|\n");
    for Sizes { name, orders, .. } in all {
        let list: Vec<String> = orders.iter().map(|(order, bytes)| format!("{order} {bytes:.2}")).collect();
        let bytes = || orders.iter().map(|(_, bytes)| *bytes);
        let (most, least) = (bytes().fold(0.0, f64::max), bytes().fold(f64::INFINITY, f64::min));
        let _ = writeln!(text, "| {name} | {} | {:.3} |", list.join(", "), most / least);
    }
    text
}

/// Formats a row for each format and a column for each sample; the smallest on average comes first.
fn markdown(all: &[Sizes]) -> String {
    let mut text = String::from("| bytes per image |");
    for Sizes { name, shape: [count, height, width], codec, .. } in all {
        let _ = write!(text, " {name}<br>{count} of {height} x {width}<br>{codec} |");
    }
    text.push_str("\n|---|");
    text.push_str(&"---:|".repeat(all.len()));
    let of = |sizes: &Sizes, name: &str| {
        sizes.bytes.iter().find(|(other, _)| other == name).map(|(_, bytes)| *bytes)
    };
    let mut names: Vec<&String> =
        all.first().map_or_else(Vec::new, |sizes| sizes.bytes.iter().map(|(name, _)| name).collect());
    let mean = |name: &str| -> f64 { all.iter().filter_map(|sizes| of(sizes, name)).map(f64::ln).sum() };
    names.sort_by(|a, b| mean(a).total_cmp(&mean(b)));
    for name in names {
        let _ = write!(text, "\n| {name} |");
        for sizes in all {
            let _ = write!(text, " {:.1} |", of(sizes, name).unwrap_or(f64::NAN));
        }
    }
    text.push('\n');
    text
}
