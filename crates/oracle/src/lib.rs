//! A long-lived Python process with stock NumPy: the oracle of the interop tests.
//!
//! Starting Python and importing NumPy takes a tenth of a second, and a property test asks thousands
//! of questions. One process therefore keeps running and executes the snippets it is sent.
//!
//! The interpreter is the one that the environment variable `BITNPZ_PYTHON` names. Without it, it is
//! the one that `cargo xtask setup` installs below `target`, or else a `python3` that has NumPy.
//!
//! ```no_run
//! let mut numpy = bitnpz_oracle::Oracle::start();
//! let rows = numpy.run("outputs.append(np.packbits(np.frombuffer(inputs[0], bool)).tobytes())", &[&[1, 0, 1]]);
//! assert_eq!(rows, [[0b1010_0000]]);
//! ```

mod counting;

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::{Deserialize, Serialize};

pub use counting::{Cost, Counting};

/// A running Python process with NumPy imported as `np`.
#[derive(Debug)]
pub struct Oracle {
    process: Child,
    requests: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

#[derive(Serialize)]
struct Request<'a> {
    code: &'a str,
    inputs: Vec<usize>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    outputs: Vec<usize>,
    error: Option<String>,
}

impl Oracle {
    /// Starts a Python process.
    ///
    /// Ends the program with a message if no interpreter has NumPy. A panic would be taken for a failed case by property
    /// tests, which would then look for a smaller one and save it.
    #[must_use]
    pub fn start() -> Self {
        let interpreters = interpreters();
        if let Some(oracle) = interpreters.iter().find_map(|python| Self::with(python)) {
            return oracle;
        }
        let message = format!(
            "\nerror: this test compares with NumPy, and no Python with NumPy was found (tried {})\n\
            help: run `cargo xtask setup` once, or set BITNPZ_PYTHON to an interpreter that has NumPy\n",
            interpreters.join(", ")
        );
        // Unlike `eprintln`, this is shown although the test does not end.
        drop(std::io::stderr().write_all(message.as_bytes()));
        std::process::exit(1)
    }

    /// Starts this interpreter, if it exists and has NumPy.
    fn with(python: &str) -> Option<Self> {
        let mut process = Command::new(python)
            .args(["-X", "utf8", "-c", include_str!("oracle.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("stdout is piped"));
        let mut oracle = Self { process, requests, answers };
        let mut line = String::new();
        oracle.answers.read_line(&mut line).ok()?;
        (line.trim_end() == "ready").then_some(oracle)
    }

    /// Runs a snippet on `inputs` and returns what it appended to `outputs`.
    ///
    /// # Panics
    ///
    /// With Python's traceback if the snippet raises.
    pub fn run(&mut self, code: &str, inputs: &[&[u8]]) -> Vec<Vec<u8>> {
        self.try_run(code, inputs).unwrap_or_else(|traceback| panic!("the oracle raised:\n{traceback}"))
    }

    /// As [`run`](Self::run), but returns Python's traceback as an error.
    ///
    /// # Errors
    ///
    /// The traceback, if the snippet raises.
    ///
    /// # Panics
    ///
    /// If the process has ended.
    pub fn try_run(&mut self, code: &str, inputs: &[&[u8]]) -> Result<Vec<Vec<u8>>, String> {
        let gone = "the oracle's Python process has ended";
        let request = Request { code, inputs: inputs.iter().map(|input| input.len()).collect() };
        let requests = self.requests.as_mut().expect("open until drop");
        let mut line = serde_json::to_vec(&request).expect("a request is plain JSON");
        line.push(b'\n');
        requests.write_all(&line).expect(gone);
        for input in inputs {
            requests.write_all(input).expect(gone);
        }
        requests.flush().expect(gone);

        let mut line = String::new();
        self.answers.read_line(&mut line).expect(gone);
        let answer: Answer = serde_json::from_str(&line).expect(gone);
        if let Some(traceback) = answer.error {
            return Err(traceback);
        }
        let read = |&length: &usize| {
            let mut output = vec![0; length];
            self.answers.read_exact(&mut output).expect(gone);
            output
        };
        Ok(answer.outputs.iter().map(read).collect())
    }
}

/// Lists the interpreters to try, in this order.
fn interpreters() -> Vec<String> {
    if let Ok(python) = std::env::var("BITNPZ_PYTHON") {
        return vec![python];
    }
    let (folder, python) = if cfg!(windows) { ("Scripts", "python") } else { ("bin", "python3") };
    // `xtask/src/python.rs` creates it there.
    let workspace =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("crates/oracle");
    let installed = workspace.join("target/venv").join(folder).join("python");
    vec![installed.to_string_lossy().into_owned(), python.to_owned()]
}

impl Drop for Oracle {
    /// Closes the process's input, which ends it, and waits for it.
    fn drop(&mut self) {
        drop(self.requests.take());
        drop(self.process.wait());
    }
}
