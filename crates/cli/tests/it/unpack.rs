//! Does `bitnpz unpack` write everything, and each item to a file of its own?

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output};

use bitnpz_oracle::Oracle;
use tempfile::TempDir;

const BITNPZ: &str = env!("CARGO_BIN_EXE_bitnpz");

/// Without the option `--force`, and with it.
const FORCE: [&[&str]; 2] = [&[], &["--force"]];

/// Makes a folder, in which Python runs this code.
fn folder(code: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let code = format!("import os, zipfile\nos.chdir(inputs[0].decode())\n{code}");
    Oracle::start().run(&code, &[folder.path().as_os_str().as_bytes()]);
    folder
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(BITNPZ).args(arguments).current_dir(folder).output().unwrap()
}

/// Returns the message of a command that must fail.
fn message(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Files can have a kilobyte at most, and no signal ends the command.
#[test]
fn a_file_that_cannot_be_written_whole_is_an_error() {
    let folder = folder(
        "
np.savez('a.npz', array=np.zeros(3000, np.uint8), image=np.random.default_rng(0).random((200, 200)) < 0.5)
with zipfile.ZipFile('a.npz', 'a') as archive: archive.writestr('notes.txt', bytes(3000))
",
    );
    for (key, file) in [("array", "array.npy"), ("image", "image.png"), ("notes.txt", "notes.txt")] {
        let limited = format!("trap '' XFSZ; ulimit -f 1; exec \"{BITNPZ}\" unpack a.npz {key} -o out");
        let output = Command::new("sh").args(["-c", &limited]).current_dir(folder.path()).output().unwrap();
        assert!(message(&output).contains(&format!("out/{file}: ")), "{output:?}");
        assert!(run(folder.path(), &["unpack", "a.npz", key, "-o", "whole"]).status.success());
        assert!(fs::metadata(folder.path().join("whole").join(file)).unwrap().len() > 1024, "{file}");
    }
}

#[test]
fn two_items_are_not_written_to_one_file() {
    let folder = folder(
        "
image, stack = np.eye(9, dtype=bool), np.ones((2, 9, 9), dtype=bool)
np.savez('stack.npz', **{'s/000000': image, 's': stack})
np.savez('other.npz', a=image)
with zipfile.ZipFile('other.npz', 'a') as archive: archive.writestr('a.png', b'no picture')
",
    );
    let folder = folder.path();
    for (archive, key, file) in [("stack.npz", "\"s", "s/000000.png"), ("other.npz", "\"a", "a.png")] {
        for force in FORCE {
            let said = message(&run(folder, &[&["unpack", archive, "-o", "out"], force].concat()));
            assert!(said.contains(&format!("would be written to {file}, as another key was")), "{said}");
            assert!(said.contains(key), "{said}");
        }
        assert!(fs::read(folder.join("out").join(file)).unwrap().starts_with(b"\x89PNG"), "{file}");
    }
    // Alone each can be unpacked, also over the other.
    for key in ["a", "a.png"] {
        assert!(run(folder, &["unpack", "other.npz", key, "-o", "out", "--force"]).status.success(), "{key}");
    }
    assert_eq!(fs::read(folder.join("out/a.png")).unwrap(), b"no picture");
}

/// Other systems take such names for the same.
#[cfg(target_os = "linux")]
#[test]
fn keys_that_differ_in_case_are_two_files() {
    let folder = folder("np.savez('a.npz', key=np.arange(4), KEY=np.arange(5))");
    let folder = folder.path();
    for force in FORCE {
        let output = run(folder, &[&["unpack", "a.npz", "-o", "out"], force].concat());
        assert!(output.status.success(), "{output:?}");
    }
    assert_eq!(fs::read_dir(folder.join("out")).unwrap().count(), 2);
}

#[test]
fn only_names_of_devices_are_refused() {
    let folder = folder(
        "
image, stack = np.eye(9, dtype=bool), np.ones((2, 9, 9), dtype=bool)
np.savez('a.npz', come=np.arange(4), comp=image, lpts=stack, com2=np.arange(3))
",
    );
    let folder = folder.path();
    let output = run(folder, &["unpack", "a.npz", "come", "comp", "lpts", "-o", "out"]);
    assert!(output.status.success(), "{output:?}");
    for file in ["come.npy", "comp.png", "lpts/000001.png"] {
        assert!(folder.join("out").join(file).exists(), "{file}");
    }
    assert!(message(&run(folder, &["unpack", "a.npz", "-o", "all"])).contains("\"com2\""));
}

/// Other systems have no such names.
#[cfg(target_os = "linux")]
#[test]
fn a_folder_may_have_a_name_that_is_not_unicode() {
    use std::ffi::OsStr;
    let folder = folder(
        "
np.savez('a.npz', image=np.eye(9, dtype=bool), stack=np.ones((2, 9, 9), dtype=bool), array=np.arange(3))
with zipfile.ZipFile('a.npz', 'a') as archive: archive.writestr('notes.txt', b'text')
",
    );
    let folder = folder.path();
    let out = OsStr::from_bytes(b"out-\xFF");
    let mut command = Command::new(BITNPZ);
    let output = command.args(["unpack", "a.npz", "-o"]).arg(out).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for file in ["image.png", "stack/000000.png", "stack/000001.png", "array.npy", "notes.txt"] {
        assert!(folder.join(out).join(file).exists(), "{file}");
    }
    assert_eq!(fs::read_dir(folder).unwrap().count(), 2, "the archive and the folder");
}
