//! Damaged pictures give an image or an error, even if their decoder panics.

use std::fs;

use bitnpz::picture::{PictureError, ReadOptions, read};
use bitnpz_oracle::Oracle;

#[test]
fn damaged_pictures_do_not_panic() {
    let folder = tempfile::tempdir().unwrap();
    let code = "
import io
from PIL import Image
bits = np.random.default_rng(5).random((20, 30)) > 0.5
for kind, options in [('TIFF', {'compression': c}) for c in ('group3', 'group4', 'tiff_ccitt', 'tiff_lzw', 'packbits', 'zstd')] + [
        ('PNG', {}), ('BMP', {}), ('GIF', {}), ('PPM', {}), ('TIFF', {}), ('WEBP', {}), ('JPEG', {})]:
    file = io.BytesIO()
    Image.fromarray(bits).convert('1' if kind in ('TIFF', 'BMP') else 'L').save(file, kind, **options)
    outputs.append(file.getvalue())
";
    // Silence panics on this thread only: `read` catches those of decoders.
    let (decoding, hook) = (std::thread::current().id(), std::panic::take_hook());
    std::panic::set_hook(Box::new(move |panic| {
        if std::thread::current().id() != decoding {
            hook(panic);
        }
    }));
    let path = folder.path().join("a");
    let mut outcomes = [0; 2];
    for bytes in Oracle::start().run(code, &[]) {
        for place in 0..bytes.len().min(400) {
            for damage in [0x00, 0xFF, bytes[place] ^ 0x10] {
                let mut damaged = bytes.clone();
                damaged[place] = damage;
                fs::write(&path, &damaged).unwrap();
                let result =
                    read(&path, &ReadOptions::default().with_threshold(128).with_picture_bytes(1 << 24));
                assert!(!matches!(result, Err(PictureError::Grey { .. })));
                outcomes[usize::from(result.is_ok())] += 1;
            }
            fs::write(&path, &bytes[..place]).unwrap();
            drop(read(&path, &ReadOptions::default().with_threshold(128)));
        }
    }
    assert!(outcomes.iter().all(|&count| count > 100), "{outcomes:?}");
}
