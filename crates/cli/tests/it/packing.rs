//! Does `bitnpz pack` refuse what would lose or mix up something?

use std::fs;

use bitnpz_oracle::Oracle;

use crate::command::Folder;

#[test]
fn resumes_only_a_pack_whose_keys_are_known() {
    let folder = Folder::new();
    folder.picture("in/0.png", 0);
    fs::write(folder.path().join("a.npz.partial"), "of nobody knows what").unwrap();
    let said = folder.fail(&["pack", "in", "--resume", "-o", "a.npz"], 1);
    assert!(said.contains("a.npz.partial.job is missing"), "{said}");
    assert!(!folder.path().join("a.npz").exists());
    fs::remove_file(folder.path().join("a.npz.partial")).unwrap();

    // The same paths, but other keys.
    folder.picture("t/sub/1.png", 1);
    fs::write(folder.path().join("t/sub/2.png"), "damaged").unwrap();
    folder.fail(&["pack", "t/sub", "--resume", "--every", "1", "-o", "a.npz"], 1);
    assert!(folder.path().join("a.npz.partial").exists());
    let said = folder.fail(&["pack", "t", "--resume", "--every", "1", "-o", "a.npz"], 1);
    assert!(said.contains("was started with other inputs or options"), "{said}");
}

#[test]
fn axes_are_not_given_with_a_threshold() {
    let folder = Folder::new();
    let said = folder.fail(&["pack", "in", "--axes", "HWN", "--threshold", "1", "-o", "a.npz"], 2);
    assert!(said.contains("--axes") && said.contains("cannot be used with"), "{said}");
}

#[test]
fn members_that_are_no_arrays_are_packed_once_if_they_are_the_same() {
    let folder = Folder::new();
    let mut numpy = Oracle::start();
    let code = "
import os, zipfile
os.chdir(inputs[0].decode())
for name, text in [('a', 'one'), ('b', 'one'), ('c', 'two')]:
    np.savez(name + '.npz', **{name: np.arange(3)})
    with zipfile.ZipFile(name + '.npz', 'a') as archive: archive.writestr('readme.txt', text)
";
    numpy.run(code, &[folder.path().to_str().unwrap().as_bytes()]);
    for resume in [&[][..], &["--resume"]] {
        let pack = |other| [&["pack", "--force", "-o", "out.npz", "a.npz", other], resume].concat();
        assert!(folder.succeed(&pack("b.npz")).contains("1 other member"));
        let said = folder.fail(&pack("c.npz"), 1);
        assert!(said.contains("c.npz: \"readme.txt\": differs from what has this name in a.npz"), "{said}");
    }
    folder.succeed(&["append", "a.npz", "b.npz"]);
    let said = folder.fail(&["append", "a.npz", "c.npz"], 1);
    assert!(said.contains("c.npz: \"readme.txt\": differs from what has this name in a.npz"), "{said}");
}
