//! Formats values as Python literals, and for error messages.

use std::fmt;

/// Formats a string like Python's `repr`.
pub(crate) struct StringRepr<'a>(pub(crate) &'a str);

impl fmt::Display for StringRepr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = if self.0.contains('\'') && !self.0.contains('"') { '"' } else { '\'' };
        write!(f, "{quote}")?;
        for letter in self.0.chars() {
            match letter {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\\' => f.write_str("\\\\")?,
                letter if letter == quote => write!(f, "\\{letter}")?,
                letter if is_printable(letter) => write!(f, "{letter}")?,
                letter => match u32::from(letter) {
                    code @ ..=0xFF => write!(f, "\\x{code:02x}")?,
                    code @ ..=0xFFFF => write!(f, "\\u{code:04x}")?,
                    code => write!(f, "\\U{code:08x}")?,
                },
            }
        }
        write!(f, "{quote}")
    }
}

/// Returns `true` for printable characters, like `str.isprintable` for assigned ones: no control, format or
/// private characters, and no separator except the space.
fn is_printable(letter: char) -> bool {
    let hidden = matches!(letter,
        '\u{AD}' | '\u{600}'..='\u{605}' | '\u{61C}' | '\u{6DD}' | '\u{70F}' | '\u{180E}'
        | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
        | '\u{FFF9}'..='\u{FFFB}' | '\u{E000}'..='\u{F8FF}' | '\u{FFFE}' | '\u{FFFF}'
        | '\u{E0000}'..='\u{E007F}' | '\u{F0000}'..);
    letter == ' ' || !(hidden || letter.is_control() || letter.is_whitespace())
}

/// Formats a shape as a Python tuple: `()`, `(3,)`, `(3, 4)`.
pub(crate) struct ShapeRepr<'a>(pub(crate) &'a [usize]);

impl fmt::Display for ShapeRepr<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [] => f.write_str("()"),
            [length] => write!(f, "({length},)"),
            [first, rest @ ..] => {
                write!(f, "({first}")?;
                rest.iter().try_for_each(|length| write!(f, ", {length}"))?;
                f.write_str(")")
            }
        }
    }
}

/// Cuts a text to a length that fits an error message.
pub(crate) fn shorten(text: &str) -> String {
    text.chars().take(40).collect()
}
