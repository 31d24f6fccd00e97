//! Archives written by earlier versions.

use std::path::Path;

use bitnpz::{Archive, Codec, Encoding, WriteOptions, Writer};

use crate::support::{Folder, image, stack};

/// Writes the archive that is kept in `golden` for each codec: keys without a pattern, images of several sizes, repeats, and a stack.
fn write_golden(path: &Path, options: &WriteOptions) {
    let mut writer = Writer::create_with(path, options).unwrap();
    for number in 0..70 {
        let key = format!("{}/{}", ["b", "a", "ü"][number % 3], number * 31 % 71);
        writer
            .add_image(&key, &image(9 + number % 4, 17, number % 20).mapv(|pixel| u8::from(pixel) * 255))
            .unwrap();
    }
    writer.add_images("stack", &stack(80).mapv(|pixel| if pixel { 1.5_f32 } else { -1.0 })).unwrap();
    writer.add_array("labels", &ndarray::arr1(&[1_i64, 2, 3])).unwrap();
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
    let sets = others.chain([coded(3, Codec::Contour)]).chain(blocks);
    let members = [("packed-1", Encoding::Packed), ("plain", Encoding::Plain)]
        .map(|(name, encoding)| (name.to_owned(), WriteOptions::default().with_encoding(encoding)));
    for (name, options) in sets.chain(members) {
        let old = golden.join(format!("{name}.npz"));
        if std::env::var_os("GOLDEN").is_some() && !old.exists() {
            write_golden(&old, &options);
        }
        let new = folder.path("a.npz");
        write_golden(&new, &options);
        let [old, new] = [old, new].map(|path| Archive::open(path).unwrap());
        assert_eq!(old.verify(|_| ()).unwrap().problems, []);
        assert_eq!(old.len(), 72);
        for key in new.keys() {
            assert_eq!(old.dyn_array(&key).unwrap(), new.dyn_array(&key).unwrap(), "{name} {key}");
        }
    }
}
