//! Damaged and hostile archives: each is rejected in little memory and time if it is inconsistent, or if two readers could
//! read it differently.

use std::io::{Cursor, Read};

use bitnpz_npz::{Archive, Compression, ErrorKind, Limits, WriteOptions, Writer};
use bitnpz_oracle::Counting;

/// An archive of two deflated members and a stored one, with the offsets of its records.
struct Sample {
    bytes: Vec<u8>,
    locals: [usize; 3],
    centrals: [usize; 3],
    end: usize,
}

const TEXT: &[u8] = b"hello hello hello hello hello hello";

fn sample() -> Sample {
    let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    writer.add("a.npy", TEXT.to_vec()).unwrap();
    writer.add("b.npy", TEXT.repeat(3)).unwrap();
    writer.add_with("c.npy", b"stored".to_vec(), Compression::Stored).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    let find = |signature: &[u8]| -> Vec<usize> {
        (0..bytes.len()).filter(|&at| bytes[at..].starts_with(signature)).collect()
    };
    let (locals, centrals) = (find(b"PK\x03\x04"), find(b"PK\x01\x02"));
    let end = find(b"PK\x05\x06")[0];
    Sample { locals: locals.try_into().unwrap(), centrals: centrals.try_into().unwrap(), end, bytes }
}

/// Reads all members of an archive at a bounded cost, or returns the first error.
fn read_all(bytes: &[u8]) -> Result<Vec<Vec<u8>>, bitnpz_npz::Error> {
    let (read, cost) = Counting::measure(|| {
        let archive = Archive::from_bytes(bytes.to_vec())?;
        archive.members().map(|member| member.read()).collect()
    });
    assert!(cost.peak <= (128 << 10) + 16 * bytes.len(), "{cost:?}");
    assert!(cost.steps <= 4000 + 8 * bytes.len() as u64, "{cost:?}");
    read
}

fn with(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut archive = sample().bytes;
    archive[at..at + bytes.len()].copy_from_slice(bytes);
    archive
}

#[test]
fn rejects_each_inconsistency_with_its_reason() {
    let s = sample();
    let [a, b, _] = s.locals;
    let [central_a, central_b, central_c] = s.centrals;
    let both = |offset_local: usize, offset_central: usize, bytes: &[u8]| {
        let mut archive = with(a + offset_local, bytes);
        archive[central_a + offset_central..][..bytes.len()].copy_from_slice(bytes);
        archive
    };
    let comment = |len: u8, bytes: &[u8]| {
        let mut archive = s.bytes.clone();
        archive[s.end + 20] = len;
        [archive, bytes.to_vec()].concat()
    };
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty file", Vec::new(), "empty file"),
        ("no archive", vec![7; 300], "not a ZIP archive"),
        ("no end record", vec![7; 300], "end record at the end"),
        ("bytes after the end", [s.bytes.clone(), vec![0]].concat(), "other bytes after it"),
        ("a signature in the comment", comment(6, b"xPK\x05\x06y"), "the last one of the file"),
        ("a signature that ends the comment", comment(4, b"PK\x05\x06"), "the last one of the file"),
        (
            "a short comment with a record's start",
            comment(20, &[b"PK\x05\x06".as_slice(), &[0; 16]].concat()),
            "the last one",
        ),
        ("an archive in the comment", comment(22, &[b"PK\x05\x06".as_slice(), &[0; 18]].concat()), "another"),
        ("several disks", with(s.end + 4, &[1]), "several disks"),
        ("entries on another disk", with(s.end + 8, &[2]), "several disks"),
        ("one entry too many", with(s.end + 8, &[4, 0, 4, 0]), "entry of member 3"),
        ("one entry too few", with(s.end + 8, &[2, 0, 2, 0]), "central directory's size"),
        ("directory beyond the end record", with(s.end + 12, &[255, 255]), "central directory's offset"),
        ("zip64 promised", with(s.end + 16, &[255; 4]), "zip64 end record"),
        ("local name", with(a + 30, b"z"), "local header's name"),
        ("local method", with(a + 8, &[0]), "local header's method"),
        ("local flags", with(a + 7, &[8]), "local header's flags"),
        ("local CRC", with(a + 14, &[1, 2, 3, 4]), "local header's CRC"),
        ("local compressed size", with(a + 18, &[9]), "local header's compressed size"),
        ("local size", with(a + 22, &[9]), "local header's size"),
        ("local signature", with(a, b"PX"), "expected a local header"),
        ("local zip64 without a field", with(a + 18, &[255; 4]), "zip64 field"),
        ("local extra into the next member", with(a + 28, &[200]), "the next member"),
        ("CRC in both", both(14, 16, &[1, 2, 3, 4]), "the CRC of the data"),
        ("size too large in both", both(22, 24, &[36]), "the size of the data"),
        ("size too small in both", both(22, 24, &[34]), "the size of the data"),
        ("size impossible in both", both(22, 24, &[255, 255, 255, 0]), "cannot be"),
        ("encrypted", both(6, 8, &[1]), "encrypted"),
        ("strongly encrypted", both(6, 8, &[0x40]), "encrypted"),
        ("masked", both(7, 9, &[0x20]), "encrypted"),
        ("patch", both(6, 8, &[0x20]), "patch"),
        ("method unknown", both(8, 10, &[99]), "compression method 99"),
        ("member on another disk", with(central_a + 34, &[1]), "another disk"),
        ("overlap", with(central_b + 42, &[1, 0, 0, 0]), "share bytes"),
        ("two entries, one member", with(central_b + 42, &[0, 0, 0, 0]), "share bytes"),
        ("a member in the directory", with(central_c + 42, &[200, 0, 0, 0]), "before the central directory"),
        ("duplicate", with(central_b + 46, b"a"), "two members"),
        ("alias", with(central_b + 46, b"a.npz"), "local header's name"),
        ("NUL in a name", with(central_b + 46, &[0]), "a name of"),
        ("damaged data", with(b + 30 + 5 + 4, &[0xFF; 4]), "member \"b.npy\""),
    ];
    for (what, archive, expected) in cases {
        let error = read_all(&archive).expect_err(what);
        assert!(error.to_string().contains(expected), "{what}: {error}");
    }
    assert_eq!(read_all(&s.bytes).unwrap().len(), 3);
}

#[test]
fn a_and_a_npy_are_the_same_name() {
    let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    writer.add("a", Vec::new()).unwrap();
    assert!(matches!(writer.add("a.npy", Vec::new()).unwrap_err().kind(), ErrorKind::Duplicate));
    for name in ["", "nul\0", &"x".repeat(70_000)] {
        assert!(matches!(writer.add(name, Vec::new()).unwrap_err().kind(), ErrorKind::BadName));
    }
    writer.add("b.npy", Vec::new()).unwrap();
    let bytes = writer.finish().unwrap().into_inner();
    // Rename the member in both of its headers.
    let text = |from: &str, to: &str| {
        let mut bytes = bytes.clone();
        for at in 0..bytes.len() - from.len() {
            if bytes[at..].starts_with(from.as_bytes()) {
                bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            }
        }
        bytes
    };
    assert!(matches!(read_all(&text("b.npy", "a.npy")).unwrap_err().kind(), ErrorKind::Duplicate));
}

#[test]
fn rejects_bytes_after_the_end_of_deflate_data() {
    let data = |extra: &[u8]| {
        let mut deflate = Vec::new();
        let mut encoder = flate2::read::DeflateEncoder::new(TEXT, flate2::Compression::new(6));
        encoder.read_to_end(&mut deflate).unwrap();
        [deflate, extra.to_vec()].concat()
    };
    for (extra, is_good) in [(&[][..], true), (&[0][..], false)] {
        let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
        let encoded =
            bitnpz_npz::CompressedMember::from_deflate(data(extra), TEXT.len() as u64, crc32fast::hash(TEXT));
        writer.add_compressed("a", 100, move || Ok(encoded)).unwrap();
        let archive = Archive::from_bytes(writer.finish().unwrap().into_inner()).unwrap();
        let member = archive.find("a").unwrap();
        assert_eq!(member.read().is_ok(), is_good);
        assert_eq!(member.reader().unwrap().read_to_end(&mut Vec::new()).is_ok(), is_good);
    }
}

#[test]
fn rejects_archives_cut_at_any_byte() {
    let bytes = sample().bytes;
    for end in 0..bytes.len() {
        assert!(read_all(&bytes[..end]).is_err(), "{end}");
    }
}

#[test]
fn every_flipped_bit_gives_an_error_or_the_same_content() {
    let s = sample();
    let expected = read_all(&s.bytes).unwrap();
    for bit in 0..s.bytes.len() * 8 {
        let mut bytes = s.bytes.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        if let Ok(read) = read_all(&bytes) {
            assert_eq!(read, expected, "bit {bit}");
        }
    }
}

#[test]
fn limits_are_enforced() {
    let bytes = sample().bytes;
    let cases = [
        (Limits::default().with_members(2), "members"),
        (Limits::default().with_directory_bytes(10), "directory_bytes"),
        (Limits::default().with_member_bytes(50), "member_bytes"),
    ];
    for (limits, expected) in cases {
        let read = Archive::from_bytes_with(bytes.clone(), &limits)
            .and_then(|archive| archive.members().map(|member| member.read()).collect::<Result<Vec<_>, _>>());
        let error = read.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Limit { limit, .. } if *limit == expected), "{error}");
    }
}
