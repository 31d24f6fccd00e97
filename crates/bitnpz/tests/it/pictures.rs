//! Pictures are read as Pillow reads them, or refused with the name of what is not supported.

use std::fs;
use std::path::Path;

use bitnpz::picture::{ReadOptions, read};
use bitnpz_oracle::Oracle;

#[test]
fn reads_pictures_as_pillow_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap().as_bytes();
    let expected = Oracle::start().run(include_str!("pictures.py"), &[path]);
    assert!(expected.len() > 4 * 700, "found {} pictures", expected.len() / 4);
    for parts in expected.chunks_exact(4) {
        let [name, threshold, shape] = [0, 1, 2].map(|part| str::from_utf8(&parts[part]).unwrap());
        let mut options = ReadOptions::default();
        options.threshold = threshold.parse().ok();
        let bitmap = read(folder.path().join(name), &options).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(format!("{} {}", bitmap.height(), bitmap.width()), shape, "{name}");
        let width = bitmap.width();
        let wrong = parts[3]
            .iter()
            .enumerate()
            .filter(|&(pixel, &is_on)| bitmap.get(pixel / width, pixel % width) != Some(is_on != 0));
        assert_eq!(wrong.count(), 0, "{name}, threshold {threshold:?}");
    }
}

/// Returns the error of reading a file of these bytes.
fn refused(folder: &Path, bytes: &[u8]) -> String {
    let path = folder.join("a");
    fs::write(&path, bytes).unwrap();
    read(&path, &ReadOptions::default()).unwrap_err().to_string()
}

#[test]
fn refuses_files_of_several_pictures() {
    let folder = tempfile::tempdir().unwrap();
    let code = "
import io
from PIL import Image
one, other = (Image.fromarray(np.eye(9, dtype=bool) ^ flip) for flip in (False, True))
for kind, mode in (('TIFF', '1'), ('GIF', 'L'), ('PNG', 'L'), ('WEBP', 'RGB')):
    file = io.BytesIO()
    one.convert(mode).save(file, kind, save_all=True, append_images=[other.convert(mode)] * 2)
    outputs.append(file.getvalue())
file = io.BytesIO()
one.save(file, 'PPM')
outputs.append(file.getvalue() * 2)
";
    for bytes in Oracle::start().run(code, &[]) {
        let message = refused(folder.path(), &bytes);
        assert!(message.contains("expected one picture in the file, found"), "{message}");
    }
    assert!(refused(folder.path(), b"P1 1 1 0\nP1 1 1 1\n").contains("found 2"));
}

#[test]
fn refuses_small_files_that_need_much_memory() {
    let folder = tempfile::tempdir().unwrap();
    let gif = [
        b"GIF89a\xFF\xFF\xFF\xFF\x80\0\0\0\0\0\xFF\xFF\xFF".as_slice(),
        b"\x2C\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01\0;",
    ];
    let mut bmp = [0; 60];
    bmp[..2].copy_from_slice(b"BM");
    for (place, value) in [(10, 54_u32), (14, 40), (18, 1 << 30), (22, 1 << 30), (26, 1 | 24 << 16)] {
        bmp[place..place + 4].copy_from_slice(&value.to_le_bytes());
    }
    for bytes in [&gif.concat()[..], &bmp, b"P4 1000000 1000000 \0", b"P5 70000 70000 255 \0"] {
        let message = refused(folder.path(), bytes);
        assert!(message.contains("bytes of memory, more than the limit of 1073741824"), "{message}");
    }
}

#[test]
fn names_unsupported_features() {
    let folder = tempfile::tempdir().unwrap();
    let code = "
import io
from PIL import Image
for picture, options in ((Image.new('L', (9, 9)), {'compression': 'lzma'}), (Image.new('LAB', (9, 9)), {})):
    file = io.BytesIO()
    picture.save(file, 'TIFF', **options)
    outputs.append(file.getvalue())
";
    let files = Oracle::start().run(code, &[]);
    for (bytes, name) in
        files.iter().zip(["compressed with LZMA is not supported", "Lab colour space is not supported"])
    {
        let message = refused(folder.path(), bytes);
        assert!(message.contains(name), "{message}");
    }
    // A palette of one colour, and a pixel of another.
    let mut bmp = [0; 62];
    bmp[..2].copy_from_slice(b"BM");
    for (place, value) in [(10, 58_u32), (14, 40), (18, 1), (22, 1), (26, 1 | 1 << 16), (46, 1), (58, 0x80)] {
        bmp[place..place + 4].copy_from_slice(&value.to_le_bytes());
    }
    let message = refused(folder.path(), &bmp);
    assert!(message.contains("expected a palette with colour 1, found 1 colours"), "{message}");
    assert!(refused(folder.path(), b"no picture").contains("expected a picture"));
}

#[test]
fn refuses_circular_directories() {
    let folder = tempfile::tempdir().unwrap();
    // One directory of 100 entries of tag 0, which names itself as the next.
    let entry = [0_u16, 3, 1, 0, 0, 0].map(u16::to_le_bytes).concat();
    let bytes = [&b"II*\0\x08\0\0\0\x64\0"[..], &entry.repeat(100), &8_u32.to_le_bytes()].concat();
    assert!(refused(folder.path(), &bytes).contains("form a circle"));
}
