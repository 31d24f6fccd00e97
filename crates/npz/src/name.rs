//! Member names.

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::error::{ErrorKind, Result};
use crate::record::flags;

/// The characters 128 to 255 of IBM code page 437, the encoding of names without the UTF-8 flag (APPNOTE Appendix D).
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

static CP437_LETTERS: LazyLock<Vec<char>> = LazyLock::new(|| CP437.chars().collect());

/// Decodes the name of a member with these general purpose flags; `None` if it is not a valid name.
pub(crate) fn decode(bytes: &[u8], general_flags: u16) -> Option<Cow<'_, str>> {
    // Nearly all names are printable ASCII, which one pass tells.
    let is_printable_ascii = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if bytes.is_empty() {
        return None;
    }
    if is_printable_ascii || general_flags & flags::UTF8 != 0 {
        let name = std::str::from_utf8(bytes).ok()?;
        return (is_printable_ascii || is_valid(name)).then_some(Cow::Borrowed(name));
    }
    let letter = |&byte: &u8| match byte {
        0..=127 => Some(char::from(byte)),
        128..=255 => CP437_LETTERS.get(usize::from(byte) - 128).copied(),
    };
    let name: String = bytes.iter().filter_map(letter).collect();
    is_valid(&name).then_some(Cow::Owned(name))
}

/// Returns `true` if a member may have this name.
pub(crate) fn is_valid(name: &str) -> bool {
    !name.is_empty() && name.len() <= usize::from(u16::MAX) && !name.contains('\0')
}

/// Returns a name without any `.npy` at its end. Names with the same identity count as the same name: a reader that adds
/// or removes `.npy` cannot tell `a`, `a.npy` and `a.npy.npy` apart.
#[must_use]
pub fn identity(name: &str) -> &str {
    name.trim_end_matches(".npy")
}

/// Checks that a member may have this name: 1 to 65,535 bytes without NUL, at which Python's `zipfile` ends a name.
///
/// # Errors
///
/// [`ErrorKind::BadName`] if not.
pub fn check_name(name: &str) -> Result<()> {
    if is_valid(name) { Ok(()) } else { Err(ErrorKind::BadName.into_error(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_names_by_their_utf8_flag() {
        assert_eq!(CP437.chars().count(), 128);
        assert_eq!(decode(b"plain", 0).unwrap(), "plain");
        assert_eq!(decode("Ünï".as_bytes(), flags::UTF8).unwrap(), "Ünï");
        assert_eq!(decode(b"\x9An\x8B", 0).unwrap(), "Ünï");
        assert_eq!(decode(b"a\nb\x7F", 0).unwrap(), "a\nb\x7F");
        assert_eq!(decode(b"\xFF", flags::UTF8), None);
        for (bytes, flags) in [(&b""[..], 0), (b"", flags::UTF8), (b"a\0b", 0), (b"a\0b", flags::UTF8)] {
            assert_eq!(decode(bytes, flags), None);
        }
    }
}
