//! Wrong values in every field of every record: each is rejected or has no effect, in little memory and time.

use std::io::Cursor;

use bitnpz_npz::{Archive, Compression, WriteOptions, Writer};
use bitnpz_oracle::{Counting, Oracle};

/// A field of a record: its name, offset and length in bytes, and part of the error message for a wrong value; `None` if the
/// field is ignored.
type Field = (&'static str, usize, usize, Option<&'static str>);

/// APPNOTE 4.3.7.
const LOCAL: [Field; 11] = [
    ("signature", 0, 4, Some("local header")),
    ("version needed", 4, 2, None),
    ("flags", 6, 2, Some("local header's flags")),
    ("method", 8, 2, Some("local header's method")),
    ("time", 10, 2, None),
    ("date", 12, 2, None),
    ("CRC", 14, 4, Some("local header's CRC")),
    ("compressed size", 18, 4, Some("local header's")),
    ("size", 22, 4, Some("local header's")),
    ("name length", 26, 2, Some("")),
    ("extra length", 28, 2, Some("")),
];

/// APPNOTE 4.3.12.
const CENTRAL: [Field; 17] = [
    ("signature", 0, 4, Some("entry of member")),
    ("version made by", 4, 2, None),
    ("version needed", 6, 2, None),
    ("flags", 8, 2, Some("")),
    ("method", 10, 2, Some("")),
    ("time", 12, 2, None),
    ("date", 14, 2, None),
    ("CRC", 16, 4, Some("local header's CRC")),
    ("compressed size", 20, 4, Some("")),
    ("size", 24, 4, Some("")),
    ("name length", 28, 2, Some("")),
    ("extra length", 30, 2, Some("")),
    ("comment length", 32, 2, Some("")),
    ("disk", 34, 2, Some("another disk")),
    ("internal attributes", 36, 2, None),
    ("external attributes", 38, 4, None),
    ("offset", 42, 4, Some("")),
];

/// APPNOTE 4.3.16.
const END: [Field; 8] = [
    ("signature", 0, 4, Some("end record")),
    ("disk", 4, 2, Some("")),
    ("directory's disk", 6, 2, Some("")),
    ("entries here", 8, 2, Some("")),
    ("entries", 10, 2, Some("")),
    ("directory size", 12, 4, Some("")),
    ("directory offset", 16, 4, Some("")),
    ("comment length", 20, 2, Some("comment")),
];

/// APPNOTE 4.3.14.
const ZIP64: [Field; 9] = [
    ("signature", 0, 4, Some("zip64 end record")),
    ("length", 4, 8, Some("zip64 end record")),
    ("versions", 12, 4, None),
    ("disk", 16, 4, Some("")),
    ("directory's disk", 20, 4, Some("")),
    ("entries here", 24, 8, Some("")),
    ("entries", 32, 8, Some("")),
    ("directory size", 40, 8, Some("")),
    ("directory offset", 48, 8, Some("")),
];

/// APPNOTE 4.3.15.
const LOCATOR: [Field; 4] = [
    ("signature", 0, 4, Some("expected")),
    ("disk", 4, 4, Some("several disks")),
    ("offset", 8, 8, Some("zip64 end record's offset")),
    ("disks", 16, 4, Some("several disks")),
];

fn npy(seed: u8) -> Vec<u8> {
    let mut npy =
        b"\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fortran_order': False, 'shape': (60,), }".to_vec();
    npy.resize(127, b' ');
    npy.push(b'\n');
    npy.extend((0..60).map(|item| item / 7 * seed));
    npy
}

fn archive() -> Vec<u8> {
    let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    writer.add("a.npy", npy(1)).unwrap();
    writer.add_with("b.npy", npy(2), Compression::Stored).unwrap();
    writer.add("c.npy", npy(3)).unwrap();
    writer.finish().unwrap().into_inner()
}

fn find(bytes: &[u8], signature: &[u8]) -> Vec<usize> {
    (0..bytes.len()).filter(|&at| bytes[at..].starts_with(signature)).collect()
}

/// The fields of the end record of an archive with zip64 records.
#[derive(Clone, Copy, PartialEq)]
enum EndFields {
    /// They have their values.
    Values,
    /// They refer to the zip64 end record.
    Markers,
}

/// The same archive with zip64 records.
fn zip64(end_fields: EndFields) -> Vec<u8> {
    let bytes = archive();
    let end = find(&bytes, b"PK\x05\x06")[0];
    let directory = find(&bytes, b"PK\x01\x02")[0];
    let mut records = b"PK\x06\x06".to_vec();
    records.extend(44_u64.to_le_bytes());
    records.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for value in [3, 3, (end - directory) as u64, directory as u64] {
        records.extend(value.to_le_bytes());
    }
    records.extend(b"PK\x06\x07\0\0\0\0");
    records.extend((end as u64).to_le_bytes());
    records.extend(1_u32.to_le_bytes());
    let mut last = bytes[end..].to_vec();
    if end_fields == EndFields::Markers {
        last[8..20].fill(0xFF);
    }
    [&bytes[..end], &records, &last].concat()
}

/// Archives in which one field has a wrong value, for every field and several values: the name of the case, the bytes, and
/// the expected error.
fn wrong_archives(name: &str, bytes: &[u8]) -> Vec<(String, Vec<u8>, Option<&'static str>)> {
    let records: [(&str, &[u8], &[Field]); 5] = [
        ("local", b"PK\x03\x04", &LOCAL),
        ("central", b"PK\x01\x02", &CENTRAL),
        ("zip64", b"PK\x06\x06", &ZIP64),
        ("locator", b"PK\x06\x07", &LOCATOR),
        ("end", b"PK\x05\x06", &END),
    ];
    let mut wrong_archives = Vec::new();
    for (record, signature, fields) in records {
        for (number, start) in find(bytes, signature).into_iter().enumerate() {
            for &(field, offset, len, verdict) in fields {
                let place = start + offset..start + offset + len;
                let mut value = [0; 8];
                value[..len].copy_from_slice(&bytes[place.clone()]);
                let value = u64::from_le_bytes(value);
                let most = u64::MAX >> (64 - 8 * len);
                let mut others = vec![
                    0,
                    1,
                    value.wrapping_add(1) & most,
                    value.wrapping_sub(1) & most,
                    most,
                    most >> 1,
                    64,
                ];
                others.sort_unstable();
                others.dedup();
                for other in others.into_iter().filter(|&other| other != value) {
                    // Writers give the number of disks as 0 or 1; a marker in the end record is valid with zip64.
                    let is_usual = record == "locator" && field == "disks" && other == 0;
                    let is_marker =
                        record == "end" && other == most && name != "plain" && field != "comment length";
                    if is_usual || is_marker {
                        continue;
                    }
                    let mut wrong = bytes.to_vec();
                    wrong[place.clone()].copy_from_slice(&other.to_le_bytes()[..len]);
                    wrong_archives.push((
                        format!("{name}: {record} {number}, {field} {value} is {other}"),
                        wrong,
                        verdict,
                    ));
                }
            }
        }
    }
    wrong_archives
}

/// Reads all members of an archive, or returns the first error.
fn read(bytes: &[u8]) -> Result<Vec<(String, Vec<u8>)>, String> {
    let archive = Archive::from_bytes(bytes.to_vec()).map_err(|error| error.to_string())?;
    let members = archive.members().map(|member| Ok((member.name().to_owned(), member.read()?)));
    members.collect::<bitnpz_npz::Result<_>>().map_err(|error| error.to_string())
}

fn collection() -> Vec<(String, Vec<u8>, Option<&'static str>)> {
    let samples = [
        ("plain", archive()),
        ("zip64", zip64(EndFields::Values)),
        ("zip64 alone", zip64(EndFields::Markers)),
    ];
    samples.iter().flat_map(|(name, bytes)| wrong_archives(name, bytes)).collect()
}

#[test]
fn rejects_or_ignores_each_wrong_field_in_little_memory() {
    let expected = read(&archive()).unwrap();
    assert_eq!(expected.len(), 3);
    for bytes in [zip64(EndFields::Values), zip64(EndFields::Markers)] {
        assert_eq!(read(&bytes).as_ref(), Ok(&expected));
    }
    let cases = collection();
    assert!(cases.len() >= 200, "{} cases", cases.len());
    let mut wrong = Vec::new();
    for (name, bytes, verdict) in &cases {
        let (read, cost) = Counting::measure(|| read(bytes));
        let is_as_expected = match (&read, verdict) {
            (Ok(read), None) => *read == expected,
            (Err(error), Some(reason)) => error.contains(reason),
            _ => false,
        };
        // A decompressor takes 50 kB, whatever its input.
        let is_cheap =
            cost.peak <= (128 << 10) + 16 * bytes.len() && cost.steps <= 4000 + 8 * bytes.len() as u64;
        if !is_as_expected || !is_cheap {
            wrong.push(format!("{name}: expected {verdict:?}, found {:.120}, {cost:?}", format!("{read:?}")));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn reads_what_numpy_reads() {
    let code = "
try:
    archive = np.load(io.BytesIO(inputs[0]), allow_pickle=False)
    outputs.append(b''.join(key.encode() + archive[key].tobytes() for key in archive.files))
except Exception as error:
    outputs.append(b'refused: ' + str(error).encode())
";
    let mut numpy = Oracle::start();
    let mut ask = |bytes: &[u8]| numpy.run(code, &[bytes]).remove(0);
    let expected = ask(&archive());
    let (mut alone, mut both) = (0, 0);
    for (name, bytes, verdict) in collection() {
        let theirs = ask(&bytes);
        match verdict {
            None if theirs == expected => both += 1,
            // CPython rejects archives that need a later version of the format than it knows.
            None => assert!(theirs.starts_with(b"refused: zip file version"), "{name}: {theirs:?}"),
            Some(_) => alone += usize::from(!theirs.starts_with(b"refused")),
        }
    }
    assert!(both > 30 && alone > 30, "{both} read by both, {alone} by NumPy alone");
}
