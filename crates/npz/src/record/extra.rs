//! Extra fields of headers (APPNOTE 4.5): zip64 sizes, and padding.

use super::Fields;

const ZIP64: u16 = 0x0001;
/// The field by which Android's zipalign pads: the alignment, and zeros.
const PADDING: u16 = 0xD935;

/// The bytes of a zip64 field of a local header: both sizes.
pub(crate) const LOCAL_ZIP64_LEN: usize = 20;

/// The shortest padding there is.
const MIN_PADDING: usize = 6;

/// The values of the zip64 field that stand for fields of a header, in their order; `None` if the field is
/// missing or has too few.
pub(crate) fn zip64<const N: usize>(extra: &[u8], wanted: [bool; N]) -> Option<[Option<u64>; N]> {
    let mut values = wanted.map(|_| None);
    if !wanted.contains(&true) {
        return Some(values);
    }
    let mut data = find(extra, ZIP64)?;
    for (value, _) in values.iter_mut().zip(wanted).filter(|(_, wanted)| *wanted) {
        let (field, rest) = data.split_first_chunk()?;
        *value = Some(u64::from_le_bytes(*field));
        data = rest;
    }
    Some(values)
}

/// The data of the first extra field with this identifier.
fn find(mut extra: &[u8], wanted: u16) -> Option<&[u8]> {
    while extra.len() >= 4 {
        let mut fields = Fields(extra);
        let (id, len) = (fields.u16(), usize::from(fields.u16()));
        let (data, rest) = fields.0.split_at_checked(len)?;
        if id == wanted {
            return Some(data);
        }
        extra = rest;
    }
    None
}

/// Appends a zip64 field of these values.
pub(crate) fn push_zip64(extra: &mut Vec<u8>, values: &[u64]) {
    extra.extend_from_slice(&ZIP64.to_le_bytes());
    extra.extend_from_slice(&u16::try_from(values.len() * 8).expect("three values at most").to_le_bytes());
    values.iter().for_each(|value| extra.extend_from_slice(&value.to_le_bytes()));
}

/// Appends padding of this length: none, or 6 bytes or more.
pub(crate) fn push_padding(extra: &mut Vec<u8>, len: usize, alignment: u16) {
    if len == 0 {
        return;
    }
    extra.extend_from_slice(&PADDING.to_le_bytes());
    extra.extend_from_slice(&u16::try_from(len - 4).expect("less than twice the alignment").to_le_bytes());
    extra.extend_from_slice(&alignment.to_le_bytes());
    extra.resize(extra.len() + len - MIN_PADDING, 0);
}

/// How much padding brings `position` to a multiple of `alignment`, at least `room` bytes of it.
pub(crate) fn padding_len(position: u64, alignment: u16, room: usize) -> usize {
    let alignment = usize::from(alignment);
    let past = usize::try_from(position % alignment as u64).expect("less than the alignment");
    let mut len = (alignment - past) % alignment;
    let least = if room > 0 { room + MIN_PADDING } else { 0 };
    while len < least || (len > 0 && len < MIN_PADDING) {
        len += alignment;
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_zip64_values_found_behind_other_fields() {
        let mut extra = Vec::new();
        push_padding(&mut extra, 9, 64);
        push_zip64(&mut extra, &[1 << 40, 7]);
        assert_eq!(zip64(&extra, [true, false, true]), Some([Some(1 << 40), None, Some(7)]));
        assert_eq!(zip64(&extra, [false; 3]), Some([None; 3]));
        assert_eq!(zip64(&extra, [true; 3]), None, "there are but two");
        assert_eq!(zip64(&extra[..extra.len() - 1], [true; 2]), None);
        assert_eq!(zip64(&[], [true]), None);
    }

    #[test]
    fn does_padding_align_and_leave_room() {
        for (position, room) in (0..200).flat_map(|position| [(position, 0), (position, LOCAL_ZIP64_LEN)]) {
            let len = padding_len(position, 64, room);
            assert_eq!((position + len as u64) % 64, 0);
            assert!(len == 0 && room == 0 || len >= room + MIN_PADDING);
            let mut extra = Vec::new();
            push_padding(&mut extra, len, 64);
            assert_eq!(extra.len(), len);
        }
    }
}
