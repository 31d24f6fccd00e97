//! Circles in a graph of files.

use std::collections::BTreeSet;

use super::modules::Needs;

/// Returns the sets of files that all need each other: the strongly connected components of more than one file.
pub(super) fn circles(needs: &Needs) -> Vec<BTreeSet<&str>> {
    let mut circles: Vec<BTreeSet<&str>> = Vec::new();
    for file in needs.keys() {
        if circles.iter().any(|circle| circle.contains(file.as_str())) {
            continue;
        }
        let circle: BTreeSet<&str> = reach(needs, file)
            .into_iter()
            .filter(|other| reach(needs, other).contains(file.as_str()))
            .collect();
        if circle.len() > 1 {
            circles.push(circle);
        }
    }
    circles
}

/// The files that a file needs, directly or through others.
fn reach<'a>(needs: &'a Needs, file: &'a str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = vec![file];
    while let Some(next) = open.pop() {
        let direct = needs.get(next).into_iter().flat_map(|targets| targets.keys());
        open.extend(direct.map(String::as_str).filter(|target| reached.insert(*target)));
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(edges: &[(&str, &str)]) -> Needs {
        let mut needs = Needs::new();
        for (from, to) in edges {
            needs.entry((*from).to_owned()).or_default().entry((*to).to_owned()).or_default();
        }
        needs
    }

    #[test]
    fn finds_each_circle_once() {
        let needs =
            graph(&[("a", "b"), ("b", "c"), ("c", "a"), ("c", "d"), ("d", "e"), ("e", "d"), ("f", "a")]);
        assert_eq!(circles(&needs), [BTreeSet::from(["a", "b", "c"]), BTreeSet::from(["d", "e"])]);
    }

    #[test]
    fn finds_none_in_a_tree() {
        assert!(circles(&graph(&[("a", "b"), ("a", "c"), ("b", "c")])).is_empty());
    }
}
