//! Does the command stop at once and cleanly on a signal, and name the file in which something is wrong?

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use bitnpz_oracle::Oracle;
use tempfile::TempDir;

const BITNPZ: &str = env!("CARGO_BIN_EXE_bitnpz");

/// Makes a folder with noise, which takes seconds to pack, and a small stack.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let code = "
import os
os.chdir(inputs[0].decode())
rng = np.random.default_rng(0)
np.savez('large.npz', stack=rng.random((20_000, 64, 64)) < 0.3)
np.savez('small.npz', stack=rng.random((20, 9, 9)) < 0.3)
";
    Oracle::start().run(code, &[folder.path().as_os_str().as_bytes()]);
    folder
}

fn bitnpz(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BITNPZ);
    command.args(arguments).current_dir(folder).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn message(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn a_signal_ends_it_at_once_and_leaves_no_files() {
    let folder = folder();
    let folder = folder.path();
    let before = names(folder);
    for signal in ["-INT", "-TERM"] {
        for arguments in [
            &["pack", "large.npz", "-o", "out.npz"][..],
            &["pack", "large.npz", "-o", "out.npz", "--encoding", "packed"],
            &["verify", "large.npz"],
        ] {
            let mut child = bitnpz(folder, arguments).spawn().unwrap();
            std::thread::sleep(Duration::from_millis(250));
            send(signal, &child);
            let sent = Instant::now();
            let status = child.wait().unwrap();
            assert!(sent.elapsed() < Duration::from_secs(5), "{arguments:?}: {:?}", sent.elapsed());
            assert!(
                status.success() || status.code() == Some(130),
                "{arguments:?} and {signal}: expected exit code 130, found {status}"
            );
            if status.success() {
                let _ = fs::remove_file(folder.join("out.npz"));
            }
            assert_eq!(names(folder), before, "{arguments:?} and {signal}");
        }
    }
}

#[test]
fn too_little_memory_is_an_error() {
    let folder = folder();
    for arguments in [
        "pack large.npz -o out.npz --force -q",
        "pack large.npz -o out.npz --force -q --encoding packed",
        "pack large.npz -o out.npz --force -q --encoding plain",
        "verify -q large.npz",
    ] {
        let mut failed = false;
        for kilobytes in [25_000, 40_000, 60_000, 90_000, 200_000, 2_000_000] {
            let limited = format!("ulimit -v {kilobytes}; exec \"{BITNPZ}\" {arguments}");
            let output =
                Command::new("sh").args(["-c", &limited]).current_dir(folder.path()).output().unwrap();
            let code = output.status.code();
            assert!(code == Some(0) || code == Some(1), "{kilobytes} KB, {arguments}: {output:?}");
            failed |= code == Some(1);
            assert!(code == Some(0) || output.stderr.starts_with(b"bitnpz: error: "), "{output:?}");
            assert!(kilobytes < 2_000_000 || code == Some(0), "{output:?}");
        }
        assert!(
            failed || arguments.starts_with("verify"),
            "{arguments}: expected too little memory at 20 MB"
        );
    }
}

#[test]
fn follows_links_and_escapes_names() {
    let folder = folder();
    let folder = folder.path();
    std::os::unix::fs::symlink("not yet.npz", folder.join("link.npz")).unwrap();
    let refused = message(&bitnpz(folder, &["pack", "small.npz", "-o", "link.npz"]).output().unwrap());
    assert!(refused.contains("link.npz"), "{refused}");
    let forced = bitnpz(folder, &["pack", "small.npz", "-o", "link.npz", "--force"]).output().unwrap();
    assert!(forced.status.success(), "{forced:?}");
    assert!(fs::symlink_metadata(folder.join("link.npz")).unwrap().is_symlink());
    assert!(folder.join("not yet.npz").exists());

    // The message names the file that cannot be written, not the one that is read.
    let nowhere = message(&bitnpz(folder, &["pack", "small.npz", "-o", "no/where.npz"]).output().unwrap());
    assert!(nowhere.contains("where.npz") && !nowhere.contains("small.npz"), "{nowhere}");
    let missing = message(&bitnpz(folder, &["pack", "missing.npz", "-o", "out.npz"]).output().unwrap());
    assert!(missing.contains("missing.npz") && !missing.contains("out.npz"), "{missing}");

    // Characters that reverse or hide text on a terminal are escaped.
    let turned = message(&bitnpz(folder, &["verify", "a\u{202e}zpn.npz"]).output().unwrap());
    assert!(turned.contains("\\u{202e}") && !turned.contains('\u{202e}'), "{turned}");
    let code = "np.savez(inputs[0].decode(), **{'a\\u202eb\\x1b[2J': np.eye(3)})";
    let path = folder.join("odd.npz");
    Oracle::start().run(code, &[path.as_os_str().as_bytes()]);
    for arguments in [&["ls", "odd.npz"][..], &["info", "odd.npz"], &["ls", "--json", "odd.npz"]] {
        let output = bitnpz(folder, arguments).output().unwrap();
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!said.contains(['\u{202e}', '\u{1b}']), "{said}");
    }
}

#[test]
fn clean_removes_files_of_killed_writers() {
    let folder = folder();
    let folder = folder.path();
    let mut child = bitnpz(folder, &["pack", "large.npz", "-o", "out.npz"]).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(300));
    send("-KILL", &child);
    child.wait().unwrap();
    // A writer killed while it replaces a file leaves a file with such a name, which no lock holds.
    fs::write(folder.join(".bitnpz.0123abcd.0.tmp"), b"half").unwrap();
    fs::write(folder.join(".bitnpz.mine.tmp"), b"another's").unwrap();
    assert!(bitnpz(folder, &["clean", "."]).output().unwrap().status.success());
    assert_eq!(names(folder), [".bitnpz.mine.tmp", "large.npz", "small.npz"]);
}
