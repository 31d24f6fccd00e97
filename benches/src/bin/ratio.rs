//! How small: bytes per image, all in, of the image sets named, in bitnpz's encodings and in what a user would pick
//! instead, each made by its real encoder.
//!
//! `cargo xtask ratio FILE.npz ...` prints a table, and with `--output FOLDER` puts it into `compression.md` there, and draws `compression.svg`.
//! Python with the packages of `benches/requirements.txt` is the interpreter that `BITNPZ_PYTHON` names.

#![allow(clippy::print_stdout, reason = "a report")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use bitnpz::{Archive, Encoding, PixelValues, WriteOptions, Writer};
use bitnpz_benches::{ImageSet, chart, jbig2, key};
use bitnpz_oracle::Oracle;
use ndarray::Array3;

type Failure = Box<dyn std::error::Error>;

/// Bytes per image of one set, by format.
struct Sizes {
    name: String,
    shape: [usize; 3],
    /// What the writer chose.
    codec: String,
    bytes: Vec<(String, f64)>,
}

fn main() -> Result<(), Failure> {
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
        all.push(measure(&ImageSet::load(Path::new(file))?, &mut numpy)?);
    }
    let table = markdown(&all);
    println!("{table}");
    if let Some(folder) = output {
        let report = folder.join("compression.md");
        let text = fs::read_to_string(&report).unwrap_or_default();
        fs::write(&report, with_table(&text, &table))?;
        let first = |name: &str| !name.starts_with("`np.savez") && !name.contains("plain");
        let sets = all.iter().map(|sizes| {
            let bars = sizes.bytes.iter().filter(|(name, _)| first(name)).cloned();
            (format!("{}, bytes per image", sizes.name), bars.collect())
        });
        fs::write(folder.join("compression.svg"), chart::bars(&sets.collect::<Vec<_>>()))?;
    }
    Ok(())
}

fn measure(set: &ImageSet, numpy: &mut Oracle) -> Result<Sizes, Failure> {
    let folder = tempfile::tempdir()?;
    let count = set.images.len() as f64;
    let [height, width] = [set.images[0].height(), set.images[0].width()];
    let mut bytes = Vec::new();
    let mut codec = String::new();
    for encoding in [Encoding::Contour, Encoding::Packed, Encoding::Plain] {
        let path = folder.path().join(format!("{encoding}.npz"));
        let mut writer = Writer::create_with(&path, &WriteOptions::default().with_encoding(encoding))?;
        for (number, image) in set.images.iter().enumerate() {
            writer.add_image(&key(number), &image.unpack(PixelValues::<bool>::default()))?;
        }
        writer.finish()?;
        let name = if encoding == Encoding::Contour {
            codec = Archive::open(&path)?
                .entry(&key(0))?
                .codec()
                .map_or("-".to_owned(), |codec| codec.to_string());
            "**bitnpz**".to_owned()
        } else {
            format!("bitnpz, {encoding}")
        };
        bytes.push((name, fs::metadata(&path)?.len() as f64 / count));
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
    Ok(Sizes { name: set.name.clone(), shape: [set.images.len(), height, width], codec, bytes })
}

/// What `benches/formats.py` finds.
fn others(packed: &Path, width: usize) -> Result<BTreeMap<String, f64>, Failure> {
    let python = std::env::var("BITNPZ_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("formats.py");
    let output = Command::new(python).arg(script).arg(packed).arg(width.to_string()).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The bytes of the archive that NumPy makes of the arrays in this one.
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

/// A report whose first table is this one.
fn with_table(report: &str, table: &str) -> String {
    let is_row = |line: &&str| line.starts_with('|');
    let before: Vec<&str> = report.lines().take_while(|line| !is_row(line)).collect();
    let after: Vec<&str> = report.lines().skip(before.len()).skip_while(is_row).collect();
    let join = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    join(&before) + table + &join(&after)
}

/// One row for each format, one column for each set; the smallest on average first.
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
