//! Names of members.

use std::borrow::Cow;

use crate::error::{ErrorKind, Result};

/// Bytes 128 to 255 of IBM code page 437, in which names are that are not marked as UTF-8
/// (APPNOTE Appendix D).
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";

/// The name that these bytes stand for; `None` if they stand for none that is allowed.
pub(crate) fn decode(bytes: &[u8], is_utf8: bool) -> Option<Cow<'_, str>> {
    // Nearly all names are ASCII: one pass says so, and that there are no control characters.
    let plain = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if bytes.is_empty() {
        return None;
    }
    if plain || is_utf8 {
        let name = std::str::from_utf8(bytes).ok()?;
        return (plain || is_valid(name)).then_some(Cow::Borrowed(name));
    }
    let letter = |&byte: &u8| match byte {
        0..=127 => Some(char::from(byte)),
        128..=255 => CP437.chars().nth(usize::from(byte) - 128),
    };
    let name: String = bytes.iter().filter_map(letter).collect();
    is_valid(&name).then_some(Cow::Owned(name))
}

/// Whether a member may have this name.
pub(crate) fn is_valid(name: &str) -> bool {
    !name.is_empty() && name.len() <= usize::from(u16::MAX) && !name.contains(char::is_control)
}

/// A name without the `.npy` that NumPy adds to keys and takes off again.
pub(crate) fn key(name: &str) -> &str {
    name.strip_suffix(".npy").unwrap_or(name)
}

/// What tells members apart: `a`, `a.npy` and `a.npy.npy` are one to a reader that adds or takes off `.npy`.
#[must_use]
pub fn identity(name: &str) -> &str {
    name.trim_end_matches(".npy")
}

/// Whether a member may have this name: 1 to 65,535 bytes without control characters.
///
/// # Errors
///
/// If not.
pub fn check_name(name: &str) -> Result<()> {
    if is_valid(name) { Ok(()) } else { Err(ErrorKind::BadName.into_error(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_names_decoded_as_they_are_marked() {
        assert_eq!(CP437.chars().count(), 128);
        assert_eq!(decode(b"plain", false).unwrap(), "plain");
        assert_eq!(decode("Ünï".as_bytes(), true).unwrap(), "Ünï");
        assert_eq!(decode(b"\x9An\x8B", false).unwrap(), "Ünï");
        for (bytes, is_utf8) in
            [(&b""[..], true), (b"a\0b", false), (b"a\nb", true), (b"\xFF", true), (b"\x7F", false)]
        {
            assert_eq!(decode(bytes, is_utf8), None);
        }
    }
}
