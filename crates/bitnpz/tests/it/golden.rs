//! Archives written by earlier versions.

use std::path::Path;

use bitnpz::{Archive, Codec, Encoding, WriteOptions, Writer};
use ndarray::Axis;

use crate::support::{Folder, image, stack};

/// Writes the archive that is kept in `golden` for each codec: keys without a pattern, images of several sizes, repeats, and a
/// stack; with `more` another one, that shares a set with it.
fn write_golden(path: &Path, options: &WriteOptions, more: bool) {
    let mut writer = Writer::create_with(path, options).unwrap();
    for number in 0..70 {
        let key = format!("{}/{}", ["b", "a", "ü"][number % 3], number * 31 % 71);
        writer
            .add_image(&key, &image(9 + number % 4, 17, number % 20).mapv(|pixel| u8::from(pixel) * 255))
            .unwrap();
    }
    writer.add_images("stack", &stack(80).mapv(|pixel| if pixel { 1.5_f32 } else { -1.0 })).unwrap();
    writer.add_array("labels", &ndarray::arr1(&[1_i64, 2, 3])).unwrap();
    if more {
        writer.add_images("more", &stack(90).mapv(|pixel| if pixel { 1.5_f32 } else { -1.0 })).unwrap();
    }
    writer.finish().unwrap();
}

/// Reads the archives of all versions of the format. `GOLDEN=1 cargo test -p bitnpz golden` writes those that are missing, once
/// for each version.
#[test]
fn reads_golden_archives() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folder = Folder::new();
    let coded =
        |version, codec| (format!("sets-{version}-{codec}"), WriteOptions::default().with_codec(codec));
    let others = [1, 2]
        .into_iter()
        .flat_map(|version| [Codec::Pixel, Codec::Zstd, Codec::Raw].map(|codec| coded(version, codec)));
    let blocks = [Codec::Contour, Codec::Pixel, Codec::Zstd, Codec::Raw].map(|codec| coded(4, codec));
    let last = [5, 6, 7].map(|version| (version, Codec::Contour)).into_iter();
    let last = last.chain([6, 7].map(|version| (version, Codec::Pixel)));
    let last = last.map(|(version, codec)| coded(version, codec));
    let sets = others.chain([coded(3, Codec::Contour)]).chain(blocks).chain(last);
    let members = [("packed-1", Encoding::Packed), ("plain", Encoding::Plain)]
        .map(|(name, encoding)| (name.to_owned(), WriteOptions::default().with_encoding(encoding)));
    for (name, options) in sets.chain(members) {
        let old = golden.join(format!("{name}.npz"));
        let more = ["sets-5", "sets-6", "sets-7"].iter().any(|version| name.starts_with(version));
        if std::env::var_os("GOLDEN").is_some() && !old.exists() {
            write_golden(&old, &options, more);
        }
        let new = folder.path("a.npz");
        write_golden(&new, &options, more);
        let [old, new] = [old, new].map(|path| Archive::open(path).unwrap());
        assert_eq!(old.verify(|_| ()).unwrap().problems, []);
        assert_eq!(old.len(), 72 + usize::from(more));
        for key in new.keys() {
            assert_eq!(old.dyn_array(&key).unwrap(), new.dyn_array(&key).unwrap(), "{name} {key}");
        }
    }
}

/// Appending to an archive of any version writes the last, and changes no array.
#[test]
fn appends_to_golden_archives() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folder = Folder::new();
    let files = std::fs::read_dir(golden).unwrap().map(|file| file.unwrap());
    let sets: Vec<_> = files.filter(|file| file.file_name().to_string_lossy().starts_with("sets-")).collect();
    assert!(sets.len() > 7);
    for old in sets.into_iter().map(|file| file.path()) {
        let path = folder.path("a.npz");
        std::fs::copy(&old, &path).unwrap();
        let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
        writer.add_image("new", &image(9, 17, 3).mapv(|pixel| u8::from(pixel) * 255)).unwrap();
        writer.extend("stack", &stack(7).mapv(|pixel| if pixel { 1.5_f32 } else { -1.0 })).unwrap();
        writer.finish().unwrap();
        let [old, new] = [&old, &path].map(|path| Archive::open(path).unwrap());
        assert_eq!(new.verify(|_| ()).unwrap().problems, []);
        for key in old.keys().filter(|key| *key != "stack") {
            assert_eq!(old.dyn_array(&key).unwrap(), new.dyn_array(&key).unwrap(), "{key}");
        }
        let [old, new] = [old, new].map(|archive| archive.array::<f32>("stack").unwrap());
        assert!(new.shape()[0] == 87 && new.slice_axis(Axis(0), (..80).into()) == old);
        let zip = bitnpz_npz::Archive::open(&path).unwrap();
        let is_old = |name: &str| name.contains("index-") || name.ends_with("/model.npy");
        assert!(!zip.members().any(|member| is_old(member.name())));
        let descriptions = zip.members().filter(|member| member.name().ends_with("set.json"));
        for text in descriptions.map(|member| String::from_utf8(member.read().unwrap()).unwrap()) {
            assert!(text.contains("\"version\":7") && !text.contains("\"text\""), "{text}");
        }
    }
}
