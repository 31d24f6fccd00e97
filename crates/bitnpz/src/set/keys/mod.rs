//! The keys of images that were saved one by one.
//!
//! Keys that are numbered in their order are a [`Pattern`]. Others are a [`Table`]: each key is cut into fields, a field's
//! value is spelt with the bytes that come at its positions, or is one of a list, and so is a number, or it is text. Numbers
//! are written by the [`column::Method`] that takes fewest bytes, and the member is deflated. In memory they are packed, so
//! that any key is made at once; where to look for one is worked out at the first look-up.

mod column;
mod error;
mod field;
mod finder;
mod key_set;
mod list;
mod packed;
mod pattern;
mod plan;
mod ranks;
mod sorted_text;
mod table;
mod text;

use std::sync::OnceLock;

pub(super) use error::KeysError;
use finder::Finder;
pub(crate) use key_set::KeySet;
pub(super) use list::KeyList;
pub(super) use pattern::Pattern;
pub(super) use sorted_text::TextKeys;
pub(super) use table::Table;

/// A segment's table of keys, and where to look for a key in it once one has been looked for.
#[derive(Clone, Debug)]
pub(super) struct TableKeys {
    table: Table,
    finder: OnceLock<Option<Finder>>,
}

impl TableKeys {
    pub(super) fn new(table: Table) -> Self {
        Self { table, finder: OnceLock::new() }
    }

    fn key(&self, image: usize) -> Option<String> {
        let mut key = Vec::new();
        (image < self.table.len()).then(|| self.table.push(image, &mut key))?;
        String::from_utf8(key).ok()
    }

    fn find(&self, key: &str) -> Option<usize> {
        self.finder.get_or_init(|| Finder::new(&self.table)).as_ref()?.find(&self.table, key)
    }
}

/// A segment's keys where they lie.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keys<'a> {
    Pattern(&'a Pattern, usize),
    Text(TextKeys<'a>),
    Table(&'a TableKeys),
}

impl Keys<'_> {
    /// The key of an image; `None` if it is damaged.
    pub(super) fn key(&self, image: usize) -> Option<String> {
        match self {
            Self::Pattern(pattern, _) => pattern.key(image),
            Self::Text(keys) => keys.key(image),
            Self::Table(keys) => keys.key(image),
        }
    }

    /// The number of the image with this key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        match self {
            Self::Pattern(pattern, count) => pattern.find(key).filter(|image| image < count),
            Self::Text(keys) => keys.find(key),
            Self::Table(keys) => keys.find(key),
        }
    }
}

/// A number that was checked to be a place in memory.
fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list(keys: &[String]) -> KeyList {
        let mut list = KeyList::default();
        keys.iter().for_each(|key| list.push(key));
        list
    }

    fn check(keys: &[String]) {
        let list = list(keys);
        let table;
        let read = match list.pattern() {
            Some(pattern) => Keys::Pattern(pattern, keys.len()),
            None => {
                table = TableKeys::new(Table::read(&list.write().unwrap(), keys.len()).unwrap());
                Keys::Table(&table)
            }
        };
        for (image, key) in keys.iter().enumerate() {
            assert_eq!(read.key(image).as_ref(), Some(key));
            assert_eq!(read.find(key), Some(image), "{key}");
            assert_eq!(read.find(&format!("{key}0")).filter(|_| !keys.contains(&format!("{key}0"))), None);
        }
    }

    #[test]
    fn do_numbered_keys_cost_nothing() {
        let cases = [
            ("ix-000000", "ix-000001", true),
            ("ix-000099", "ix-000100", true),
            ("7.png", "8.png", true),
            ("9.png", "10.png", true),
            ("é9", "é10", true),
            ("a09b", "a10b", true),
            ("a9", "a010", false),
            ("a1", "a3", false),
            ("a", "b", false),
            ("a18446744073709551615", "a18446744073709551616", false),
        ];
        for (first, second, has_pattern) in cases {
            let keys = [first.to_owned(), second.to_owned()];
            assert_eq!(list(&keys).pattern().is_some(), has_pattern, "{first} {second}");
            check(&keys);
        }
    }

    proptest! {
        #[test]
        fn do_keys_come_back(keys in prop::collection::hash_set("[a-cé]{0,3}[0-9]{0,2}[a-c/.]{0,2}", 0..100)) {
            let mut keys: Vec<String> = keys.into_iter().collect();
            check(&keys);
            keys.sort();
            check(&keys);
        }

        #[test]
        fn do_any_bytes_give_a_table_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_usize..100) {
            if let Ok(table) = Table::read(&bytes, count) {
                let keys = TableKeys::new(table);
                (0..count).for_each(|image| { keys.key(image); });
                keys.find("a");
            }
        }

        #[test]
        fn do_damaged_tables_give_keys_or_an_error(keys in prop::collection::hash_set("[a-c]{0,3}[0-9]{0,4}/[a-c]{0,2}", 20..100), place in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let keys: Vec<String> = keys.into_iter().collect();
            let mut bytes = list(&keys).write().unwrap();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if let Ok(table) = Table::read(&bytes, keys.len()) {
                let read = TableKeys::new(table);
                (0..keys.len()).for_each(|image| { read.key(image); });
                keys.iter().for_each(|key| { read.find(key); });
            }
        }
    }
}
