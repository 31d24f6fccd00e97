//! What people see: text, progress, sizes.

use std::io::{self, IsTerminal, Stdout, Write};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Standard output, and progress on standard error where a person looks.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: Stdout,
    is_quiet: bool,
}

impl Output {
    pub(crate) fn new(is_quiet: bool) -> Self {
        Self { stdout: io::stdout(), is_quiet }
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
        let mut text = String::new();
        for letter in format!("{value:#}").chars() {
            match letter {
                '\0'..='~' => text.push(letter),
                _ => letter
                    .encode_utf16(&mut [0; 2])
                    .iter()
                    .for_each(|unit| text.push_str(&format!("\\u{unit:04x}"))),
            }
        }
        self.text(&text)
    }

    /// A remark, which `--quiet` leaves out.
    pub(crate) fn remark(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        if self.is_quiet { Ok(()) } else { self.result(line) }
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

    /// A bar for work of so many steps; on a terminal only.
    pub(crate) fn progress(&self, steps: u64, what: &'static str) -> ProgressBar {
        let bar = ProgressBar::new(steps);
        if self.is_quiet || !io::stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let style = ProgressStyle::with_template("{msg} {wide_bar} {human_pos}/{human_len} {per_sec} {eta}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
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
