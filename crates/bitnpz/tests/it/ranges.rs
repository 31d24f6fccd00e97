//! Archives that are read by range.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bitnpz::{Archive, Codec, Needed, OpenOptions, PushedFile, ReadAt, WriteOptions, Writer};
use ndarray::{Array3, Axis, s};

use crate::support::{Folder, archive, image, in_members, members, stack};

/// How a file answers.
#[derive(Clone, Copy, PartialEq)]
enum Answer {
    Right,
    /// Ranges are a byte short.
    Short,
    /// The last range is missing.
    Few,
    /// All bytes are zero.
    Zeros,
    Error,
}

/// A file that counts requests and bytes, and after so many of these answers otherwise.
pub(crate) struct Counted {
    bytes: Vec<u8>,
    requests: Arc<AtomicUsize>,
    read: Arc<AtomicUsize>,
    right: usize,
    then: Answer,
}

impl Counted {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let counter = || Arc::new(AtomicUsize::new(0));
        Self {
            bytes: bytes.to_vec(),
            requests: counter(),
            read: counter(),
            right: usize::MAX,
            then: Answer::Right,
        }
    }
}

impl Counted {
    /// Returns the counters of requests and of bytes.
    pub(crate) fn counts(&self) -> [Arc<AtomicUsize>; 2] {
        [&self.requests, &self.read].map(Arc::clone)
    }
}

/// Returns what was counted.
pub(crate) fn count(counts: &[Arc<AtomicUsize>; 2]) -> [usize; 2] {
    counts.each_ref().map(|count| count.load(Ordering::Relaxed))
}

impl ReadAt for Counted {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.len() as u64)
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        let answer = match self.requests.fetch_add(1, Ordering::Relaxed) {
            number if number < self.right => Answer::Right,
            _ => self.then,
        };
        if answer == Answer::Error {
            return Err(io::Error::other("the store is gone"));
        }
        assert!(ranges.is_sorted_by(|one, next| one.end <= next.start), "{ranges:?}");
        let read = |range: &Range<u64>| {
            let [start, end] = [range.start, range.end].map(|place| usize::try_from(place).unwrap());
            let mut bytes = self.bytes[start..end].to_vec();
            self.read.fetch_add(bytes.len(), Ordering::Relaxed);
            match answer {
                Answer::Short => drop(bytes.pop()),
                Answer::Zeros => bytes.fill(0),
                _ => {}
            }
            bytes
        };
        let mut read: Vec<_> = ranges.iter().map(read).collect();
        if answer == Answer::Few {
            read.pop();
        }
        Ok(read)
    }
}

/// Noise that differs from image to image.
fn is_set(image: usize, row: usize, column: usize) -> bool {
    let place = ((image * 512 + row) * 512 + column + 1) as u64;
    let mixed = place.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 60 < 5
}

/// Writes an archive of more bytes than are read when it is opened.
fn large(folder: &Folder, all: &Array3<bool>) -> Vec<u8> {
    let path = folder.path("a.npz");
    let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
    for number in 0..500 {
        writer
            .add_image(&format!("page {}", number * number), &image(9 + number % 3, 17, number % 90))
            .unwrap();
    }
    writer.add_images("stack", all).unwrap();
    writer.add_array("labels", &ndarray::Array1::from_iter(0..all.shape()[0] as i64)).unwrap();
    writer.finish().unwrap();
    let bytes = std::fs::read(path).unwrap();
    assert!(bytes.len() > 1 << 20, "{} bytes", bytes.len());
    bytes
}

fn open(bytes: &[u8]) -> (Archive, Arc<AtomicUsize>, Arc<AtomicUsize>) {
    let file = Counted::new(bytes);
    let (requests, read) = (Arc::clone(&file.requests), Arc::clone(&file.read));
    (Archive::open_ranges(file, &OpenOptions::default()).unwrap(), requests, read)
}

#[test]
fn few_requests_read_the_same() {
    let folder = Folder::new();
    let all = Array3::from_shape_fn((20_000, 20, 30), |(i, y, x)| is_set(i, y, x));
    let bytes = large(&folder, &all);
    let (archive, requests, read) = open(&bytes);
    let counted = |what: &str, most: usize, mut with: Box<dyn FnMut() + '_>| {
        let before = requests.load(Ordering::Relaxed);
        with();
        let found = requests.load(Ordering::Relaxed) - before;
        assert!(found <= most, "{what}: {found} requests");
    };
    // The end of the file, and the keys.
    assert!(requests.load(Ordering::Relaxed) <= 2 && read.load(Ordering::Relaxed) < 300 << 10);
    let images = archive.images("stack").unwrap();
    let mut batch = Array3::from_elem((256, 20, 30), false);
    let indices: Vec<usize> = (0..256).map(|number| number * 7919 % 12_000).collect();
    counted("a batch", 1, Box::new(|| images.read_batch_into(&indices, &mut batch).unwrap()));
    assert_eq!(batch, all.select(Axis(0), &indices));
    counted("the same", 0, Box::new(|| images.read_batch_into(&indices, &mut batch).unwrap()));
    counted(
        "neighbours",
        1,
        Box::new(|| {
            let indices: Vec<usize> = (15_000..15_256).collect();
            images.read_batch_into(&indices, &mut batch).unwrap();
        }),
    );
    assert_eq!(batch, all.slice(s![15_000..15_256, .., ..]));
    counted(
        "one after the other",
        5,
        Box::new(|| {
            for index in 17_000..17_500 {
                assert_eq!(images.read::<bool>(index).unwrap(), all.slice(s![index, .., ..]));
            }
        }),
    );
    counted(
        "by key",
        2,
        Box::new(|| {
            assert_eq!(archive.image::<bool>("page 900").unwrap(), image(9, 17, 30));
        }),
    );
    let (archive, requests, _) = open(&bytes);
    assert!(archive.array::<bool>("stack").unwrap() == all.clone().into_dyn());
    assert!(archive.dyn_array("stack").unwrap().view().to_npy().unwrap().len() > 12_000_000);
    assert!(requests.load(Ordering::Relaxed) < 10, "{requests:?}");
    assert_eq!(archive.array::<i64>("labels").unwrap().sum(), 19_999 * 10_000);
    let path = folder.path("labels.npz");
    let mut writer = Writer::create(&path).unwrap();
    let labels = ndarray::Array1::from_shape_fn(400_000, |i| (i as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    writer.add_array("labels", &labels).unwrap();
    writer.finish().unwrap();
    let (of_labels, requests, _) = open(&std::fs::read(&path).unwrap());
    assert_eq!(of_labels.array::<u64>("labels").unwrap(), labels.into_dyn());
    assert!(requests.load(Ordering::Relaxed) <= 4, "{requests:?}");
    let (archive, requests, _) = open(&bytes);
    assert_eq!(archive.verify(|_| ()).unwrap().problems, []);
    // Each member is read for its checksum, and each set for those of its images.
    assert!(requests.load(Ordering::Relaxed) < 20, "{requests:?}");
}

#[test]
fn large_images_and_repeats_are_requested_together() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    // A block takes more than is read at once.
    let all = Array3::from_shape_fn((400, 200, 200), |(i, y, x)| is_set(i % 300, y, x));
    let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
    writer.add_images("stack", &all).unwrap();
    writer.finish().unwrap();
    let (archive, requests, read) = open(&std::fs::read(&path).unwrap());
    let before = [&requests, &read].map(|count| count.load(Ordering::Relaxed));
    let indices: Vec<usize> = (0..40).map(|number| number * 37 % 300).collect();
    let mut batch = Array3::from_elem((40, 200, 200), false);
    let images = archive.images("stack").unwrap();
    images.read_batch_into(&indices, &mut batch).unwrap();
    assert_eq!(batch, all.select(Axis(0), &indices));
    let [requests, read] = [(&requests, before[0]), (&read, before[1])]
        .map(|(count, before)| count.load(Ordering::Relaxed) - before);
    assert!(requests <= 2 && read < 1 << 20, "{requests} requests of {read} bytes");
    let indices: Vec<usize> = (300..340).collect();
    images.read_batch_into(&indices, &mut batch).unwrap();
    assert_eq!(batch, all.select(Axis(0), &indices));
}

#[test]
fn wrong_answers_are_errors() {
    let folder = Folder::new();
    let all = Array3::from_shape_fn((20_000, 20, 30), |(i, y, x)| is_set(i, y, x));
    let bytes = large(&folder, &all);
    for then in [Answer::Short, Answer::Few, Answer::Zeros, Answer::Error] {
        for right in 0..6 {
            let file = Counted { right, then, ..Counted::new(&bytes) };
            let read = Archive::open_ranges(file, &OpenOptions::default()).and_then(|archive| {
                let images = archive.images("stack")?;
                let mut batch = Array3::from_elem((300, 20, 30), false);
                for start in [0, 9000, 19_000] {
                    let indices: Vec<usize> = (start..start + 300).collect();
                    images.read_batch_into(&indices, &mut batch)?;
                    // Zeros are packed rows of the codec raw; their checksum tells.
                    assert!(then == Answer::Zeros || batch == all.select(Axis(0), &indices));
                }
                Ok(())
            });
            let Err(error) = read else { continue };
            let message = error.to_string();
            match then {
                Answer::Short => assert!(message.contains("bytes from byte"), "{message}"),
                Answer::Few => assert!(message.contains("expected the bytes of"), "{message}"),
                Answer::Error => assert!(message.contains("the store is gone"), "{message}"),
                Answer::Zeros | Answer::Right => {}
            }
        }
    }
}

#[test]
fn small_and_empty_files_are_read_or_refused() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = Writer::create(&path).unwrap();
    writer.add_images("stack", &stack(700)).unwrap();
    writer.finish().unwrap();
    let (archive, requests, _) = open(&std::fs::read(&path).unwrap());
    assert!(archive.array::<bool>("stack").unwrap() == stack(700).into_dyn());
    assert_eq!(requests.load(Ordering::Relaxed), 1);
    for bytes in [&b""[..], b"PK", &[0; 1000]] {
        assert!(Archive::open_ranges(Counted::new(bytes), &OpenOptions::default()).is_err());
    }
}

#[test]
fn segments_are_opened_when_they_are_read() {
    let folder = Folder::new();
    let paths: Vec<_> = (0..40).map(|number| folder.path(&format!("{number}.npz"))).collect();
    let all = Array3::from_shape_fn((40 * 900, 16, 16), |(i, y, x)| is_set(i, y, x));
    for (number, path) in paths.iter().enumerate() {
        let mut writer = Writer::create_with(path, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
        writer
            .add_images("stack", &all.slice(s![number * 900..(number + 1) * 900, .., ..]).to_owned())
            .unwrap();
        writer.finish().unwrap();
    }
    let merged = folder.path("merged.npz");
    Writer::merge(&merged, &paths, &WriteOptions::default()).unwrap().finish().unwrap();
    let bytes = archive(&in_members(members(&std::fs::read(&merged).unwrap())));
    let file = Counted::new(&bytes);
    let (requests, read) = (Arc::clone(&file.requests), Arc::clone(&file.read));
    let archive = Archive::open_ranges(WithEnd(file), &OpenOptions::default()).unwrap();
    let images = archive.images("stack").unwrap();
    let count = || requests.load(Ordering::Relaxed);
    assert_eq!(count(), 1);
    assert_eq!(images.read::<bool>(17_000).unwrap(), all.slice(s![17_000, .., ..]));
    // Its directory is at the end, which was read, so that its headers and its block are requested at once.
    assert_eq!(count(), 2);
    let indices: Vec<usize> = (0..256).map(|number| number * 7919 % (40 * 900)).collect();
    let mut batch = Array3::from_elem((256, 16, 16), false);
    images.read_batch_into(&indices, &mut batch).unwrap();
    assert_eq!(batch, all.select(Axis(0), &indices));
    assert_eq!(count(), 3);
    assert!(read.load(Ordering::Relaxed) < bytes.len(), "{} bytes", read.load(Ordering::Relaxed));

    // What is damaged is the segment, not the archive.
    let name = b".bitnpz/stack/blocks-7";
    let place = bytes.windows(name.len()).position(|window| window == name).unwrap();
    let mut damaged = bytes.clone();
    // The bits of an offset, which are at most 32.
    damaged[place + name.len() + 20] ^= 0x80;
    std::fs::write(&merged, damaged).unwrap();
    let archive = Archive::open(&merged).unwrap();
    let images = archive.images("stack").unwrap();
    assert_eq!(images.read::<bool>(17_000).unwrap(), all.slice(s![17_000, .., ..]));
    let error = images.read::<bool>(7 * 900 + 5).unwrap_err().to_string();
    assert!(error.contains("blocks-7"), "{error}");
    let problems = archive.verify(|_| ()).unwrap().problems;
    let of_segment = problems.iter().filter(|problem| problem.message.contains("blocks-7")).count();
    // The member, and the images that are lost with it.
    assert_eq!((of_segment, problems.len()), (2, 2), "{problems:?}");
    assert!(problems[1].message.contains("6300 to 7199"), "{problems:?}");
}

/// A file that tells its length with its end.
struct WithEnd(Counted);

impl ReadAt for WithEnd {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        self.0.read_ranges(ranges)
    }

    fn read_end(&self, most: u64) -> io::Result<(u64, Vec<u8>)> {
        let len = self.len()?;
        let end = len.saturating_sub(most)..len;
        Ok((len, self.read_ranges(std::slice::from_ref(&end))?.remove(0)))
    }
}

/// Repeats a call until nothing is needed, and returns its result and the number of rounds.
fn in_rounds<R>(
    file: &PushedFile,
    bytes: &[u8],
    mut call: impl FnMut() -> bitnpz::Result<R>,
) -> (bitnpz::Result<R>, usize) {
    let at = |place: u64| usize::try_from(place).unwrap();
    for rounds in 0..1000 {
        let result = call();
        match file.needed().filter(|_| result.is_err()) {
            Some(Needed::End(most)) => {
                let start = bytes.len().saturating_sub(at(most));
                file.push_end(bytes.len() as u64, bytes[start..].to_vec());
            }
            Some(Needed::Ranges(ranges)) => {
                assert!(ranges.is_sorted_by(|one, next| one.end < next.start), "{ranges:?}");
                ranges
                    .iter()
                    .for_each(|range| file.push(range.start, bytes[at(range.start)..at(range.end)].to_vec()));
            }
            None => {
                file.forget();
                return (result, rounds);
            }
        }
    }
    panic!("it does not end");
}

#[test]
fn a_program_that_does_not_wait_is_told_what_is_needed() {
    let folder = Folder::new();
    let all = Array3::from_shape_fn((20_000, 20, 30), |(i, y, x)| is_set(i, y, x));
    let bytes = large(&folder, &all);
    let file = PushedFile::default();
    let (archive, rounds) =
        in_rounds(&file, &bytes, || Archive::open_ranges(file.clone(), &OpenOptions::default()));
    assert!(rounds <= 2, "{rounds}");
    let archive = archive.unwrap();
    let images = archive.images("stack").unwrap();
    let indices: Vec<usize> = (0..256).map(|number| number * 7919 % 20_000).collect();
    let mut batch = Array3::from_elem((256, 20, 30), false);
    let (read, rounds) = in_rounds(&file, &bytes, || images.read_batch_into(&indices, &mut batch));
    assert!(read.is_ok() && rounds <= 2, "{rounds}");
    assert_eq!(batch, all.select(Axis(0), &indices));
    let (image, rounds) = in_rounds(&file, &bytes, || archive.image::<bool>("page 900"));
    assert!(image.unwrap() == self::image(9, 17, 30) && rounds <= 2, "{rounds}");
    let (whole, _) = in_rounds(&file, &bytes, || archive.array::<bool>("stack"));
    assert!(whole.unwrap() == all.into_dyn());
    let (report, rounds) = in_rounds(&file, &bytes, || archive.verify(|_| ()));
    assert!(report.unwrap().problems.is_empty() && rounds < 20, "{rounds}");
    // A short answer is asked for again; an error is one.
    let wrong = PushedFile::default();
    wrong.push_end(bytes.len() as u64, bytes[bytes.len() - 100..].to_vec());
    let error = Archive::open_ranges(wrong.clone(), &OpenOptions::default()).unwrap_err().to_string();
    assert!(error.contains("expected 262144 bytes") && wrong.needed().is_none(), "{error}");
}

#[test]
fn a_large_directory_takes_one_request_more() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = Writer::create(&path).unwrap();
    writer.add_images("stack", &stack(700)).unwrap();
    for number in 0..5000 {
        let key = format!("an array with a long name, which is that of number {number:06}");
        writer.add_array(&key, &ndarray::array![number]).unwrap();
    }
    writer.finish().unwrap();
    let (archive, requests, _) = open(&std::fs::read(&path).unwrap());
    assert_eq!(requests.load(Ordering::Relaxed), 2);
    assert_eq!(archive.len(), 5001);
    let mut batch = Array3::from_elem((2, 20, 30), false);
    archive.images("stack").unwrap().read_batch_into(&[5, 600], &mut batch).unwrap();
    assert_eq!(batch, stack(700).select(Axis(0), &[5, 600]));
}

#[test]
fn blocks_of_equal_payloads_are_requested_whole() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let noise = |number: usize| {
        ndarray::Array2::from_shape_fn((8, 5 + number % 3), |(y, x)| {
            ((number * 64 + y * 8 + x + 1) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 63 == 1
        })
    };
    let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
    // Their payloads are before the end of the file, which is read when it is opened.
    for number in 0..40_000 {
        writer.add_image(&format!("k{number}"), &noise(number)).unwrap();
    }
    writer.finish().unwrap();
    let (archive, requests, _) = open(&std::fs::read(&path).unwrap());
    let before = requests.load(Ordering::Relaxed);
    for number in 0..128 {
        let images = archive.images(&format!("k{number}")).unwrap();
        assert_eq!(images.shape(), [8, 5 + number % 3]);
        assert!(images.stored_bytes() > 0);
        assert_eq!(images.read::<bool>(0).unwrap(), noise(number));
    }
    let made = requests.load(Ordering::Relaxed) - before;
    assert!(made <= 5, "{made} requests for two blocks");
}

/// Copying an image compares the checksum of its block, and requests no others.
#[test]
fn damage_is_not_copied_and_little_is_requested() {
    let folder = Folder::new();
    let path = folder.path("a.npz");
    let mut writer = Writer::create_with(&path, &WriteOptions::default().with_codec(Codec::Raw)).unwrap();
    // Noise of 72 bytes each: a payload that is damaged is one of other pixels.
    let noisy = |seed: usize| {
        ndarray::Array2::from_shape_fn((24, 24), |(row, column)| {
            let mixed = (((seed * 32 + row) * 32 + column + 1) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
            (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9) >> 63 == 1
        })
    };
    (0..40_000).for_each(|seed| writer.add_image(&format!("{seed}"), &noisy(seed)).unwrap());
    writer.finish().unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    // In a payload in the middle.
    let middle = bytes.len() / 2 + 500;
    bytes[middle] ^= 0x10;
    let file = Counted::new(&bytes);
    let read = Arc::clone(&file.read);
    let archive = Archive::open_ranges(WithEnd(file), &OpenOptions::default()).unwrap();
    let problems = Archive::from_bytes(bytes.clone()).unwrap().verify(|_| ()).unwrap().problems;
    let damaged = problems.iter().find_map(|problem| problem.image).unwrap();
    let before = read.load(Ordering::Relaxed);
    let mut writer = Writer::create(folder.path("b.npz")).unwrap();
    let add =
        |writer: &mut Writer, seed: usize| writer.add_entry(&archive.entry(&format!("{seed}")).unwrap());
    add(&mut writer, 7).unwrap();
    add(&mut writer, 8).unwrap();
    let error = add(&mut writer, damaged / 128 * 128 + 5).unwrap_err().to_string();
    assert!(error.contains("checksum differs"), "{error}");
    assert!(read.load(Ordering::Relaxed) - before < bytes.len() / 10);
    writer.finish().unwrap();
    assert_eq!(Archive::open(folder.path("b.npz")).unwrap().image::<bool>("8").unwrap(), noisy(8));
}
