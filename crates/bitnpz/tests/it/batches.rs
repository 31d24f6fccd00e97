//! Writing images in batches, and reading images of any keys as one set.

use bitnpz::{
    Access, Archive, Codec, Compression, Dtype, Encoding, ErrorKind, OpenOptions, WriteOptions, Writer,
};
use ndarray::{Array2, Array3, Axis, s};

use crate::support::{Folder, create};

fn stack(count: usize) -> Array3<bool> {
    Array3::from_shape_fn((count, 20, 30), |(image, row, column)| {
        row.abs_diff(image % 20).pow(2) + column.abs_diff(image / 7 % 30).pow(2) < 9 + image
    })
}

#[test]
fn writes_and_extends_stacks_in_batches() {
    let folder = tempfile::tempdir().unwrap();
    let whole = stack(600);
    let batch = |range: std::ops::Range<usize>| whole.slice(s![range, .., ..]).to_owned();
    for encoding in [Encoding::Sets, Encoding::Packed, Encoding::Plain] {
        let options = WriteOptions::default().with_encoding(encoding);
        let path = folder.path().join(format!("{encoding}.npz"));
        let mut writer = Writer::create_with(&path, &options).unwrap();
        for start in (0..400).step_by(100) {
            writer.extend("glyphs", &batch(start..start + 100)).unwrap();
            writer.extend("few", &batch(start..start + 1).mapv(|pixel| f32::from(u8::from(pixel)))).unwrap();
        }
        assert!(matches!(writer.add_images("glyphs", &whole).unwrap_err().kind(), ErrorKind::DuplicateKey));
        assert!(matches!(
            writer.extend("glyphs", &Array3::from_elem((1, 2, 3), true)).unwrap_err().kind(),
            ErrorKind::WrongShape { .. }
        ));
        assert!(matches!(
            writer.extend("glyphs", &batch(0..2).mapv(u8::from)).unwrap_err().kind(),
            ErrorKind::OtherDtype { .. }
        ));
        let third = Array3::from_shape_fn((1, 20, 30), |(_, row, column)| (row * column) as f32);
        assert!(matches!(writer.extend("few", &third).unwrap_err().kind(), ErrorKind::NotBilevel { .. }));
        assert!(matches!(writer.extend("new", &third).unwrap_err().kind(), ErrorKind::NotBilevel { .. }));
        writer.extend("new", &batch(0..80)).unwrap();
        writer.extend("empty", &Array3::from_elem((0, 4, 5), true)).unwrap();
        writer.extend("flat", &Array3::from_elem((3, 4, 0), true)).unwrap();
        assert_eq!(writer.finish().unwrap().images, 487);

        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.array::<bool>("glyphs").unwrap(), batch(0..400).into_dyn());
        assert_eq!(archive.array::<bool>("new").unwrap(), batch(0..80).into_dyn());
        assert_eq!(archive.array::<f32>("few").unwrap().shape(), [4, 20, 30]);
        assert_eq!(archive.array::<bool>("empty").unwrap().shape(), [0, 4, 5]);
        assert_eq!(archive.array::<bool>("flat").unwrap().shape(), [3, 4, 0]);

        let mut writer = Writer::append(&path, &options).unwrap();
        let more = writer.extend("glyphs", &batch(400..600));
        if encoding != Encoding::Sets {
            assert!(matches!(more.unwrap_err().kind(), ErrorKind::NotExtendable));
            continue;
        }
        more.unwrap();
        assert_eq!(writer.finish().unwrap().images, 687);
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.array::<bool>("glyphs").unwrap(), whole.clone().into_dyn());
        assert_eq!(archive.array::<bool>("new").unwrap(), batch(0..80).into_dyn());
        assert!(archive.verify(|_| ()).unwrap().problems.is_empty());
    }
}

/// One image of a set whose images differ in size, read as a batch.
#[test]
fn reads_batches_of_one_image_of_mixed_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    for codec in Codec::ALL {
        let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(codec)).unwrap();
        let images: Vec<_> =
            (0..40).map(|number| crate::support::image(20 + number, 30 + number % 3, number)).collect();
        for (number, image) in images.iter().enumerate() {
            writer.add_image(&format!("ix-{number:03}"), image).unwrap();
        }
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        for (number, image) in images.iter().enumerate() {
            let read = archive.images(&format!("ix-{number:03}")).unwrap();
            assert_eq!(read.to_array::<bool>().unwrap(), image.clone().into_dyn());
            let mut batch = ndarray::Array3::from_elem((3, image.nrows(), image.ncols()), false);
            read.read_batch_into(&[0, 0, 0], &mut batch).unwrap();
            assert!(batch.outer_iter().all(|other| other == image));
        }
    }
}

#[test]
fn neighbours_are_read_at_once_and_lose_no_image_before_the_end_of_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut.npz");
    let whole = stack(300);
    let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
    // Repeats of images that are read with them, before them and not at all.
    let repeats = whole.slice(s![..40;2, .., ..]).to_owned();
    let all = ndarray::concatenate![ndarray::Axis(0), whole, repeats];
    writer.add_images("glyphs", &all).unwrap();
    writer.finish().unwrap();
    let positional = OpenOptions::default().with_access(Access::Positional);
    let open = || Archive::open_with(&path, &positional).unwrap().images("glyphs").unwrap();
    // No block is kept for the second.
    let (images, others) = (open(), open());
    let mut batch = Array3::from_elem((40, 20, 30), false);
    for indices in [
        (0..40).collect::<Vec<_>>(),
        (290..320).chain(0..10).collect(),
        (280..320).rev().collect(),
        (0..80).step_by(2).collect(),
        vec![7; 40],
    ] {
        images.read_batch_into(&indices, &mut batch).unwrap();
        assert_eq!(batch, all.select(ndarray::Axis(0), &indices), "{indices:?}");
    }
    // In the middle of a block: an image has 80 bytes.
    others.read_into(0, &mut batch.index_axis_mut(ndarray::Axis(0), 0)).unwrap();
    std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1024 + 80 * 190).unwrap();
    let images = others;
    images.read_batch_into(&(0..40).collect::<Vec<_>>(), &mut batch).unwrap();
    let mut pixels = Array2::from_elem((20, 30), false);
    let (intact, cut): (Vec<usize>, Vec<usize>) =
        (0..300).partition(|&index| images.read_into(index, &mut pixels).is_ok());
    assert!(intact.len() >= 40 && !cut.is_empty(), "{} of 300 are intact", intact.len());
    let last = intact.len();
    images.read_batch_into(&(last - 40..last).collect::<Vec<_>>(), &mut batch).unwrap();
    assert_eq!(batch, all.slice(s![last - 40..last, .., ..]));
    let error = images.read_batch_into(&(last - 39..=last).collect::<Vec<_>>(), &mut batch).unwrap_err();
    assert!(error.to_string().contains("as when it was opened, found fewer: load it again"), "{error}");
}

/// Where all payloads have one length, the lengths in a block are not needed to find an image.
#[test]
fn damaged_lengths_of_equal_payloads_do_no_harm() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let images = Array3::from_shape_fn((512, 16, 16), |(number, row, column)| {
        // All differ.
        if row == 0 { number >> column & 1 == 1 } else { (number * 31 + row * 17 + column * 29) % 5 < 2 }
    });
    let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
    writer.add_images("glyphs", &images).unwrap();
    writer.finish().unwrap();
    let payload = bitnpz_npz::Archive::open(&path).unwrap();
    let payload = payload.find(".bitnpz/glyphs/payload-0").unwrap().read().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let start = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
    for damaged in 0..8 {
        bytes[start + damaged] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        for access in [Access::Positional, Access::Mapped] {
            let archive = Archive::open_with(&path, &OpenOptions::default().with_access(access)).unwrap();
            let glyphs = archive.images("glyphs").unwrap();
            let mut pixels = Array2::from_elem((16, 16), false);
            for index in (0..512).chain([5, 200]) {
                glyphs.read_into(index, &mut pixels).unwrap();
                assert_eq!(pixels, images.index_axis(Axis(0), index), "{damaged} {access:?} {index}");
            }
        }
        bytes[start + damaged] ^= 1;
    }
}

#[test]
fn keyed_images_are_one_set() {
    let folder = tempfile::tempdir().unwrap();
    let (path, images) = (folder.path().join("a.npz"), stack(60));
    let mut writer = Writer::create(&path).unwrap();
    for (number, image) in images.outer_iter().enumerate() {
        writer.add_image(&format!("ix-{number:03}"), &image).unwrap();
    }
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    let [set] = archive.keyed_images().unwrap().try_into().unwrap();
    drop(archive);
    assert_eq!((set.shape(), set.image_size()), ([60, 20, 30].as_slice(), Some([20, 30])));
    assert_eq!(
        (set.key(7).as_deref(), set.find("ix-007"), set.find("ix-7")),
        (Some("ix-007"), Some(7), None)
    );
    let mut packed = vec![0; 2 * 20 * 4];
    set.read_packed_batch_into(&[59, 3], &mut packed).unwrap();
    assert_eq!(packed[80..], *set.bitmap(3).unwrap().as_bytes());
    let mut big_endian = vec![0; 20 * 30 * 2];
    set.read_dyn_batch_into(&[5], &Dtype::from_type_string(">u2").unwrap(), &mut big_endian).unwrap();
    let expected: Vec<u8> =
        images.slice(s![5, .., ..]).iter().flat_map(|&pixel| [0, u8::from(pixel)]).collect();
    assert_eq!(big_endian, expected);
    let ones: Vec<u64> =
        images.outer_iter().map(|image| image.iter().filter(|&&pixel| pixel).count() as u64).collect();
    assert_eq!(set.count_ones(&(0..60).collect::<Vec<_>>()).unwrap(), ones);
    assert!(matches!(
        set.count_ones(&[60]).unwrap_err().kind(),
        ErrorKind::NoSuchImage { index: 60, len: 60 }
    ));

    let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
    writer.add_image("other", &Array2::from_elem((3, 5), true)).unwrap();
    writer.finish().unwrap();
    let [set] = Archive::open(&path).unwrap().keyed_images().unwrap().try_into().unwrap();
    assert_eq!((set.shape(), set.image_size(), set.size_of(60).unwrap()), ([61].as_slice(), None, [3, 5]));
    assert_eq!(set.read::<u8>(60).unwrap(), Array2::from_elem((3, 5), 1));
    assert!(matches!(set.to_array::<bool>().unwrap_err().kind(), ErrorKind::SizesDiffer));
}

#[test]
fn reads_packed_rows_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let (path, images) = (folder.path().join("a.npz"), stack(50));
    let options =
        WriteOptions::default().with_encoding(Encoding::Packed).with_compression(Compression::Stored);
    let mut writer = Writer::create_with(&path, &options).unwrap();
    writer.add_images("glyphs", &images).unwrap();
    writer.finish().unwrap();
    for access in [Access::Mapped, Access::Positional] {
        let archive = Archive::open_with(&path, &OpenOptions::default().with_access(access)).unwrap();
        let set = archive.images("glyphs").unwrap();
        assert_eq!(set.to_array::<bool>().unwrap(), images.clone().into_dyn());
        assert_eq!(set.read::<bool>(49).unwrap(), images.slice(s![49, .., ..]));
        assert_eq!(set.stored_bytes(), 50 * 20 * 4);
    }
}

/// Reading a whole stack, or a slice with whole blocks, gives the images or an error.
#[test]
fn blocks_that_are_read_whole_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let images = Array3::from_shape_fn((300, 16, 16), |(number, row, column)| {
        // The last hundred repeat others.
        let number = if number < 200 { number } else { number * 7 % 200 };
        (number >> (column % 8) & 1 == 1) ^ ((number * 31 + row * 17 + column * 29) % 7 < 2)
    });
    for codec in [Codec::Raw, Codec::Contour, Codec::Pixel, Codec::Zstd] {
        let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(codec)).unwrap();
        writer.add_images("glyphs", &images).unwrap();
        writer.finish().unwrap();
        let payload = bitnpz_npz::Archive::open(&path).unwrap();
        let payload = payload.find(".bitnpz/glyphs/payload-0").unwrap().read().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let start = bytes.windows(payload.len()).position(|window| window == payload).unwrap();
        let (mut errors, mut wrong_alone) = (0, 0);
        for place in (0..payload.len()).step_by(payload.len() / 40) {
            let mut damaged = bytes.clone();
            damaged[start + place] ^= 0x10;
            std::fs::write(&path, damaged).unwrap();
            for access in [Access::Positional, Access::Mapped] {
                let archive = Archive::open_with(&path, &OpenOptions::default().with_access(access)).unwrap();
                let glyphs = archive.images("glyphs").unwrap();
                let all = [archive.array::<bool>("glyphs"), glyphs.to_array()];
                for found in all {
                    match found {
                        Ok(found) => assert_eq!(found, images.clone().into_dyn(), "{codec} {place}"),
                        Err(error) => {
                            errors += 1;
                            assert!(matches!(error.kind(), ErrorKind::Damaged { .. }), "{error}");
                        }
                    }
                }
                let mut part = Array3::from_elem((130, 16, 16), false);
                let indices: Vec<usize> = (127..257).collect();
                // Images from 200 on repeat others, which may be damaged and in another block.
                if glyphs.read_batch_into(&indices, &mut part).is_ok() {
                    assert_eq!(part.slice(s![1..73, .., ..]), images.slice(s![128..200, .., ..]));
                }
                // An image alone has no checksum.
                wrong_alone += (0..300)
                    .filter_map(|index| Some((index, glyphs.read::<bool>(index).ok()?)))
                    .filter(|(index, image)| image != images.index_axis(Axis(0), *index))
                    .count();
            }
        }
        assert!(errors > 100 && wrong_alone > 0, "{codec}: {errors} {wrong_alone}");
    }
}

/// As many as an array can have: they cannot be looked at one by one.
#[test]
fn images_without_pixels_take_no_time() {
    let npz = bitnpz_oracle::Oracle::start().run(
        "file = io.BytesIO()\nnp.savez(file, a=np.empty((2**59, 0, 8), bool))\noutputs.append(file.getvalue())",
        &[],
    );
    let [first, second] = [0, 1].map(|_| Archive::from_bytes(npz[0].clone()).unwrap());
    let images = first.images("a").unwrap();
    assert_eq!(images.to_array::<bool>().unwrap().shape(), [1 << 59, 0, 8]);
    let stats = first.stats(|_| true, |_| ()).unwrap();
    assert_eq!((stats.images, stats.duplicates, stats.pixels), (1 << 59, (1 << 59) - 1, 0));
    assert!(first.diff(&second, |_| true, |_| ()).unwrap().is_empty());
    for encoding in Encoding::ALL {
        let folder = Folder::new();
        let path = folder.path("a.npz");
        let mut writer = create(&path, encoding);
        writer.add_dyn_images("a", &first.dyn_array("a").unwrap().view()).unwrap();
        writer.finish().unwrap();
        assert_eq!(Archive::open(&path).unwrap().entry("a").unwrap().shape(), [1 << 59, 0, 8], "{encoding}");
    }
}
