//! Does `bitnpz pack` handle real folders of pictures, and arrays of grey pixels?

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use bitnpz::{Archive, DynArray};
use bitnpz_oracle::Oracle;
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn bitnpz(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bitnpz"));
        command.args(arguments).current_dir(self.path()).output().unwrap()
    }

    /// Packs into `a.npz`, which must succeed, and returns what was printed on standard output and on standard error.
    fn pack(&self, arguments: &[&str]) -> [String; 2] {
        let output = self.bitnpz(&[&["pack", "--force", "-o", "a.npz"], arguments].concat());
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap());
        assert!(output.status.success(), "{arguments:?}: {said:?}");
        said
    }

    /// Packs, which must fail, and returns the message.
    fn fail(&self, arguments: &[&str]) -> String {
        let output = self.bitnpz(&[&["pack", "--force", "-o", "x.npz"], arguments].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn archive(&self) -> Archive {
        Archive::open(self.path().join("a.npz")).unwrap()
    }

    fn keys(&self) -> Vec<String> {
        self.archive().keys().collect()
    }
}

const PICTURE: &str = "P1 3 2 0 1 0 0 0 0";

#[test]
fn gives_every_file_its_own_key() {
    let folder = Folder::new();
    for name in
        ["cf/cat/0000.pbm", "cf/cat/0001.pbm", "cf/dog/0000.pbm", "cf/dog/deep/0000.pbm", "other/0000.pbm"]
    {
        folder.write(name, PICTURE);
    }
    let below = ["cat/0000", "cat/0001", "dog/0000", "dog/deep/0000"];
    for arguments in
        [&["cf/cat", "cf/dog"][..], &["cf"], &["cf/", "--recursive"], &["./cf/cat/", "other/../cf/dog"]]
    {
        folder.pack(arguments);
        assert_eq!(folder.keys(), below, "{arguments:?}");
    }
    folder.pack(&["cf/*/0000.pbm"]);
    assert_eq!(folder.keys(), ["cat/0000", "dog/0000"]);
    folder.pack(&["cf/cat"]);
    assert_eq!(folder.keys(), ["0000", "0001"]);
    folder.pack(&["cf/cat", "other/0000.pbm"]);
    assert_eq!(folder.keys(), ["cf/cat/0000", "cf/cat/0001", "other/0000"]);
    folder.write("other/0000.pgm", "P2 1 1 255 255");
    folder.pack(&["other"]);
    assert_eq!(folder.keys(), ["0000.pbm", "0000.pgm"], "names that differ only in the extension");
    assert!(folder.fail(&["other", "other/0000.pbm"]).contains("with other/0000.pbm"));
}

#[test]
fn labels_are_the_names_of_folders() {
    let folder = Folder::new();
    for name in ["t/zebra/1.pbm", "t/zebra/2.pbm", "t/ant/9.pbm", "t/ant/in/3.pbm", "t/Äpfel/1.pbm"] {
        folder.write(name, PICTURE);
    }
    for arguments in [&["t", "--labels"][..], &["t", "--labels", "--name", "images"]] {
        let [said, _] = folder.pack(arguments);
        assert!(said.contains("classes: ant 2, zebra 2, Äpfel 1"), "{said}");
        let path = folder.path().join("a.npz");
        let code = "
archive = np.load(inputs[0].decode())
assert archive['labels'].dtype == np.int64 and archive['labels'].tolist() == [0, 0, 1, 1, 2]
assert archive['classes'].tolist() == sorted(['ant', 'zebra', 'Äpfel'])
";
        Oracle::start().run(code, &[path.to_str().unwrap().as_bytes()]);
    }
    let whole = fs::read(folder.path().join("a.npz")).unwrap();
    folder.pack(&["t", "--labels", "--name", "images", "--resume", "--every", "2"]);
    assert_eq!(folder.archive().images("images").unwrap().len(), 5);
    assert_eq!(folder.archive().dyn_array("labels").unwrap().shape(), [5]);
    folder.pack(&["t", "--labels", "--name", "images"]);
    assert!(fs::read(folder.path().join("a.npz")).unwrap() == whole);
    assert!(
        folder
            .fail(&["t/ant/9.pbm", "--labels"])
            .contains("expected a picture in a folder that names its class")
    );
}

#[test]
fn reports_what_is_left_out() {
    let folder = Folder::new();
    folder.write("in/a.pbm", PICTURE);
    (0..11).for_each(|number| folder.write(&format!("in/note{number:02}.txt"), "no picture"));
    let [said, _] = folder.pack(&["in"]);
    assert!(said.contains("left out 11 files of other kinds: in/note00.txt, "), "{said}");
    assert!(said.contains("in/note07.txt, and 3 others") && !said.contains("note08"), "{said}");
    assert!(said.contains("a.npz: 1 key, 1 image\n"), "{said}");

    folder.write("in/b.png", "damaged");
    let message = folder.fail(&["in"]);
    assert!(
        message.contains("in/b.png: expected a picture") && message.contains("--skip-damaged"),
        "{message}"
    );
    let [_, warned] = folder.pack(&["in", "--skip-damaged", "--quiet"]);
    assert!(warned.contains("left out 1 damaged picture: in/b.png: "), "{warned}");
    assert_eq!(folder.keys(), ["a"]);
    assert!(
        folder.fail(&["in", "--skip-damaged", "--resume", "--name", "k"]).contains("--resume cannot tell")
    );
}

#[test]
fn reports_choices_made_for_a_picture() {
    let folder = Folder::new();
    folder.write("mask.pgm", "P2 3 1 255 0 1 1");
    let [_, noted] = folder.pack(&["mask.pgm"]);
    assert!(
        noted.contains("the lighter is taken as white, as with --threshold 1 in mask.pgm: 1 rather than 0"),
        "{noted}"
    );
    assert_eq!(folder.archive().bitmap("mask").unwrap().view().count_ones(), 2);
    folder.write("three.pgm", "P2 3 1 255 0 1 2");
    assert!(folder.fail(&["three.pgm"]).contains("found brightness 1 at pixel (0, 1)"));
    folder.write(
        "clear.pam",
        b"P7\nWIDTH 2\nHEIGHT 1\nDEPTH 2\nMAXVAL 255\nTUPLTYPE GRAYSCALE_ALPHA\nENDHDR\n\xFF\xFF\xFF\0",
    );
    for (background, ground, count) in
        [("contrast", "black", 1), ("white", "white", 2), ("black", "black", 1)]
    {
        let [said, _] = folder.pack(&["clear.pam", "--background", background]);
        assert!(
            said.contains(&format!("1 picture with transparent pixels on {ground} (clear.pam)")),
            "{said}"
        );
        assert_eq!(folder.archive().bitmap("clear").unwrap().view().count_ones(), count);
    }
}

#[test]
fn applies_the_threshold_to_arrays() {
    let folder = Folder::new();
    let code = "
import os
os.chdir(inputs[0].decode())
grey = np.random.default_rng(1).integers(0, 256, (50, 8, 9), dtype=np.uint8)
np.save('grey.npy', grey)
np.save('fortran.npy', np.asfortranarray(grey))
np.savez('grey.npz', x=grey.astype('>f4'), y=np.arange(50), b=grey[0] > 9)
outputs.append((grey >= 100).tobytes())
";
    let on = Oracle::start().run(code, &[folder.path().to_str().unwrap().as_bytes()]).remove(0);
    let bools = |key: &str| -> Vec<u8> { DynArray::data(&folder.archive().dyn_array(key).unwrap()).to_vec() };
    for (input, key) in [("grey.npy", "grey"), ("fortran.npy", "fortran"), ("grey.npz", "x")] {
        let [said, _] = folder.pack(&[input, "--threshold", "100"]);
        assert!(said.contains("times smaller"), "{said}");
        assert_eq!(bools(key), on, "{input}");
        folder.pack(&[input, "--threshold", "100", "--invert"]);
        assert!(bools(key).iter().zip(&on).all(|(inverted, on)| inverted != on), "{input}");
    }
    assert_eq!(folder.archive().dyn_array("y").unwrap().dtype().type_string(), "<i8");
    let [said, _] = folder.pack(&["grey.npy"]);
    assert!(said.contains("times larger") && said.contains("1 key, 0 images"), "{said}");
}

#[test]
fn links_back_to_a_folder_above_are_not_followed() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    folder.write("in/a.pbm", PICTURE);
    folder.write("in/b/c.pbm", PICTURE);
    for (target, link) in [(".", "in/latest"), ("..", "in/b/up"), ("b", "in/other")] {
        symlink(target, folder.path().join(link)).unwrap();
    }
    let [said, _] = folder.pack(&["in"]);
    let expected = "left out 3 links back to a folder above: in/b/up, in/latest, in/other/up\n";
    assert!(said.contains(expected), "{said}");
    assert_eq!(folder.keys(), ["a", "b/c", "other/c"]);
}

#[test]
fn pipes_are_left_out_and_pictures_without_pixels_refused() {
    let folder = Folder::new();
    folder.write("in/a.pbm", PICTURE);
    assert!(Command::new("mkfifo").arg(folder.path().join("in/b.png")).status().unwrap().success());
    let [said, _] = folder.pack(&["in"]);
    assert!(said.contains("left out 1 file of other kinds: in/b.png"), "{said}");
    assert_eq!(folder.keys(), ["a"]);

    let mut bmp = b"BM".to_vec();
    for number in [70_u32, 0, 58, 40, 0, i32::MAX.cast_unsigned(), 0x0001_0001, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
    {
        bmp.extend_from_slice(&number.to_le_bytes());
    }
    folder.write("empty.bmp", bmp);
    assert!(folder.fail(&["empty.bmp"]).contains("the BMP file has no pixels"));
}

#[test]
fn a_folder_that_cannot_be_read_is_an_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    folder.write("in/open/a.pbm", PICTURE);
    folder.write("in/locked/b.pbm", PICTURE);
    let locked = folder.path().join("in/locked");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).unwrap();
    // Root gives up the right to read every folder.
    let rights = "-dac_override,-dac_read_search";
    let restrained = [format!("--inh-caps={rights}"), format!("--bounding-set={rights}")];
    let is_root = fs::read_dir(&locked).is_ok();
    let bitnpz = env!("CARGO_BIN_EXE_bitnpz");
    let can_be_restrained = || {
        let started = Command::new("setpriv").args(&restrained).args([bitnpz, "--version"]).output();
        started.is_ok_and(|output| output.status.success())
    };
    if is_root && !can_be_restrained() {
        return;
    }
    for input in ["in", "in/*/*.pbm", "in/**/*.pbm"] {
        let mut command = Command::new(if is_root { "setpriv" } else { bitnpz });
        if is_root {
            command.args(&restrained).arg(bitnpz);
        }
        let output =
            command.args(["pack", input, "-o", "a.npz"]).current_dir(folder.path()).output().unwrap();
        let message = String::from_utf8(output.stderr).unwrap();
        assert!(
            output.status.code() == Some(1) && message.contains("ermission denied"),
            "{input}: {message}"
        );
        assert!(input == "in" || message.contains("in/locked: "), "{message}");
    }
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o700)).unwrap();
}
