//! The tokens of Rust source text, as far as imports need them.

/// A word, a `::`, or any other single character outside comments and literals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Word(String),
    PathSeparator,
    Punctuation(char),
}

impl Token {
    /// Returns whether the token is this word.
    pub(super) fn is_word(&self, text: &str) -> bool {
        matches!(self, Self::Word(word) if word == text)
    }

    /// Returns the word, if the token is one.
    pub(super) fn word(&self) -> Option<&str> {
        if let Self::Word(word) = self { Some(word) } else { None }
    }
}

/// Splits source text into tokens and drops comments, literals and lifetimes.
pub(super) fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let is_word = |character: char| character.is_alphanumeric() || character == '_';
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            block_comment(rest)
        } else if let Some(length) = raw_string(rest) {
            length
        } else if first == '"' {
            quoted(rest, '"')
        } else if first == '\'' {
            quote(rest)
        } else if rest.starts_with("::") {
            tokens.push(Token::PathSeparator);
            2
        } else if is_word(first) {
            let length = rest.find(|character| !is_word(character)).unwrap_or(rest.len());
            // A prefix of a string or a character (`b"..."`) is part of the literal, as numbers are.
            let is_prefix = matches!(&rest[..length], "b" | "c") && rest[length..].starts_with(['"', '\'']);
            if !is_prefix && !first.is_ascii_digit() {
                tokens.push(Token::Word(rest[..length].to_owned()));
            }
            length
        } else {
            if !first.is_whitespace() {
                tokens.push(Token::Punctuation(first));
            }
            first.len_utf8()
        };
        rest = &rest[length..];
    }
    tokens
}

/// The length of a block comment, which may contain others.
fn block_comment(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a raw string (`r"..."`, `br#"..."#`), if the text starts with one.
fn raw_string(text: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        text.strip_prefix(prefix).is_some_and(|rest| rest.trim_start_matches('#').starts_with('"'))
    })?;
    let hashes = text[prefix.len()..].find('"')?;
    let start = prefix.len() + hashes + 1;
    let end = format!("\"{}", "#".repeat(hashes));
    Some(text[start..].find(&end).map_or(text.len(), |length| start + length + end.len()))
}

/// The length of a literal up to and including the quote that ends it.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of a character literal or of a lifetime.
fn quote(text: &str) -> usize {
    let mut characters = text.chars().skip(1);
    let (first, second) = (characters.next(), characters.next());
    if first == Some('\\') || second == Some('\'') {
        return quoted(text, '\'');
    }
    text[1..]
        .find(|character: char| !character.is_alphanumeric() && character != '_')
        .map_or(text.len(), |at| at + 1)
}

/// Takes out what is compiled for tests only, and returns the names of the modules among it.
pub(super) fn without_tests(tokens: &mut Vec<Token>) -> Vec<String> {
    let mut modules = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        let is_attribute = tokens[at..].starts_with(&[Token::Punctuation('#'), Token::Punctuation('[')]);
        let end = if is_attribute { closing(tokens, at + 1) } else { at };
        if is_attribute && is_for_tests(&tokens[at..end]) {
            let end = item_end(tokens, end);
            let name = tokens[at..end].windows(2).find(|pair| pair[0].is_word("mod"));
            modules.extend(name.and_then(|pair| pair[1].word()).map(str::to_owned));
            tokens.drain(at..end);
        } else {
            at = end.max(at + 1);
        }
    }
    modules
}

/// Returns whether an attribute is `cfg(test)` or `cfg(all(test, ...))`.
fn is_for_tests(attribute: &[Token]) -> bool {
    let has = |text| attribute.iter().any(|token| token.is_word(text));
    attribute.get(2).is_some_and(|token| token.is_word("cfg")) && has("test") && !has("not") && !has("any")
}

/// The end of the item that starts here: after its semicolon or its block.
fn item_end(tokens: &[Token], start: usize) -> usize {
    let mut at = start;
    let mut is_use = false;
    while at < tokens.len() {
        match &tokens[at] {
            Token::Punctuation(';') => return at + 1,
            Token::Punctuation('{') if !is_use => return closing(tokens, at),
            Token::Punctuation('{' | '(' | '[') => at = closing(tokens, at),
            token => {
                is_use |= token.is_word("use") || token.is_word("static");
                at += 1;
            }
        }
    }
    at
}

/// The place after the bracket that closes the one here.
pub(super) fn closing(tokens: &[Token], open: usize) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token {
            Token::Punctuation('{' | '(' | '[') => depth += 1,
            Token::Punctuation('}' | ')' | ']') => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    tokens.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> Vec<String> {
        tokens(source).iter().filter_map(Token::word).map(str::to_owned).collect()
    }

    #[test]
    fn drops_comments_literals_and_lifetimes() {
        let source =
            "a /* b /* c */ d */ e // f\n \"g \\\" h\" i r#\"j \" k\"# l 'm' n '\\'' o<'p> b'\"' q 1u8";
        assert_eq!(words(source), ["a", "e", "i", "l", "n", "o", "q"]);
    }

    #[test]
    fn leaves_out_test_items() {
        let source = "#[cfg(test)] use a::{b}; use c; #[cfg(test)] mod d; #[cfg(test)] #[x] mod e { f } \
            #[cfg(not(test))] fn g() {}";
        let mut tokens = tokens(source);
        assert_eq!(without_tests(&mut tokens), ["d", "e"]);
        let words: Vec<&str> = tokens.iter().filter_map(Token::word).collect();
        assert_eq!(words, ["use", "c", "cfg", "not", "test", "fn", "g"]);
    }
}
