//! The orders in which people save their images.

use std::collections::BTreeMap;

use bitnpz::Shuffle;

use crate::SampleSet;

/// Orders of a set by their names: as it comes, at random, and for each of its labels those of one label together, and one
/// of each in turn.
#[must_use]
pub fn orders(set: &SampleSet) -> Vec<(String, Vec<usize>)> {
    let count = set.images.len();
    let random = Shuffle::new(count, 0);
    let mut orders = vec![
        ("as it comes".to_owned(), (0..count).collect()),
        ("at random".to_owned(), (0..count).map(|place| random.get(place)).collect()),
    ];
    for (name, labels) in &set.labels {
        let mut groups = BTreeMap::<&[u8], Vec<usize>>::new();
        for (image, label) in labels.iter().enumerate() {
            groups.entry(label).or_default().push(image);
        }
        if groups.len() == count {
            // Each is a group of its own.
            orders.push((format!("sorted by {name}"), groups.into_values().flatten().collect()));
            continue;
        }
        let longest = groups.values().map(Vec::len).max().unwrap_or(0);
        let in_turn =
            (0..longest).flat_map(|round| groups.values().filter_map(move |group| group.get(round)));
        orders.push((format!("one {name} in turn"), in_turn.copied().collect()));
        orders.push((format!("sorted by {name}"), groups.into_values().flatten().collect()));
    }
    orders
}
