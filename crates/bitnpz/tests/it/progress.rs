//! Progress reports count every image once, and the bytes of the file.

use std::sync::{Arc, Mutex};

use bitnpz::{Archive, Encoding, Progress, WriteOptions, Writer};
use ndarray::{Array2, Array3};

/// Returns the reports of writing 300 images in every way, and the length of the file.
fn reports(encoding: Encoding) -> (Vec<Progress>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    let mut writer = Writer::create_with(&path, &WriteOptions::default().with_encoding(encoding)).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&seen);
    writer.on_progress(move |progress| keep.lock().unwrap().push(progress));
    let image = |number: usize| {
        Array2::from_shape_fn((20, 30), |(row, column)| row * column % (number % 97 + 2) == 0)
    };
    (0..100).for_each(|number| writer.add_image(&format!("ix-{number}"), &image(number)).unwrap());
    let stack = Array3::from_shape_fn((90, 20, 30), |(number, row, column)| image(number * 7)[[row, column]]);
    writer.add_images("stack", &stack).unwrap();
    for batch in stack.exact_chunks((9, 20, 30)) {
        writer.extend("extended", &batch.to_owned()).unwrap();
    }
    // These are too few for a set.
    writer.add_images("small", &Array3::from_elem((5, 2, 2), true)).unwrap();
    let mut pushed = writer.stack("pushed", &bitnpz::Dtype::of::<bool>(), [20, 30]).unwrap();
    (0..15).for_each(|number| pushed.push(&image(number)).unwrap());
    pushed.finish().unwrap();
    writer.add_array("labels", &Array2::<i64>::zeros((3, 3))).unwrap();
    assert_eq!(writer.finish().unwrap().images, 300);
    assert_eq!(Archive::open(&path).unwrap().size(), path.metadata().unwrap().len());
    let reports = seen.lock().unwrap().clone();
    (reports, path.metadata().unwrap().len())
}

#[test]
fn counts_every_image_once_in_every_encoding() {
    for encoding in [Encoding::Sets, Encoding::Packed, Encoding::Plain] {
        let (reports, len) = reports(encoding);
        let last = reports.last().unwrap();
        assert_eq!((last.added, last.images, last.bytes), (300, 300, len), "{encoding}");
        assert!(reports.is_sorted_by_key(|progress| progress.bytes), "{encoding}");
        assert!(reports.is_sorted_by_key(|progress| progress.images), "{encoding}");
        assert!(reports.iter().all(|progress| progress.images <= progress.added), "{encoding}");
    }
}
