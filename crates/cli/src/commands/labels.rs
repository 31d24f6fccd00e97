//! The classes of pictures, named by their folders.

use std::collections::BTreeSet;

use bitnpz::{Dtype, DynArray, Header, Writer};
use ndarray::Array1;

use super::inputs::Input;
use crate::failure::{Failure, Outcome};
use crate::format::abbreviate;

/// The keys of the class numbers and of the class names.
const LABEL_KEYS: [&str; 2] = ["labels", "classes"];

/// The classes of the pictures packed so far.
pub(super) struct Labels {
    /// The names of all classes, sorted as in torchvision's `ImageFolder`.
    classes: Vec<String>,
    /// The class number of each picture.
    labels: Vec<i64>,
}

impl Labels {
    /// Collects the classes of all pictures, before any is packed.
    pub(super) fn new(inputs: &[Input]) -> Result<Self, Failure> {
        let mut classes = BTreeSet::new();
        for input in inputs {
            match input {
                Input::Picture { path, key } => {
                    let class = class(key).ok_or_else(|| {
                        let expected = "expected a picture in a folder that names its class; \
                                        pass the folder that contains the folders of all classes";
                        Failure::at(path, expected)
                    })?;
                    classes.insert(class.to_owned());
                }
                Input::Array { path, key } if LABEL_KEYS.contains(&key.as_str()) => {
                    return Err(Failure::at(path, format!("the key {key:?} is reserved by --labels")));
                }
                _ => {}
            }
        }
        if classes.is_empty() {
            return Err(Failure::Message("expected pictures for --labels, found none".to_owned()));
        }
        Ok(Self { classes: classes.into_iter().collect(), labels: Vec::new() })
    }

    /// Adds the class of a picture that is in the archive.
    pub(super) fn push(&mut self, key: &str) {
        let found = class(key)
            .and_then(|class| self.classes.binary_search_by(|known| known.as_str().cmp(class)).ok());
        self.labels.push(found.and_then(|index| i64::try_from(index).ok()).unwrap_or(-1));
    }

    /// Writes the class numbers of all pictures, and the class names.
    pub(super) fn write(&self, writer: &mut Writer) -> Outcome {
        writer.add_array(LABEL_KEYS[0], &Array1::from_vec(self.labels.clone()))?;
        Ok(writer.add_dyn_array(LABEL_KEYS[1], &text_array(&self.classes)?.view())?)
    }

    /// Describes how many pictures each class has.
    pub(super) fn summary(&self) -> String {
        let counts = self.classes.iter().enumerate().map(|(index, class)| {
            let count = self.labels.iter().filter(|&&label| usize::try_from(label) == Ok(index)).count();
            format!("{class} {count}")
        });
        format!("classes: {}", abbreviate(counts.collect()))
    }

    /// Returns the keys that [`write`](Self::write) adds.
    pub(super) fn keys() -> [&'static str; 2] {
        LABEL_KEYS
    }
}

/// Returns the first folder of a key.
fn class(key: &str) -> Option<&str> {
    Some(key.split_once('/')?.0)
}

/// Makes an array of text, as `np.array` does.
fn text_array(names: &[String]) -> Result<DynArray, Failure> {
    let longest = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(1);
    let mut data = Vec::new();
    for name in names {
        let letters = name.chars().map(u32::from).chain(std::iter::repeat(0)).take(longest);
        data.extend(letters.flat_map(u32::to_le_bytes));
    }
    let failed = |error: bitnpz::Error| Failure::from(error);
    let dtype = Dtype::from_type_string(&format!("<U{longest}")).map_err(|error| failed(error.into()))?;
    DynArray::new(Header::new(dtype, vec![names.len()]), data).map_err(|error| failed(error.into()))
}
