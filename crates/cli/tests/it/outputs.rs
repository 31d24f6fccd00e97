//! What becomes of outputs: of files that are replaced, of links and devices, and of standard output that nobody reads?

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use bitnpz::ndarray::{Array1, Array3};
use bitnpz::{Archive, Compression, Encoding, WriteOptions, Writer};
use tempfile::TempDir;

const BITNPZ: &str = env!("CARGO_BIN_EXE_bitnpz");

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(BITNPZ).args(arguments).current_dir(folder).output().unwrap()
}

/// Returns the message of a command that must fail.
fn message(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Runs a command whose standard output nobody reads any more, and returns its exit code.
fn run_unread(folder: &Path, arguments: &[&str]) -> Option<i32> {
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let mut command = Command::new(BITNPZ);
    command.args(arguments).current_dir(folder).stdout(writer).stderr(Stdio::null());
    command.status().unwrap().code()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Makes a folder with an archive of a stack.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::create(folder.path().join("in.npz")).unwrap();
    let stack = Array3::from_shape_fn((300, 40, 40), |(number, y, x)| (y * 5 + x * 3) % (number + 2) == 0);
    writer.add_images("stack", &stack).unwrap();
    writer.finish().unwrap();
    folder
}

#[test]
fn what_is_replaced_keeps_its_permissions_and_links_to_it() {
    let folder = folder();
    let folder = folder.path();
    fs::create_dir(folder.join("kept")).unwrap();
    for (arguments, name) in [
        (&["pack", "in.npz", "--resume"][..], "out.npz"),
        (&["pack", "in.npz"], "out.npz"),
        (&["sheet", "in.npz"], "out.png"),
    ] {
        let (file, link) = (folder.join("kept").join(name), folder.join(name));
        symlink(Path::new("kept").join(name), &link).unwrap();
        // The link leads to nothing yet.
        for old in [None, Some("old")] {
            if let Some(old) = old {
                fs::write(&file, old).unwrap();
                fs::set_permissions(&file, Permissions::from_mode(0o646)).unwrap();
            }
            let output = run(folder, &[arguments, &["--force", "-o", name]].concat());
            assert!(output.status.success(), "{output:?}");
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink(), "{arguments:?}");
            assert!(fs::metadata(&file).unwrap().len() > 100, "{arguments:?}");
            assert_eq!(names(&folder.join("kept")), [name], "{arguments:?}");
        }
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o646, "{arguments:?}");
        fs::remove_file(&file).unwrap();
        fs::remove_file(&link).unwrap();
    }
}

#[test]
fn a_resumed_pack_replaces_files_only() {
    let folder = folder();
    let folder = folder.path();
    assert!(Command::new("mkfifo").arg(folder.join("pipe.npz")).status().unwrap().success());
    symlink("/dev/null", folder.join("null.npz")).unwrap();
    fs::create_dir(folder.join("folder.npz")).unwrap();
    let before = names(folder);
    for name in ["pipe.npz", "null.npz", "folder.npz"] {
        let output = run(folder, &["pack", "in.npz", "--resume", "--force", "-o", name]);
        let said = message(&output);
        assert!(said.contains(&format!("{name}: --resume: expected an archive that is a file")), "{said}");
    }
    assert_eq!(names(folder), before);
    assert!(fs::metadata(folder.join("pipe.npz")).unwrap().file_type().is_fifo());
    assert!(fs::symlink_metadata(folder.join("null.npz")).unwrap().is_symlink());
}

/// Files can have a kilobyte at most, and no signal ends the command.
#[test]
fn a_sheet_that_cannot_be_written_leaves_the_old_one() {
    let folder = folder();
    let folder = folder.path();
    assert!(run(folder, &["sheet", "in.npz", "-o", "sheet.pgm"]).status.success());
    let old = fs::read(folder.join("sheet.pgm")).unwrap();
    assert!(old.len() > 1024);
    let limited =
        format!("trap '' XFSZ; ulimit -f 1; exec \"{BITNPZ}\" sheet in.npz -o sheet.pgm --force --count 9");
    let output = Command::new("sh").args(["-c", &limited]).current_dir(folder).output().unwrap();
    assert!(message(&output).contains("sheet.pgm: "), "{output:?}");
    assert!(fs::read(folder.join("sheet.pgm")).unwrap() == old);
    assert_eq!(names(folder), ["in.npz", "sheet.pgm"]);
    assert!(run(folder, &["sheet", "in.npz", "-o", "sheet.pgm", "--force", "--count", "9"]).status.success());
    assert!(fs::read(folder.join("sheet.pgm")).unwrap() != old);
}

#[test]
fn the_exit_code_tells_of_problems_that_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let options =
        WriteOptions::default().with_encoding(Encoding::Plain).with_compression(Compression::Stored);
    for (name, first) in [("a.npz", 0_i64), ("b.npz", 1)] {
        let mut writer = Writer::create_with(folder.join(name), &options).unwrap();
        writer.add_array("numbers", &Array1::from_iter(first..1000)).unwrap();
        writer.finish().unwrap();
    }
    let mut bytes = fs::read(folder.join("a.npz")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(folder.join("damaged.npz"), bytes).unwrap();
    fs::write(folder.join("no.npz"), "no archive").unwrap();
    let cases: [(&[&str], i32); 12] = [
        (&["verify", "a.npz"], 0),
        (&["verify", "damaged.npz"], 1),
        (&["verify", "--json", "damaged.npz"], 1),
        (&["verify", "--json", "no.npz"], 1),
        (&["diff", "a.npz", "a.npz"], 0),
        (&["diff", "a.npz", "b.npz"], 1),
        (&["diff", "--json", "a.npz", "b.npz"], 1),
        (&["salvage", "--force", "-o", "saved.npz", "a.npz"], 0),
        (&["salvage", "--force", "-o", "saved.npz", "damaged.npz"], 1),
        (&["salvage", "--force", "-o", "saved.npz", "damaged.npz", "--json"], 1),
        (&["ls", "a.npz"], 0),
        (&["ls", "no.npz"], 1),
    ];
    for (arguments, code) in cases {
        assert_eq!(run_unread(folder, arguments), Some(code), "{arguments:?}");
        assert_eq!(run(folder, arguments).status.code(), Some(code), "{arguments:?}");
    }
}

#[test]
fn work_is_finished_if_nobody_reads_what_was_done() {
    let folder = folder();
    let folder = folder.path();
    fs::create_dir(folder.join("in")).unwrap();
    fs::copy(folder.join("in.npz"), folder.join("in/a.npz")).unwrap();
    // This one is left out, which is printed first.
    fs::write(folder.join("in/notes.txt"), "no picture").unwrap();
    assert_eq!(run_unread(folder, &["pack", "in", "--resume", "-o", "out.npz"]), Some(0));
    assert_eq!(Archive::open(folder.join("out.npz")).unwrap().images("stack").unwrap().len(), 300);
    assert_eq!(run_unread(folder, &["split", "in.npz", "--shards", "3", "-o", "shard.npz"]), Some(0));
    assert_eq!(names(folder).iter().filter(|name| name.starts_with("shard-")).count(), 3);
}

#[test]
fn what_is_read_is_not_replaced() {
    let folder = folder();
    let folder = folder.path();
    assert!(run(folder, &["split", "in.npz", "--shards", "2", "-o", "s.npz"]).status.success());
    let before = names(folder);
    let first = "s-00000-of-00002.npz";
    symlink("in.npz", folder.join("link.npz")).unwrap();
    for (arguments, input) in [
        (&["salvage", "in.npz", "-o", "link.npz", "--force"][..], "in.npz"),
        (&["split", first, "--shards", "2", "-o", "s.npz", "--force"], first),
    ] {
        let old = fs::read(folder.join(input)).unwrap();
        let said = message(&run(folder, arguments));
        assert!(said.contains("is the archive that is read, which would be lost"), "{said}");
        assert!(fs::read(folder.join(input)).unwrap() == old, "{arguments:?}");
    }
    fs::remove_file(folder.join("link.npz")).unwrap();
    assert_eq!(names(folder), before);
}

#[test]
fn an_archive_has_not_the_name_of_a_manifest() {
    let folder = folder();
    let folder = folder.path();
    fs::write(folder.join("s.bitnpz.json"), "{}").unwrap();
    for arguments in [
        &["pack", "in.npz", "-o", "s.bitnpz.json", "--force"][..],
        &["pack", "in.npz", "-o", "s.bitnpz.json", "--force", "--resume"],
        &["convert", "in.npz", "-o", "s.bitnpz.json", "--force"],
        &["merge", "in.npz", "-o", "s.bitnpz.json", "--force"],
        &["salvage", "in.npz", "-o", "s.bitnpz.json", "--force"],
        &["append", "s.bitnpz.json", "in.npz"],
    ] {
        let said = message(&run(folder, arguments));
        assert!(said.contains("expected another ending than .bitnpz.json"), "{arguments:?}: {said}");
    }
    assert_eq!(fs::read(folder.join("s.bitnpz.json")).unwrap(), b"{}");
}

/// Files can have a kilobyte at most, and no signal ends the command.
#[test]
fn unpack_replaces_files_whole_or_not_at_all() {
    let folder = folder();
    let folder = folder.path();
    let mut writer = Writer::create(folder.join("x.npz")).unwrap();
    writer.add_array("array", &Array1::from_iter(0_i64..500)).unwrap();
    writer.finish().unwrap();
    fs::create_dir(folder.join("out")).unwrap();
    fs::write(folder.join("out/array.npy"), "old").unwrap();
    fs::set_permissions(folder.join("out/array.npy"), Permissions::from_mode(0o640)).unwrap();
    let limited = format!("trap '' XFSZ; ulimit -f 1; exec \"{BITNPZ}\" unpack x.npz -o out --force");
    let output = Command::new("sh").args(["-c", &limited]).current_dir(folder).output().unwrap();
    assert!(message(&output).contains("out/array.npy: "), "{output:?}");
    assert_eq!(fs::read(folder.join("out/array.npy")).unwrap(), b"old");
    assert_eq!(names(&folder.join("out")), ["array.npy"]);
    assert!(run(folder, &["unpack", "x.npz", "-o", "out", "--force"]).status.success());
    let found = fs::metadata(folder.join("out/array.npy")).unwrap();
    assert!(found.len() > 4000 && found.permissions().mode() & 0o777 == 0o640, "{found:?}");

    // A link is replaced, not followed.
    fs::remove_file(folder.join("out/array.npy")).unwrap();
    fs::write(folder.join("kept"), "kept").unwrap();
    symlink("../kept", folder.join("out/array.npy")).unwrap();
    assert!(run(folder, &["unpack", "x.npz", "-o", "out", "--force"]).status.success());
    assert!(!fs::symlink_metadata(folder.join("out/array.npy")).unwrap().is_symlink());
    assert_eq!(fs::read(folder.join("kept")).unwrap(), b"kept");
}
