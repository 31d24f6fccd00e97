//! Do the verbs for sharded archives do what their help says?

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use bitnpz::ndarray::{Array1, Array3};
use bitnpz::{Archive, ShardedArchive, WriteOptions, Writer};
use tempfile::TempDir;

fn run(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bitnpz"));
    command.args(arguments).current_dir(folder).env("COLUMNS", "100").output().unwrap()
}

/// Runs a command that must end with this exit code, and returns what it printed, on both streams.
fn printed(folder: &Path, arguments: &[&str], code: i32) -> (String, String) {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
}

fn images() -> Array3<bool> {
    Array3::from_shape_fn((3000, 9, 13), |(i, y, x)| (y * 5 + x * 3 + i * i) % (i % 50 + 2) == 0)
}

/// A folder with an archive, cut into four shards.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create_with(folder.path().join("a.npz"), &WriteOptions::default()).unwrap();
    writer.add_images("stack", &images()).unwrap();
    writer.add_array("labels", &Array1::from_iter(0..3000_i64)).unwrap();
    writer.add_array("classes", &Array1::from_iter(0..10_i32)).unwrap();
    writer.finish().unwrap();
    let (remark, _) = printed(folder.path(), &["shard", "a.npz", "--shards", "4", "-o", "a.bitnpz.json"], 0);
    assert!(remark.contains("4 shards"), "{remark}");
    folder
}

fn shards(folder: &Path, manifest: &str) -> Vec<PathBuf> {
    ShardedArchive::open(folder.join(manifest)).unwrap().paths()
}

#[test]
fn a_manifest_stands_for_its_shards() {
    let folder = folder();
    let folder = folder.path();
    let (listed, _) = printed(folder, &["ls", "a.bitnpz.json"], 0);
    let lines: Vec<_> = listed.lines().collect();
    assert_eq!(lines.len(), 3 + 4, "{listed}");
    assert!(lines[0].contains("3000 x 9 x 13") && lines[2].starts_with("shared"), "{listed}");
    assert_eq!(printed(folder, &["ls", "-k", "a.bitnpz.json"], 0).0, "stack\nlabels\nclasses\n");
    assert_eq!(printed(folder, &["ls", "a.bitnpz.json", "la*"], 0).0.lines().count(), 1);
    assert!(printed(folder, &["ls", "a.bitnpz.json", "none"], 1).1.contains("none"));
    let json: serde_json::Value =
        serde_json::from_str(&printed(folder, &["ls", "--json", "a.bitnpz.json"], 0).0).unwrap();
    assert_eq!(json[1]["shape"], serde_json::json!([3000]));
    printed(folder, &["merge", "a.bitnpz.json", "-o", "merged.npz"], 0);
    let merged = Archive::open(folder.join("merged.npz")).unwrap();
    assert_eq!(merged.images("stack").unwrap().to_array::<bool>().unwrap(), images().into_dyn());
}

#[test]
fn verify_names_the_shard_that_is_damaged() {
    let folder = folder();
    let folder = folder.path();
    assert!(printed(folder, &["verify", "a.bitnpz.json"], 0).0.contains("4 shards, whole"));
    assert!(printed(folder, &["verify", "--fast", "a.bitnpz.json"], 0).0.contains("not read"));
    let paths = shards(folder, "a.bitnpz.json");
    let mut bytes = fs::read(&paths[1]).unwrap();
    bytes[300] ^= 1;
    fs::write(&paths[1], bytes).unwrap();
    fs::remove_file(&paths[2]).unwrap();
    let (problems, _) = printed(folder, &["verify", "a.bitnpz.json"], 1);
    for path in &paths[1..3] {
        assert!(problems.contains(path.file_name().unwrap().to_str().unwrap()), "{problems}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&printed(folder, &["verify", "--json", "a.bitnpz.json"], 1).0).unwrap();
    assert_eq!((&json["whole"], &json["shards"]), (&false.into(), &4.into()));
    for arguments in [&["verify", "a.bitnpz.json"][..], &["verify", "--json", "a.bitnpz.json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_bitnpz"));
        let status = command.args(arguments).current_dir(folder).stdout(writer).status().unwrap();
        assert_eq!(status.code(), Some(1), "nobody reads the problems");
    }
}

#[test]
fn shards_are_committed_replaced_and_removed() {
    let folder = folder();
    let folder = folder.path();
    let paths = shards(folder, "a.bitnpz.json");
    let names: Vec<_> = paths.iter().map(|path| path.file_name().unwrap().to_str().unwrap()).collect();
    printed(folder, &["commit", "b.bitnpz.json", names[0], names[1]], 0);
    let (_, error) = printed(folder, &["commit", "b.bitnpz.json", names[0]], 1);
    assert!(error.contains("--replace"), "{error}");
    printed(folder, &["commit", "--replace", "b.bitnpz.json", names[0]], 0);
    assert_eq!(shards(folder, "b.bitnpz.json").len(), 1);
    assert_eq!(printed(folder, &["gc", "-q", "b.bitnpz.json", "--age", "0s"], 0).0, "");
    fs::remove_file(folder.join("a.bitnpz.json")).unwrap();
    assert_eq!(printed(folder, &["gc", "-q", "a.bitnpz.json"], 0).0, "", "they are too young");
    assert_eq!(
        printed(folder, &["gc", "-q", "a.bitnpz.json", "--age", "0s", "--dry-run"], 0).0.lines().count(),
        3
    );
    assert_eq!(printed(folder, &["gc", "-q", "a.bitnpz.json", "--age", "0s"], 0).0.lines().count(), 3);
    assert!(paths[0].exists() && !paths[1].exists());
    printed(folder, &["commit", "c.bitnpz.json", "none.npz"], 1);
}

#[test]
fn sizes_ages_and_names_are_checked() {
    let folder = folder();
    let folder = folder.path();
    printed(folder, &["shard", "a.npz", "--shard-size", "4 kB", "-o", "b.bitnpz.json"], 0);
    assert!(shards(folder, "b.bitnpz.json").len() > 1);
    for wrong in [
        ["shard", "a.npz", "--shard-size", "0", "-o", "c.bitnpz.json"],
        ["shard", "a.npz", "--shard-size", "4XB", "-o", "c.bitnpz.json"],
    ] {
        printed(folder, &wrong, 2);
    }
    printed(folder, &["gc", "a.bitnpz.json", "--age", "7"], 2);
    printed(folder, &["shard", "a.npz", "-o", "c.bitnpz.json"], 2);
    let (_, error) = printed(folder, &["shard", "a.npz", "--shards", "2", "-o", "c.json"], 1);
    assert!(error.contains(".bitnpz.json"), "{error}");
    let (_, error) = printed(folder, &["shard", "a.npz", "--shards", "2", "-o", "a.bitnpz.json"], 1);
    assert!(error.contains("a.bitnpz.json: already exists; remove it or choose another name"), "{error}");
}
