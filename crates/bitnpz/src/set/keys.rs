//! The keys of images that were saved one by one.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::numbers::{bits_below, fixed, fixed_len, push_varint, put_fixed, take_varint};

/// Keys that are numbered in their order: a prefix, a number with zeros before it up to so many digits, and what follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pattern {
    pub(crate) prefix: String,
    pub(crate) digits: usize,
    pub(crate) suffix: String,
    pub(crate) first: u64,
}

/// More digits than a number of 64 bits has.
const MOST_DIGITS: usize = 32;

impl Pattern {
    /// The pattern that starts with this key; none if it has no number.
    fn starting_with(key: &str) -> Option<Self> {
        let end = key.rfind(|c: char| c.is_ascii_digit())? + 1;
        let start = key[..end]
            .rfind(|c: char| !c.is_ascii_digit())
            .map_or(0, |at| at + key[at..].chars().next().map_or(0, char::len_utf8));
        let number = &key[start..end];
        let first = number.parse().ok()?;
        let digits = if number.len() > 1 && number.starts_with('0') { number.len() } else { 1 };
        let pattern = Self { prefix: key[..start].to_owned(), digits, suffix: key[end..].to_owned(), first };
        (digits <= MOST_DIGITS).then_some(pattern)
    }

    /// Whether so many images have keys by it, each its own.
    pub(super) fn is_valid(&self, images: usize) -> bool {
        let is_key = |image| self.key(image).is_some_and(|key| bitnpz_npz::identity(&key) == key);
        (1..=MOST_DIGITS).contains(&self.digits) && (images == 0 || is_key(0) && is_key(images - 1))
    }

    /// The key of the image with this number.
    fn key(&self, image: usize) -> Option<String> {
        let Self { prefix, digits, suffix, first } = self;
        let number = first.checked_add(image as u64)?;
        Some(format!("{prefix}{number:0digits$}{suffix}"))
    }

    /// The number of the image with this key.
    fn find(&self, key: &str) -> Option<usize> {
        let number = key.strip_prefix(self.prefix.as_str())?.strip_suffix(self.suffix.as_str())?;
        let is_number = number.bytes().all(|byte| byte.is_ascii_digit());
        let is_padded = number.len() == self.digits || number.len() > self.digits && !number.starts_with('0');
        let number: u64 = number.parse().ok().filter(|_| is_number && is_padded)?;
        usize::try_from(number.checked_sub(self.first)?).ok()
    }
}

/// The keys of a segment's images.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyList {
    pattern: Option<Pattern>,
    count: usize,
    bytes: usize,
    /// All of them, once one is not as the pattern has it.
    keys: Vec<Box<str>>,
}

impl KeyList {
    pub(crate) fn push(&mut self, key: &str) {
        if self.count == 0 {
            self.pattern = Pattern::starting_with(key);
        }
        let is_next = |pattern: &Pattern| pattern.find(key) == Some(self.count);
        if !self.pattern.as_ref().is_some_and(is_next) {
            let pattern = self.pattern.take();
            let keys = (0..self.count).filter_map(|image| pattern.as_ref()?.key(image));
            self.keys.extend(keys.map(String::into_boxed_str));
        }
        if self.pattern.is_none() {
            self.keys.push(key.into());
        }
        self.count += 1;
        self.bytes += key.len();
    }

    /// The bytes of all keys.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The key of an image.
    pub(super) fn key(&self, image: usize) -> Option<String> {
        match &self.pattern {
            Some(pattern) => pattern.key(image),
            None => self.keys.get(image).map(ToString::to_string),
        }
    }

    /// The pattern, if all keys have one.
    pub(super) fn pattern(&self) -> Option<&Pattern> {
        self.pattern.as_ref()
    }

    /// The bytes of keys without a pattern, and whether they are sorted.
    pub(super) fn write(&self) -> (Vec<u8>, bool) {
        let (mut places, mut text) = (Vec::new(), Vec::new());
        let mut last = "";
        for (number, key) in self.keys.iter().enumerate() {
            if number % BLOCK == 0 {
                let place = u32::try_from(text.len()).expect("a segment's keys are below 4 GiB");
                places.extend(place.to_le_bytes());
                last = "";
            }
            let shared = last.bytes().zip(key.bytes()).take_while(|(a, b)| a == b).count();
            push_varint(shared, &mut text);
            push_varint(key.len() - shared, &mut text);
            text.extend_from_slice(&key.as_bytes()[shared..]);
            last = key;
        }
        let is_sorted = self.keys.is_sorted();
        let mut bytes = [places, text].concat();
        if !is_sorted {
            let mut order: Vec<usize> = (0..self.keys.len()).collect();
            order.sort_by_key(|&image| &self.keys[image]);
            let (start, bits) = (bytes.len(), bits_below(order.len()));
            bytes.resize(start + fixed_len(order.len(), bits).expect("keys are in memory"), 0);
            for (place, image) in order.into_iter().enumerate() {
                put_fixed(image, place, bits, &mut bytes[start..]);
            }
        }
        (bytes, is_sorted)
    }
}

/// So many keys are told from the one before.
const BLOCK: usize = 16;

/// A segment's keys where they lie.
#[derive(Clone, Copy, Debug)]
pub(super) enum Keys<'a> {
    Pattern(&'a Pattern, usize),
    Text(TextKeys<'a>),
}

/// Keys one after the other, each told from the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextKeys<'a> {
    count: usize,
    places: &'a [[u8; 4]],
    text: &'a [u8],
    /// The images by their keys' order, if it is another.
    order: Option<&'a [u8]>,
}

impl<'a> TextKeys<'a> {
    /// The keys of so many images; `None` if there are too few bytes.
    pub(super) fn new(bytes: &'a [u8], count: usize, is_sorted: bool) -> Option<Self> {
        let (places, rest) = bytes.split_at_checked(count.div_ceil(BLOCK).checked_mul(4)?)?;
        let order_len = if is_sorted { 0 } else { fixed_len(count, bits_below(count))? };
        let (text, order) = rest.split_at_checked(rest.len().checked_sub(order_len)?)?;
        Some(Self { count, places: places.as_chunks().0, text, order: (!is_sorted).then_some(order) })
    }

    /// The key of an image; `None` if it is damaged.
    fn key(&self, image: usize) -> Option<String> {
        let place = u32::from_le_bytes(*self.places.get(image / BLOCK)?) as usize;
        let mut text = self.text.get(place..)?;
        let mut key = Vec::new();
        for _ in 0..=image % BLOCK {
            let shared = take_varint(&mut text)?;
            let len = take_varint(&mut text)?;
            let (suffix, rest) = text.split_at_checked(len)?;
            key.truncate(shared);
            key.extend_from_slice(suffix);
            text = rest;
        }
        String::from_utf8(key).ok()
    }

    /// The image whose key is at this place of their order.
    fn image(&self, place: usize) -> usize {
        self.order.map_or(place, |order| fixed(order, place, bits_below(self.count)))
    }

    fn find(&self, key: &str) -> Option<usize> {
        let (mut low, mut high) = (0, self.count);
        while low < high {
            let middle = low + (high - low) / 2;
            let image = self.image(middle);
            match self.key(image)?.as_str().cmp(key) {
                std::cmp::Ordering::Equal => return Some(image),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

impl Keys<'_> {
    /// The key of an image; `None` if it is damaged.
    pub(super) fn key(&self, image: usize) -> Option<String> {
        match self {
            Self::Pattern(pattern, _) => pattern.key(image),
            Self::Text(keys) => keys.key(image),
        }
    }

    /// The number of the image with this key.
    pub(super) fn find(&self, key: &str) -> Option<usize> {
        match self {
            Self::Pattern(pattern, count) => pattern.find(key).filter(|image| image < count),
            Self::Text(keys) => keys.find(key),
        }
    }
}

/// The keys that an archive has so far. Keys that are numbered one after the other take no memory.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    runs: Vec<(Pattern, usize)>,
    others: HashSet<Box<str>>,
}

/// More runs of numbered keys are not looked for.
const RUNS: usize = 8;

impl KeySet {
    /// Whether it has this key.
    pub(crate) fn contains(&self, key: &str) -> bool {
        let contains =
            |(pattern, count): &(Pattern, usize)| pattern.find(key).is_some_and(|number| number < *count);
        self.runs.iter().any(contains) || self.others.contains(key)
    }

    /// Adds a key; `false` if it is there already.
    pub(crate) fn insert(&mut self, key: &str) -> bool {
        if self.contains(key) {
            return false;
        }
        let next = self.runs.iter_mut().find(|(pattern, count)| pattern.find(key) == Some(*count));
        if let Some((_, count)) = next {
            *count += 1;
            return true;
        }
        match Pattern::starting_with(key) {
            Some(pattern) if self.runs.len() < RUNS => self.runs.push((pattern, 1)),
            _ => return self.others.insert(key.into()),
        }
        true
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
        let (bytes, is_sorted) = list.write();
        let read = match list.pattern() {
            Some(pattern) => Keys::Pattern(pattern, keys.len()),
            None => Keys::Text(TextKeys::new(&bytes, keys.len(), is_sorted).unwrap()),
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
        fn is_a_key_taken_once(keys in prop::collection::vec("[ab]{0,1}[0-9]{1,2}", 0..200)) {
            let (mut set, mut expected) = (KeySet::default(), HashSet::new());
            for key in keys {
                prop_assert_eq!(set.insert(&key), expected.insert(key));
            }
        }

        #[test]
        fn do_any_bytes_give_keys_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0_usize..100) {
            for is_sorted in [true, false] {
                if let Some(keys) = TextKeys::new(&bytes, count, is_sorted) {
                    (0..count).for_each(|image| { keys.key(image); });
                    keys.find("a");
                }
            }
        }
    }
}
