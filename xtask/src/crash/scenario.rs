//! What the command does in the trials, and what it should leave.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::command;

/// The height and width of the images, the size of a glyph.
const SIDE: usize = 40;

/// The files and programs of the trials.
pub(super) struct Bench {
    /// The folder that holds only the archive.
    pub(super) folder: PathBuf,
    inputs: PathBuf,
    program: PathBuf,
}

/// The number of images in an input: enough for several writes, few enough that a trial takes a fraction of a second.
const IMAGES: usize = 2000;

/// A resumable pack keeps an input twice.
const KEPT_AFTER: &str = "1000";

/// One call of the command.
pub(super) struct Scenario {
    pub(super) name: &'static str,
    arguments: Vec<String>,
    /// The archive before the call, if there is one.
    pub(super) old: Option<Vec<u8>>,
    /// The archive after the call.
    pub(super) new: Vec<u8>,
}

impl Bench {
    /// Makes empty folders and the inputs for trials of a program.
    pub(super) fn new(program: PathBuf) -> Result<Self, String> {
        let base = command::target().join("crash");
        let bench = Self { folder: base.join("archive"), inputs: base.join("inputs"), program };
        for folder in [&bench.folder, &bench.inputs] {
            drop(fs::remove_dir_all(folder));
            fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        for (seed, name) in [(1, "first.npy"), (2, "second.npy")] {
            let path = bench.inputs.join(name);
            fs::write(&path, stack(IMAGES, seed)).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(bench)
    }

    pub(super) fn archive(&self) -> PathBuf {
        self.folder.join("a.npz")
    }

    /// Makes the scenarios, each with what it leaves when nothing goes wrong.
    pub(super) fn scenarios(&self) -> Result<Vec<Scenario>, String> {
        let input = |name: &str| self.inputs.join(name).display().to_string();
        let (first, second, archive) =
            (input("first.npy"), input("second.npy"), self.archive().display().to_string());
        // The codec `raw` writes the same files as the others; to train a model would take most of a trial.
        let pack = ["pack", &first, "--codec", "raw", "-o", &archive, "--force"];
        let replace = ["pack", &second, "--codec", "raw", "-o", &archive, "--force"];
        let append = ["append", &archive, &second];
        let resume = ["pack", &first, &second, "--codec", "raw", "-o", &archive, "--force"];
        let resume = [&resume[..], &["--resume", "--every", KEPT_AFTER]].concat();
        let plans: [(&str, &[&str], bool); 4] = [
            ("create", &pack, false),
            ("replace", &replace, true),
            ("append", &append, true),
            ("pack", &resume, false),
        ];
        let mut scenarios = Vec::new();
        for (name, arguments, replaces) in plans {
            let arguments = arguments.iter().map(|&argument| argument.to_owned()).collect();
            let mut scenario = Scenario { name, arguments, old: None, new: Vec::new() };
            self.clean()?;
            if replaces {
                succeed(self.program().args(pack))?;
                scenario.old = self.found();
            }
            succeed(&mut self.command(&scenario))?;
            scenario.new = self.found().ok_or("expected an archive, found none")?;
            scenarios.push(scenario);
        }
        Ok(scenarios)
    }

    /// Returns the bytes in place of the archive, if there are any.
    pub(super) fn found(&self) -> Option<Vec<u8>> {
        fs::read(self.archive()).ok()
    }

    fn clean(&self) -> Result<(), String> {
        for name in self.files()? {
            let path = self.folder.join(name);
            fs::remove_file(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }

    /// Makes the folder as it is before a scenario.
    pub(super) fn prepare(&self, scenario: &Scenario) -> Result<(), String> {
        self.clean()?;
        if let Some(old) = &scenario.old {
            fs::write(self.archive(), old).map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    /// Lists the names of the files in the folder, sorted.
    pub(super) fn files(&self) -> Result<Vec<String>, String> {
        let files =
            fs::read_dir(&self.folder).map_err(|error| format!("{}: {error}", self.folder.display()))?;
        let mut names: Vec<String> =
            files.flatten().map(|file| file.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        Ok(names)
    }

    /// Returns the path of the log of all calls.
    pub(super) fn log(&self) -> PathBuf {
        self.folder.with_file_name("log")
    }

    fn program(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).env("BITNPZ_FAULTS_FOLDER", &self.folder);
        command
    }

    /// Makes the command of a scenario.
    pub(super) fn command(&self, scenario: &Scenario) -> Command {
        let mut command = self.program();
        command.args(&scenario.arguments);
        command
    }

    /// Makes the command of a scenario with these faults (`crates/faults`).
    pub(super) fn faulty(&self, scenario: &Scenario, faults: &str) -> Command {
        let mut command = self.command(scenario);
        drop(fs::remove_file(self.log()));
        command.env("LD_PRELOAD", self.program.with_file_name("libbitnpz_faults.so"));
        command.env("BITNPZ_FAULTS", faults).env("BITNPZ_FAULTS_LOG", self.log());
        command
    }

    /// Checks that the command succeeds after a trial, and leaves only the archive in its folder.
    pub(super) fn check_next(&self, scenario: &Scenario, what: &str) -> Result<(), String> {
        // Keys that exist cannot be appended again.
        let is_done = scenario.name == "append" && self.found().as_ref() == Some(&scenario.new);
        if !is_done {
            succeed(&mut self.command(scenario))?;
        }
        let files = self.files()?;
        if self.found().as_ref() != Some(&scenario.new) || files != ["a.npz"] {
            return Err(format!(
                "{}, {what}: expected only the new archive after the next run, found {files:?}",
                scenario.name
            ));
        }
        Ok(())
    }
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)))
}

/// Makes the `.npy` file of a stack of images that are neither all alike nor noise.
fn stack(images: usize, seed: usize) -> Vec<u8> {
    let mut header =
        format!("{{'descr': '|b1', 'fortran_order': False, 'shape': ({images}, {SIDE}, {SIDE}), }}")
            .into_bytes();
    header.resize(117, b' ');
    header.push(b'\n');
    let mut npy = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    npy.extend_from_slice(&header);
    for image in 0..images {
        let turn = image * 31 + seed * 17;
        let (height, width) = (9 + turn % 23, 7 + turn / 23 % 29);
        for pixel in 0..SIDE * SIDE {
            let (row, column) = (pixel / SIDE, pixel % SIDE);
            npy.push(u8::from(row < height && column < width && (row + turn) * column % 11 < 7));
        }
    }
    npy
}

/// Returns the file name of a path in the log.
pub(super) fn name_of(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
