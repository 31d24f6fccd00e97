//! False members of image sets: they are refused, or read as the reference decoder reads them, in little memory and time.

use std::fs;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bitnpz::{
    Archive, Codec, Dtype, DynArrayView, Encoding, Header, Limits, OpenOptions, WriteOptions, Writer,
};
use bitnpz_npz::Compression;
use bitnpz_oracle::{Cost, Counting};
use ndarray::Array2;
use serde_json::{Value as Json, json};

use crate::support::{archive, in_members, members, reference_decoder};

/// A limit above the size of all arrays in the samples.
const ARRAY_BYTES: u64 = 1 << 20;

/// Twice the steps of the sample with most pixels: 36,000, which are decoded twice.
const MOST_STEPS: u64 = 2_200_000;

/// An archive to make false copies of.
struct Sample {
    name: &'static str,
    bytes: Vec<u8>,
}

/// A false copy of a sample. If it is read without a problem and `must_be_same`, its images must be those of the sample.
struct Case {
    name: String,
    bytes: Vec<u8>,
    must_be_same: bool,
}

/// False members that cannot be detected and must be read as the reference reads them: part of the case's name, and the reason.
const READ: [(&str, &str); 8] = [
    ("/key is", "a key is any valid name of a member"),
    ("keys-0: byte", "a table can describe any keys"),
    ("/keys/pattern/", "a pattern can describe any keys"),
    ("/default/dtype is \"<f8\"", "pixels can have any dtype"),
    ("/default/values/", "pixels can have any two values"),
    ("set.json: /dtype", "pixels can have any dtype"),
    ("set.json: /values/", "pixels can have any two values"),
    ("packed.json: /default is n", "arrays that are not listed as packed are arrays of bytes"),
];

/// The arrays of an archive by their keys, as `.npy`.
type Arrays = Vec<(String, Vec<u8>)>;

fn image(seed: usize, size: [usize; 2]) -> Array2<bool> {
    let middle = 3 + seed % 4;
    Array2::from_shape_fn(size, |(row, column)| row.abs_diff(middle) + column.abs_diff(middle) < 2 + seed % 3)
}

fn written(options: &WriteOptions, add: impl Fn(&mut Writer)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample.npz");
    let mut writer = Writer::create_with(&path, options).unwrap();
    add(&mut writer);
    writer.finish().unwrap();
    fs::read(&path).unwrap()
}

/// Returns archives with each kind of keys and every codec that the reference decodes with NumPy alone, and one of packed rows.
fn samples() -> Vec<Sample> {
    let coded = |codec| WriteOptions::default().with_codec(codec);
    let stack = |writer: &mut Writer| {
        let stack = ndarray::Array3::from_shape_fn((90, 20, 20), |(seed, row, column)| {
            u8::from(image(seed * 3 % 11, [20, 20])[[row, column]]) * 255
        });
        writer.add_images("stack", &stack).unwrap();
    };
    let stacks = |writer: &mut Writer| {
        for (number, key) in ["b", "a", "c"].into_iter().enumerate() {
            let stack = ndarray::Array3::from_shape_fn((60, 20, 20), |(seed, row, column)| {
                image(seed * 3 % (number + 7), [20, 20])[[row, column]]
            });
            writer.add_images(key, &stack).unwrap();
        }
    };
    let ragged = |writer: &mut Writer| {
        for (number, seed) in [4, 1, 3, 0, 2, 7, 5, 4].into_iter().enumerate() {
            let key = format!("{}", (number + 3) * 7919 % 101);
            writer.add_image(&key, &image(seed, [7 + seed % 3, 9])).unwrap();
        }
    };
    let numbered = |writer: &mut Writer| {
        (0..8).for_each(|seed| writer.add_image(&format!("ix-{seed:03}"), &image(seed, [8, 8])).unwrap());
    };
    let shuffled = |writer: &mut Writer| {
        for number in 0..40 {
            let key = match number {
                9 => "ein Wort".to_owned(),
                _ => format!("{}/{}", ["b", "a", "ü"][number % 3], number * 31 % 41),
            };
            writer.add_image(&key, &image(number, [4, 4])).unwrap();
        }
    };
    vec![
        Sample { name: "table", bytes: written(&coded(Codec::Raw), shuffled) },
        Sample { name: "contour", bytes: written(&coded(Codec::Contour), ragged) },
        Sample { name: "pixel", bytes: written(&coded(Codec::Pixel), stack) },
        Sample { name: "stacks", bytes: written(&coded(Codec::Contour), stacks) },
        Sample { name: "shipped", bytes: written(&WriteOptions::default(), ragged) },
        Sample { name: "raw", bytes: written(&coded(Codec::Raw), numbered) },
        Sample {
            name: "members",
            bytes: archive(&in_members(members(&written(&coded(Codec::Pixel), stack)))),
        },
        Sample { name: "arrays", bytes: of_arrays(&written(&coded(Codec::Raw), numbered)) },
        Sample {
            name: "packed",
            bytes: written(&WriteOptions::default().with_encoding(Encoding::Packed), ragged),
        },
    ]
}

/// Returns bytes as a one-dimensional array in `.npy` format.
fn array(bytes: &[u8]) -> Vec<u8> {
    let header = Header::new(Dtype::of::<u8>(), vec![bytes.len()]);
    DynArrayView::new(header, bytes).unwrap().to_npy().unwrap()
}

/// Returns the archive with sets of version 4, whose members are arrays.
fn of_arrays(bytes: &[u8]) -> Vec<u8> {
    let options = bitnpz_npz::WriteOptions::default().with_compression(Compression::Stored);
    let mut writer = bitnpz_npz::Writer::new(std::io::Cursor::new(Vec::new()), &options);
    for (name, bytes) in in_members(members(bytes)) {
        let text = String::from_utf8_lossy(&bytes);
        match name.ends_with(".json") {
            true => writer.add(&name, text.replace("\"version\":6", "\"version\":4").into()).unwrap(),
            false => writer.add(&format!("{name}.npy"), array(&bytes)).unwrap(),
        }
    }
    writer.finish().unwrap().into_inner()
}

fn own_members(sample: &Sample) -> impl Iterator<Item = (String, Vec<u8>)> {
    members(&sample.bytes).into_iter().filter(|(name, _)| name.starts_with(".bitnpz/"))
}

/// Replaces a member of an archive, or removes it.
fn with_member(bytes: &[u8], name: &str, other: Option<Vec<u8>>, compression: Compression) -> Vec<u8> {
    let options = bitnpz_npz::WriteOptions::default().with_compression(Compression::Stored);
    let mut writer = bitnpz_npz::Writer::new(std::io::Cursor::new(Vec::new()), &options);
    for (member, bytes) in members(bytes).into_iter().filter(|(member, _)| member != name) {
        writer.add(&member, bytes).unwrap();
    }
    if let Some(other) = other {
        writer.add_with(name, other, compression).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Collects pointers (RFC 6901) to all values of a JSON text.
fn pointers(json: &Json, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match json {
        Json::Object(fields) => {
            for (name, value) in fields {
                let name = name.replace('~', "~0").replace('/', "~1");
                pointers(value, &format!("{at}/{name}"), found);
            }
        }
        Json::Array(values) => {
            values.iter().enumerate().for_each(|(i, value)| pointers(value, &format!("{at}/{i}"), found));
        }
        _ => {}
    }
}

/// Returns values of other types and sizes to put into JSON.
fn false_values() -> Vec<Json> {
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(2),
        json!(7),
        json!(0.5),
        json!(1e99),
        json!(1_u64 << 32),
        json!(i64::MAX),
        json!(u64::MAX),
        json!(""),
        json!("x"),
        json!("<f8"),
        json!("inf"),
        json!(".."),
        json!("a\u{0}b"),
        json!("x".repeat(100_000)),
        json!([]),
        json!([0, 0]),
        json!([1, 2, 3]),
        json!([u32::MAX, u32::MAX]),
        json!({}),
        json!({"x": 1}),
    ]
}

/// Returns false copies of a JSON member: each value replaced or removed, and the text repeated or truncated.
fn json_lies(sample: &Sample, member: &str, text: &[u8]) -> Vec<Case> {
    let others = false_values();
    let json: Json = serde_json::from_slice(text).unwrap();
    let mut places = Vec::new();
    pointers(&json, "", &mut places);
    let case = |what: String, text: Vec<u8>| Case {
        name: format!("{}: {member}: {what}", sample.name),
        bytes: with_member(&sample.bytes, member, Some(text), Compression::Stored),
        must_be_same: false,
    };
    let mut cases = Vec::new();
    for place in &places {
        for other in &others {
            let mut lie = json.clone();
            *lie.pointer_mut(place).unwrap() = other.clone();
            if lie != json {
                let short: String = other.to_string().chars().take(20).collect();
                cases.push(case(format!("{place} is {short}"), serde_json::to_vec(&lie).unwrap()));
            }
        }
        if ["/bytes", "/directory"].iter().any(|end| place.ends_with(end)) {
            let text = json.pointer(place).unwrap().as_str().unwrap();
            cases.extend(inline_lies(text).into_iter().map(|(what, other)| {
                let mut lie = json.clone();
                *lie.pointer_mut(place).unwrap() = other.into();
                let what = format!("{place}: {what}");
                Case { must_be_same: true, ..case(what, serde_json::to_vec(&lie).unwrap()) }
            }));
        }
        let Some((parent, last)) = place.rsplit_once('/') else { continue };
        let mut lie = json.clone();
        match lie.pointer_mut(parent).unwrap() {
            Json::Object(fields) => drop(fields.remove(&last.replace("~1", "/").replace("~0", "~"))),
            Json::Array(values) => drop(values.remove(last.parse().unwrap())),
            _ => unreachable!(),
        }
        cases.push(case(format!("{place} is not there"), serde_json::to_vec(&lie).unwrap()));
    }
    let twice = [b"{\"version\":1,", &text[1..]].concat();
    cases.push(case("version is given twice".to_owned(), twice));
    cases.push(case("a byte order mark".to_owned(), [b"\xEF\xBB\xBF", text].concat()));
    cases.push(case("two texts".to_owned(), [text, text].concat()));
    cases.push(case("100,000 brackets".to_owned(), vec![b'['; 100_000]));
    cases.push(case("no bytes".to_owned(), Vec::new()));
    cases.extend((0..text.len()).map(|len| case(format!("{len} bytes of it"), text[..len].to_vec())));
    cases
}

/// Returns false copies of bytes in a description, in base64.
fn inline_lies(text: &str) -> Vec<(String, String)> {
    let bytes = STANDARD.decode(text).unwrap();
    let mut lies = vec![
        ("no padding".to_owned(), format!("{}A", text.trim_end_matches('='))),
        ("a line break".to_owned(), format!("{}\n{}", &text[..4], &text[4..])),
        ("no bytes".to_owned(), String::new()),
        ("100,000 zeros".to_owned(), STANDARD.encode(vec![0; 100_000])),
        ("twice".to_owned(), STANDARD.encode([&bytes[..], &bytes].concat())),
    ];
    // As of members.
    let step = bytes.len().div_ceil(400).max(1);
    for place in (0..bytes.len()).step_by(step) {
        for flip in [0x01, 0x80, 0xFF] {
            let mut other = bytes.clone();
            other[place] ^= flip;
            lies.push((format!("byte {place} ^ {flip}"), STANDARD.encode(other)));
        }
        lies.push((format!("{place} bytes"), STANDARD.encode(&bytes[..place])));
    }
    lies
}

/// Returns false copies of a member of bytes, or of an array of them: shorter, longer, with changed bytes, and with another header
/// or compression.
fn bytes_lies(sample: &Sample, member: &str, whole: &[u8]) -> Vec<Case> {
    let is_array = member.ends_with(".npy");
    let (head, bytes) = whole.split_at(if is_array { 128 } else { 0 });
    let must_be_same = !member.contains("keys");
    let case = |what: String, bytes: Option<Vec<u8>>, compression: Compression| Case {
        name: format!("{}: {member}: {what}", sample.name),
        bytes: with_member(&sample.bytes, member, bytes, compression),
        must_be_same,
    };
    let of = |what: String, bytes: &[u8]| {
        case(what, Some(if is_array { array(bytes) } else { bytes.to_vec() }), Compression::Stored)
    };
    let mut cases = vec![
        case("it is not there".to_owned(), None, Compression::Stored),
        case("deflated".to_owned(), Some(whole.to_vec()), Compression::Deflate { level: 6 }),
        case("zstd".to_owned(), Some(whole.to_vec()), Compression::Zstd { level: 3 }),
        of("zeros".to_owned(), &vec![0; bytes.len()]),
        of("ones".to_owned(), &vec![0xFF; bytes.len()]),
        of("a byte more".to_owned(), &[bytes, b"\0"].concat()),
        of("twice".to_owned(), &[bytes, bytes].concat()),
        of("100,000 bytes more".to_owned(), &[bytes, &vec![0x55; 100_000]].concat()),
    ];
    let headers = [("|u1", "|i1"), ("|u1", "|b1"), ("False", "True "), (",)", ",1")];
    if is_array {
        cases.push(case("no header".to_owned(), Some(bytes.to_vec()), Compression::Stored));
    }
    for (old, new) in headers.into_iter().filter(|_| is_array) {
        let text = String::from_utf8_lossy(&head[10..]).replacen(old, new, 1);
        let npy = [&head[..10], text.as_bytes(), bytes].concat();
        cases.push(case(format!("{new} for {old}"), Some(npy), Compression::Stored));
    }
    // At every byte, the large models would take a minute.
    let step = bytes.len().div_ceil(400).max(1);
    for place in (0..bytes.len()).step_by(step) {
        cases.push(of(format!("{place} bytes of it"), &bytes[..place]));
        for with in [1, 0x80, 0xFF] {
            let mut lie = bytes.to_vec();
            lie[place] ^= with;
            cases.push(of(format!("byte {place} xor {with}"), &lie));
        }
    }
    cases
}

/// Returns decompression bombs and absurdly large images, and a part of the expected error.
fn bombs(sample: &Sample) -> Vec<(Case, &'static str)> {
    let huge = vec![0; 64 << 20];
    let mut bombs = Vec::new();
    let mut add =
        |what: &str, member: &str, bytes: Vec<u8>, compression: Compression, error: &'static str| {
            let bytes = with_member(&sample.bytes, member, Some(bytes), compression);
            let name = format!("{}: {member}: {what}", sample.name);
            bombs.push((Case { name, bytes, must_be_same: true }, error));
        };
    for (name, bytes) in own_members(sample) {
        for (compression, what) in [
            (Compression::Deflate { level: 1 }, "deflate bomb"),
            (Compression::Zstd { level: 1 }, "zstd bomb"),
        ] {
            let bomb = if name.ends_with(".npy") { array(&huge) } else { huge.clone() };
            add(what, &name, bomb, compression, "member_bytes");
        }
        if name.starts_with(".bitnpz/models/") {
            add("100,000 questions", &name, vec![0; 100_000], Compression::Stored, "model");
        }
        if name.ends_with("set.json") && sample.name == "pixel" {
            for [height, width] in
                [[1_u64 << 16, 1 << 16], [1 << 40, 1 << 40], [1 << 62, 1 << 62], [0, 1 << 62]]
            {
                let mut json: Json = serde_json::from_slice(&bytes).unwrap();
                json["shape"] = json!([90, height, width]);
                json["segments"][0]["size"] = json!([height, width]);
                let what = format!("images of {height} rows of {width}");
                add(&what, &name, serde_json::to_vec(&json).unwrap(), Compression::Stored, "");
            }
        }
    }
    bombs
}

fn collection(samples: &[Sample]) -> Vec<(&Sample, Vec<Case>)> {
    let lies = |sample: &Sample| {
        let lies = own_members(sample).flat_map(|(name, bytes)| {
            if name.ends_with(".json") {
                json_lies(sample, &name, &bytes)
            } else {
                bytes_lies(sample, &name, &bytes)
            }
        });
        lies.collect()
    };
    samples.iter().map(|sample| (sample, lies(sample))).collect()
}

/// Returns all arrays, and the number of problems that `verify` finds.
fn read(bytes: &[u8]) -> Result<(Arrays, usize), String> {
    let archive = Archive::from_bytes_with(bytes.to_vec(), &OpenOptions::default().with_limits(limits()))
        .map_err(|error| error.to_string())?;
    let problems = archive.verify(|_| ()).unwrap().problems.len();
    let arrays = archive.entries().map(|entry| {
        let key = entry?.key().to_owned();
        let npy = archive.dyn_array(&key)?.view().to_npy()?;
        Ok((key, npy))
    });
    let mut arrays: Arrays = arrays.collect::<bitnpz::Result<_>>().map_err(|error| error.to_string())?;
    arrays.sort();
    Ok((arrays, problems))
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.npy.array_bytes = ARRAY_BYTES;
    limits.with_member_bytes(4 * ARRAY_BYTES)
}

const COMPARE: &str = "
import contextlib
with contextlib.redirect_stderr(io.StringIO()):
    found = bitnpz_reference.load(io.BytesIO(inputs[0]))
expected = {key.decode(): np.load(io.BytesIO(npy)) for key, npy in zip(inputs[1::2], inputs[2::2])}
assert found.keys() == expected.keys(), (found.keys(), expected.keys())
for key, array in expected.items():
    assert found[key].dtype == array.dtype and found[key].shape == array.shape, key
    assert found[key].tobytes() == array.tobytes(), key
";

#[test]
fn every_lie_is_refused_or_read_as_the_reference_does() {
    let mut python = reference_decoder();
    let samples = samples();
    let (mut wrong, mut count, mut most) = (Vec::new(), 0, Cost::default());
    for (sample, cases) in collection(&samples) {
        let (expected, problems) = read(&sample.bytes).unwrap();
        assert_eq!(problems, 0, "{}", sample.name);
        for case in &cases {
            count += 1;
            let (found, cost) = Counting::measure(|| read(&case.bytes));
            most = most.max(cost);
            let found = match found {
                Ok((found, 0)) if found != expected => found,
                Err(error) if !error.contains(".bitnpz/") && !error.starts_with('"') => {
                    wrong.push(format!("{}: neither member nor key is named: {error}", case.name));
                    continue;
                }
                _ => continue,
            };
            if case.must_be_same || !READ.iter().any(|(part, _)| case.name.contains(part)) {
                wrong.push(format!("{}: it is read, and not as before", case.name));
                continue;
            }
            let mut inputs = vec![case.bytes.as_slice()];
            inputs.extend(found.iter().flat_map(|(key, npy)| [key.as_bytes(), npy]));
            if let Err(error) = python.try_run(COMPARE, &inputs) {
                wrong.push(format!("{}: {error}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 4000, "{count} cases");
    assert!(most.peak < 4 << 20 && most.total < 32 << 20 && most.steps < MOST_STEPS, "{most:?}");
}

#[test]
fn refuses_bombs_in_little_memory() {
    for sample in samples() {
        for (case, expected) in bombs(&sample) {
            let (found, cost) = Counting::measure(|| read(&case.bytes));
            let error = found.map(|(arrays, problems)| (arrays.len(), problems)).unwrap_err();
            assert!(error.contains(expected), "{}: {error}", case.name);
            let most = 4 * usize::try_from(ARRAY_BYTES).unwrap() + 16 * case.bytes.len();
            assert!(cost.peak < most && cost.steps < MOST_STEPS, "{}: {cost:?}, {error}", case.name);
        }
    }
}

/// Digits of few bytes each, for more keys than a segment may have.
#[test]
fn refuses_long_key_tables_in_little_memory() {
    let images = 20_000;
    let bytes = written(&WriteOptions::default().with_codec(Codec::Raw), |writer| {
        for number in 0..images {
            writer.add_image(&format!("{}", number * 7919 % 20_011), &image(number, [1, 1])).unwrap();
        }
    });
    // A field of 65,536 digits, each `a` or `b`, in columns of 63 digits that are all zero.
    let mut keys = vec![1, 0, 1, 0x80, 0x80, 4];
    (0..65_536).for_each(|_| keys.extend([2, b'a', b'b']));
    (0..65_536_usize.div_ceil(63)).for_each(|_| keys.extend([0, 0]));
    let (name, _) = members(&bytes).into_iter().find(|(name, _)| name.contains("keys-")).unwrap();
    let bytes = with_member(&bytes, &name, Some(keys), Compression::Deflate { level: 6 });
    let (found, cost) = Counting::measure(|| Archive::from_bytes(bytes).map(|archive| archive.len()));
    let error = found.unwrap_err().to_string();
    assert!(error.contains(&name) && error.contains("64 MiB of keys"), "{error}");
    assert!(cost.total < 16 << 20, "{cost:?}");
}
