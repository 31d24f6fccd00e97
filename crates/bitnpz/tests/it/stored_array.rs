//! Arrays of which only what is wanted is read.

use bitnpz::{Archive, Content, Dtype, DynArray, Encoding, Header, OpenOptions, WriteOptions, Writer};
use bitnpz_oracle::Oracle;
use ndarray::{Array1, Array2, Axis, s};

use crate::ranges::{Counted, count};
use crate::support::{Folder, create, stack};

/// Numbers that deflate well, and numbers that do not.
fn labels(len: usize) -> Array1<i64> {
    Array1::from_shape_fn(len, |i| (i as i64 / 3).wrapping_mul(7919) % 1000)
}

fn noise(len: usize) -> Array1<u64> {
    let mix = |mut bits: u64| {
        bits ^= bits >> 31;
        bits = bits.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        bits ^ bits >> 29
    };
    Array1::from_shape_fn(len, |i| mix(mix(i as u64 + 1)))
}

/// Writes labels of three kinds beside images.
fn write(folder: &Folder) -> std::path::PathBuf {
    let path = folder.path("a.npz");
    let mut writer = create(&path, Encoding::Sets);
    writer.add_images("glyphs", &stack(700)).unwrap();
    writer.add_array("labels", &labels(900_000)).unwrap();
    writer.add_array("boxes", &labels(1_200_000).into_shape_with_order((300_000, 4)).unwrap()).unwrap();
    writer.add_array("noise", &noise(300_000)).unwrap();
    writer.add_array("few", &labels(1000)).unwrap();
    writer
        .add_array("bent", &labels(400_000).into_shape_with_order((1000, 400)).unwrap().reversed_axes())
        .unwrap();
    writer.finish().unwrap();
    path
}

#[test]
fn items_are_read_as_they_were_saved() {
    let folder = Folder::new();
    let path = write(&folder);
    let (labels, noise) = (labels(900_000), noise(300_000));
    let boxes = self::labels(1_200_000).into_shape_with_order((300_000, 4)).unwrap();
    let options = OpenOptions::default().with_access(bitnpz::Access::Positional);
    for archive in [Archive::open(&path).unwrap(), Archive::open_with(&path, &options).unwrap()] {
        let stored = archive.stored_array("labels").unwrap().unwrap();
        for range in [0..0, 0..1, 8190..8200, 5..899_999, 900_000..900_000, 899_990..900_000] {
            assert_eq!(stored.read::<i64>(range.clone()).unwrap(), labels.slice(s![range]).into_dyn());
        }
        let indices: Vec<usize> = (0..3000).map(|i| i * 7919 % 900_000).chain([899_999, 0, 0, 5]).collect();
        assert_eq!(stored.take::<i64>(&indices).unwrap(), labels.select(Axis(0), &indices).into_dyn());
        assert!(stored.take::<i64>(&[3, 900_000]).unwrap_err().to_string().contains("below 900000"));
        assert!(stored.read::<i64>(899_999..900_001).is_err() && stored.read::<f32>(0..1).is_err());
        assert!(stored.read_into(0..2, &mut [0; 15]).is_err());
        let stored = archive.stored_array("boxes").unwrap().unwrap();
        assert_eq!((stored.shape(), stored.item_bytes()), ([300_000, 4].as_slice(), 32));
        assert_eq!(stored.read::<i64>(2040..2060).unwrap(), boxes.slice(s![2040..2060, ..]).into_dyn());
        let stored = archive.stored_array("noise").unwrap().unwrap();
        assert_eq!(stored.take::<u64>(&[299_999, 1]).unwrap()[[1]], noise[1]);
        assert!(
            archive.stored_array("bent").unwrap().is_none()
                && archive.stored_array("glyphs").unwrap().is_none()
        );
        for (key, is_part) in [("labels", true), ("noise", true), ("few", false), ("bent", false)] {
            assert_eq!(matches!(archive.get(key).unwrap(), Content::StoredArray(_)), is_part, "{key}");
        }
        assert_eq!(archive.array::<i64>("labels").unwrap(), labels.clone().into_dyn());
        assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
    }
    let mut numpy = Oracle::start();
    let same = numpy.run(
        "a = np.load(inputs[0].decode())\n\
         i = np.arange(900_000) // 3 * 7919 % 1000\n\
         outputs.append(str(bool((a['labels'] == i).all() and a['boxes'].shape == (300000, 4))).encode())",
        &[path.to_str().unwrap().as_bytes()],
    );
    assert_eq!(same, [b"True"]);
}

#[test]
fn a_slice_is_requested_alone() {
    let folder = Folder::new();
    let bytes = std::fs::read(write(&folder)).unwrap();
    let file = Counted::new(&bytes);
    let counts = file.counts();
    let archive = Archive::open_ranges(file, &OpenOptions::default()).unwrap();
    for key in ["labels", "noise"] {
        let [requests, read] = count(&counts);
        let stored = archive.stored_array(key).unwrap().unwrap();
        stored.read_into(120_000..120_002, &mut [0; 16]).unwrap();
        let [after, read_after] = count(&counts);
        assert!(after - requests <= 2 && read_after - read < 150_000, "{key}: {} bytes", read_after - read);
        stored.take_into(&[250_000, 3, 170_000], &mut [0; 24]).unwrap();
        assert_eq!(count(&counts)[0], after + 1);
    }
}

/// Labels of two values with sides that are too long for a set.
#[test]
fn one_hot_labels_are_read_in_part() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let classes = labels(70_000);
    let one_hot =
        Array2::from_shape_fn((70_000, 10), |(i, class)| f32::from(classes[i] % 10 == class as i64));
    let mut writer = create(&path, Encoding::Sets);
    writer.add_images("glyphs", &stack(700)).unwrap();
    writer.add_images("labels", &one_hot).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    let stored = archive.stored_array("labels").unwrap().expect("it is deflated in parts");
    assert_eq!(stored.read::<f32>(60_000..60_500).unwrap(), one_hot.slice(s![60_000..60_500, ..]).into_dyn());
}

#[test]
fn appending_and_merging_keep_parts() {
    let folder = Folder::new();
    let path = write(&folder);
    let mut writer = Writer::append(&path, &WriteOptions::default()).unwrap();
    writer.add_array("more", &Array2::from_elem((3, 3), 1_i8)).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    assert!(matches!(archive.get("labels").unwrap(), Content::StoredArray(_)));

    let paths = [folder.path("b.npz"), folder.path("c.npz")];
    for path in &paths {
        let mut writer = create(path, Encoding::Sets);
        writer.add_images("glyphs", &stack(90_000)).unwrap();
        writer.add_array("labels", &labels(90_000)).unwrap();
        writer.finish().unwrap();
    }
    let merged = folder.path("merged.npz");
    Writer::merge(&merged, &paths, &WriteOptions::default()).unwrap().finish().unwrap();
    let archive = Archive::open(&merged).unwrap();
    let Content::StoredArray(stored) = archive.get("labels").unwrap() else {
        panic!("expected a stored array")
    };
    assert_eq!(stored.read::<i64>(89_999..90_001).unwrap().as_slice().unwrap(), [labels(90_000)[89_999], 0]);
}

#[test]
fn any_dtype_is_read_and_bools_are_normal() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let dtype: Dtype = Dtype::from_type_string("<U3").unwrap();
    let text: Vec<u8> =
        (0..200_000_u32).flat_map(|i| [97 + i % 7, 98, i % 2 * 99].map(u32::to_le_bytes)).flatten().collect();
    let mut writer = create(&path, Encoding::Sets);
    let array = DynArray::new(Header::new(dtype, vec![200_000]), text.clone()).unwrap();
    writer.add_dyn_array("names", &array.view()).unwrap();
    writer.add_array("flags", &Array1::from_shape_fn(1_500_000, |i| i % 3 == 0)).unwrap();
    writer.add_images("glyphs", &stack(700)).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    let names = archive.stored_array("names").unwrap().unwrap();
    let mut read = [0; 24];
    names.read_into(5461..5463, &mut read).unwrap();
    assert_eq!(read, text[5461 * 12..5463 * 12]);
    let flags = archive.stored_array("flags").unwrap().unwrap();
    assert_eq!(flags.take::<bool>(&[3, 4, 1_499_997]).unwrap().as_slice().unwrap(), [true, false, true]);
}

#[test]
fn large_items_may_be_wanted_often() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let pictures =
        ndarray::Array2::from_shape_fn((64, 150_528), |(i, x)| u8::try_from((i * 31 + x / 7) % 251).unwrap());
    let mut writer = create(&path, Encoding::Sets);
    writer.add_images("glyphs", &stack(700)).unwrap();
    writer.add_array("pictures", &pictures).unwrap();
    writer.finish().unwrap();
    let archive = Archive::open(&path).unwrap();
    let stored = archive.stored_array("pictures").unwrap().unwrap();
    for indices in
        [vec![7; 23], (0..64).map(|i| i * i % 61).collect(), (0..400).map(|i| i * 37 % 50).collect()]
    {
        let read = stored.take::<u8>(&indices).unwrap();
        assert!(read == pictures.select(Axis(0), &indices).into_dyn());
    }
}

#[test]
fn damage_and_limits_are_noticed() {
    let folder = Folder::new();
    let path = write(&folder);
    let mut limits = bitnpz::Limits::default();
    limits.npy.array_bytes = 1 << 20;
    let archive = Archive::open_with(&path, &OpenOptions::default().with_limits(limits)).unwrap();
    let stored = archive.stored_array("labels").unwrap().unwrap();
    assert!(stored.read_into(0..100, &mut [0; 800]).is_ok());
    for error in [
        stored.read::<i64>(0..200_000).map(drop).unwrap_err(),
        stored.read_into(0..200_000, &mut vec![0; 1_600_000]).unwrap_err(),
        stored.take_into(&vec![3; 200_000], &mut vec![0; 1_600_000]).unwrap_err(),
    ] {
        assert!(matches!(error.kind(), bitnpz::ErrorKind::TooLarge { .. }), "{error}");
    }
    // An array that is stored as it is has a checksum of all its items.
    let mut bytes = std::fs::read(&path).unwrap();
    let first = noise(1)[0].to_le_bytes();
    let place = bytes.windows(8).position(|window| window == first).unwrap();
    bytes[place + 80_000] ^= 1;
    let archive = Archive::from_bytes(bytes).unwrap();
    let stored = archive.stored_array("noise").unwrap().unwrap();
    assert_eq!(stored.read::<u64>(0..1).unwrap()[[0]], noise(1)[0]);
    assert!(stored.read::<u64>(0..300_000).unwrap_err().to_string().contains("CRC"));
}

/// Of an archive by NumPy, whose header is longer than what is read first.
#[test]
fn a_long_header_is_read_whole() {
    let written = Oracle::start().run(
        "names = [(f'field_number_{i:03}', '<f8') for i in range(200)]\n\
         file = io.BytesIO()\n\
         np.savez(file, t=np.arange(300_000.).view(names))\n\
         outputs.append(file.getvalue())",
        &[],
    );
    let options = OpenOptions::default();
    let in_ranges = Archive::open_ranges(Counted::new(&written[0]), &options).unwrap();
    for archive in [Archive::from_bytes(written[0].clone()).unwrap(), in_ranges] {
        let stored = archive.stored_array("t").unwrap().expect("it is stored");
        let mut item = [0; 1600];
        stored.take_into(&[1234], &mut item).unwrap();
        assert_eq!(item[..8], (1234.0 * 200.0_f64).to_le_bytes());
    }
}

/// However far apart they are: what was requested is not requested again.
#[test]
fn many_items_take_few_requests() {
    let items = noise(3_000_000);
    let written = Oracle::start().run(
        "file = io.BytesIO()\n\
         np.savez(file, noise=np.frombuffer(inputs[0], np.uint64))\n\
         outputs.append(file.getvalue())",
        &[items
            .as_slice()
            .unwrap()
            .iter()
            .flat_map(|item| item.to_le_bytes())
            .collect::<Vec<u8>>()
            .as_slice()],
    );
    let file = Counted::new(&written[0]);
    let counts = file.counts();
    let archive = Archive::open_ranges(file, &OpenOptions::default()).unwrap();
    let stored = archive.stored_array("noise").unwrap().unwrap();
    for (apart, most) in [(60, 3), (1500, 2)] {
        let indices: Vec<usize> = (0..3_000_000).step_by(apart).collect();
        let [before, read_before] = count(&counts);
        assert_eq!(stored.take::<u64>(&indices).unwrap(), items.select(Axis(0), &indices).into_dyn());
        let [after, read] = count(&counts);
        assert!(after - before <= most, "{} requests for every {apart}th item", after - before);
        assert!(read - read_before <= 24_000_000 + 64 * (after - before), "{} bytes", read - read_before);
    }
}
