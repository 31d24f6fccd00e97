//! The keys of images that were saved one by one.
//!
//! Consecutively numbered keys are a [`Pattern`]. Others are a [`KeyTable`]: each key is cut into fields. The value of a field is
//! a number, if it is spelt with the bytes that occur at each position or is one of a list, or else text. The numbers are written
//! with the [`column::ColumnCoding`] that takes fewest bytes, and the member is deflated. In memory the numbers are packed, so that
//! any key can be made without decoding the others. An index for finding keys is built at the first look-up.

mod collected_keys;
mod column;
mod error;
mod field;
mod finder;
mod key_set;
mod packed;
mod pattern;
mod plan;
mod ranks;
mod sorted_text;
mod table;
mod text;

use std::sync::OnceLock;

pub(super) use collected_keys::KeyList;
pub(super) use error::KeysError;
use finder::Finder;
pub(crate) use key_set::KeySet;
pub(super) use pattern::Pattern;
pub(super) use sorted_text::TextKeys;
pub(super) use table::KeyTable;

/// The key table of a segment, and an index for finding keys that is built at the first look-up.
#[derive(Clone, Debug)]
pub(super) struct TableKeys {
    table: KeyTable,
    finder: OnceLock<Finder>,
}

impl TableKeys {
    pub(super) fn new(table: KeyTable) -> Self {
        Self { table, finder: OnceLock::new() }
    }

    fn key(&self, image: usize) -> Option<String> {
        let mut key = Vec::new();
        (image < self.table.len()).then(|| self.table.push(image, &mut key))?;
        String::from_utf8(key).ok()
    }

    fn find(&self, key: &str) -> Option<usize> {
        if let Some(finder) = self.finder.get() {
            return finder.find(&self.table, key);
        }
        // It is made outside the lock: in a child that is forked meanwhile, nobody would open it.
        match Finder::new(&self.table) {
            Some(finder) => self.finder.get_or_init(|| finder).find(&self.table, key),
            // There is no memory for it.
            None => (0..self.table.len()).find(|&image| self.key(image).as_deref() == Some(key)),
        }
    }
}

/// The keys of a segment, borrowed from where they are stored.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeysView<'a> {
    Pattern(&'a Pattern, usize),
    Text(TextKeys<'a>),
    Table(&'a TableKeys),
}

impl KeysView<'_> {
    /// Returns the key of an image, or `None` if it is damaged.
    pub(super) fn key(&self, image: usize) -> Option<String> {
        match self {
            Self::Pattern(pattern, _) => pattern.key(image),
            Self::Text(keys) => keys.key(image),
            Self::Table(keys) => keys.key(image),
        }
    }

    /// Returns the index of the image with this key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        match self {
            Self::Pattern(pattern, count) => pattern.find(key).filter(|image| image < count),
            Self::Text(keys) => keys.find(key),
            Self::Table(keys) => keys.find(key),
        }
    }
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
            Some(pattern) => KeysView::Pattern(pattern, keys.len()),
            None => {
                table = TableKeys::new(KeyTable::read(&list.write().unwrap(), keys.len()).unwrap());
                KeysView::Table(&table)
            }
        };
        for (image, key) in keys.iter().enumerate() {
            assert_eq!(read.key(image).as_ref(), Some(key));
            assert_eq!(read.find(key), Some(image), "{key}");
            assert_eq!(read.find(&format!("{key}0")).filter(|_| !keys.contains(&format!("{key}0"))), None);
        }
    }

    #[test]
    fn numbered_keys_follow_a_pattern() {
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
        fn round_trips_keys(keys in prop::collection::hash_set("[a-cé]{0,3}[0-9]{0,2}[a-c/.]{0,2}", 0..100)) {
            let mut keys: Vec<String> = keys.into_iter().collect();
            check(&keys);
            keys.sort();
            check(&keys);
        }

        #[test]
        fn reads_any_bytes_without_panicking(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_usize..100) {
            if let Ok(table) = KeyTable::read(&bytes, count) {
                let keys = TableKeys::new(table);
                (0..count).for_each(|image| { keys.key(image); });
                keys.find("a");
            }
        }

        #[test]
        fn reads_damaged_tables_without_panicking(
            keys in prop::collection::hash_set("[a-c]{0,3}[0-9]{0,4}/[a-c]{0,2}", 20..100),
            place in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let keys: Vec<String> = keys.into_iter().collect();
            let mut bytes = list(&keys).write().unwrap();
            let place = place.index(bytes.len());
            bytes[place] = byte;
            if let Ok(table) = KeyTable::read(&bytes, keys.len()) {
                let read = TableKeys::new(table);
                (0..keys.len()).for_each(|image| { read.key(image); });
                keys.iter().for_each(|key| { read.find(key); });
            }
        }
    }
}
