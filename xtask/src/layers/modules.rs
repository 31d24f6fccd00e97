//! The modules of a crate, and which file needs which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::imports::{Import, Source};

/// How many re-exports a name may go through; it ends a search that goes round in circles.
const MAX_REEXPORTS: usize = 16;

/// For each file, the files it needs, and by which names.
pub(super) type Needs = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The path of a module from the root of its crate.
type ModulePath = Vec<String>;

/// The source files of a crate.
#[derive(Debug, Default)]
pub(super) struct Modules {
    /// The files, relative to `src`.
    files: BTreeMap<String, (ModulePath, Source)>,
    /// The file of each module.
    modules: BTreeMap<ModulePath, String>,
}

/// What a path stands for.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Module(ModulePath),
    /// The file that defines it, and its name there.
    Item(String, String),
}

impl Modules {
    /// Reads all modules below the folder `src` of a crate.
    pub(super) fn read(folder: &Path) -> Result<Self, String> {
        let mut texts = Vec::new();
        collect(folder, "", &mut texts)?;
        Ok(Self::new(&texts))
    }

    /// Takes files by their names, relative to `src`.
    fn new(texts: &[(String, String)]) -> Self {
        let mut all = Self::default();
        for (file, text) in texts {
            let mut path: ModulePath = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
            if path.last().is_some_and(|name| name == "mod") || file == "lib.rs" {
                path.pop();
            }
            let source = Source::parse(text);
            for inner in &source.modules {
                all.modules.insert([path.as_slice(), inner].concat(), file.clone());
            }
            all.modules.insert(path.clone(), file.clone());
            all.files.insert(file.clone(), (path, source));
        }
        let test_modules: Vec<ModulePath> = all
            .files
            .values()
            .flat_map(|(path, source)| {
                source.test_modules.iter().map(|name| [path.as_slice(), std::slice::from_ref(name)].concat())
            })
            .collect();
        let is_test = |path: &ModulePath| test_modules.iter().any(|test| path.starts_with(test));
        all.files.retain(|_, (path, _)| !is_test(path));
        all.modules.retain(|path, _| !is_test(path));
        all
    }

    /// Finds which file needs which others.
    ///
    /// A re-export is no need of the file that it stands in, unless that file uses the name too.
    pub(super) fn needs(&self) -> Needs {
        let mut needs = Needs::new();
        for (file, (path, source)) in &self.files {
            let targets = needs.entry(file.clone()).or_default();
            let mut note = |scope: &[String], path: &[String]| match self.resolve(scope, path, 0) {
                Some(Target::Item(target, name)) if target != *file => {
                    targets.entry(target).or_default().insert(name);
                }
                _ => {}
            };
            for import in &source.imports {
                let scope = [path.as_slice(), &import.scope].concat();
                if import.name == "*" {
                    for module in self.glob(&scope, import).filter(|_| !import.is_public) {
                        note(&module, &["*".to_owned()]);
                    }
                } else if !import.is_public {
                    note(&scope, &import.path);
                }
            }
            for (scope, used) in &source.paths {
                note(&[path.as_slice(), scope].concat(), used);
            }
        }
        needs
    }

    fn glob(&self, scope: &[String], import: &Import) -> std::option::IntoIter<ModulePath> {
        let target = self.resolve(scope, &import.path, 0);
        target
            .and_then(|target| if let Target::Module(path) = target { Some(path) } else { None })
            .into_iter()
    }

    /// Finds what a path means in a module of this crate; nothing if it leads to another crate.
    fn resolve(&self, scope: &[String], path: &[String], depth: usize) -> Option<Target> {
        let mut module = scope.to_vec();
        let mut rest = path;
        while let Some((first, more)) = rest.split_first() {
            match first.as_str() {
                "crate" => module.clear(),
                "self" => {}
                "super" => drop(module.pop()?),
                _ => break,
            }
            rest = more;
        }
        while let Some((first, more)) = rest.split_first() {
            let child = [module.as_slice(), std::slice::from_ref(first)].concat();
            if !self.modules.contains_key(&child) {
                break;
            }
            module = child;
            rest = more;
        }
        let Some(name) = rest.first() else { return Some(Target::Module(module)) };
        self.lookup(&module, name, &rest[1..], depth)
    }

    /// Finds a name that is defined in a module or brought into it, and what follows it in a path.
    fn lookup(&self, module: &[String], name: &str, more: &[String], depth: usize) -> Option<Target> {
        let file = self.modules.get(module)?;
        let (path, source) = self.files.get(file)?;
        let inner = &module[path.len().min(module.len())..];
        if name == "*" || source.items.iter().any(|(scope, item)| scope == inner && item == name) {
            return Some(Target::Item(file.clone(), name.to_owned()));
        }
        if depth == MAX_REEXPORTS {
            return None;
        }
        let imports = source.imports.iter().filter(|import| import.scope == inner);
        let (globs, names): (Vec<&Import>, Vec<&Import>) = imports.partition(|import| import.name == "*");
        if let Some(import) = names.into_iter().find(|import| import.name == name) {
            let path = [import.path.as_slice(), more].concat();
            // `use name;` would find itself.
            return if path.first()? == name { None } else { self.resolve(module, &path, depth + 1) };
        }
        globs.into_iter().find_map(|import| {
            let path = [import.path.as_slice(), &[name.to_owned()], more].concat();
            self.resolve(module, &path, depth + 1)
        })
    }
}

/// Reads the `.rs` files of a folder and its folders.
fn collect(folder: &Path, prefix: &str, texts: &mut Vec<(String, String)>) -> Result<(), String> {
    let fail = |error: std::io::Error| format!("{}: {error}", folder.display());
    for file in fs::read_dir(folder).map_err(fail)? {
        let file = file.map_err(fail)?;
        let name = format!("{prefix}{}", file.file_name().to_string_lossy());
        if file.path().is_dir() {
            collect(&file.path(), &format!("{name}/"), texts)?;
        } else if name.ends_with(".rs") {
            texts.push((name, fs::read_to_string(file.path()).map_err(fail)?));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let texts: Vec<(String, String)> =
            files.iter().map(|(file, text)| ((*file).to_owned(), (*text).to_owned())).collect();
        let needs = Modules::new(&texts).needs();
        needs
            .into_iter()
            .flat_map(|(from, targets)| targets.into_keys().map(move |to| (from.clone(), to)))
            .collect()
    }

    fn pair(from: &str, to: &str) -> (String, String) {
        (from.to_owned(), to.to_owned())
    }

    #[test]
    fn finds_the_file_behind_a_reexport() {
        let files = [
            ("lib.rs", "mod a; mod b; pub use a::Inner as A;"),
            ("a/mod.rs", "mod inner; pub(crate) use inner::Inner;"),
            ("a/inner.rs", "pub(crate) struct Inner;"),
            ("b.rs", "use crate::A; fn f(_: super::a::Inner) {}"),
        ];
        assert_eq!(needs(&files), [pair("b.rs", "a/inner.rs")]);
    }

    #[test]
    fn follows_an_imported_module() {
        let files = [
            ("lib.rs", "mod a; mod b;"),
            ("a/mod.rs", "mod c; pub(crate) use c::f; pub(crate) fn g() {}"),
            ("a/c.rs", "pub(crate) fn f() {}"),
            ("b.rs", "use crate::a; fn h() { a::f() }"),
        ];
        assert_eq!(needs(&files), [pair("b.rs", "a/c.rs")]);
    }

    #[test]
    fn ignores_tests_and_other_crates() {
        let files = [
            ("lib.rs", "mod a; #[cfg(test)] mod tests; pub use other::Thing;"),
            ("a.rs", "use crate::Thing; use std::fs; #[cfg(test)] mod tests { use crate::tests::x; }"),
            ("tests.rs", "use crate::a::Y; pub(crate) fn x() {}"),
        ];
        assert_eq!(needs(&files), []);
    }

    #[test]
    fn counts_what_a_module_file_uses_itself() {
        let files = [
            ("lib.rs", "mod a; pub use a::A; pub fn f() -> A { todo!() }"),
            ("a.rs", "pub struct A; fn g() { crate::f(); }"),
        ];
        assert_eq!(needs(&files), [pair("a.rs", "lib.rs"), pair("lib.rs", "a.rs")]);
    }
}
