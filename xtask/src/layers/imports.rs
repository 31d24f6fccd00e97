//! What a source file imports, defines and names.

use super::tokens::{self, Token, closing};

/// One name that a `use` brings into its module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Import {
    /// The module it is in, as a path from the file's own module.
    pub(super) scope: Vec<String>,
    pub(super) path: Vec<String>,
    /// The name it has here; `*` for a glob, `_` for a trait without a name.
    pub(super) name: String,
    /// Whether it is `pub` in some way: a re-export.
    pub(super) is_public: bool,
}

/// What matters of a source file. Modules written within it belong to it.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) imports: Vec<Import>,
    /// The names of its items, and the inline modules they are in.
    pub(super) items: Vec<(Vec<String>, String)>,
    /// The inline modules.
    pub(super) modules: Vec<Vec<String>>,
    /// The modules that have files of their own and are compiled for tests only.
    pub(super) test_modules: Vec<String>,
    /// Every path outside a `use`, and the inline module it is in.
    pub(super) paths: Vec<(Vec<String>, Vec<String>)>,
}

impl Source {
    /// Parses source text, without what is compiled for tests only.
    pub(super) fn parse(text: &str) -> Self {
        let mut tokens = tokens::tokens(text);
        let mut source = Self { test_modules: tokens::without_tests(&mut tokens), ..Self::default() };
        source.scan(&tokens, &[]);
        source
    }

    fn scan(&mut self, tokens: &[Token], scope: &[String]) {
        let mut at = 0;
        let mut depth = 0_usize;
        let mut is_public = false;
        while at < tokens.len() {
            let word = tokens[at].word().unwrap_or_default();
            let next = tokens.get(at + 1);
            let next_word = next.and_then(Token::word);
            match (&tokens[at], word) {
                (_, "pub") => {
                    is_public = true;
                    at += 1;
                    if tokens.get(at) == Some(&Token::Punctuation('(')) {
                        at = closing(tokens, at);
                    }
                    continue;
                }
                // `impl Trait + use<'a>` imports nothing.
                (_, "use") if next != Some(&Token::Punctuation('<')) => {
                    let end = tokens[at..].iter().position(|token| *token == Token::Punctuation(';'));
                    let end = end.map_or(tokens.len(), |length| at + length);
                    let start = at + 1 + usize::from(next == Some(&Token::PathSeparator));
                    self.import(&tokens[start..end], &[], scope, is_public);
                    at = end;
                }
                (_, "mod") if tokens.get(at + 2) == Some(&Token::Punctuation('{')) => {
                    let end = closing(tokens, at + 2);
                    let inner = [scope, &[next_word.unwrap_or_default().to_owned()]].concat();
                    self.modules.push(inner.clone());
                    self.scan(&tokens[at + 3..end - 1], &inner);
                    at = end;
                    is_public = false;
                    continue;
                }
                (_, "fn" | "struct" | "enum" | "union" | "trait" | "type" | "const" | "static" | "macro") => {
                    if let (0, Some(name)) = (depth, next_word) {
                        self.items.push((scope.to_vec(), name.to_owned()));
                    }
                }
                (_, "macro_rules") => {
                    let name = tokens.get(at + 2).and_then(Token::word);
                    self.items.extend(name.map(|name| (scope.to_vec(), name.to_owned())));
                }
                (Token::Punctuation('{' | '(' | '['), _) => depth += 1,
                (Token::Punctuation('}' | ')' | ']'), _) => depth = depth.saturating_sub(1),
                (Token::Word(first), _) => {
                    let is_part =
                        at > 0 && matches!(tokens[at - 1], Token::PathSeparator | Token::Punctuation('.'));
                    let mut path = vec![first.clone()];
                    while let Some([Token::PathSeparator, Token::Word(more)]) = tokens.get(at + 1..at + 3) {
                        path.push(more.clone());
                        at += 2;
                    }
                    if !is_part {
                        self.paths.push((scope.to_vec(), path));
                    }
                }
                _ => {}
            }
            is_public = false;
            at += 1;
        }
    }

    /// Notes what one tree of a `use` brings: `a::{b, c as d, e::*}`.
    fn import(&mut self, tree: &[Token], prefix: &[String], scope: &[String], is_public: bool) {
        let mut path = prefix.to_vec();
        let mut name = None;
        let mut at = 0;
        while at < tree.len() {
            match &tree[at] {
                Token::Punctuation('{') => {
                    for branch in branches(&tree[at + 1..closing(tree, at) - 1]) {
                        self.import(branch, &path, scope, is_public);
                    }
                    return;
                }
                Token::Punctuation('*') => name = Some("*".to_owned()),
                Token::Word(word) if word == "as" => {
                    name = tree.get(at + 1).and_then(Token::word).map(str::to_owned);
                    at += 1;
                }
                // `a::{self}` names `a`.
                Token::Word(word) if word == "self" && !path.is_empty() => {}
                Token::Word(word) => path.push(word.clone()),
                _ => {}
            }
            at += 1;
        }
        let Some(name) = name.or_else(|| path.last().cloned()) else { return };
        self.imports.push(Import { scope: scope.to_vec(), path, name, is_public });
    }
}

/// Splits a list at its outermost commas.
fn branches(list: &[Token]) -> Vec<&[Token]> {
    let mut depth = 0_usize;
    list.split(|token| {
        match token {
            Token::Punctuation('{') => depth += 1,
            Token::Punctuation('}') => depth = depth.saturating_sub(1),
            _ => {}
        }
        depth == 0 && *token == Token::Punctuation(',')
    })
    .filter(|branch| !branch.is_empty())
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn imports(text: &str) -> Vec<(String, String, bool)> {
        let imports = Source::parse(text).imports;
        imports.into_iter().map(|import| (import.path.join("::"), import.name, import.is_public)).collect()
    }

    #[test]
    fn reads_use_trees() {
        let found = imports("pub(crate) use a::{b::{self, c as d}, e::*};\n use super::f;");
        let expected =
            [("a::b", "b", true), ("a::b::c", "d", true), ("a::e", "*", true), ("super::f", "f", false)];
        assert_eq!(found, expected.map(|(path, name, public)| (path.to_owned(), name.to_owned(), public)));
    }

    #[test]
    fn reads_items_and_paths() {
        let source =
            Source::parse("fn a() -> super::B { let c = x.d(); crate::e::F::<u8>::g() } mod h { struct I; }");
        let items: Vec<&str> = source.items.iter().map(|(_, name)| name.as_str()).collect();
        assert_eq!(items, ["a", "I"]);
        let paths: Vec<String> = source.paths.iter().map(|(_, path)| path.join("::")).collect();
        assert!(paths.contains(&"super::B".to_owned()) && paths.contains(&"crate::e::F".to_owned()));
        assert!(!paths.contains(&"d".to_owned()) && !paths.contains(&"g".to_owned()));
        assert_eq!(source.modules, [["h"]]);
    }
}
