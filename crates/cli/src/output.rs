//! Printing: results, remarks, progress bars, numbers.

use std::fmt;
use std::io::{self, IsTerminal, Stdout, Write};

use bitnpz::{Steps, Writer};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::failure::Failure;

/// Standard output; and standard error, where progress is shown if it is a terminal.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: Stdout,
    is_quiet: bool,
    /// Whether standard output is reserved for an archive or a picture.
    has_data: bool,
}

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

impl Output {
    pub(crate) fn new(is_quiet: bool) -> Self {
        Self { stdout: io::stdout(), is_quiet, has_data: false }
    }

    /// Prints a result, even with `--quiet`. Control characters are escaped.
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

    /// Reserves standard output for an archive or a picture; remarks go to standard error from then on. Fails if standard output is a
    /// terminal.
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

    /// Shows a progress bar for a call that counts its [`Steps`]; on a terminal only.
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

/// Escapes characters that are invisible or change how others are displayed, so that a terminal shows all of the text.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter == '\n' || !is_hidden(letter) {
            escaped.push(letter);
        } else {
            escaped.extend(letter.escape_default());
        }
    }
    escaped
}

/// Returns whether a character is a control or format character (Unicode's general categories Cc, Cf, Zl and Zp), which include those
/// that reverse the direction of text, or one that fonts draw as nothing.
fn is_hidden(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{AD}' | '\u{34F}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}' | '\u{890}'..='\u{891}'
            | '\u{8E2}' | '\u{115F}'..='\u{1160}' | '\u{17B4}'..='\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}'
            | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{110BD}' | '\u{110CD}'
            | '\u{13430}'..='\u{1343F}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// Escapes all characters of JSON text that are not ASCII.
fn ascii(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for letter in json.chars() {
        match letter {
            '\0'..='~' => text.push(letter),
            _ => {
                let units = letter.encode_utf16(&mut [0; 2]).to_vec();
                units.iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")));
            }
        }
    }
    text
}

/// Formats a number of things: "1 image", "2 images".
pub(crate) fn count(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", thousands(number as u64))
}

/// Formats the change in the size of a file: "3.21 times smaller".
pub(crate) fn change(before: u64, after: u64) -> String {
    let ratio = before as f64 / after.max(1) as f64;
    if ratio < 1.0 {
        format!("{:.2} times larger", after as f64 / before.max(1) as f64)
    } else {
        format!("{ratio:.2} times smaller")
    }
}

/// Formats a number with commas between thousands.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a size with a decimal unit: "1.5 MB".
pub(crate) fn size(bytes: u64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{value:.1} {}", units[unit]) }
}

/// Joins the first names with commas, and counts the others.
pub(crate) fn abbreviate(names: Vec<String>) -> String {
    /// About a line of names.
    const SHOWN: usize = 8;
    let others = names.len().saturating_sub(SHOWN);
    let mut shown = names.into_iter().take(SHOWN).collect::<Vec<_>>().join(", ");
    if others > 0 {
        shown.push_str(&format!(", and {}", count(others, "other")));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_numbers() {
        assert_eq!(
            [0, 1, 1234].map(|number| count(number, "image")),
            ["0 images", "1 image", "1,234 images"]
        );
        assert_eq!(change(300, 100), "3.00 times smaller");
        assert_eq!(change(100, 250), "2.50 times larger");
        assert_eq!(ascii("\"é\u{1F600}\""), "\"\\u00e9\\ud83d\\ude00\"");
    }

    #[test]
    fn escapes_what_is_invisible() {
        assert_eq!(escape("ix-001 é 漢 ä\n█▀"), "ix-001 é 漢 ä\n█▀");
        assert_eq!(escape("a\u{202E}gnp.b\u{202C}"), "a\\u{202e}gnp.b\\u{202c}");
        for letter in
            ['\u{1B}', '\r', '\u{200B}', '\u{2066}', '\u{FEFF}', '\u{AD}', '\u{E0041}', '\u{2028}', '\u{9B}']
        {
            let escaped = escape(&letter.to_string());
            assert!(escaped.is_ascii() && escaped.len() > 1, "{escaped}");
        }
    }
}
