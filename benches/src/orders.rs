//! Orders in which images are commonly saved.

use std::collections::BTreeMap;

use bitnpz::Shuffle;

use crate::SampleSet;

/// Returns named orders of the images: as they come, at random, and for each label array sorted by label and with
/// labels taking turns.
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
            // Every label occurs once: taking turns would be the same as sorting.
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
