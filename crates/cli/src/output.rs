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

    /// A result, which is printed however quiet one asked it to be.
    pub(crate) fn result(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        writeln!(self.stdout, "{}", line.as_ref())
    }

    /// A remark, which `--quiet` leaves out.
    pub(crate) fn remark(&mut self, line: impl AsRef<str>) -> io::Result<()> {
        if self.is_quiet { Ok(()) } else { self.result(line) }
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

/// Text whose control characters cannot do anything to a terminal.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter.is_control() && letter != '\n' {
            escaped.extend(letter.escape_default());
        } else {
            escaped.push(letter);
        }
    }
    escaped
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
