//! The classes of pictures, by the folders that they are in.

use std::collections::BTreeSet;

use bitnpz::{Dtype, DynArray, Header, Writer};
use ndarray::Array1;

use super::inputs::Input;
use crate::failure::{Failure, Outcome};

/// The keys that labels and classes have.
const KEYS: [&str; 2] = ["labels", "classes"];

/// The class of each picture that was packed.
pub(super) struct Labels {
    /// The names of all classes, sorted: as torchvision's `ImageFolder` has them.
    classes: Vec<String>,
    labels: Vec<i64>,
}

impl Labels {
    /// The classes of all pictures, none of which has been packed yet.
    pub(super) fn new(inputs: &[Input]) -> Result<Self, Failure> {
        let mut classes = BTreeSet::new();
        for input in inputs {
            match input {
                Input::Picture { path, key } => {
                    let class = class(key).ok_or_else(|| {
                        let expected = "expected a picture in a folder that names its class; \
                                        name the folder that has the folders of all classes";
                        Failure::at(path, expected)
                    })?;
                    classes.insert(class.to_owned());
                }
                Input::Array { path, key } if KEYS.contains(&key.as_str()) => {
                    return Err(Failure::at(path, format!("the key {key:?} is needed for --labels")));
                }
                _ => {}
            }
        }
        if classes.is_empty() {
            return Err(Failure::Message("expected pictures for --labels, found none".to_owned()));
        }
        Ok(Self { classes: classes.into_iter().collect(), labels: Vec::new() })
    }

    /// Notes a picture that is in the archive.
    pub(super) fn push(&mut self, key: &str) {
        let found = class(key)
            .and_then(|class| self.classes.binary_search_by(|known| known.as_str().cmp(class)).ok());
        self.labels.push(found.and_then(|index| i64::try_from(index).ok()).unwrap_or(-1));
    }

    /// Adds the number of the class of each picture, and the names of the classes.
    pub(super) fn write(&self, writer: &mut Writer) -> Outcome {
        writer.add_array(KEYS[0], &Array1::from_vec(self.labels.clone()))?;
        Ok(writer.add_dyn_array(KEYS[1], &text(&self.classes)?.view())?)
    }

    /// Says how many pictures each class has.
    pub(super) fn summary(&self) -> String {
        let counts = self.classes.iter().enumerate().map(|(index, class)| {
            let count = self.labels.iter().filter(|&&label| usize::try_from(label) == Ok(index)).count();
            format!("{class} {count}")
        });
        format!("classes: {}", super::some(counts.collect()))
    }

    /// The keys under which they are written.
    pub(super) fn keys() -> [&'static str; 2] {
        KEYS
    }
}

/// The first folder of a key.
fn class(key: &str) -> Option<&str> {
    Some(key.split_once('/')?.0)
}

/// An array of text, as `np.array` makes it.
fn text(names: &[String]) -> Result<DynArray, Failure> {
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
