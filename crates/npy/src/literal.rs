//! A parser for the Python literals in headers, with bounded recursion.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result};
use crate::repr::shorten;

/// The deepest nesting of brackets: deeper than real dtypes, and far from overflowing the stack.
const MAX_DEPTH: usize = 64;

/// A literal with its offset in the file.
#[derive(Debug)]
pub(crate) struct Term<'a> {
    pub(crate) literal: Literal<'a>,
    pub(crate) offset: usize,
}

#[derive(Debug)]
pub(crate) enum Literal<'a> {
    Bool(bool),
    /// A negative integer. No header needs its value.
    Negative,
    Integer(u64),
    String(Cow<'a, str>),
    Tuple(Vec<Term<'a>>),
    List(Vec<Term<'a>>),
    Dict(Vec<(Term<'a>, Term<'a>)>),
}

impl Literal<'_> {
    /// Describes the literal for the "found" part of an error message.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Bool(value) => if *value { "True" } else { "False" }.to_owned(),
            Self::Negative => "a negative number".to_owned(),
            Self::Integer(value) => value.to_string(),
            Self::String(text) => format!("the string {:?}", shorten(text)),
            Self::Tuple(terms) => format!("a tuple of {}", terms.len()),
            Self::List(terms) => format!("a list of {}", terms.len()),
            Self::Dict(terms) => format!("a dictionary of {}", terms.len()),
        }
    }
}

/// Parses a text that is one literal; `offset` is where the text starts in the file.
pub(crate) fn parse(text: &str, offset: usize) -> Result<Term<'_>> {
    // Python rejects source with a NUL, even inside a string.
    if let Some(at) = text.find('\0') {
        return Err(Parser { text, at, offset }.expected("no NUL"));
    }
    let mut parser = Parser { text, at: 0, offset };
    let term = parser.term(0)?;
    parser.skip_space();
    if parser.at < text.len() {
        return Err(parser.expected("the end of the header"));
    }
    Ok(term)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    offset: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Skips `mark`, if it comes next after space, and returns whether it did.
    fn take(&mut self, mark: u8) -> bool {
        self.skip_space();
        let found = self.peek() == Some(mark);
        self.at += usize::from(found);
        found
    }

    fn expected(&self, expected: &'static str) -> Error {
        let found = match &self.text[self.at..] {
            "" => "its end".to_owned(),
            rest => format!("{:?}", shorten(rest)),
        };
        Error::at(self.offset + self.at, ErrorKind::Syntax { expected, found })
    }

    fn term(&mut self, depth: usize) -> Result<Term<'a>> {
        self.skip_space();
        if depth > MAX_DEPTH {
            return Err(self.expected("fewer nested brackets"));
        }
        let offset = self.offset + self.at;
        let literal = match self.peek() {
            Some(b'{') => self.dict(depth)?,
            Some(b'(') => self.tuple(depth)?,
            Some(b'[') => {
                self.at += 1;
                Literal::List(self.terms(b']', depth)?.0)
            }
            Some(b'\'' | b'"') => Literal::String(self.string()?),
            Some(b'0'..=b'9' | b'-' | b'+') => self.integer()?,
            _ => self.word()?,
        };
        Ok(Term { literal, offset })
    }

    /// Parses terms up to the closing bracket, and returns whether a comma followed the last one.
    fn terms(&mut self, close: u8, depth: usize) -> Result<(Vec<Term<'a>>, bool)> {
        let mut terms = Vec::new();
        let mut comma = false;
        while !self.take(close) {
            if !terms.is_empty() && !comma {
                return Err(self.expected("a comma or a closing bracket"));
            }
            terms.push(self.term(depth + 1)?);
            comma = self.take(b',');
        }
        Ok((terms, comma))
    }

    fn tuple(&mut self, depth: usize) -> Result<Literal<'a>> {
        self.at += 1;
        let (mut terms, comma) = self.terms(b')', depth)?;
        // Brackets around one term without a comma are only brackets.
        if terms.len() == 1 && !comma {
            return Ok(terms.remove(0).literal);
        }
        Ok(Literal::Tuple(terms))
    }

    fn dict(&mut self, depth: usize) -> Result<Literal<'a>> {
        self.at += 1;
        let mut entries = Vec::new();
        let mut comma = true;
        while !self.take(b'}') {
            if !comma {
                return Err(self.expected("a comma or a closing brace"));
            }
            let key = self.term(depth + 1)?;
            if !self.take(b':') {
                return Err(self.expected("a colon"));
            }
            entries.push((key, self.term(depth + 1)?));
            comma = self.take(b',');
        }
        Ok(Literal::Dict(entries))
    }

    fn word(&mut self) -> Result<Literal<'a>> {
        let rest = &self.text[self.at..];
        let length =
            rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_').unwrap_or(rest.len());
        let literal = match &rest[..length] {
            "True" => Literal::Bool(true),
            "False" => Literal::Bool(false),
            // Python 2 wrote text as u'...'.
            "u" if rest[1..].starts_with(['\'', '"']) => {
                self.at += 1;
                return Ok(Literal::String(self.string()?));
            }
            _ => return Err(self.expected("a Python literal")),
        };
        self.at += length;
        Ok(literal)
    }

    fn integer(&mut self) -> Result<Literal<'a>> {
        let sign = self.peek().filter(|&byte| byte == b'-' || byte == b'+');
        self.at += usize::from(sign.is_some());
        let digits = &self.text[self.at..];
        let length = digits.bytes().take_while(u8::is_ascii_digit).count();
        let digits = &digits[..length];
        let value = digits.parse().ok().filter(|_| length == 1 || !digits.starts_with('0') || digits == "00");
        let Some(value) = value else { return Err(self.expected("an integer of at most 64 bits")) };
        self.at += length;
        // Python 2 wrote long integers as 3L.
        self.at += usize::from(self.peek() == Some(b'L'));
        Ok(if sign == Some(b'-') && value != 0 { Literal::Negative } else { Literal::Integer(value) })
    }

    fn string(&mut self) -> Result<Cow<'a, str>> {
        let quote = char::from(self.text.as_bytes()[self.at]);
        self.at += 1;
        let start = self.at;
        let rest = &self.text[start..];
        let end = rest.find([quote, '\\', '\n']).unwrap_or(rest.len());
        if rest[end..].starts_with(quote) {
            self.at += end + 1;
            return Ok(Cow::Borrowed(&rest[..end]));
        }
        let mut text = String::new();
        loop {
            let mut rest = self.text[self.at..].chars();
            let Some(letter) = rest.next().filter(|&letter| letter != '\n') else {
                return Err(self.expected("a closing quote"));
            };
            self.at += letter.len_utf8();
            match letter {
                '\\' => text.push(self.escape()?),
                letter if letter == quote => return Ok(Cow::Owned(text)),
                letter => text.push(letter),
            }
        }
    }

    /// Parses the rest of an escape after the backslash.
    fn escape(&mut self) -> Result<char> {
        let letter = self.peek().ok_or_else(|| self.expected("an escape"))?;
        let digits = match letter {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            _ => 0,
        };
        let plain = match letter {
            b'n' => Some('\n'),
            b'r' => Some('\r'),
            b't' => Some('\t'),
            b'\\' | b'\'' | b'"' => Some(char::from(letter)),
            _ => None,
        };
        let digits = self.text.get(self.at + 1..self.at + 1 + digits).filter(|text| !text.starts_with('+'));
        let escaped = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        let Some(value) = plain.or(escaped) else {
            return Err(self.expected("an escape that Python's repr writes"));
        };
        self.at += 1 + if plain.is_some() { 0 } else { digits.map_or(0, str::len) };
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repr::StringRepr;

    #[test]
    fn parses_its_own_repr_of_strings() {
        for text in [
            "",
            "plain",
            "it's",
            "say \"it's\"",
            "tab\tline\n",
            "caf\u{e9} \u{4f60}",
            "\u{7f}\u{ad}\u{1f600}",
            "\\",
        ] {
            let repr = StringRepr(text).to_string();
            let term = parse(&repr, 0).unwrap();
            assert!(matches!(&term.literal, Literal::String(read) if read == text), "{repr}: {term:?}");
        }
    }

    #[test]
    fn rejects_deep_nesting() {
        for bracket in ["[", "(", "{1:"] {
            assert!(parse(&bracket.repeat(3000), 0).is_err());
        }
    }

    #[test]
    fn rejects_everything_but_literals() {
        for text in [
            "",
            "f()",
            "1 + 1",
            "[1",
            "(1 2)",
            "'a' 'b'",
            "{1}",
            "None",
            "0x10",
            "012",
            "99999999999999999999",
            "'\\q'",
            "1.5",
        ] {
            assert!(parse(text, 0).is_err(), "{text}");
        }
    }
}
