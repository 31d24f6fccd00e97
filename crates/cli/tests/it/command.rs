//! Does the command do what its help says?

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use bitnpz::picture::{ReadOptions, read, write_png};
use bitnpz::{Archive, Bitmap};
use bitnpz_oracle::Oracle;
use tempfile::TempDir;

pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    fn bitnpz(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bitnpz"));
        command.args(arguments).current_dir(self.path()).env("COLUMNS", "100").output().unwrap()
    }

    /// Runs a command that must succeed, and returns what it printed.
    pub(crate) fn succeed(&self, arguments: &[&str]) -> String {
        let output = self.bitnpz(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {errors}");
        assert!(errors.is_empty(), "unexpected output on standard error: {errors}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs a command that must fail, and returns its message.
    pub(crate) fn fail(&self, arguments: &[&str], code: i32) -> String {
        let output = self.bitnpz(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    pub(crate) fn picture(&self, name: &str, seed: usize) -> Bitmap {
        let mut bitmap = Bitmap::zeros(9, 13).unwrap();
        for pixel in (0..9 * 13).filter(|pixel| pixel % (seed + 2) == 0) {
            bitmap.set(pixel / 13, pixel % 13, true);
        }
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        write_png(fs::File::create(path).unwrap(), bitmap.view()).unwrap();
        bitmap
    }
}

#[test]
fn round_trips_an_archive_of_numpy() {
    let folder = Folder::new();
    let mut numpy = Oracle::start();
    let training = folder.path().join("training.npz");
    let code = "
rng = np.random.default_rng(1)
images = {'ix-%06i' % i: rng.random((28, 28)) > 0.7 for i in range(200)}
images['outputs'] = np.arange(200)
np.savez_compressed(inputs[0].decode(), **images)
";
    numpy.run(code, &[training.to_str().unwrap().as_bytes()]);

    let listed = folder.succeed(&["ls", "training.npz"]);
    assert_eq!(listed.lines().count(), 201);
    assert!(listed.contains("image  plain        |b1            28 x 28"), "{listed}");
    assert_eq!(folder.succeed(&["ls", "--keys", "training.npz"]).lines().next(), Some("ix-000000"));
    let viewed = folder.succeed(&["view", "--ascii", "training.npz", "ix-000003"]);
    assert_eq!(viewed.lines().count(), 29);
    assert!(viewed.starts_with("ix-000003 [0 of 1]: 28 x 28, dtype |b1"), "{viewed}");
    assert!(folder.succeed(&["verify", "training.npz"]).contains("all 201 members are whole"));
    assert!(folder.succeed(&["-q", "verify", "training.npz"]).is_empty());

    let packed = folder.succeed(&["pack", "training.npz", "-o", "packed.npz"]);
    assert!(packed.contains("201 keys, 200 images"), "{packed}");
    let info = folder.succeed(&["info", "--json", "packed.npz"]);
    assert!(info.contains("\"images\": 200") && info.contains("\"sets\": 200"), "{info}");
    assert!(folder.succeed(&["info", "packed.npz"]).contains("28 x 28 (200)"));
    folder.succeed(&["sheet", "packed.npz", "-o", "sheet.png", "--count", "30"]);
    assert!(fs::read(folder.path().join("sheet.png")).unwrap().starts_with(b"\x89PNG"));

    folder.succeed(&["convert", "packed.npz", "-o", "rows.npz", "--encoding", "packed"]);
    assert!(folder.succeed(&["ls", "rows.npz"]).contains("image  packed       |b1            28 x 28"));
    folder.succeed(&["unpack", "rows.npz", "-o", "plain.npz"]);
    let code = "
a, b = (np.load(name.decode()) for name in inputs)
assert sorted(a.files) == sorted(b.files)
for key in a.files: assert a[key].dtype == b[key].dtype and np.array_equal(a[key], b[key])
";
    let plain = folder.path().join("plain.npz");
    numpy.run(code, &[&training, &plain].map(|path| path.to_str().unwrap().as_bytes()));
}

#[test]
fn round_trips_folders_globs_and_stacks() {
    let folder = Folder::new();
    let pictures: Vec<Bitmap> = (0..4).map(|i| folder.picture(&format!("in/sub/{i}.png"), i)).collect();
    fs::write(folder.path().join("in/notes.txt"), "not a picture").unwrap();
    folder.succeed(&["pack", "in", "-o", "keys.npz"]);
    let archive = Archive::open(folder.path().join("keys.npz")).unwrap();
    assert_eq!(archive.keys().collect::<Vec<_>>(), ["sub/0", "sub/1", "sub/2", "sub/3"]);
    assert_eq!(archive.bitmap("sub/2").unwrap(), pictures[2]);
    let later = folder.picture("later/4.png", 4);
    folder.succeed(&["append", "keys.npz", "later"]);
    let archive = Archive::open(folder.path().join("keys.npz")).unwrap();
    assert_eq!((archive.len(), archive.bitmap("4").unwrap()), (5, later));

    folder.succeed(&["pack", "in/sub/*.png", "--name", "all", "--method", "zstd", "-o", "stack.npz"]);
    let archive = Archive::open(folder.path().join("stack.npz")).unwrap();
    assert_eq!(archive.images("all").unwrap().shape(), [4, 9, 13]);
    for (archive, name) in [("keys.npz", "out/sub/3.png"), ("stack.npz", "out/all/000003.png")] {
        folder.succeed(&["unpack", archive, "-o", "out"]);
        assert_eq!(read(folder.path().join(name), &ReadOptions::default()).unwrap(), pictures[3]);
    }
    let npy = folder.path().join("grey.npy");
    Oracle::start()
        .run("np.save(inputs[0].decode(), np.arange(12).reshape(3, 4))", &[npy.to_str().unwrap().as_bytes()]);
    let packed =
        folder.succeed(&["pack", "grey.npy", "in/sub/0.png", "--encoding", "plain", "-o", "mixed.npz"]);
    assert!(packed.contains("2 keys, 1 image"), "{packed}");
    folder.succeed(&["unpack", "mixed.npz", "-o", "mixed"]);
    assert_eq!(fs::read(folder.path().join("mixed/grey.npy")).unwrap(), fs::read(npy).unwrap());
}

#[test]
fn explains_each_mistake() {
    let folder = Folder::new();
    folder.picture("a/one.png", 1);
    folder.picture("b/one.png", 2);
    let mut large = Bitmap::zeros(5, 5).unwrap();
    large.set(1, 1, true);
    fs::create_dir(folder.path().join("c")).unwrap();
    write_png(fs::File::create(folder.path().join("c/large.png")).unwrap(), large.view()).unwrap();
    fs::write(folder.path().join("broken.npz"), "no archive").unwrap();
    fs::write(folder.path().join("broken.png"), "no picture").unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    folder.succeed(&["pack", "a", "-o", "good.npz"]);
    let cases: [(&[&str], &str); 20] = [
        (&["pack", "a", "-o", "good.npz"], "good.npz: already exists; use --force to overwrite"),
        (&["pack", "a", "a/one.png", "-o", "x.npz"], "shares the key \"one.png\" with a/one.png"),
        (
            &["pack", "a", "c", "--name", "all", "-o", "x.npz"],
            "c/large.png: \"all\": expected shape (9, 13), found (5, 5); without --name",
        ),
        (&["pack", "missing", "-o", "x.npz"], "missing: no such file or folder"),
        (&["pack", "empty", "-o", "x.npz"], "expected pictures"),
        (&["pack", "broken.png", "-o", "x.npz"], "broken.png"),
        (&["pack", "broken.npz", "-o", "x.npz"], "not a ZIP archive"),
        (&["pack", "a", "-o", "nowhere/x.npz"], "nowhere/x.npz"),
        (&["ls", "broken.npz"], "broken.npz: not a ZIP archive"),
        (&["view", "good.npz", "two"], "no such key"),
        (&["view", "good.npz", "one", "7"], "expected an image index below 1, found 7"),
        (&["sheet", "missing.npz", "-o", "x.png"], "missing.npz: no such file or folder"),
        (&["ls", "missing.npz"], "missing.npz: no such file or folder"),
        (&["convert", "missing.npz", "-o", "x.npz"], "missing.npz: no such file or folder"),
        (&["diff", "good.npz", "missing.npz"], "missing.npz: no such file or folder"),
        (&["rm", "missing.npz", "one"], "missing.npz: no such file or folder"),
        (&["rm", "good.npz", "two*"], "\"two*\": the archive holds no such key"),
        (&["ls", "good.npz", "one", "two"], "\"two\": the archive holds no such key"),
        (&["sheet", "good.npz", "-o", "x.jpg"], "expected a name that ends in one of png, bmp"),
        (&["pack", "a", "--resume", "-o", "-"], "expected an archive that is a file"),
    ];
    for (arguments, expected) in cases {
        let message = folder.fail(arguments, 1);
        assert!(
            message.starts_with("bitnpz: error: ") && message.contains(expected),
            "{arguments:?}: {message}"
        );
    }
    assert!(!folder.path().join("x.npz").exists(), "a failed command leaves no file");
    folder.fail(&["pack"], 2);
    folder.fail(&["frobnicate"], 2);
    folder.succeed(&["pack", "a", "-o", "good.npz", "--force"]);
}

#[test]
fn packs_grey_pictures_only_with_a_threshold() {
    let folder = Folder::new();
    fs::write(folder.path().join("grey.pgm"), "P2 3 1 255 0 100 255").unwrap();
    let message = folder.fail(&["pack", "grey.pgm", "-o", "x.npz"], 1);
    assert!(message.contains("found brightness 100 at pixel (0, 1)") && message.contains("--threshold 128"));
    for (arguments, ones) in [
        (&["--threshold", "128"][..], 1),
        (&["--threshold", "100"], 2),
        (&["--threshold", "100", "--invert"], 1),
    ] {
        folder.succeed(&[&["pack", "grey.pgm", "-o", "x.npz", "--force"], arguments].concat());
        let bitmap = Archive::open(folder.path().join("x.npz")).unwrap().bitmap("grey").unwrap();
        assert_eq!(bitmap.view().count_ones(), ones, "{arguments:?}");
    }
}

#[test]
fn verify_reports_damage() {
    let folder = Folder::new();
    for i in 0..4 {
        folder.picture(&format!("in/{i}.png"), i);
    }
    folder.succeed(&["pack", "in", "-o", "a.npz", "--method", "stored"]);
    let path = folder.path().join("a.npz");
    let mut bytes = fs::read(&path).unwrap();
    bytes[200] ^= 1;
    fs::write(&path, bytes).unwrap();
    let output = folder.bitnpz(&["verify", "a.npz"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("damaged:") && text.contains("1 problem; everything else can be read"), "{text}");
    let json = String::from_utf8(folder.bitnpz(&["verify", "--json", "a.npz"]).stdout).unwrap();
    assert!(json.contains("\"problems\": [") && json.contains("0.npy"), "{json}");
}

#[test]
fn verify_names_the_damaged_image_of_a_set() {
    let folder = Folder::new();
    (0..30).for_each(|i| {
        folder.picture(&format!("in/page-{i:02}.png"), i);
    });
    folder.succeed(&["pack", "in", "-o", "a.npz"]);
    let path = folder.path().join("a.npz");
    let mut bytes = fs::read(&path).unwrap();
    let name = b".bitnpz/images/set.json";
    let description = bytes.windows(name.len()).position(|window| window == name).unwrap();
    // The last payload ends before the checksum, of 8 bytes, and the next member's local header, of 30 bytes and the name.
    bytes[description - 30 - 8 - 2] ^= 0x5A;
    fs::write(&path, bytes).unwrap();
    let output = folder.bitnpz(&["verify", "a.npz"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("damaged: \"page-29\", image 29 of the set: "), "{text}");

    let output = folder.bitnpz(&["salvage", "a.npz", "-o", "saved.npz"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("gone: \"page-29\"") && text.contains("29 images"), "{text}");
    assert!(folder.succeed(&["verify", "saved.npz"]).contains("whole"));
    let json = folder.bitnpz(&["salvage", "a.npz", "-o", "saved.npz", "--force", "--json"]).stdout;
    assert!(String::from_utf8(json).unwrap().contains("\"key\": \"page-29\""));
    let end = fs::read(folder.path().join("saved.npz")).unwrap();
    fs::write(folder.path().join("cut.npz"), &end[..end.len() - 100]).unwrap();
    assert!(folder.fail(&["ls", "cut.npz"], 1).contains("not a ZIP archive"));
    assert!(folder.succeed(&["salvage", "cut.npz", "-o", "again.npz"]).contains("0 gone, 0 doubtful"));
}

#[test]
fn a_resumed_pack_writes_the_same_bytes() {
    let folder = Folder::new();
    (0..40).for_each(|i| {
        folder.picture(&format!("in/{i:02}.png"), i);
    });
    let make = "
rng = np.random.default_rng(1)
arrays = {f'ix-{i:03}': rng.random((9, 13)) > 0.7 for i in range(50)}
np.savez(inputs[0].decode(), labels=np.arange(5), stack=rng.random((300, 20, 20)) > 0.5, **arrays)
";
    let training = folder.path().join("training.npz");
    Oracle::start().run(make, &[training.to_str().unwrap().as_bytes()]);
    let pack = |output: &str, inputs: &[&str]| {
        let arguments = [&["pack", "--resume", "--every", "15", "-o", output], inputs].concat();
        folder.bitnpz(&arguments)
    };
    let inputs = ["in", "training.npz"];
    assert!(pack("whole.npz", &inputs).status.success());
    let whole = fs::read(folder.path().join("whole.npz")).unwrap();
    // A damaged input stops the first run; the second finds it intact.
    for missing in ["in/00.png", "in/15.png", "in/29.png", "in/39.png", "training.npz"] {
        let _ = fs::remove_file(folder.path().join("again.npz"));
        let (path, kept) = (folder.path().join(missing), folder.path().join("kept"));
        fs::rename(&path, &kept).unwrap();
        fs::write(&path, "damaged").unwrap();
        assert!(!pack("again.npz", &inputs).status.success(), "{missing}");
        assert!(!folder.path().join("again.npz").exists());
        fs::rename(&kept, &path).unwrap();
        // There is none if nothing was saved.
        let job = fs::read(folder.path().join("again.npz.partial.job")).ok();
        let output = pack("again.npz", &inputs);
        assert!(output.status.success(), "{missing}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(fs::read(folder.path().join("again.npz")).unwrap() == whole, "{missing}");
        assert!(!folder.path().join("again.npz.partial").exists());
        let Some(job) = job else { continue };
        // As if killed just before the final rename.
        fs::write(folder.path().join("again.npz.partial.job"), job).unwrap();
        fs::rename(folder.path().join("again.npz"), folder.path().join("again.npz.partial")).unwrap();
        assert!(pack("again.npz", &inputs).status.success());
        assert!(fs::read(folder.path().join("again.npz")).unwrap() == whole, "{missing}, done");
    }
    let archive = Archive::open(folder.path().join("whole.npz")).unwrap();
    assert_eq!((archive.len(), archive.images("stack").unwrap().len()), (92, 300));
    assert!(archive.verify(|_| ()).unwrap().problems.is_empty());
}

#[test]
fn resumes_only_with_the_same_inputs_and_options() {
    let folder = Folder::new();
    (0..40).for_each(|i| {
        folder.picture(&format!("in/{i:02}.png"), i);
    });
    fs::write(folder.path().join("in/39.png"), "damaged").unwrap();
    let begin = ["pack", "in", "--resume", "--every", "10", "-o", "a.npz"];
    folder.fail(&begin, 1);
    assert!(folder.path().join("a.npz.partial").exists());
    let others: [&[&str]; 3] = [&["--invert"], &["--threshold", "9"], &["--axes", "9x9"]];
    for other in others {
        let error = folder.fail(&[&begin, other].concat(), 1);
        assert!(error.contains("a.npz.partial: was started with other inputs or options"), "{error}");
    }
    folder.picture("in/39.png", 3);
    folder.succeed(&begin);
    assert!(!folder.path().join("a.npz.partial.job").exists());
    // A second array under a key is not the rest of the first.
    let make = "
for n, count in ((1, 600), (2, 700)):
    np.savez(inputs[0].decode() % n, images=np.random.default_rng(n).random((count, 20, 20)) > 0.5)
";
    let names = folder.path().join("b%i.npz");
    Oracle::start().run(make, &[names.to_str().unwrap().as_bytes()]);
    let error = folder.fail(&["pack", "b1.npz", "b2.npz", "--resume", "-o", "b.npz"], 1);
    assert!(error.contains("b2.npz: \"images\": another input has this key already"), "{error}");
}

#[test]
fn append_and_resume_extend_a_stack_of_pictures() {
    let folder = Folder::new();
    let pictures: Vec<Bitmap> = (0..30).map(|i| folder.picture(&format!("in/{i:02}.png"), i % 7)).collect();
    folder.succeed(&["pack", "in/0*.png", "--name", "pages", "-o", "pages.npz"]);
    folder.succeed(&["append", "pages.npz", "in/1*.png", "in/2*.png", "--name", "pages"]);
    folder.succeed(&["pack", "in", "--name", "pages", "--resume", "--every", "7", "-o", "resumed.npz"]);
    for name in ["pages.npz", "resumed.npz"] {
        let images = Archive::open(folder.path().join(name)).unwrap().images("pages").unwrap();
        assert!(images.bitmaps().map(Result::unwrap).eq(pictures.iter().cloned()), "{name}");
    }
    assert!(folder.fail(&["append", "missing.npz", "in"], 1).contains("missing.npz: no such file or folder"));
}

/// Stacks of NumPy extend a stack as pictures do.
#[test]
fn arrays_extend_the_stack_that_is_named() {
    let folder = Folder::new();
    let pictures = [folder.picture("in/0.png", 0), folder.picture("in/1.png", 3)];
    let code = "
stack = np.random.default_rng(0).random((5, 9, 13)) < 0.3
path = inputs[0].decode()
np.save(path + '/s.npy', stack)
np.save(path + '/grey.npy', np.where(stack, 200, 7).astype(np.uint8) + np.arange(9, dtype=np.uint8)[:, None])
np.save(path + '/labels.npy', np.arange(5))
np.save(path + '/bytes.npy', stack.astype(np.uint8))
";
    Oracle::start().run(code, &[folder.path().to_str().unwrap().as_bytes()]);
    let stack = || Archive::open(folder.path().join("a.npz")).unwrap().array::<bool>("g").unwrap();
    folder.succeed(&["pack", "s.npy", "--name", "g", "-o", "a.npz"]);
    let one = stack();
    folder.succeed(&["append", "a.npz", "s.npy", "--name", "g"]);
    let two = ndarray::concatenate![ndarray::Axis(0), one, one];
    assert_eq!(stack(), two);
    folder.succeed(&["append", "a.npz", "grey.npy", "--threshold", "128", "--name", "g"]);
    assert_eq!(stack(), ndarray::concatenate![ndarray::Axis(0), two, one]);
    folder.succeed(&["pack", "s.npy", "s.npy", "--name", "g", "--force", "-o", "a.npz"]);
    assert_eq!(stack(), two);
    folder.succeed(&["pack", "s.npy", "in", "--name", "g", "--force", "-o", "a.npz"]);
    let images = Archive::open(folder.path().join("a.npz")).unwrap().images("g").unwrap();
    assert!(images.bitmaps().take(2).map(Result::unwrap).eq(pictures));
    assert_eq!(stack().slice_axis(ndarray::Axis(0), (2..).into()), one);

    let cases: [(&[&str], &str); 4] = [
        (&["s.npy", "labels.npy", "--name", "g"], "labels.npy: \"g\": expected a stack of images"),
        (&["s.npy", "labels.npy", "--name", "g"], "; without --name each array keeps its own shape and key"),
        (&["s.npy", "bytes.npy", "--name", "g"], "bytes.npy: \"g\": expected images of '|b1'"),
        (&["s.npy", "in", "--name", "g", "--resume"], "--resume cannot tell which arrays a stack has"),
    ];
    for (inputs, expected) in cases {
        let message = folder.fail(&[&["pack"], inputs, &["--force", "-o", "b.npz"]].concat(), 1);
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn limits_have_the_names_that_errors_give() {
    let folder = Folder::new();
    (0..10).for_each(|i| {
        folder.picture(&format!("in/{i}.png"), i);
    });
    folder.succeed(&["pack", "in", "--encoding", "plain", "-o", "a.npz"]);
    for (limit, verb) in [("members=3", "ls"), ("directory_bytes=9", "info"), ("header_bytes=9", "verify")] {
        let output = folder.bitnpz(&[verb, "a.npz", "--limit", limit]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        let name = limit.split('=').next().unwrap();
        assert!(said.contains(&format!("raise the limit {name} if you trust the")), "{said}");
        folder.succeed(&[verb, "a.npz", "--limit", &format!("{name}=100000")]);
    }
    assert!(folder.fail(&["ls", "a.npz", "--limit", "pixels=3"], 2).contains("expected one of members"));
    fs::write(folder.path().join("no.npz"), "no archive").unwrap();
    let json = String::from_utf8(folder.bitnpz(&["verify", "no.npz", "--json"]).stdout).unwrap();
    assert!(json.contains("\"whole\": false") && json.contains("not a ZIP archive"), "{json}");
    let json = folder.succeed(&["verify", "--fast", "--json", "a.npz"]);
    assert!(json.contains("\"whole\": true"), "{json}");
}

#[test]
fn unpack_stays_in_its_folder() {
    let folder = Folder::new();
    let path = folder.path().join("bad.npz");
    Oracle::start().run(
        "np.savez(inputs[0].decode(), **{'../escaped': np.eye(3, dtype=bool)})",
        &[path.to_str().unwrap().as_bytes()],
    );
    let message = folder.fail(&["unpack", "bad.npz", "-o", "out"], 1);
    assert!(message.contains("\"../escaped\": it would be written outside"), "{message}");
    assert!(!folder.path().join("escaped.png").exists());
}

#[test]
fn the_demo_shows_the_space_saved() {
    let folder = Folder::new();
    let shown = folder.succeed(&["demo", "--count", "50", "--dir", "d"]);
    for expected in ["np.savez_compressed", "bitnpz --encoding packed", "contact sheet"] {
        assert!(shown.contains(expected), "{shown}");
    }
    assert!(folder.path().join("d/glyphs.png").exists());
    assert_eq!(Archive::open(folder.path().join("d/glyphs_28_packed.npz")).unwrap().len(), 50);
}

#[test]
fn every_verb_has_help_and_every_shell_completions() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(folder.succeed(&["completions", shell]).contains("bitnpz"));
    }
    for verb in [
        "demo", "pack", "convert", "unpack", "ls", "info", "verify", "salvage", "append", "view", "sheet",
        "rm", "diff", "stats", "man", "merge", "split",
    ] {
        assert!(folder.succeed(&[verb, "--help"]).contains("Usage: bitnpz"));
    }
}

#[test]
fn split_makes_shards_that_merge_again() {
    let folder = Folder::new();
    let stack = ndarray::Array3::from_shape_fn((2000, 16, 16), |(i, y, x)| (y * x + i) % 7 < 3);
    let mut writer = bitnpz::Writer::create(folder.path().join("all.npz")).unwrap();
    writer.add_images("glyphs", &stack).unwrap();
    writer.finish().unwrap();
    let said = folder.succeed(&["split", "all.npz", "--shards", "3", "-o", "shard.npz"]);
    assert!(said.contains("shard-00002-of-00003.npz: 1 key, "), "{said}");
    let shards = [0, 1, 2].map(|number| format!("shard-0000{number}-of-00003.npz"));
    let merge = ["merge", &shards[0], &shards[1], &shards[2], "-o", "again.npz"];
    assert!(folder.succeed(&merge).contains("again.npz: 1 key, 2,000 images"));
    folder.succeed(&["diff", "all.npz", "again.npz"]);
    assert!(folder.fail(&["split", "all.npz", "--shards", "3", "-o", "shard.npz"], 1).contains("--force"));
    folder.succeed(&["split", "all.npz", "--shards", "3", "-o", "part.npz", "--force"]);
    assert!(folder.fail(&["split", "-", "--shards", "3", "-o", "shard.npz"], 1).contains("standard input"));
}

#[test]
fn merge_puts_archives_together() {
    let folder = Folder::new();
    for part in 0..2 {
        (0..20).for_each(|i| {
            folder.picture(&format!("{part}/page-{part}-{i:02}.png"), i);
        });
        folder.succeed(&["pack", &part.to_string(), "-o", &format!("{part}.npz")]);
    }
    assert!(
        folder.succeed(&["merge", "0.npz", "1.npz", "-o", "all.npz"]).contains("all.npz: 40 keys, 40 images")
    );
    assert!(folder.succeed(&["verify", "all.npz"]).contains("whole"));
    let first = |archive: &str| folder.succeed(&["view", archive, "page-1-07"]);
    assert_eq!(first("all.npz"), first("1.npz"));
    assert!(folder.fail(&["merge", "0.npz", "1.npz", "-o", "all.npz"], 1).contains("--force"));
    let twice = folder.fail(&["merge", "0.npz", "0.npz", "-o", "twice.npz"], 1);
    assert!(twice.contains("0.npz: \"page-0-00\": the archive has this key already"), "{twice}");
    assert!(
        folder
            .fail(&["merge", "0.npz", "2.npz", "-o", "all.npz", "--force"], 1)
            .contains("2.npz: no such file")
    );
}
