//! How small: bytes per image, all in, of the image sets named, against `np.savez_compressed`.
//!
//! `cargo run --release -p bitnpz-benches --bin ratio -- FILE.npz ...`; NumPy is asked through the interpreter that
//! `BITNPZ_PYTHON` names, or `python3`.

#![allow(clippy::print_stdout, reason = "a report")]

use std::path::Path;

use bitnpz::{Encoding, Method, PixelValues, WriteOptions, Writer};
use bitnpz_benches::{ImageSet, key};
use bitnpz_oracle::Oracle;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let mut numpy = Oracle::start();
    println!("| set | images | encoding | method | bytes/image | of NumPy |");
    println!("|---|---|---|---|---|---|");
    for file in std::env::args().skip(1) {
        let set = ImageSet::load(Path::new(&file))?;
        let count = set.images.len() as f64;
        let plain = folder.path().join("plain.npz");
        let mut base = None;
        for (encoding, method) in [
            (Encoding::Plain, Method::Deflate { level: 6 }),
            (Encoding::Plain, Method::Deflate { level: 12 }),
            (Encoding::Packed, Method::Deflate { level: 6 }),
            (Encoding::Packed, Method::Deflate { level: 12 }),
            (Encoding::Packed, Method::Zstd { level: 19 }),
        ] {
            let options = WriteOptions::default().with_encoding(encoding).with_method(method);
            let mut writer = Writer::create_with(&plain, &options)?;
            for (number, image) in set.images.iter().enumerate() {
                writer.add_image(&key(number), &image.unpack(PixelValues::<bool>::default()))?;
            }
            writer.finish()?;
            let bytes = std::fs::metadata(&plain)?.len() as f64;
            let numpy_bytes = *base.get_or_insert_with(|| savez_compressed(&mut numpy, &plain));
            if encoding == Encoding::Plain && method == (Method::Deflate { level: 6 }) {
                println!(
                    "| {} | {count} | `np.savez_compressed` | | {:.1} | 1.000 |",
                    set.name,
                    numpy_bytes / count
                );
            }
            println!(
                "| {} | {count} | {encoding} | {method} | {:.1} | {:.3} |",
                set.name,
                bytes / count,
                bytes / numpy_bytes
            );
        }
    }
    Ok(())
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
