//! Prints results, remarks and progress bars.

use std::fmt;
use std::io::{self, IsTerminal, Stdout, Write};

use bitnpz::{Steps, Writer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::failure::Failure;
use crate::format::{ascii, escape, size, thousands};

/// A progress bar of [`Steps`]; it disappears when it is dropped.
#[derive(Debug)]
pub(crate) struct StepsBar(ProgressBar);

impl StepsBar {
    pub(crate) fn show(&self, steps: Steps) {
        self.0.set_length(steps.total as u64);
        self.0.set_position(steps.done as u64);
    }
}

impl Drop for StepsBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// Standard output; and standard error, where progress is shown if it is a terminal.
#[derive(Debug)]
pub(crate) struct Printer {
    stdout: Stdout,
    is_quiet: bool,
    /// Whether standard output is reserved for an archive or a picture.
    has_data: bool,
}

impl Printer {
    pub(crate) fn new(is_quiet: bool) -> Self {
        Self { stdout: io::stdout(), is_quiet, has_data: false }
    }

    /// Prints a line of a result, even with `--quiet`. Control characters are escaped.
    pub(crate) fn result(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        self.text(&escape(line.as_ref()))
    }

    /// Prints text that contains nothing from a file, and so needs no escaping.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.stdout, "{text}")
    }

    /// Prints a result as JSON, all of it ASCII.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> io::Result<()> {
        self.text(&ascii(&format!("{value:#}")))
    }

    /// Prints a JSON list, one value per line as they come.
    pub(crate) fn json_list(
        &mut self,
        values: impl Iterator<Item = Result<serde_json::Value, Failure>>,
    ) -> Result<(), Failure> {
        let mut comma = "";
        write!(self.stdout, "[")?;
        for value in values {
            write!(self.stdout, "{comma}\n{}", ascii(&value?.to_string()))?;
            comma = ",";
        }
        Ok(writeln!(self.stdout, "\n]")?)
    }

    /// Reserves standard output for an archive or a picture; remarks go to standard error from then on. Fails if
    /// standard output is a terminal.
    pub(crate) fn leave_stdout_to_data(&mut self) -> Result<(), Failure> {
        if self.stdout.is_terminal() {
            let message = "standard output is a terminal; redirect it to a file or a program";
            return Err(Failure::Message(message.to_owned()));
        }
        self.has_data = true;
        Ok(())
    }

    /// Prints a remark, unless quiet.
    pub(crate) fn remark(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        match (self.is_quiet, self.has_data) {
            (true, _) => Ok(()),
            (false, true) => writeln!(io::stderr(), "{}", escape(line.as_ref())),
            (false, false) => self.result(line),
        }
    }

    /// Prints on standard error what went wrong with part of the work.
    pub(crate) fn warning(&self, line: impl AsRef<str>) {
        // If standard error cannot be written, nobody can be told.
        drop(writeln!(io::stderr(), "bitnpz: warning: {}", escape(line.as_ref())));
    }

    /// Prints on standard error a choice that was made for users and may not be what they want, unless quiet.
    pub(crate) fn note(&self, line: impl AsRef<str>) {
        if !self.is_quiet {
            drop(writeln!(io::stderr(), "bitnpz: note: {}", escape(line.as_ref())));
        }
    }

    /// Returns the number of columns of the terminal, or 80.
    pub(crate) fn columns(&self) -> usize {
        let known = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        known.or_else(|| Some(console::Term::stdout().size_checked()?.1.into())).unwrap_or(80)
    }

    /// Returns whether progress bars are shown.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.is_quiet && io::stderr().is_terminal()
    }

    /// Shows a progress bar for a call that reports its [`Steps`]; on a terminal only.
    pub(crate) fn steps_progress(&self, what: &'static str) -> StepsBar {
        StepsBar(self.progress(0, what))
    }

    /// Shows a progress bar for work of `steps` steps; on a terminal only.
    pub(crate) fn progress(&self, steps: u64, what: &'static str) -> ProgressBar {
        self.bar(steps, what, "{msg} {wide_bar} {human_pos}/{human_len}, {rate}/s, {eta} left")
    }

    /// Shows a progress bar for an archive that already has `has` images and will have about `images` in all.
    pub(crate) fn writer_progress(
        &self,
        writer: &mut Writer,
        has: u64,
        images: u64,
        what: &'static str,
    ) -> ProgressBar {
        let bar = self.bar(
            images,
            what,
            "{msg} {wide_bar} {human_pos}/{human_len} images, {prefix}{rate}/s, {eta} left",
        );
        if bar.is_hidden() {
            return bar;
        }
        bar.set_position(has);
        let shown = bar.clone();
        writer.on_progress(move |progress| {
            // Reading images and encoding them count half each.
            let done = has + progress.added.midpoint(progress.images);
            if shown.length().is_some_and(|length| length < done) {
                shown.set_length(done);
            }
            shown.set_prefix(format!("{}, ", size(progress.bytes)));
            shown.set_position(done);
        });
        bar
    }

    fn bar(&self, steps: u64, what: &'static str, template: &str) -> ProgressBar {
        let bar = ProgressBar::new(steps);
        if !self.shows_progress() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "steps in a second")]
        let rate = |state: &ProgressState, text: &mut dyn fmt::Write| {
            // A rate that cannot be formatted is not shown.
            let _ = write!(text, "{}", thousands(state.per_sec() as u64));
        };
        bar.set_style(style.with_key("rate", rate));
        bar.with_message(what)
    }
}
