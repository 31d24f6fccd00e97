//! Prefix codes of limited length (RFC 1951, 3.2.2).

use super::code::Code;
use super::tokens::LITERAL_LENGTH_SYMBOLS;

/// The largest number of symbols of an alphabet: that of literals and lengths.
const MAX_SYMBOLS: usize = LITERAL_LENGTH_SYMBOLS;

/// Writes the lengths of an optimal prefix code for `counts` into `lengths`, none over `limit`.
///
/// A symbol that never occurs has length 0; the only symbol of an alphabet has length 1. Codes longer than `limit` are
/// shortened to it, and the longest of the others become longer instead.
pub(super) fn code_lengths(counts: &[u32], limit: usize, lengths: &mut [u8]) {
    lengths.fill(0);
    let mut keys = [0u64; MAX_SYMBOLS];
    let mut used = 0;
    for (symbol, &count) in counts.iter().enumerate() {
        if count != 0 {
            keys[used] = u64::from(count) << 16 | symbol as u64;
            used += 1;
        }
    }
    let keys = &mut keys[..used];
    match keys {
        [] => return,
        [only] => {
            lengths[(*only & 0xFFFF) as usize] = 1;
            return;
        }
        _ => keys.sort_unstable(),
    }
    let mut per_length = depth_counts(keys);
    limit_depths(&mut per_length, limit);
    let mut length = limit;
    for &key in &*keys {
        while per_length[length] == 0 {
            length -= 1;
        }
        per_length[length] -= 1;
        lengths[(key & 0xFFFF) as usize] = length as u8;
    }
}

/// Returns the number of leaves at each depth of a Huffman tree over at least two sorted keys.
///
/// In place, after Moffat and Katajainen, "In-Place Calculation of Minimum-Redundancy Codes" (1995).
fn depth_counts(keys: &[u64]) -> [u32; MAX_SYMBOLS] {
    let n = keys.len();
    let mut tree = [0u32; MAX_SYMBOLS];
    for (node, key) in tree.iter_mut().zip(keys) {
        *node = (key >> 16) as u32;
    }
    // Phase 1: join nodes; the index of its parent replaces an inner node's weight.
    tree[0] = tree[0].saturating_add(tree[1]);
    let (mut root, mut leaf) = (0, 2);
    for next in 1..n - 1 {
        let mut weight = 0u32;
        for _ in 0..2 {
            if leaf >= n || (root < next && tree[root] < tree[leaf]) {
                weight = weight.saturating_add(tree[root]);
                tree[root] = next as u32;
                root += 1;
            } else {
                weight = weight.saturating_add(tree[leaf]);
                leaf += 1;
            }
        }
        tree[next] = weight;
    }
    // Phase 2: find the depths of the inner nodes, from the root down.
    tree[n - 2] = 0;
    for node in (0..n - 2).rev() {
        tree[node] = tree[tree[node] as usize] + 1;
    }
    // Phase 3: the places at a depth that inner nodes leave free are leaves.
    let mut per_length = [0u32; MAX_SYMBOLS];
    let (mut free, mut depth, mut node, mut left) = (1u32, 0usize, n - 1, n as u32);
    while left > 0 {
        let mut inner = 0;
        while node > 0 && tree[node - 1] as usize == depth {
            inner += 1;
            node -= 1;
        }
        per_length[depth] = free - inner;
        left -= free - inner;
        free = 2 * inner;
        depth += 1;
    }
    per_length
}

/// Moves leaves deeper than `limit` up to it, and others down until Kraft's sum is one again.
fn limit_depths(per_length: &mut [u32; MAX_SYMBOLS], limit: usize) {
    let over: u32 = per_length[limit + 1..].iter().sum();
    if over == 0 {
        return;
    }
    per_length[limit + 1..].fill(0);
    per_length[limit] += over;
    let mut kraft: u32 = (1..=limit).map(|length| per_length[length] << (limit - length)).sum();
    while kraft > 1 << limit {
        per_length[limit] -= 1;
        let length = (1..limit).rev().find(|&length| per_length[length] > 0).unwrap_or(1);
        per_length[length] -= 1;
        per_length[length + 1] += 2;
        kraft -= 1;
    }
}

/// Assigns the canonical codes of these lengths.
pub(super) fn canonical_codes(lengths: &[u8], codes: &mut [Code]) {
    let mut per_length = [0u16; 16];
    for &length in lengths {
        per_length[usize::from(length)] += 1;
    }
    per_length[0] = 0;
    let mut next = [0u16; 16];
    for length in 1..16 {
        next[length] = (next[length - 1] + per_length[length - 1]) << 1;
    }
    for (code, &length) in codes.iter_mut().zip(lengths) {
        if length > 0 {
            let slot = &mut next[usize::from(length)];
            *code = Code::reversed(*slot, length);
            *slot = slot.wrapping_add(1);
        }
    }
}
