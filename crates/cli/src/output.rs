//! What people see: text, progress, sizes.

use std::fmt;
use std::io::{self, IsTerminal, Stdout, Write};

use bitnpz::Writer;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::failure::Failure;

/// Standard output, and progress on standard error where a person looks.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: Stdout,
    is_quiet: bool,
    /// Whether standard output takes an archive or a picture, and nothing else.
    has_data: bool,
}

impl Output {
    pub(crate) fn new(is_quiet: bool) -> Self {
        Self { stdout: io::stdout(), is_quiet, has_data: false }
    }

    /// A result, which is printed however quiet one asked it to be. Nothing in it can do anything to a terminal.
    pub(crate) fn result(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        self.text(&escape(line.as_ref()))
    }

    /// Text that has nothing from a file in it.
    pub(crate) fn text(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.stdout, "{text}")
    }

    /// A result for programs to read, all of it ASCII.
    pub(crate) fn json(&mut self, value: &serde_json::Value) -> io::Result<()> {
        self.text(&ascii(&format!("{value:#}")))
    }

    /// A list for programs to read, a line for each of its values as they come.
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

    /// Leaves standard output to an archive or a picture: remarks go to standard error. What a terminal would show of it helps
    /// nobody.
    pub(crate) fn leave_stdout_to_data(&mut self) -> Result<(), Failure> {
        if self.stdout.is_terminal() {
            let message = "standard output is a terminal: send it to a file or a program";
            return Err(Failure::Message(message.to_owned()));
        }
        self.has_data = true;
        Ok(())
    }

    /// A remark, which `--quiet` leaves out.
    pub(crate) fn remark(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        match (self.is_quiet, self.has_data) {
            (true, _) => Ok(()),
            (false, true) => writeln!(io::stderr(), "{}", escape(line.as_ref())),
            (false, false) => self.result(line),
        }
    }

    /// What went wrong with part of the work, on standard error.
    pub(crate) fn warning(&self, line: impl AsRef<str>) {
        // If even this cannot be written there is nobody to tell.
        drop(writeln!(io::stderr(), "bitnpz: warning: {}", escape(line.as_ref())));
    }

    /// What was decided for people and may not be what they want: on standard error, unless quiet.
    pub(crate) fn note(&self, line: impl AsRef<str>) {
        if !self.is_quiet {
            drop(writeln!(io::stderr(), "bitnpz: note: {}", escape(line.as_ref())));
        }
    }

    /// The columns of the terminal, or 80.
    pub(crate) fn columns(&self) -> usize {
        let known = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        known.or_else(|| Some(console::Term::stdout().size_checked()?.1.into())).unwrap_or(80)
    }

    /// Whether anybody sees progress.
    pub(crate) fn shows_progress(&self) -> bool {
        !self.is_quiet && io::stderr().is_terminal()
    }

    /// A bar for work of so many steps; on a terminal only.
    pub(crate) fn progress(&self, steps: u64, what: &'static str) -> ProgressBar {
        self.bar(steps, what, "{msg} {wide_bar} {human_pos}/{human_len}, {rate}/s, {eta} left")
    }

    /// A bar for an archive that is written: of how many images it is to have, after so many that it has.
    pub(crate) fn watch(
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
            // Reading takes its time, and so does coding.
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
            // A rate that cannot be written is not shown.
            let _ = write!(text, "{}", thousands(state.per_sec() as u64));
        };
        bar.set_style(style.with_key("rate", rate));
        bar.with_message(what)
    }
}

/// Text in which what cannot be seen, and what changes how other letters are seen, is written out: a terminal shows it as it is.
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

/// Whether a letter is a control or a format character (Unicode's general categories Cc, Cf, Zl and Zp), among them those that
/// turn the direction of text around, or one that fonts draw as nothing.
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

/// JSON in ASCII alone.
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

/// So many of something: "1 image", "2 images".
pub(crate) fn count(number: usize, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", thousands(number as u64))
}

/// How the size of a file changed: "3.21 times smaller".
pub(crate) fn change(before: u64, after: u64) -> String {
    let ratio = before as f64 / after.max(1) as f64;
    if ratio < 1.0 {
        format!("{:.2} times larger", after as f64 / before.max(1) as f64)
    } else {
        format!("{ratio:.2} times smaller")
    }
}

/// A number with its thousands set apart.
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

/// A size as people say it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_numbers_said_as_people_say_them() {
        assert_eq!(
            [0, 1, 1234].map(|number| count(number, "image")),
            ["0 images", "1 image", "1,234 images"]
        );
        assert_eq!(change(300, 100), "3.00 times smaller");
        assert_eq!(change(100, 250), "2.50 times larger");
        assert_eq!(ascii("\"é\u{1F600}\""), "\"\\u00e9\\ud83d\\ude00\"");
    }

    #[test]
    fn is_what_cannot_be_seen_written_out() {
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
