//! Extra fields of headers (APPNOTE 4.5): zip64 sizes, padding, and the Unicode Path.

use super::Fields;

const ZIP64: u16 = 0x0001;
/// Info-ZIP's Unicode Path (APPNOTE 4.6.9): a version, the CRC-32 of the name in the header, and the name in UTF-8.
const UNICODE_PATH: u16 = 0x7075;
/// The padding field of Android's zipalign: the alignment, followed by zeros.
const PADDING: u16 = 0xD935;

/// The alignment of stored members in the file, in bytes: a multiple of every dtype's alignment, and of a cache line. As
/// `.npy` headers have a multiple of 64 bytes too, the arrays in a mapped archive are aligned and can be used in place.
pub(crate) const STORED_ALIGNMENT: u16 = 64;

/// The length of a zip64 field with both sizes, as in a local header: 4 bytes of head and two values of 8.
pub(crate) const LOCAL_ZIP64_LEN: usize = 20;

/// The length of the shortest padding field: 4 bytes of head and 2 for the alignment.
const MIN_PADDING_LEN: usize = 6;

/// Returns the values of the zip64 field for the wanted fields of a header, in their order; `None` if the field is missing
/// or too short.
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

/// Returns the data of the first extra field with this identifier.
pub(crate) fn find(extra: &[u8], wanted: u16) -> Option<&[u8]> {
    fields(extra).map_while(|field| field).find(|(id, _)| *id == wanted).map(|(_, data)| data)
}

/// Iterates over the identifiers and data of extra fields. A field that is longer than the rest gives `None` and the end.
fn fields(mut extra: &[u8]) -> impl Iterator<Item = Option<(u16, &[u8])>> {
    std::iter::from_fn(move || {
        if extra.len() < 4 {
            return None;
        }
        let mut fields = Fields(extra);
        let (id, len) = (fields.u16(), usize::from(fields.u16()));
        let Some((data, rest)) = fields.0.split_at_checked(len) else {
            extra = &[];
            return Some(None);
        };
        extra = rest;
        Some(Some((id, data)))
    })
}

/// Checks that extra fields end where they should, and that a Unicode Path field, which some readers prefer to the header's
/// name, has the same name.
pub(crate) fn check(extra: &[u8], name: &[u8]) -> Result<(), &'static str> {
    for field in fields(extra) {
        match field {
            None => return Err("expected an extra field that ends within its header, found a longer one"),
            Some((UNICODE_PATH, data)) => {
                let Some((&[version, a, b, c, d], path)) = data.split_first_chunk() else {
                    return Err("expected a Unicode Path field, found a shorter one");
                };
                // Readers ignore the field if its CRC is that of another name.
                let is_used = version == 1 && u32::from_le_bytes([a, b, c, d]) == crc32fast::hash(name);
                if is_used && path != name {
                    return Err("expected one name, found another in the Unicode Path field");
                }
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Appends a zip64 field with these values.
pub(crate) fn push_zip64(extra: &mut Vec<u8>, values: &[u64]) {
    extra.extend_from_slice(&ZIP64.to_le_bytes());
    extra.extend_from_slice(&u16::try_from(values.len() * 8).expect("three values at most").to_le_bytes());
    values.iter().for_each(|value| extra.extend_from_slice(&value.to_le_bytes()));
}

/// Appends a padding field of this length, which is 0 or at least [`MIN_PADDING_LEN`].
pub(crate) fn push_padding(extra: &mut Vec<u8>, len: usize) {
    if len == 0 {
        return;
    }
    extra.extend_from_slice(&PADDING.to_le_bytes());
    extra.extend_from_slice(&u16::try_from(len - 4).expect("less than twice the alignment").to_le_bytes());
    extra.extend_from_slice(&STORED_ALIGNMENT.to_le_bytes());
    extra.resize(extra.len() + len - MIN_PADDING_LEN, 0);
}

/// Returns the length of the padding field that brings `position` to a multiple of [`STORED_ALIGNMENT`]. If `room` is not 0, the
/// field is long enough that a field of `room` bytes can later take its place, together with shorter padding.
pub(crate) fn padding_len(position: u64, room: usize) -> usize {
    let alignment = usize::from(STORED_ALIGNMENT);
    let past = usize::try_from(position % alignment as u64).expect("less than the alignment");
    let mut len = (alignment - past) % alignment;
    let least = if room > 0 { room + MIN_PADDING_LEN } else { 0 };
    while len < least || (len > 0 && len < MIN_PADDING_LEN) {
        len += alignment;
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_zip64_values_after_other_fields() {
        let mut extra = Vec::new();
        push_padding(&mut extra, 9);
        push_zip64(&mut extra, &[1 << 40, 7]);
        assert_eq!(zip64(&extra, [true, false, true]), Some([Some(1 << 40), None, Some(7)]));
        assert_eq!(zip64(&extra, [false; 3]), Some([None; 3]));
        assert_eq!(zip64(&extra, [true; 3]), None, "there are only two");
        assert_eq!(zip64(&extra[..extra.len() - 1], [true; 2]), None);
        assert_eq!(zip64(&[], [true]), None);
    }

    #[test]
    fn rejects_a_second_name_and_a_field_that_is_too_long() {
        let path = |version: u8, crc32: u32, name: &str| {
            let data = [&[version], crc32.to_le_bytes().as_slice(), name.as_bytes()].concat();
            [&UNICODE_PATH.to_le_bytes(), &u16::try_from(data.len()).unwrap().to_le_bytes(), data.as_slice()]
                .concat()
        };
        let crc32 = crc32fast::hash(b"a.npy");
        for good in [
            path(1, crc32, "a.npy"),
            path(1, crc32 ^ 1, "b.npy"),
            path(2, crc32, "b.npy"),
            vec![0; 7],
            vec![1],
        ] {
            assert_eq!(check(&good, b"a.npy"), Ok(()));
        }
        for bad in [
            path(1, crc32, "b.npy"),
            path(1, crc32, ""),
            path(1, crc32, "a.npy")[..8].to_vec(),
            vec![9, 9, 1, 0],
        ] {
            assert!(check(&bad, b"a.npy").is_err(), "{bad:?}");
        }
        let behind_padding = [vec![0; 4], path(1, crc32, "b.npy")].concat();
        assert!(check(&behind_padding, b"a.npy").is_err());
    }

    #[test]
    fn padding_aligns_and_leaves_room() {
        for (position, room) in (0..200).flat_map(|position| [(position, 0), (position, LOCAL_ZIP64_LEN)]) {
            let len = padding_len(position, room);
            assert_eq!((position + len as u64) % 64, 0);
            assert!(len == 0 && room == 0 || len >= room + MIN_PADDING_LEN);
            let mut extra = Vec::new();
            push_padding(&mut extra, len);
            assert_eq!(extra.len(), len);
        }
    }
}
