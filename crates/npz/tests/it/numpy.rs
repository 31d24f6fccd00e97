//! Round trips through NumPy and `zipfile`, in both directions.

#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "small numbers")]

use std::cell::RefCell;
use std::io::{Cursor, Write};
use std::num::NonZero;

use bitnpz_npy::{Dtype, DynArray, Header};
use bitnpz_npz::{Access, Archive, Compression, OpenOptions, WriteOptions, Writer};
use bitnpz_oracle::Oracle;
use ndarray::{Array2, array};
use proptest::prelude::*;

thread_local! {
    static NUMPY: RefCell<Oracle> = RefCell::new(Oracle::start());
}

fn numpy(code: &str, inputs: &[&[u8]]) -> Vec<Vec<u8>> {
    NUMPY.with_borrow_mut(|numpy| numpy.run(code, inputs))
}

fn writer(compression: Compression, threads: usize) -> Writer<Cursor<Vec<u8>>> {
    let options =
        WriteOptions::default().with_compression(compression).with_threads(NonZero::new(threads).unwrap());
    Writer::new(Cursor::new(Vec::new()), &options)
}

/// Opens an archive in every way.
fn open_all_ways(bytes: &[u8]) -> Vec<Archive> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let positional = OpenOptions::default().with_access(Access::Positional);
    vec![
        Archive::from_bytes(bytes.to_vec()).unwrap(),
        Archive::open(file.path()).unwrap(),
        Archive::open_with(file.path(), &positional).unwrap(),
    ]
}

fn compression() -> impl Strategy<Value = Compression> {
    prop_oneof![
        Just(Compression::Stored),
        (0_u8..=12).prop_map(|level| Compression::Deflate { level }),
        (1_u8..=19).prop_map(|level| Compression::Zstd { level }),
    ]
}

fn members() -> impl Strategy<Value = Vec<(String, Vec<u8>)>> {
    let bytes = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..300),
        (any::<u8>(), 0_usize..50_000).prop_map(|(byte, len)| vec![byte; len]),
    ];
    prop::collection::btree_map("[a-zé/ ]{1,12}", bytes, 0..12)
        .prop_map(|members| members.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn round_trips_members_in_every_way_and_with_zipfile(members in members(), compression in compression(), threads in 1_usize..4) {
        let mut writer = writer(compression, threads);
        for (name, bytes) in &members {
            writer.add(name, bytes.clone()).unwrap();
        }
        let bytes = writer.finish().unwrap().into_inner();
        for archive in open_all_ways(&bytes) {
            prop_assert_eq!(archive.len(), members.len());
            prop_assert_eq!(archive.gaps().unwrap(), 0);
            for (member, (name, expected)) in archive.members().zip(&members) {
                prop_assert_eq!(member.name(), name);
                prop_assert_eq!(&member.read().unwrap(), expected);
                let mut streamed = Vec::new();
                std::io::Read::read_to_end(&mut member.reader().unwrap(), &mut streamed).unwrap();
                prop_assert_eq!(&streamed, expected);
                if let Some(stored) = member.bytes().unwrap() {
                    prop_assert_eq!(stored, expected.as_slice());
                }
                prop_assert_eq!(archive.find(name).unwrap().number(), member.number());
            }
        }
        // CPython before 3.14 has no zstd.
        if !matches!(compression, Compression::Zstd { .. }) {
            let code = "
import zipfile
z = zipfile.ZipFile(io.BytesIO(inputs[0]))
assert z.testzip() is None
for info in z.infolist():
    assert not info.flag_bits & 8 and info.date_time == (1980, 1, 1, 0, 0, 0)
    outputs += [info.filename.encode(), z.read(info)]
";
            let expected: Vec<Vec<u8>> = members.into_iter().flat_map(|(name, bytes)| [name.into_bytes(), bytes]).collect();
            prop_assert_eq!(numpy(code, &[&bytes]), expected);
        }
    }

    #[test]
    fn reads_archives_of_numpy(count in 0_usize..20, compressed in any::<bool>(), seed in any::<u32>()) {
        let save = if compressed { "savez_compressed" } else { "savez" };
        let code = format!("
rng = np.random.default_rng({seed})
arrays = {{'key %d' % i: rng.integers(0, 2, rng.integers(0, 40, rng.integers(0, 4))) for i in range({count})}}
file = io.BytesIO()
np.{save}(file, **arrays)
outputs.append(file.getvalue())
for array in arrays.values():
    file = io.BytesIO()
    np.save(file, array)
    outputs.append(file.getvalue())
");
        let outputs = numpy(&code, &[]);
        for archive in open_all_ways(&outputs[0]) {
            prop_assert_eq!(archive.len(), count);
            for (i, npy) in outputs[1..].iter().enumerate() {
                let key = format!("key {i}");
                prop_assert_eq!(&archive.array(&key).unwrap().to_npy().unwrap(), npy);
                let name = format!("{key}.npy");
                let member = archive.find(&name).unwrap();
                prop_assert_eq!(member.key(), key.as_str());
                if let Some(view) = archive.array_view(&key).unwrap() {
                    prop_assert_eq!(&view.to_npy().unwrap(), npy);
                }
            }
        }
    }

    #[test]
    fn round_trips_streamed_members(compression in compression(), pieces in prop::collection::vec(0_usize..1_500_000, 0..4), threads in 1_usize..4) {
        let mut writer = writer(compression, threads);
        writer.add("before", vec![1; 9]).unwrap();
        let mut expected = Vec::new();
        let mut stream = writer.stream("streamed", b"HEAD".to_vec()).unwrap();
        for (i, &len) in pieces.iter().enumerate() {
            let piece: Vec<u8> = (0..len).map(|j| (j / 7 % 11 + i) as u8).collect();
            stream.write_all(&piece).unwrap();
            expected.extend_from_slice(&piece);
        }
        stream.finish(b"head").unwrap();
        writer.add("behind", vec![2; 9]).unwrap();
        let bytes = writer.finish().unwrap().into_inner();
        let expected = [b"head".as_slice(), &expected].concat();
        for archive in open_all_ways(&bytes) {
            prop_assert_eq!(archive.find("streamed").unwrap().read().unwrap(), expected.as_slice());
            prop_assert_eq!(archive.find("behind").unwrap().read().unwrap(), [2; 9]);
            prop_assert_eq!(archive.gaps().unwrap(), 0);
        }
        let code = "import zipfile; z = zipfile.ZipFile(io.BytesIO(inputs[0])); outputs.append(z.read('streamed')); assert z.testzip() is None";
        prop_assert_eq!(&numpy(code, &[&bytes])[0], &expected);
    }
}

#[test]
fn numpy_loads_our_arrays_and_stored_ones_are_aligned() {
    let image = Array2::from_shape_fn((28, 28), |(row, column)| (row + column) % 3 == 0);
    let arrays = [DynArray::from_ndarray(&image), DynArray::from_ndarray(&array![1.5, 2.5, 3.5])];
    for compression in [Compression::Stored, Compression::Deflate { level: 6 }] {
        let mut writer = writer(compression, 2);
        for (i, array) in arrays.iter().enumerate() {
            writer.add_array(&format!("{i}{}", "x".repeat(i * 13)), &array.view()).unwrap();
        }
        let bytes = writer.finish().unwrap().into_inner();
        let code = "
z = np.load(io.BytesIO(inputs[0]))
for key in z.files:
    file = io.BytesIO()
    np.save(file, z[key])
    outputs.append(file.getvalue())
";
        let saved = numpy(code, &[&bytes]);
        assert_eq!(saved, arrays.each_ref().map(|array| array.to_npy().unwrap()));
        let archive = Archive::from_bytes(bytes.clone()).unwrap();
        for member in archive.members().filter(|_| compression == Compression::Stored) {
            let npy = member.bytes().unwrap().unwrap();
            let place = bytes.windows(npy.len()).position(|window| window == npy).unwrap();
            assert_eq!(place % 64, 0, "{}", member.name());
        }
    }
}

#[test]
fn bytes_do_not_depend_on_the_number_of_threads() {
    let archive = |threads: usize| {
        let mut writer = writer(Compression::Deflate { level: 6 }, threads);
        for i in 0..3000_usize {
            writer.add(&format!("ix-{i:06}"), vec![(i % 7) as u8; i]).unwrap();
        }
        let mut stream = writer.stream("stream", Vec::new()).unwrap();
        stream.write_all(&vec![7; 5 << 20]).unwrap();
        stream.finish(&[]).unwrap();
        writer.finish().unwrap().into_inner()
    };
    let one = archive(1);
    assert!([2, 3, 7].into_iter().all(|threads| archive(threads) == one));
}

#[test]
fn writes_zip64_only_where_needed() {
    for count in [65_535, 65_536, 70_000] {
        let mut writer = writer(Compression::Stored, 1);
        for i in 0..count {
            writer.add(&format!("{i}"), Vec::new()).unwrap();
        }
        let bytes = writer.finish().unwrap().into_inner();
        let zip64 = bytes.windows(4).any(|window| window == b"PK\x06\x06");
        assert_eq!(zip64, count > 65_535, "{count}");
        for archive in open_all_ways(&bytes) {
            assert_eq!(archive.len(), count);
            assert_eq!(archive.find("65534").unwrap().number(), 65_534);
        }
        let code =
            "import zipfile; outputs.append(b'%d' % len(zipfile.ZipFile(io.BytesIO(inputs[0])).namelist()))";
        assert_eq!(numpy(code, &[&bytes])[0], count.to_string().as_bytes());
    }
}

/// Writes zeros as holes in a file, so that four gigabytes take no space.
struct Sparse(std::fs::File);

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if bytes.len() > 4096 && bytes.iter().all(|&byte| byte == 0) {
            std::io::Seek::seek(&mut self.0, std::io::SeekFrom::Current(bytes.len() as i64))?;
            return Ok(bytes.len());
        }
        self.0.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

impl std::io::Seek for Sparse {
    fn seek(&mut self, position: std::io::SeekFrom) -> std::io::Result<u64> {
        self.0.seek(position)
    }
}

/// A 32-bit machine cannot map such a file.
#[cfg(target_pointer_width = "64")]
#[test]
fn finds_members_beyond_four_gigabytes() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let options = WriteOptions::default().with_compression(Compression::Stored);
    let mut writer = Writer::new(Sparse(file.reopen().unwrap()), &options);
    let head = Header::new(Dtype::of::<u8>(), vec![0]).to_bytes().unwrap();
    let mut stream = writer.stream("large.npy", head).unwrap();
    let zeros = vec![0; 64 << 20];
    for _ in 0..65 {
        stream.write_all(&zeros).unwrap();
    }
    stream.finish(&Header::new(Dtype::of::<u8>(), vec![65 << 26]).to_bytes().unwrap()).unwrap();
    writer.add_array("behind", &DynArray::from_ndarray(&array![7_u8]).view()).unwrap();
    writer.finish().unwrap();

    let archive = Archive::open(file.path()).unwrap();
    assert!(archive.find("behind").unwrap().offset() > 1 << 32);
    assert_eq!(archive.array("behind").unwrap().data(), [7]);
    assert_eq!(archive.array_view("large").unwrap().unwrap().shape(), [65 << 26]);
    let code = "
import zipfile
z = zipfile.ZipFile(inputs[0].decode())
outputs += [z.read('behind.npy')[-1:], b'%d' % z.getinfo('large.npy').file_size, z.open('large.npy').read(200)[:6]]
";
    let path = file.path().to_str().unwrap().as_bytes();
    let expected = [vec![7], (128 + (65_u64 << 26)).to_string().into_bytes(), b"\x93NUMPY".to_vec()];
    assert_eq!(numpy(code, &[path]), expected);
}

/// Archives whose names `zipfile` may take from an extra field, or whose comments it may take for an end record.
const ODD_ARCHIVES: &str = r#"
import struct, zlib
def entry(name, extra=b'', comment=b''):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w') as z:
        info = zipfile.ZipInfo(name)
        info.extra = extra
        z.writestr(info, b'x')
        z.comment = comment
    return file.getvalue()
def path(name, other, version=1, wrong=0):
    data = struct.pack('<BI', version, zlib.crc32(name.encode()) ^ wrong) + other.encode()
    return struct.pack('<HH', 0x7075, len(data)) + data
end = b'PK\x05\x06'
for archive in [
    entry('a'), entry('a', comment=b'hello'), entry('a', comment=end + bytes(18)), entry('a', comment=end + b'x' * 30),
    entry('a', comment=b'x' + end), entry('a', comment=end[:3]), entry('a', path('a', 'b')), entry('a', path('a', 'a')),
    entry('a', path('a', 'b', wrong=1)), entry('a', path('a', 'b', version=2)), entry('a', path('a', 'b')[:9]),
    entry('a', bytes(8) + path('a', 'b')), entry('a', struct.pack('<HHH', 7, 2, 9)), entry('a', b'\1\2\3'),
]:
    outputs.append(archive)
    try:
        with zipfile.ZipFile(io.BytesIO(archive)) as z:
            outputs.append(' '.join(z.namelist()).encode())
    except zipfile.BadZipFile:
        outputs.append(b'BadZipFile')
"#;

#[test]
fn gives_members_the_names_that_python_gives_them() {
    let outputs = Oracle::start().run(&format!("import zipfile\n{ODD_ARCHIVES}"), &[]);
    let mut read = 0;
    for pair in outputs.chunks(2) {
        let [archive, theirs] = pair else { panic!("an archive and its names") };
        if let Ok(ours) = Archive::from_bytes(archive.clone()) {
            let names: Vec<String> = ours.members().map(|member| member.name().to_owned()).collect();
            assert_eq!(names.join(" ").as_bytes(), theirs.as_slice());
            assert_eq!(ours.find("a").unwrap().read().unwrap(), b"x");
            read += 1;
        }
    }
    assert_eq!(read, 8, "of {}", outputs.len() / 2);
}
