//! A long-lived Python process with stock NumPy: the oracle of the interop tests.
//!
//! Starting Python and importing NumPy takes a tenth of a second; a property test asks thousands
//! of questions. So one process stays and runs the snippets it is sent.
//!
//! The interpreter is the one named by the environment variable `BITNPZ_PYTHON`, which
//! `cargo xtask test` sets to its own virtual environment, or else `python3`.
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
    /// Starts the process.
    ///
    /// # Panics
    ///
    /// If there is no such interpreter: an interop test without NumPy has nothing to say.
    #[must_use]
    pub fn start() -> Self {
        let python = std::env::var("BITNPZ_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut process = Command::new(&python)
            .args(["-X", "utf8", "-c", include_str!("oracle.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {python}: {error}; run `cargo xtask test`"));
        let requests = process.stdin.take();
        let answers = BufReader::new(process.stdout.take().expect("stdout is piped"));
        Self { process, requests, answers }
    }

    /// Runs a snippet on `inputs` and returns what it appended to `outputs`.
    ///
    /// # Panics
    ///
    /// With Python's traceback if the snippet raises.
    pub fn run(&mut self, code: &str, inputs: &[&[u8]]) -> Vec<Vec<u8>> {
        self.try_run(code, inputs).unwrap_or_else(|traceback| panic!("the oracle raised:\n{traceback}"))
    }

    /// As [`run`](Self::run), but gives Python's traceback back as an error.
    ///
    /// # Errors
    ///
    /// The traceback, if the snippet raises.
    ///
    /// # Panics
    ///
    /// If the process is gone.
    pub fn try_run(&mut self, code: &str, inputs: &[&[u8]]) -> Result<Vec<Vec<u8>>, String> {
        let gone = "the oracle's Python process is gone (is NumPy installed? run `cargo xtask test`)";
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

impl Drop for Oracle {
    /// Closes the process's input, which ends it, and waits for it.
    fn drop(&mut self) {
        drop(self.requests.take());
        drop(self.process.wait());
    }
}
