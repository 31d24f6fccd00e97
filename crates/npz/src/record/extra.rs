//! Extra fields of headers (APPNOTE 4.5): zip64 sizes, and padding.

use super::Fields;

const ZIP64: u16 = 0x0001;
/// Info-ZIP's Unicode Path (APPNOTE 4.6.9): a version, the CRC-32 of the name in the header, and the name in UTF-8.
const UNICODE_PATH: u16 = 0x7075;
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
fn find(extra: &[u8], wanted: u16) -> Option<&[u8]> {
    fields(extra).map_while(|field| field).find(|(id, _)| *id == wanted).map(|(_, data)| data)
}

/// The identifiers and the data of extra fields; `None`, and the end, where one is longer than the bytes there are.
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

/// Whether extra fields end where they say, and give the member no other name than the one in its header: some readers take the
/// name of a Unicode Path field, if it is of this header.
pub(crate) fn check(extra: &[u8], name: &[u8]) -> Result<(), &'static str> {
    for field in fields(extra) {
        match field {
            None => return Err("expected an extra field that ends within its header, found a longer one"),
            Some((UNICODE_PATH, data)) => {
                let Some((&[version, a, b, c, d], path)) = data.split_first_chunk() else {
                    return Err("expected a Unicode Path field, found a shorter one");
                };
                let is_of_this_name =
                    version == 1 && u32::from_le_bytes([a, b, c, d]) == crc32fast::hash(name);
                if is_of_this_name && path != name {
                    return Err("expected one name, found another in the Unicode Path field");
                }
            }
            Some(_) => {}
        }
    }
    Ok(())
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
    fn is_a_second_name_refused_and_a_field_that_is_too_long() {
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
