//! What the codec has learnt: for each alphabet a tree of contexts and the codes of its leaves.
//!
//! The bytes of a model are coded bit by bit, each in a context; one function describes both directions.

use super::adaptive::{BitCoder, BitDecoder, BitEncoder, BitTree, Estimate, Fault};
use super::alphabet::{ALPHABETS, Alphabet};
use super::classes::is_small;
use super::prefix::{Lengths, is_complete};
use super::tree::{Node, Tree};

/// The longest code of the one that all escaped symbols share, in bits.
pub(super) const MAX_COMMON_BITS: u32 = 11;

/// The largest number of leaves and of codes of an alphabet.
pub(super) const MAX_LEAVES: usize = 1500;
pub(super) const MAX_CODES: usize = 1 << 10;

/// What is learnt of one alphabet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) tree: Tree,
    /// The code that all symbols have; it follows an escape.
    pub(super) common: Lengths,
    /// The codes of the leaves; the escape is behind the last symbol. A code without symbols is the common one.
    pub(super) codes: Vec<Lengths>,
}

/// The parts of a model, in the order of the alphabets.
pub(super) type Parts = [Part; ALPHABETS];

/// Returns the bytes of a model.
pub(super) fn write(parts: &Parts) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = BitEncoder::new(&mut bytes);
    for (alphabet, part) in Alphabet::ALL.into_iter().zip(parts) {
        code_part(alphabet, &mut part.clone(), &mut encoder).expect("the model is valid");
    }
    encoder.finish();
    bytes
}

/// Reads a model, or says what is wrong with it.
pub(super) fn read(bytes: &[u8]) -> Result<Parts, Fault> {
    let mut decoder = BitDecoder::new(bytes);
    let mut parts = Parts::default();
    for (alphabet, part) in Alphabet::ALL.into_iter().zip(&mut parts) {
        code_part(alphabet, part, &mut decoder)?;
    }
    decoder.finish()?;
    Ok(parts)
}

/// Returns the bytes of those codes of a model that differ from the ones of `base`, whose trees it has.
pub(super) fn write_changes(base: &Parts, parts: &Parts) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = BitEncoder::new(&mut bytes);
    for ((alphabet, base), part) in Alphabet::ALL.into_iter().zip(base).zip(parts) {
        code_changes(alphabet, &base.codes, &mut part.codes.clone(), &mut encoder)
            .expect("the model is valid");
    }
    encoder.finish();
    bytes
}

/// Reads the codes that differ from those of `base`, or says what is wrong with them.
pub(super) fn read_changes(base: &Parts, bytes: &[u8]) -> Result<Parts, Fault> {
    let mut decoder = BitDecoder::new(bytes);
    let mut parts = base.clone();
    for ((alphabet, base), part) in Alphabet::ALL.into_iter().zip(base).zip(&mut parts) {
        code_changes(alphabet, &base.codes, &mut part.codes, &mut decoder)?;
    }
    decoder.finish()?;
    Ok(parts)
}

/// Codes a part: writes it, or reads it into `part`, which is empty then.
fn code_part(alphabet: Alphabet, part: &mut Part, coder: &mut impl BitCoder) -> Result<(), Fault> {
    code_tree(alphabet, &mut part.tree, coder)?;
    code_common(alphabet, &mut part.common, coder)?;
    let mut contexts = CodeContexts::new(alphabet, &part.codes, coder)?;
    part.codes.resize(part.tree.codes(), Lengths::new());
    let mut has_like = Estimate::default();
    for number in 0..part.codes.len() {
        let (earlier, rest) = part.codes.split_at_mut(number);
        let lengths = &mut rest[0];
        // Which of the earlier codes is most alike?
        let known = most_alike(earlier, lengths);
        let like = if coder.bit(&mut has_like, known.is_some())? {
            Some(coder.below(earlier.len(), known.unwrap_or(0))?)
        } else {
            None
        };
        contexts.code(alphabet, like.map(|number| earlier[number].as_slice()), lengths, coder)?;
    }
    Ok(())
}

/// Codes those codes of an alphabet that differ from the ones of `base`: writes them, or reads them into `codes`, which are
/// those of `base` then.
fn code_changes(
    alphabet: Alphabet,
    base: &[Lengths],
    codes: &mut [Lengths],
    coder: &mut impl BitCoder,
) -> Result<(), Fault> {
    let changed: Vec<Lengths> =
        codes.iter().zip(base).filter(|(code, base)| code != base).map(|(code, _)| code.clone()).collect();
    let mut contexts = CodeContexts::new(alphabet, &changed, coder)?;
    let mut is_changed = Estimate::default();
    for (code, base) in codes.iter_mut().zip(base) {
        if coder.bit(&mut is_changed, code != base)? {
            contexts.code(alphabet, Some(base), code, coder)?;
        }
    }
    Ok(())
}

/// Codes a tree in pre-order, and the number of the code of each leaf.
fn code_tree(alphabet: Alphabet, tree: &mut Tree, coder: &mut impl BitCoder) -> Result<(), Fault> {
    let mut is_test = [Estimate::default(); 2];
    let mut feature_bits = BitTree::<3>::default();
    let mut threshold_bits: Vec<BitTree<5>> = vec![BitTree::default(); alphabet.features()];
    let mut is_new = Estimate::default();
    let mut nodes: Vec<Node> = Vec::new();
    // The tests whose second side is still to come.
    let mut open: Vec<usize> = Vec::new();
    let (mut codes, mut leaves, mut was_test) = (0, 0, true);
    loop {
        let known = tree.nodes.get(nodes.len()).copied().unwrap_or(Node::Leaf { code: 0 });
        let (known_test, known_code) = match known {
            Node::Test { feature, threshold, .. } => (Some((feature, threshold)), 0),
            Node::Leaf { code } => (None, usize::from(code)),
        };
        was_test = coder.bit(&mut is_test[usize::from(was_test)], known_test.is_some())?;
        if was_test {
            let (feature, threshold) = known_test.unwrap_or_default();
            let feature = feature_bits.code(feature.into(), coder)?;
            let bits =
                threshold_bits.get_mut(feature).ok_or("expected a feature of the alphabet, found another")?;
            let threshold = bits.code(threshold.into(), coder)?;
            if threshold == 0 {
                return Err("expected a threshold of 1 or more, found 0");
            }
            open.push(nodes.len());
            if open.len() + leaves + 1 > MAX_LEAVES {
                return Err("expected fewer leaves of a tree, found too many");
            }
            nodes.push(Node::Test { feature: feature as u8, threshold: threshold as u8, otherwise: 0 });
            continue;
        }
        leaves += 1;
        let code = if coder.bit(&mut is_new, known_code == codes)? {
            codes += 1;
            codes - 1
        } else {
            coder.below(codes, known_code)?
        };
        if codes > MAX_CODES {
            return Err("expected fewer codes of an alphabet, found too many");
        }
        nodes.push(Node::Leaf { code: code as u16 });
        let Some(test) = open.pop() else { break };
        let next = nodes.len() as u32;
        if let Node::Test { otherwise, .. } = &mut nodes[test] {
            *otherwise = next;
        }
    }
    *tree = Tree { nodes };
    if is_small(alphabet, tree) { Ok(()) } else { Err("expected fewer contexts, found too many") }
}

/// Codes the lengths of the common code, each in the context of the one before.
fn code_common(alphabet: Alphabet, common: &mut Lengths, coder: &mut impl BitCoder) -> Result<(), Fault> {
    let mut bits: Vec<BitTree<4>> = vec![BitTree::default(); 16];
    let mut last = 0;
    common.resize(alphabet.symbols(), 0);
    for length in &mut *common {
        last = bits[last].code(usize::from(*length), coder)?;
        *length = last as u8;
    }
    let is_valid = common.iter().all(|&length| (1..=MAX_COMMON_BITS).contains(&length.into()));
    if is_valid && is_complete(common) {
        Ok(())
    } else {
        Err("expected a code of all symbols that fills the code space, found another")
    }
}

/// The contexts in which the codes of an alphabet are coded.
struct CodeContexts {
    /// Which symbols have a code of their own anywhere.
    is_used: Vec<bool>,
    is_common: Estimate,
    /// Whether a symbol has a code: by the share of the codes so far that have it, its length in the code that is alike (0
    /// without, [`UNKNOWN`] if none is alike), and whether the symbol before it has one.
    has_code: [[[Estimate; 2]; 12]; 8],
    /// Whether a code is longer than so many bits, by its expected length.
    is_longer: [[Estimate; 16]; 32],
    /// How many codes so far have each symbol, and the sum of their lengths.
    so_far: Vec<(u32, u32)>,
    /// The number of codes so far.
    codes: u32,
}

/// The length in a code that is alike, if there is none.
const UNKNOWN: usize = 11;

impl CodeContexts {
    /// Codes which symbols have a code of their own in any of these codes.
    fn new(alphabet: Alphabet, codes: &[Lengths], coder: &mut impl BitCoder) -> Result<Self, Fault> {
        let mut contexts = [Estimate::default(); 2];
        let mut is_used = Vec::with_capacity(alphabet.symbols());
        for symbol in 0..alphabet.symbols() {
            let known = codes.iter().any(|lengths| lengths[symbol] > 0);
            let before = is_used.last().is_some_and(|&before| before);
            is_used.push(coder.bit(&mut contexts[usize::from(before)], known)?);
        }
        Ok(Self {
            is_used,
            is_common: Estimate::default(),
            has_code: [[[Estimate::default(); 2]; 12]; 8],
            is_longer: [[Estimate::default(); 16]; 32],
            so_far: vec![(0, 0); alphabet.symbols() + 1],
            codes: 0,
        })
    }

    /// Codes the lengths of a code, beside those of one that is alike.
    fn code(
        &mut self,
        alphabet: Alphabet,
        like: Option<&[u8]>,
        lengths: &mut Lengths,
        coder: &mut impl BitCoder,
    ) -> Result<(), Fault> {
        let escape = alphabet.symbols();
        let known = std::mem::replace(lengths, vec![0; escape + 1]);
        let known = |symbol: usize| known.get(symbol).copied().unwrap_or(0);
        let is_common = coder.bit(&mut self.is_common, known(escape) == 0)?;
        self.codes += 1;
        if is_common {
            return Ok(());
        }
        let mut before = false;
        for symbol in 0..=escape {
            if symbol < escape && !self.is_used[symbol] {
                continue;
            }
            let alike = like.map_or(UNKNOWN, |like| usize::from(like[symbol]));
            let share = self.share(symbol);
            let context = &mut self.has_code[share][alike][usize::from(before)];
            before = symbol == escape || coder.bit(context, known(symbol) > 0)?;
            if before {
                lengths[symbol] = self.code_length(alphabet, symbol, alike, known(symbol), coder)?;
            }
        }
        if is_complete(lengths) {
            Ok(())
        } else {
            Err("expected a code that fills the code space, found another")
        }
    }

    /// Returns the class of the share of the codes so far that have a symbol.
    fn share(&self, symbol: usize) -> usize {
        let (count, _) = self.so_far[symbol];
        match 16 * count / self.codes {
            _ if count == 0 => 0,
            0 => 1,
            1 => 2,
            2..=3 => 3,
            4..=6 => 4,
            7..=9 => 5,
            10..=12 => 6,
            _ => 7,
        }
    }

    /// Codes the length of a symbol's code in unary.
    fn code_length(
        &mut self,
        alphabet: Alphabet,
        symbol: usize,
        alike: usize,
        known: u8,
        coder: &mut impl BitCoder,
    ) -> Result<u8, Fault> {
        let (count, sum) = self.so_far[symbol];
        let expected = match alike {
            // The mean of the lengths so far.
            0 | UNKNOWN => 16 + (sum + count / 2).checked_div(count).unwrap_or(12) as usize,
            length => length,
        };
        let mut length = 1;
        while coder.bit(&mut self.is_longer[expected][usize::from(length)], known > length)? {
            length += 1;
            if u32::from(length) > alphabet.max_code_bits() {
                return Err("expected a shorter code, found too long a one");
            }
        }
        self.so_far[symbol] = (count + 1, sum + u32::from(length));
        Ok(length)
    }
}

/// Returns the number of the code whose lengths differ least from these; `None` if there are none yet.
fn most_alike(earlier: &[Lengths], lengths: &Lengths) -> Option<usize> {
    let difference = |other: &Lengths| -> u32 {
        let pairs = other.iter().zip(lengths);
        let differences = pairs.map(|(&a, &b)| if (a == 0) == (b == 0) { a.abs_diff(b).into() } else { 4 });
        differences.sum()
    };
    (0..earlier.len()).min_by_key(|&number| difference(&earlier[number]))
}
