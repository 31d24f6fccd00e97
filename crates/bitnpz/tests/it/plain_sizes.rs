//! Sizes of archives of the encoding `plain`, compared with those of `np.savez_compressed`.

use std::fs;
use std::num::NonZero;
use std::path::Path;

use bitnpz::{Archive, Compression, DynArray, Encoding, WriteOptions, Writer};
use bitnpz_oracle::Oracle;
use ndarray::{Array2, Array3, ArrayD, s};

use crate::support::Folder;

/// Returns a number that looks random.
fn hash(seed: usize) -> usize {
    let mixed = (seed as u64 ^ 0xA5A5).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    usize::try_from((mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 33).unwrap()
}

/// Returns discs of 28 x 28 pixels.
fn discs(count: usize) -> Array3<bool> {
    Array3::from_shape_fn((count, 28, 28), |(image, row, column)| {
        let [y, x, radius] = [0, 1, 2].map(|number| hash(3 * image + number));
        let [y, x] = [row.abs_diff(6 + y % 16), column.abs_diff(6 + x % 16)];
        y * y + x * x < (3 + radius % 7).pow(2)
    })
}

fn hatching(count: usize) -> Array3<bool> {
    Array3::from_shape_fn((count, 64, 64), |(image, row, column)| {
        let is_inside = row.abs_diff(32).pow(2) + column.abs_diff(32).pow(2) < (10 + image % 20).pow(2);
        is_inside
            && ((row + column + image).is_multiple_of(6) || (row + 600 + image - column).is_multiple_of(6))
    })
}

/// Returns arrays that are images or other things of two values, each with a name, and whether they come one by one.
fn kinds() -> Vec<(&'static str, bool, ArrayD<bool>)> {
    let discs = discs(400).into_dyn();
    let shaped = |shape: &[usize]| discs.to_shape(shape).unwrap().into_owned();
    let checks = |cell: usize| {
        Array3::from_shape_fn((200, 64, 64), move |(_, row, column)| (row / cell + column / cell) % 2 == 1)
            .into_dyn()
    };
    let noise = Array3::from_shape_fn((60, 64, 64), |(image, row, column)| {
        hash((image * 64 + row) * 64 + column).is_multiple_of(20)
    });
    vec![
        ("discs", false, discs.clone()),
        ("discs, a key for each", true, discs.clone()),
        ("discs with a channel", false, shaped(&[400, 28, 28, 1])),
        ("discs with a channel, a key for each", true, shaped(&[400, 28, 28, 1])),
        ("flat discs", false, shaped(&[400, 784])),
        (
            "one disc many times",
            false,
            Array3::from_shape_fn((400, 28, 28), |(_, y, x)| discs[[0, y, x]]).into_dyn(),
        ),
        ("checkerboards of 2", false, checks(2)),
        ("checkerboards of 4", false, checks(4)),
        ("checkerboards of 4, a key for each", true, checks(4)),
        ("hatching", false, hatching(100).into_dyn()),
        ("a little hatching", false, hatching(9).into_dyn()),
        ("hatching, a key for each", true, hatching(100).into_dyn()),
        (
            "sparse",
            false,
            Array2::from_shape_fn((900, 900), |(y, x)| hash(900 * y + x).is_multiple_of(200)).into_dyn(),
        ),
        ("one-hot", false, Array2::from_shape_fn((20_000, 10), |(y, x)| hash(y) % 10 == x).into_dyn()),
        ("noise", false, noise.clone().into_dyn()),
        ("noise, a key for each", true, noise.into_dyn()),
    ]
}

fn write(path: &Path, arrays: &[DynArray], options: &WriteOptions) -> u64 {
    let mut writer = Writer::create_with(path, &options.clone().with_encoding(Encoding::Plain)).unwrap();
    for (number, array) in arrays.iter().enumerate() {
        writer.add_dyn_images(&format!("ix-{number:06}"), &array.view()).unwrap();
    }
    writer.finish().unwrap();
    fs::metadata(path).unwrap().len()
}

/// Returns the size of what NumPy makes of the arrays of an archive.
fn size_by_numpy(numpy: &mut Oracle, folder: &Folder, archive: &Path) -> u64 {
    let theirs = folder.path("theirs.npz");
    let code =
        "path, theirs = (item.decode() for item in inputs)\nnp.savez_compressed(theirs, **np.load(path))";
    numpy.run(code, &[archive, &theirs].map(|path| path.to_str().unwrap().as_bytes()));
    fs::metadata(theirs).unwrap().len()
}

/// Returns the arrays of a kind.
fn arrays<T: bitnpz::Element>(all: &ArrayD<T>, is_keyed: bool) -> Vec<DynArray> {
    if is_keyed {
        all.outer_iter().map(|image| DynArray::from_ndarray(&image)).collect()
    } else {
        vec![DynArray::from_ndarray(all)]
    }
}

#[test]
fn plain_archives_are_no_larger_than_those_of_numpy() {
    let (folder, mut numpy) = (Folder::new(), Oracle::start());
    let path = folder.path("ours.npz");
    let mut check = |name: &str, arrays: &[DynArray], percent: u64| {
        let ours = write(&path, arrays, &WriteOptions::default());
        let theirs = size_by_numpy(&mut numpy, &folder, &path);
        assert!(ours * 100 <= theirs * (100 + percent), "{name}: {ours} bytes, {theirs} by NumPy");
    };
    for (name, is_keyed, all) in kinds() {
        check(name, &arrays(&all, is_keyed), 1);
        // Of larger items a part, which is larger, too.
        let all = all.slice_axis(ndarray::Axis(0), (..all.shape()[0] / 2).into()).to_owned();
        check(&format!("{name}, int64"), &arrays(&all.map(|&pixel| i64::from(pixel)), is_keyed), 2);
        check(
            &format!("{name}, float64"),
            &arrays(&all.map(|&pixel| f64::from(u8::from(pixel))), is_keyed),
            2,
        );
    }
}

#[test]
fn plain_archives_do_not_depend_on_the_number_of_threads() {
    let folder = Folder::new();
    // Images of several kinds in turn, and some large ones.
    let (discs, hatching) = (discs(300), hatching(300));
    let image = |number: usize| match number % 3 {
        0 => DynArray::from_ndarray(&discs.slice(s![number, .., ..])),
        _ => DynArray::from_ndarray(&hatching.slice(s![number, .., ..])),
    };
    let stacks = [
        DynArray::from_ndarray(&hatching),
        DynArray::from_ndarray(&hatching.map(|&pixel| f64::from(u8::from(pixel)))),
    ];
    let all: Vec<_> = (0..300).map(image).chain(stacks).collect();
    let files = [1, 2, 5].map(|threads| {
        let path = folder.path(&format!("{threads}.npz"));
        write(&path, &all, &WriteOptions::default().with_threads(NonZero::new(threads).unwrap()));
        fs::read(path).unwrap()
    });
    assert!(files[0] == files[1] && files[1] == files[2]);
    let archive = Archive::from_bytes(files[0].clone()).unwrap();
    for (number, array) in all.iter().enumerate() {
        assert!(archive.dyn_array(&format!("ix-{number:06}")).unwrap() == *array);
    }
}

#[test]
fn a_higher_level_makes_plain_archives_smaller() {
    let folder = Folder::new();
    let sizes = [7, 12].map(|level| {
        let options = WriteOptions::default().with_compression(Compression::Deflate { level });
        write(&folder.path("a.npz"), &[DynArray::from_ndarray(&discs(400))], &options)
    });
    assert!(sizes[1] * 10 < sizes[0] * 9, "{sizes:?}");
}
