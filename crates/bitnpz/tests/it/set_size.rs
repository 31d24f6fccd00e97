//! The bytes of image sets: the shipped model, repeats, threads and the order of images.

use std::path::Path;

use bitnpz::{Archive, Codec, WriteOptions, Writer};
use ndarray::{Array2, Array3, Axis};

use crate::support::{Folder, image, stack};

#[test]
fn small_sets_use_the_shipped_model() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = Writer::create(&path).unwrap();
    for number in 0..30 {
        writer.add_image(&format!("{number}"), &image(64, 64, number * 3)).unwrap();
    }
    writer.finish().unwrap();
    let zip = bitnpz_npz::Archive::open(&path).unwrap();
    assert!(zip.find(".bitnpz/images/set.json").is_some());
    assert!(!zip.members().any(|member| member.name().starts_with(".bitnpz/models/")));
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let bytes = ["crates/bitmap/models", "reference"]
        .map(|folder| std::fs::read(root.join(folder).join("contour-2.bin")));
    let [shipped, reference] = bytes.map(Result::unwrap);
    assert!(shipped == reference, "both decoders have the same model");
}

#[test]
fn few_images_are_a_set_unless_they_are_small() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    for (count, size, is_set) in [(7, 28, false), (2, 400, true), (8, 28, true)] {
        let mut writer = Writer::create(&path).unwrap();
        for number in 0..count {
            writer.add_image(&format!("{number}"), &image(size, size, number * 3)).unwrap();
        }
        writer.finish().unwrap();
        let zip = bitnpz_npz::Archive::open(&path).unwrap();
        assert_eq!(zip.find(".bitnpz/images/set.json").is_some(), is_set, "{count} of {size}");
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.image::<bool>("1").unwrap(), image(size, size, 3));
    }
}

#[test]
fn stores_equal_images_once() {
    let folder = Folder::new();
    let write = |name: &str, count: usize, distinct: usize| {
        let path = folder.path(name);
        let mut writer = Writer::create(&path).unwrap();
        for number in 0..count {
            let noise = Array2::from_shape_fn((40, 40), |(row, column)| {
                let place = row * 40 + column + 1 + (number % distinct) * 1600;
                (place as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60 < 7
            });
            writer.add_image(&format!("{number}"), &noise).unwrap();
        }
        writer.finish().unwrap();
        assert_eq!(Archive::open(&path).unwrap().verify(|_| ()).unwrap().problems, []);
        std::fs::metadata(&path).unwrap().len()
    };
    let (once, often) = (write("once.npz", 50, 50), write("often.npz", 2000, 50));
    assert!(often < once + 2000 * 3, "{once} bytes for 50 images, {often} for 40 copies of each");
}

#[test]
fn bytes_do_not_depend_on_threads() {
    let folder = Folder::new();
    let write = |threads: usize| {
        let path = folder.path("a.npz");
        let options = WriteOptions::default().with_threads(threads.try_into().unwrap());
        let mut writer = Writer::create_with(&path, &options).unwrap();
        writer.add_images("x", &stack(500)).unwrap();
        writer.finish().unwrap();
        std::fs::read(&path).unwrap()
    };
    let one = write(1);
    assert!(one == write(2) && one == write(5));
}

/// Returns letters of a few strokes, drawn with the pen and slant of each font.
fn letters(letters: usize, fonts: usize) -> Vec<Array2<bool>> {
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32
    };
    let strokes: Vec<[[f32; 4]; 3]> =
        (0..letters).map(|_| [(); 3].map(|()| [(); 4].map(|()| random()))).collect();
    let pens: Vec<[f32; 4]> = (0..fonts).map(|_| [(); 4].map(|()| random())).collect();
    let draw = |strokes: &[[f32; 4]; 3], pen: &[f32; 4]| {
        let size = 14.0 + 8.0 * pen[0];
        Array2::from_shape_fn((24, 24), |(row, column)| {
            let y = (row as f32 - 12.0) / size + 0.5;
            let x = (column as f32 - 12.0) / size + 0.5 + (pen[1] - 0.5) * y;
            strokes.iter().any(|&[x0, y0, x1, y1]| {
                let (along, down) = (x1 - x0, y1 - y0);
                let t = ((x - x0) * along + (y - y0) * down) / (along * along + down * down);
                let t = t.clamp(0.0, 1.0);
                (x - x0 - t * along).hypot(y - y0 - t * down) < 0.04 + 0.08 * pen[2]
            })
        })
    };
    pens.iter().flat_map(|pen| strokes.iter().map(move |strokes| draw(strokes, pen))).collect()
}

#[test]
fn size_hardly_depends_on_order() {
    let (kinds, fonts) = (26, 242);
    let images = letters(kinds, fonts);
    let by_letter = (0..images.len()).map(|i| i / fonts + i % fonts * kinds).collect();
    let by_font = (0..images.len()).collect();
    let order = bitnpz::Shuffle::new(images.len(), 1);
    let shuffled = (0..images.len()).map(|place| order.get(place)).collect();
    let folder = Folder::new();
    let size = |order: Vec<usize>| {
        let path = folder.path("letters.npz");
        let mut writer = Writer::create(&path).unwrap();
        for i in order {
            writer.extend("letters", &images[i].view().insert_axis(Axis(0))).unwrap();
        }
        writer.finish().unwrap();
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.images("letters").unwrap().codec(), Some(Codec::Contour));
        archive.size() as f64
    };
    let sizes: [f64; 3] = [by_font, by_letter, shuffled].map(size);
    let [least, most] = [f64::min, f64::max].map(|pick| sizes.into_iter().reduce(pick).unwrap());
    assert!(most < 1.03 * least, "{sizes:?}");
}

#[test]
fn other_images_get_another_model() {
    let folder = Folder::new();
    let noise = Array3::from_shape_fn((3000, 20, 30), |(i, y, x)| {
        let mixed = ((i * 600 + y * 30 + x + 1) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 63 == 1
    });
    let shapes = stack(3000);
    let size_of = |name: &str, stacks: &[&Array3<bool>]| {
        let path = folder.path(name);
        let mut sizes = vec![0];
        for (number, stack) in stacks.iter().enumerate() {
            let options = WriteOptions::default();
            let mut writer = match number {
                0 => Writer::create_with(&path, &options).unwrap(),
                _ => Writer::append(&path, &options).unwrap(),
            };
            writer.extend("images", *stack).unwrap();
            writer.finish().unwrap();
            sizes.push(std::fs::metadata(&path).unwrap().len());
        }
        let archive = Archive::open(&path).unwrap();
        let all = ndarray::concatenate(Axis(0), &stacks.iter().map(|stack| stack.view()).collect::<Vec<_>>())
            .unwrap();
        assert!(archive.array::<bool>("images").unwrap() == all.into_dyn());
        sizes.windows(2).map(|sizes| sizes[1] - sizes[0]).collect::<Vec<_>>()
    };
    let alone = size_of("shapes.npz", &[&shapes]);
    let after_noise = size_of("noise.npz", &[&noise, &shapes]);
    assert!(after_noise[1] < 2 * alone[0], "{after_noise:?} {alone:?}");
    // Images like the first keep its model.
    let like = size_of("like.npz", &[&shapes, &shapes]);
    assert!(like[1] <= alone[0], "{like:?}");
}
