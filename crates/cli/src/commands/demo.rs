//! `bitnpz demo`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use bitnpz::{Archive, Bitmap, Dtype, Encoding, Header, PixelValues, WriteOptions, Writer};
use clap::Args;
use flate2::{Compress, FlushCompress};

use super::{glyphs, sheet};
use crate::failure::{Failure, Outcome};
use crate::format::thousands;
use crate::printer::Printer;

/// Heights and widths of the glyphs, in pixels.
const SIZES: [usize; 3] = [28, 64, 128];

/// Glyphs of each size on the contact sheet: together they fill a screen.
const GLYPHS_ON_SHEET: usize = 40;

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// The folder for the archives and the contact sheet
    #[arg(long, default_value = "demo", value_name = "FOLDER")]
    dir: PathBuf,
    /// The number of glyphs of each size
    #[arg(long, default_value_t = 6000, value_name = "N")]
    count: usize,
}

pub(crate) fn run(arguments: &DemoArgs, printer: &mut Printer) -> Outcome {
    fs::create_dir_all(&arguments.dir).map_err(|error| Failure::at(&arguments.dir, error))?;
    let count = arguments.count.max(1);
    let mut samples = Vec::new();
    for size in SIZES {
        let images = glyphs::render(size, count)?;
        compare_sizes(&images, size, &arguments.dir, printer)?;
        samples.extend(images.into_iter().take(GLYPHS_ON_SHEET));
    }
    let sheet = arguments.dir.join("glyphs.png");
    let sizes: Vec<_> = samples.iter().map(|image| [image.height(), image.width()]).collect();
    sheet::write(&sheet, &sizes, |number| Ok(samples[number].clone()))?;
    printer.result("Every image was read back by its key, in random order, and compared.")?;
    printer.result(
        "The first row is computed: the same members, deflated by zlib at level 6, in the same ZIP layout.",
    )?;
    printer.result(format!("archives       {}", arguments.dir.join("glyphs_*.npz").display()))?;
    printer.result(format!("contact sheet  {}", sheet.display()))?;
    Ok(())
}

/// Writes images of one size in each encoding, and prints a table of the sizes and speeds.
fn compare_sizes(images: &[Bitmap], size: usize, folder: &Path, printer: &mut Printer) -> Outcome {
    let count = images.len();
    printer.result(format!("{} glyphs of {size} x {size} pixels", thousands(count as u64)))?;
    printer.result(format!(
        "  {:<30}{:>12}{:>13}{:>9}{:>12}{:>12}",
        "", "bytes", "bytes/image", "", "written/s", "read/s"
    ))?;
    let numpy = numpy_size(images, size)?;
    print_row(printer, "np.savez_compressed", numpy, numpy, count, None)?;
    for (name, encoding) in [
        ("bitnpz --encoding plain", Encoding::Plain),
        ("bitnpz --encoding packed", Encoding::Packed),
        ("bitnpz", Encoding::Sets),
    ] {
        let path = folder.join(format!("glyphs_{size}_{encoding}.npz"));
        let options = WriteOptions::default().with_encoding(encoding);
        let speeds = round_trip(&path, images, &options)?;
        print_row(printer, name, fs::metadata(&path)?.len(), numpy, count, Some(speeds))?;
    }
    Ok(())
}

/// Prints a row of the table; speeds are images per second written and read.
fn print_row(
    printer: &mut Printer,
    name: &str,
    bytes: u64,
    numpy: u64,
    count: usize,
    speeds: Option<[f64; 2]>,
) -> Outcome {
    let per_image = bytes as f64 / count as f64;
    let ratio = format!("{:.2}x", numpy as f64 / bytes as f64);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "images in a second")]
    let speed = |value: f64| thousands(value as u64);
    let [written, read] = speeds.map_or([String::new(), String::new()], |speeds| speeds.map(speed));
    let bytes = thousands(bytes);
    printer.result(format!("  {name:<30}{bytes:>12}{per_image:>13.1}{ratio:>9}{written:>12}{read:>12}"))?;
    Ok(())
}

/// Writes the images, reads each back by its key in random order, and returns the images per second of both.
fn round_trip(path: &Path, images: &[Bitmap], options: &WriteOptions) -> Result<[f64; 2], Failure> {
    let key = |number: usize| format!("ix-{number:06}");
    let arrays: Vec<_> = images.iter().map(|image| image.unpack(PixelValues::<bool>::default())).collect();
    let start = Instant::now();
    let mut writer = Writer::create_with(path, options).map_err(|error| Failure::at(path, error))?;
    for (number, array) in arrays.iter().enumerate() {
        writer.add_image(&key(number), array)?;
    }
    writer.finish().map_err(|error| Failure::at(path, error))?;
    let written = images.len() as f64 / start.elapsed().as_secs_f64();

    // A step that is coprime to the number of images visits each once.
    let step = (images.len() * 618 / 1000..).find(|&step| gcd(step, images.len()) == 1).unwrap_or(1);
    let keys: Vec<(usize, String)> =
        (0..images.len()).map(|i| i * step % images.len()).map(|number| (number, key(number))).collect();
    let archive = Archive::open(path).map_err(|error| Failure::at(path, error))?;
    let start = Instant::now();
    for (number, key) in &keys {
        let image = archive.image::<bool>(key).map_err(|error| Failure::at(path, error))?;
        if image != arrays[*number] {
            return Err(Failure::at(
                path,
                format!("the image read from {key:?} differs from the one written"),
            ));
        }
    }
    Ok([written, images.len() as f64 / start.elapsed().as_secs_f64()])
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Computes the bytes that `np.savez_compressed("x", **{"ix-%06i" % i: image})` writes: for each image a local header
/// with a zip64 field, the deflated `.npy` file, and a central header; and the end record.
fn numpy_size(images: &[Bitmap], size: usize) -> Result<u64, Failure> {
    let name = "ix-000000.npy".len();
    let (local, zip64, central, end) = (30 + name, 20, 46 + name, 22);
    let header = Header::new(Dtype::of::<bool>(), vec![size, size]).to_bytes();
    let header = header.map_err(|error| Failure::Message(error.to_string()))?;
    let mut compress = Compress::new(flate2::Compression::new(6), false);
    let mut deflated = Vec::with_capacity(2 * size * size + 1000);
    let mut total = end;
    for image in images {
        let pixels = image.unpack(PixelValues::<u8>::default());
        let npy = [&header, pixels.as_slice().unwrap_or_default()].concat();
        deflated.clear();
        compress.reset();
        let status = compress.compress_vec(&npy, &mut deflated, FlushCompress::Finish);
        status.map_err(|error| Failure::Message(error.to_string()))?;
        total += local + zip64 + deflated.len() + central;
    }
    Ok(total as u64)
}
