//! Golden files, written by NumPy with `golden/make.py`.

use std::fs;
use std::path::PathBuf;

use bitnpz_npy::{DynArray, DynArrayView, Limits};

fn golden_files() -> Vec<PathBuf> {
    let files = fs::read_dir("tests/golden").unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "npy")).collect()
}

#[test]
fn round_trips_golden_files_byte_for_byte() {
    let limits = Limits::default().with_header_bytes(200_000);
    let files = golden_files();
    assert!(files.len() > 40, "the golden files are missing");
    for path in files {
        let npy = fs::read(&path).unwrap();
        let view = DynArrayView::parse(&npy, &limits).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let mut read = Vec::new();
        DynArray::read(npy.as_slice(), &limits).unwrap().write(&mut read).unwrap();
        // Two files have a later version than their array needs.
        let keeps_version =
            !["version_2", "version_3"].iter().any(|name| path.ends_with(format!("{name}.npy")));
        assert_eq!(view.to_npy().unwrap() == npy, keeps_version, "{path:?}");
        assert_eq!(read == npy, keeps_version, "{path:?}");
    }
}
