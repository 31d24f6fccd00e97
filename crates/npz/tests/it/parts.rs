//! Members that are deflated in parts.

use std::io::{Cursor, Write};
use std::num::NonZero;

use bitnpz_npz::{Archive, Compression, WriteOptions, Writer};

fn noise(len: usize) -> Vec<u8> {
    (0..len as u64).map(|place| (place.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) as u8).collect()
}

/// Returns a place in a file that is in memory.
fn at(place: u64) -> usize {
    usize::try_from(place).unwrap()
}

/// Writes bytes with this head in front, in pieces of `piece` bytes.
fn write(head: &[u8], bytes: &[u8], piece: usize, threads: usize) -> Archive {
    let options = WriteOptions::default().with_threads(NonZero::new(threads).unwrap());
    let mut writer = Writer::new(Cursor::new(Vec::new()), &options);
    let first_head = vec![0; head.len()];
    let mut stream = writer
        .stream_in_parts("a.npy", first_head, bytes.len() as u64, Compression::Deflate { level: 6 })
        .unwrap();
    bytes.chunks(piece).for_each(|piece| stream.write_all(piece).unwrap());
    stream.finish(head).unwrap();
    Archive::from_bytes(writer.finish().unwrap().into_inner()).unwrap()
}

#[test]
fn each_part_is_read_by_itself() {
    for (len, head, threads) in
        [(0, 0, 1), (1, 7, 2), (65_536, 128, 1), (65_537, 0, 2), (3_000_000, 128, 2), (200_000, 1, 3)]
    {
        let (head, bytes) = (vec![9; head], noise(len));
        let archive = write(&head, &bytes, 50_001, threads);
        let member = archive.find("a").unwrap();
        let all = [head.as_slice(), &bytes].concat();
        assert_eq!(member.read().unwrap(), all);
        let parts = member.parts().unwrap();
        assert_eq!(parts.len(), len.div_ceil(65_536).max(1));
        let read = (0..parts.len()).flat_map(|part| member.read_part(&parts, part).unwrap());
        assert!(read.eq(all.iter().copied()));
        for place in [0, len / 3, len.saturating_sub(1)] {
            let range = parts.range(parts.find(place as u64));
            assert!(len == 0 || range.contains(&(place as u64)), "{place} {range:?}");
        }
        let with_one = write(&head, &bytes, 1000, 1);
        let [one, other] = [&archive, &with_one].map(|archive| archive.slice(0..archive.size()).unwrap());
        assert!(one == other, "the bytes do not depend on threads or pieces");
    }
}

#[test]
fn copies_keep_their_parts() {
    let bytes = noise(300_000);
    let archive = write(&[1; 64], &bytes, 1 << 20, 2);
    let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    writer.copy_as(&archive.find("a").unwrap(), "b.npy").unwrap();
    writer.add("c", bytes.clone()).unwrap();
    let copy = Archive::from_bytes(writer.finish().unwrap().into_inner()).unwrap();
    let member = copy.find("b").unwrap();
    let parts = member.parts().unwrap();
    assert_eq!(member.read_part(&parts, 3).unwrap(), bytes[3 * 65_536..4 * 65_536]);
    assert_eq!(copy.find("c").unwrap().parts(), None);
}

#[test]
fn damage_is_noticed_by_the_part_that_has_it() {
    let bytes = noise(300_000);
    let archive = write(&[], &bytes, 1 << 20, 2);
    let whole = archive.slice(0..archive.size()).unwrap().into_owned();
    let data = archive.find("a").unwrap().data_range().unwrap();
    let parts = archive.find("a").unwrap().parts().unwrap();
    let second = parts.compressed(1..2);
    for place in (second.start..second.end).step_by(97) {
        let mut damaged = whole.clone();
        damaged[at(data.start + place)] ^= 0x10;
        let archive = Archive::from_bytes(damaged).unwrap();
        let member = archive.find("a").unwrap();
        assert!(member.read_part(&parts, 1).is_err(), "byte {place}");
        assert_eq!(member.read_part(&parts, 0).unwrap(), bytes[..65_536]);
        assert_eq!(member.read_part(&parts, 2).unwrap(), bytes[2 * 65_536..3 * 65_536]);
    }
}

#[test]
fn a_field_that_lies_is_ignored_or_its_parts_are_refused() {
    let bytes = noise(300_000);
    let archive = write(&[7; 100], &bytes, 1 << 20, 2);
    let whole = archive.slice(0..archive.size()).unwrap().into_owned();
    let all = [[7; 100].as_slice(), &bytes].concat();
    let field = whole.windows(2).rposition(|window| window == b"bp").unwrap();
    let (mut ignored, mut refused) = (0, 0);
    for place in field..field + 4 + 8 + 5 * 8 {
        for bit in [0, 7] {
            let mut damaged = whole.clone();
            damaged[place] ^= 1 << bit;
            let Ok(archive) = Archive::from_bytes(damaged) else { continue };
            let member = archive.find("a").unwrap();
            assert_eq!(member.read().unwrap(), all, "the member itself is whole");
            let Some(parts) = member.parts() else {
                ignored += 1;
                continue;
            };
            if member.read_part(&parts, 0).is_err() {
                refused += 1;
                continue;
            }
            for part in 0..parts.len() {
                let range = parts.range(part);
                match member.read_part(&parts, part) {
                    Ok(bytes) => {
                        let expected = &all[at(range.start)..at(range.end)];
                        assert!(
                            bytes == expected,
                            "byte {}, bit {bit}, part {part}, {range:?}",
                            place - field
                        );
                    }
                    Err(_) => refused += 1,
                }
            }
        }
    }
    assert!(ignored > 20 && refused > 20, "{ignored} ignored, {refused} refused");
}
