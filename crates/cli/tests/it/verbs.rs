//! Do the verbs that inspect archives, and `rm`, do what their help says?

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bitnpz::ndarray::{Array2, Array3, array};
use bitnpz::{Archive, DynArray, Encoding, WriteOptions, Writer};
use tempfile::TempDir;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bitnpz"));
    command.args(arguments).current_dir(folder).env("COLUMNS", "100");
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    command(folder, arguments).output().unwrap()
}

/// Runs a command that must end with this exit code, and returns what it printed.
fn printed(folder: &Path, arguments: &[&str], code: i32) -> String {
    let output = run(folder, arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn image(number: usize) -> Array2<bool> {
    Array2::from_shape_fn((9, 13), |(row, column)| (row * 5 + column * 3) % (number + 2) == 0)
}

/// Writes twenty images under their own keys, a stack of a thousand, and labels.
fn write_archive(path: &Path, encoding: Encoding) {
    let mut writer = Writer::create_with(path, &WriteOptions::default().with_encoding(encoding)).unwrap();
    (0..20).for_each(|number| writer.add_image(&format!("ix-{number:02}"), &image(number)).unwrap());
    let stack =
        Array3::from_shape_fn((1000, 9, 13), |(number, row, column)| image(number % 50)[[row, column]]);
    writer.add_images("stack", &stack).unwrap();
    writer.add_array("labels", &array![3_i64, 5, 7]).unwrap();
    writer.finish().unwrap();
}

fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_archive(&folder.path().join("a.npz"), Encoding::Sets);
    folder
}

#[test]
fn ls_lists_keys_as_json_and_by_patterns() {
    let folder = folder();
    let listed = printed(folder.path(), &["ls", "--json", "a.npz"], 0);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 22);
    let stack = listed.as_array().unwrap().iter().find(|entry| entry["key"] == "stack").unwrap();
    assert_eq!(stack["shape"], serde_json::json!([1000, 9, 13]));
    assert_eq!(stack["dtype"], "|b1");
    assert_eq!((&stack["images"], &stack["kind"]), (&1000.into(), &"images".into()));
    assert_eq!(printed(folder.path(), &["ls", "-k", "a.npz", "ix-0*", "labels"], 0).lines().count(), 11);
    let empty = printed(folder.path(), &["ls", "--json", "a.npz", "ix-1?"], 0);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&empty).unwrap().as_array().unwrap().len(), 10);
}

#[test]
fn rm_removes_keys_and_keeps_all_others() {
    for encoding in [Encoding::Sets, Encoding::Packed, Encoding::Plain] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        write_archive(&folder.join("a.npz"), encoding);
        fs::copy(folder.join("a.npz"), folder.join("b.npz")).unwrap();
        let said = printed(folder, &["rm", "b.npz", "ix-03", "ix-1*"], 0);
        assert!(said.contains("b.npz: 11 keys removed, 11 left"), "{said}");
        let differs = printed(folder, &["diff", "--json", "a.npz", "b.npz"], 1);
        let differs: serde_json::Value = serde_json::from_str(&differs).unwrap();
        let differs = differs["differences"].as_array().unwrap();
        assert_eq!(differs.len(), 11, "{encoding}");
        assert!(differs.iter().all(|difference| difference["what"] == "only in first"));
        assert!(printed(folder, &["rm", "b.npz", "stack"], 0).contains("1 key removed, 10 left"));
        let left = Archive::open(folder.join("b.npz")).unwrap();
        assert_eq!(left.image::<bool>("ix-09").unwrap(), image(9));
        assert!(!left.contains("stack") && left.contains("labels"));
        assert!(left.verify(|_| ()).unwrap().problems.is_empty());
        printed(folder, &["rm", "b.npz", "*"], 0);
        assert!(Archive::open(folder.join("b.npz")).unwrap().is_empty());
    }
}

#[test]
fn keys_with_special_characters_and_with_npy_are_selected() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let mut writer = Writer::create(folder.join("a.npz")).unwrap();
    for key in ["x0", "x[0]", "a*", "ab", "abc"] {
        writer.add_array(key, &array![1_i64]).unwrap();
    }
    writer.finish().unwrap();
    assert_eq!(printed(folder, &["ls", "-k", "a.npz", "a?"], 0), "a*\nab\n");
    for (key, left) in
        [("x[0]", "x0\na*\nab\nabc\n"), ("a*", "x0\nab\nabc\n"), ("ab.npy", "x0\nabc\n"), ("a*", "x0\n")]
    {
        printed(folder, &["rm", "a.npz", key], 0);
        assert_eq!(printed(folder, &["ls", "-k", "a.npz"], 0), left, "{key}");
    }
    assert!(printed(folder, &["unpack", "a.npz", "x0.npy", "-o", "out"], 0).contains("1 key in out"));
    assert!(folder.join("out/x0.npy").exists());
    printed(folder, &["unpack", "a.npz", "x[0]", "-o", "out"], 1);
}

#[test]
fn diff_finds_differences_in_any_encoding() {
    let folder = folder();
    let folder = folder.path();
    for encoding in ["packed", "plain"] {
        printed(folder, &["convert", "a.npz", "-o", "b.npz", "--force", "--encoding", encoding], 0);
        assert_eq!(printed(folder, &["diff", "a.npz", "b.npz"], 0), "no differences\n");
    }
    let mut writer = Writer::create(folder.join("c.npz")).unwrap();
    let mut stack = Archive::open(folder.join("a.npz")).unwrap().array::<bool>("stack").unwrap();
    for number in [7, 900] {
        stack[[number, 0, 1]] ^= true;
    }
    writer.add_images("stack", &stack).unwrap();
    writer.add_image("ix-00", &image(0)).unwrap();
    writer.add_image("ix-01", &image(1).mapv(u8::from)).unwrap();
    writer.add_array("labels", &array![3_i64, 5, 8]).unwrap();
    writer.add_array("new", &array![1.5]).unwrap();
    writer.finish().unwrap();
    let said = printed(folder, &["diff", "a.npz", "c.npz", "ix-00", "ix-01", "stack", "labels", "new"], 1);
    for line in [
        "stack: 2 of 1,000 images differ: 7, 900",
        "ix-01: |b1 (9, 13) and |u1 (9, 13)",
        "labels: the values differ",
        "only in c.npz: new",
        "4 differences",
    ] {
        assert!(said.lines().any(|found| found == line), "{line}: {said}");
    }
}

#[test]
fn stats_counts_images_duplicates_and_pixels() {
    let folder = folder();
    let text = printed(folder.path(), &["stats", "--json", "a.npz", "stack"], 0);
    let stats: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ones: usize = (0..1000).map(|number| image(number % 50).iter().filter(|&&one| one).count()).sum();
    let distinct = (0..50).map(image).collect::<std::collections::HashSet<_>>().len();
    assert_eq!(stats["images"], 1000);
    assert_eq!(stats["duplicates"], 1000 - distinct);
    assert!((stats["density"].as_f64().unwrap() - ones as f64 / 117_000.0).abs() < 1e-12);
    let counted = |name: &str| stats[name].as_array().unwrap().clone();
    assert_eq!(counted("images_by_density").iter().map(|n| n.as_u64().unwrap()).sum::<u64>(), 1000);
    assert_eq!(counted("images_by_bytes").iter().map(|bin| bin[2].as_u64().unwrap()).sum::<u64>(), 1000);
    let text = printed(folder.path(), &["stats", "a.npz"], 0);
    assert!(text.contains("images      1,020") && text.contains('█'), "{text}");
}

#[test]
fn reads_standard_input_and_writes_standard_output() {
    let folder = folder();
    let folder = folder.path();
    let bytes = fs::read(folder.join("a.npz")).unwrap();
    let piped = |arguments: &[&str]| {
        let mut command = command(folder, arguments);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that refuses standard input does not read it.
        drop(child.stdin.take().unwrap().write_all(&bytes));
        child.wait_with_output().unwrap()
    };
    assert_eq!(String::from_utf8(piped(&["ls", "-k", "-"]).stdout).unwrap().lines().count(), 22);
    let output = piped(&["convert", "-", "-o", "-", "--encoding", "packed"]);
    assert!(output.status.success() && output.stdout.starts_with(b"PK"), "{output:?}");
    assert!(String::from_utf8(output.stderr).unwrap().contains("standard output: 22 keys"));
    let converted = Archive::from_bytes(output.stdout).unwrap();
    assert_eq!(converted.image::<bool>("ix-07").unwrap(), image(7));
    assert!(piped(&["sheet", "-", "-o", "-"]).stdout.starts_with(b"\x89PNG"));
    let refused = piped(&["ls", "-", "--limit", "spooled_bytes=1000"]);
    assert!(String::from_utf8(refused.stderr).unwrap().contains("raise the limit spooled_bytes"));
    assert!(String::from_utf8(piped(&["rm", "-", "labels"]).stderr).unwrap().contains("standard input"));
    for (arguments, found) in [
        (["salvage", "-", "-o", "saved.npz"], "found standard input"),
        (["salvage", "a.npz", "-o", "-"], "found standard output"),
    ] {
        let output = piped(&arguments);
        assert!(output.status.code() == Some(1) && output.stdout.is_empty(), "{output:?}");
        assert!(String::from_utf8(output.stderr).unwrap().contains(found), "{arguments:?}");
    }
    assert!(!folder.join("-").exists());
    let output = run(folder, &["pack", "a.npz", "-o", "-"]);
    assert_eq!(Archive::from_bytes(output.stdout).unwrap().len(), 22);
    let output = run(folder, &["unpack", "a.npz", "labels", "ix-0*", "-o", "-"]);
    assert_eq!(Archive::from_bytes(output.stdout).unwrap().len(), 11);
}

#[test]
fn sheet_picks_the_format_by_extension_and_overwrites_only_if_forced() {
    let folder = folder();
    let folder = folder.path();
    for (name, start) in [("a.png", "\u{89}PNG"), ("a.pbm", "P4"), ("a.pgm", "P5"), ("a.bmp", "BM")] {
        printed(folder, &["sheet", "a.npz", "ix-*", "-o", name], 0);
        let bytes = fs::read(folder.join(name)).unwrap();
        let start: Vec<u8> = start.chars().map(|letter| u8::try_from(letter).unwrap()).collect();
        assert!(bytes.starts_with(&start), "{name}");
        printed(folder, &["sheet", "a.npz", "-o", name], 1);
        assert_eq!(fs::read(folder.join(name)).unwrap(), bytes, "{name}");
        printed(folder, &["sheet", "a.npz", "-o", name, "--force"], 0);
    }
}

#[test]
fn man_writes_pages_for_the_verbs() {
    let folder = folder();
    printed(folder.path(), &["man", "--dir", "man"], 0);
    for name in ["bitnpz.1", "bitnpz-pack.1", "bitnpz-diff.1", "bitnpz-man.1"] {
        let page = fs::read_to_string(folder.path().join("man").join(name)).unwrap();
        assert!(page.contains(".SH NAME"), "{name}");
    }
}

/// The first runs fail because the file of the stack is cut short.
#[test]
fn a_resumed_stack_writes_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let images: Vec<Array2<bool>> = (0..97).map(image).collect();
    let stack =
        Array3::from_shape_fn((60_000, 9, 13), |(number, row, column)| images[number % 97][[row, column]]);
    let plain = WriteOptions::default().with_encoding(Encoding::Plain);
    let mut writer = Writer::create_with(folder.join("in.npz"), &plain).unwrap();
    writer.add_images("stack", &stack).unwrap();
    writer.finish().unwrap();
    let mut npy = Vec::new();
    DynArray::from_ndarray(&stack).write(&mut npy).unwrap();
    let input = folder.join("stack.npy");
    fs::write(&input, &npy).unwrap();
    let pack = |input: &str, output: &str| {
        run(folder, &["pack", input, "-o", output, "--resume", "--every", "9000"]).status.success()
    };
    assert!(pack("stack.npy", "whole.npz") && pack("in.npz", "same.npz"));
    let whole = fs::read(folder.join("whole.npz")).unwrap();
    assert_eq!(fs::read(folder.join("same.npz")).unwrap(), whole);
    for images in [59_999, 40_000] {
        fs::write(&input, &npy[..npy.len() - (60_000 - images) * 117]).unwrap();
        assert!(!pack("stack.npy", "again.npz"));
        let kept = Archive::open(folder.join("again.npz.partial")).unwrap().images("stack").unwrap();
        assert!(kept.len() >= 27_000 && kept.len().is_multiple_of(9000), "{}", kept.len());
        fs::copy(folder.join("again.npz.partial.job"), folder.join("job")).unwrap();
        fs::write(&input, &npy).unwrap();
        assert!(pack("stack.npy", "again.npz"));
        assert!(fs::read(folder.join("again.npz")).unwrap() == whole, "{images}");
        fs::remove_file(folder.join("again.npz")).unwrap();
    }
    // As if killed just before the final rename.
    fs::copy(folder.join("whole.npz"), folder.join("again.npz.partial")).unwrap();
    fs::copy(folder.join("job"), folder.join("again.npz.partial.job")).unwrap();
    assert!(pack("stack.npy", "again.npz"));
    assert!(fs::read(folder.join("again.npz")).unwrap() == whole);
    assert_eq!(
        Archive::open(folder.join("whole.npz")).unwrap().array::<bool>("stack").unwrap(),
        stack.into_dyn()
    );
}

#[test]
fn resumes_a_stack_that_starts_blank_with_both_values() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let stack = Array3::from_shape_fn(
        (300, 4, 4),
        |(number, row, _)| if number > 120 && row == 2 { 255_u8 } else { 0 },
    );
    DynArray::from_ndarray(&stack).write(fs::File::create(folder.join("stack.npy")).unwrap()).unwrap();
    printed(folder, &["pack", "stack.npy", "-o", "a.npz", "--resume", "--every", "50"], 0);
    assert_eq!(Archive::open(folder.join("a.npz")).unwrap().array::<u8>("stack").unwrap(), stack.into_dyn());
}

/// By default a stack is saved where a segment ends, which leaves no trace in the archive.
#[test]
fn saving_at_segment_ends_does_not_change_the_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let pixels = (0..2_300_000_usize).map(|number| number.is_multiple_of(3)).collect();
    let stack = Array3::from_shape_vec((2_300_000, 1, 1), pixels).unwrap();
    DynArray::from_ndarray(&stack).write(fs::File::create(folder.join("stack.npy")).unwrap()).unwrap();
    printed(folder, &["pack", "stack.npy", "-o", "a.npz"], 0);
    // It is saved once on the way, after 2,097,152 images, and once at the end.
    let resumed = run(folder, &["pack", "stack.npy", "-o", "b.npz", "--resume"]);
    assert!(resumed.status.success(), "{resumed:?}");
    assert_eq!(Archive::open(folder.join("b.npz")).unwrap().images("stack").unwrap().len(), 2_300_000);
    assert!(fs::read(folder.join("a.npz")).unwrap() == fs::read(folder.join("b.npz")).unwrap());
}

#[test]
fn keys_that_end_in_npy_or_have_newlines_are_read_and_listed() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    for encoding in [Encoding::Sets, Encoding::Packed, Encoding::Plain] {
        let options = WriteOptions::default().with_encoding(encoding);
        let mut writer = Writer::create_with(folder.join("a.npz"), &options).unwrap();
        writer.add_array("k.npy", &array![1_i64, 2]).unwrap();
        let stack = Array3::from_shape_fn((1000, 9, 13), |(i, y, x)| image(i % 50)[[y, x]]);
        writer.add_images("m.npy", &stack).unwrap();
        writer.add_array("x\ny", &array![3_i64]).unwrap();
        writer.finish().unwrap();
        assert_eq!(printed(folder, &["ls", "a.npz", "--keys"], 0), "k\nm\nx\\ny\n");
        for other in ["sets", "packed", "plain"] {
            printed(folder, &["convert", "a.npz", "-o", "b.npz", "--encoding", other, "--force"], 0);
            assert_eq!(printed(folder, &["diff", "a.npz", "b.npz"], 0), "no differences\n");
        }
        printed(folder, &["unpack", "a.npz", "-o", "c.npz", "--force"], 0);
        assert!(Archive::open(folder.join("c.npz")).unwrap().keys().eq(["k", "m", "x\ny"]));
    }
}
