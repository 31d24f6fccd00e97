//! Damaged and hostile `.npy` files: each is rejected in little memory and time, or read like NumPy reads it.

use bitnpz_npy::{DynArray, DynArrayView, Limits};
use bitnpz_oracle::{Counting, Oracle};

/// A file, and the expected error: part of its message, or `None` if the file is valid.
struct Case {
    name: String,
    bytes: Vec<u8>,
    error: Option<&'static str>,
}

const VALID: Option<&str> = None;

fn npy(version: (u8, u8), header: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version.0, version.1]);
    let len = u32::try_from(header.len()).unwrap();
    bytes.extend(&len.to_le_bytes()[..if version.0 == 1 { 2 } else { 4 }]);
    [bytes.as_slice(), header, data].concat()
}

fn header(descr: &str, order: &str, shape: &str) -> Vec<u8> {
    let mut text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}").into_bytes();
    text.resize((text.len() + 11).next_multiple_of(64) - 11, b' ');
    text.push(b'\n');
    text
}

fn good() -> Vec<u8> {
    npy((1, 0), &header("'|u1'", "False", "(2, 3)"), &[1, 2, 3, 4, 5, 6])
}

#[derive(Default)]
struct Collection(Vec<Case>);

impl Collection {
    fn add(&mut self, name: impl Into<String>, bytes: Vec<u8>, error: Option<&'static str>) {
        self.0.push(Case { name: name.into(), bytes, error });
    }

    fn text(&mut self, text: &str, error: Option<&'static str>) {
        let bytes = npy((1, 0), format!("{text}\n").as_bytes(), &[1, 2, 3, 4, 5, 6]);
        self.add(format!("the header {text:.60}"), bytes, error);
    }

    fn parts(&mut self, parts: [&str; 3], data: &[u8], error: Option<&'static str>) {
        let [descr, order, shape] = parts;
        let name = format!("{descr:.40} {order} {shape:.40} and {} bytes", data.len());
        self.add(name, npy((1, 0), &header(descr, order, shape), data), error);
    }
}

fn frames(cases: &mut Collection) {
    for place in 0..6 {
        let mut bytes = good();
        bytes[place] ^= 0x20;
        cases.add(format!("magic byte {place}"), bytes, Some("magic"));
    }
    for len in [0, 1, 5, 6, 7, 8, 9, 10, 11, 64, 127] {
        cases.add(format!("cut at {len}"), good()[..len].to_vec(), Some(""));
    }
    for len in 128..134 {
        cases.add(format!("cut at {len}"), good()[..len].to_vec(), Some("cut short"));
    }
    for more in [1, 64, 1000] {
        cases.add(format!("{more} bytes more"), [good(), vec![0; more]].concat(), Some("something follows"));
    }
    let text = header("'|u1'", "False", "(2, 3)");
    for version in [(0, 0), (0, 1), (1, 1), (1, 255), (2, 1), (3, 1), (4, 0), (147, 0), (255, 255)] {
        cases.add(format!("version {version:?}"), npy(version, &text, &[1; 6]), Some("version"));
    }
    for version in [(2, 0), (3, 0)] {
        cases.add(format!("version {version:?}"), npy(version, &text, &[1; 6]), VALID);
    }
    for len in [0_u16, 1, 10, 117, 119, 9999, 10_001, 65_535] {
        let mut bytes = good();
        bytes[8..10].copy_from_slice(&len.to_le_bytes());
        cases.add(format!("header length {len}"), bytes, Some(""));
    }
    for len in [0_u32, 10_001, 1 << 31, u32::MAX] {
        let mut bytes = npy((2, 0), &text, &[1; 6]);
        bytes[8..12].copy_from_slice(&len.to_le_bytes());
        cases.add(format!("version 2 header length {len}"), bytes, Some(""));
    }
    let long = [text.as_slice(), &vec![b' '; 20_000]].concat();
    cases.add("a header of 20,000 bytes", npy((1, 0), &long, &[1; 6]), Some("header_bytes"));
}

fn literals(cases: &mut Collection) {
    let [descr, order, shape] = ["'descr': '|u1'", "'fortran_order': False", "'shape': (2, 3)"];
    let syntax = Some("expected");
    for (text, verdict) in [
        (format!("{{{descr}, {order}, {shape}}}"), VALID),
        (format!("{{{shape}, {order}, {descr},}}"), VALID),
        (format!("  {{ {descr} ,\t{order},{shape} , }}  "), VALID),
        (format!("{{{descr}, {order}}}"), syntax),
        (format!("{{{descr}, {shape}}}"), syntax),
        (format!("{{{order}, {shape}}}"), syntax),
        ("{}".to_owned(), syntax),
        (String::new(), syntax),
        (format!("{{{descr}, {order}, {shape}, 'more': 1}}"), syntax),
        (format!("{{{descr}, {descr}, {order}, {shape}}}"), syntax),
        (format!("{{{descr}, {order}, {shape}, {shape}}}"), syntax),
        (format!("{{{descr}, {order}, {order}, {shape}}}"), syntax),
        (format!("{{{descr}, {order}, {shape}"), syntax),
        (format!("{descr}, {order}, {shape}}}"), syntax),
        (format!("{{{descr} {order}, {shape}}}"), syntax),
        (format!("{{{descr}, {order}, {shape}}} x"), syntax),
        (format!("{{{descr}, {order}, {shape}}}; print()"), syntax),
        (format!("({descr}, {order}, {shape})"), syntax),
        (format!("[{descr}, {order}, {shape}]"), syntax),
        (format!("{{{descr}, {order}, 'shape': (2, 3) + ()}}"), syntax),
        (format!("{{{descr}, {order}, **{{{shape}}}}}"), syntax),
        (format!("{{{descr}, {order}, 'shape': tuple([2, 3])}}"), syntax),
        (format!("{{{descr}, {order}, 'shape': (lambda: (2, 3))()}}"), syntax),
        (format!("{{{order}, {shape}, 'descr': __import__('os').system('true')}}"), syntax),
        (format!("{{{order}, {shape}, 'descr': f'|u1'}}"), syntax),
        (format!("{{{order}, {shape}, 'descr': '|u' '1'}}"), syntax),
        (format!("{{{order}, {shape}, 'descr': '|u1}}"), syntax),
        (format!("{{{descr}, {order}, {shape}}}\0"), syntax),
        (format!("{{{descr}, {order}, {shape}\u{7}}}"), syntax),
        ("1".to_owned(), syntax),
        ("None".to_owned(), syntax),
        ("'text'".to_owned(), syntax),
    ] {
        cases.text(&text, verdict);
    }
    for depth in [2, 9, 20, 100, 1000, 4000] {
        for (open, close) in [("(", ")"), ("[", "]"), ("{", "}"), ("-", ""), ("not ", "")] {
            let nested = format!("{}{}", open.repeat(depth), close.repeat(depth));
            if nested.len() < 9000 {
                cases.text(&format!("{{{descr}, {order}, 'shape': {nested}}}"), Some(""));
            }
        }
    }
}

fn types(cases: &mut Collection) {
    for order in ["0", "1", "None", "'True'", "true", "()", "1.0"] {
        cases.parts(["'|u1'", order, "(6,)"], &[1; 6], Some("expected"));
    }
    for shape in [
        "6",
        "None",
        "'6'",
        "[6]",
        "{6}",
        "(6.0,)",
        "(-6,)",
        "(-1, -6)",
        "(True, 6)",
        "('6',)",
        "((6,),)",
        "(6, None)",
        "(6j,)",
        "(0x6,)",
        "(6_0,)",
        "(06,)",
        "6,",
        "(6,,)",
        "(,)",
        "(1e1,)",
    ] {
        cases.parts(["'|u1'", "False", shape], &[1; 6], Some(""));
    }
    for shape in ["(+6,)", "(6L,)", "( 6 , )"] {
        cases.parts(["'|u1'", "False", shape], &[1; 6], VALID);
    }
    for digits in [20, 40, 100, 1000, 4300, 4301, 9000] {
        let shape = format!("({},)", "9".repeat(digits));
        cases.parts(["'|u1'", "False", &shape], &[1; 6], Some(""));
    }
    for shape in [
        "(1000000000000,)",
        "(4294967296, 4294967296)",
        "(9223372036854775807,)",
        "(9223372036854775808,)",
        "(18446744073709551615,)",
        "(18446744073709551616,)",
        "(3037000500, 3037000500)",
        "(2, 9223372036854775807)",
        "(65536, 65536, 65536, 65536)",
        "(7,)",
        "(5,)",
        "(2, 2)",
        "(0,)",
        "()",
        "(1000000, 1000000)",
    ] {
        cases.parts(["'|u1'", "False", shape], &[1; 6], Some(""));
    }
    for shape in ["(0, 9223372036854775807)", "(9223372036854775807, 0)", "(0, 4294967296, 4294967296)"] {
        cases.parts(["'<f8'", "False", shape], &[], Some(""));
    }
    for descr in [
        "'|O'",
        "'O'",
        "'O8'",
        "'|O8'",
        "'object'",
        "[('a', '|O')]",
        "[('a', '<i4'), ('b', 'O')]",
        "[('a', [('b', '|O8')])]",
        "('|O', (2,))",
    ] {
        cases.parts([descr, "False", "(1,)"], &[0; 8], Some(""));
    }
    for descr in [
        "''",
        "'x'",
        "'|x4'",
        "'<f3'",
        "'<f7'",
        "'<i5'",
        "'<i16'",
        "'<u3'",
        "'|b2'",
        "'<b8'",
        "'<c4'",
        "'<c7'",
        "'<M8[x]'",
        "'<M4'",
        "'|u'",
        "'|u-1'",
        "'|u01000000000000000000000000'",
        "'|S-1'",
        "'|S99999999999999999999'",
        "'|V99999999999'",
        "'!!u1'",
        "'|u1 '",
        "1",
        "None",
        "True",
        "()",
        "[]",
        "{}",
        "('|u1',)",
        "[('a',)]",
        "[('a', '|u1', 2, 3)]",
        "[1]",
        "[('a', '|u1'), ('a', '|u1')]",
        "[['a', '|u1']]",
        "'|u1\\x00'",
        "'|u1,|u1'",
        "'u1,u1'",
        "'int'",
    ] {
        cases.parts([descr, "False", "(1,)"], &[0], Some(""));
    }
    for (descr, bytes) in [
        ("'|b1'", 1),
        ("'|i1'", 1),
        ("'<i2'", 2),
        ("'>i2'", 2),
        ("'<u4'", 4),
        ("'>u8'", 8),
        ("'<f2'", 2),
        ("'>f4'", 4),
        ("'<f8'", 8),
        ("'<c8'", 8),
        ("'>c16'", 16),
        ("'|S3'", 3),
        ("'<U2'", 8),
        ("'|V5'", 5),
        ("'<M8[ns]'", 8),
        ("'<m8[25s]'", 8),
        ("[('a', '<i4'), ('b', '|u1')]", 5),
        ("[('a', '<i2', (2, 2))]", 8),
    ] {
        cases.parts([descr, "False", "(3,)"], &vec![1; bytes * 3], VALID);
        cases.parts([descr, "True", "(1, 3)"], &vec![1; bytes * 3], VALID);
        cases.parts([descr, "False", "(3,)"], &vec![1; bytes * 3 - 1], Some("cut short"));
    }
    for (place, value) in [(0, 2), (3, 255), (5, 128)] {
        let mut data = [1; 6];
        data[place] = value;
        cases.parts(["'|b1'", "False", "(6,)"], &data, VALID);
    }
}

fn encodings(cases: &mut Collection) {
    let field = |name: &[u8]| {
        let text = header("[('@', '|u1')]", "False", "(6,)");
        let at = text.iter().position(|byte| *byte == b'@').unwrap();
        [&text[..at], name, &text[at + 1..]].concat()
    };
    cases.add("Latin-1 in version 1", npy((1, 0), &field(b"\xE9"), &[1; 6]), VALID);
    cases.add("UTF-8 in version 3", npy((3, 0), &field("é".as_bytes()), &[1; 6]), VALID);
    cases.add("no UTF-8 in version 3", npy((3, 0), &field(b"\xE9"), &[1; 6]), Some(""));
    cases.add("a surrogate in version 3", npy((3, 0), &field(b"\xED\xA0\x80"), &[1; 6]), Some(""));
    cases.add("a NUL in a name", npy((1, 0), &field(b"\0"), &[1; 6]), Some(""));
}

fn collection() -> Vec<Case> {
    let mut cases = Collection::default();
    frames(&mut cases);
    literals(&mut cases);
    types(&mut cases);
    encodings(&mut cases);
    cases.0
}

#[test]
fn reads_or_rejects_each_file_in_little_memory() {
    let cases = collection();
    assert!(cases.len() >= 150, "{} cases", cases.len());
    let (limits, mut wrong) = (Limits::default(), Vec::new());
    for Case { name, bytes, error } in &cases {
        let (read, cost) = Counting::measure(|| {
            let whole = DynArrayView::parse(bytes, &limits)
                .and_then(|view| {
                    view.to_ndarray::<bool>().map(|_| ()).or_else(|error| match error.kind() {
                        bitnpz_npy::ErrorKind::WrongDtype { .. } => Ok(()),
                        _ => Err(error),
                    })
                })
                .map_err(|error| error.to_string());
            let streamed =
                DynArray::read(bytes.as_slice(), &limits).map(|_| ()).map_err(|error| error.to_string());
            (whole, streamed)
        });
        let (whole, streamed) = read;
        let is_as_expected = |read: &Result<(), String>| match (read, error) {
            (Ok(()), None) => true,
            (Err(error), Some(reason)) => error.contains(reason),
            _ => false,
        };
        // A stream may continue after the array.
        let has_more = whole.as_ref().is_err_and(|error| error.contains("something follows"));
        if !is_as_expected(&whole) || !is_as_expected(&streamed) && !has_more {
            wrong.push(format!("{name}: expected {error:?}, found {whole:?} and {streamed:?}"));
        }
        let max_bytes = (32 << 10) + 16 * bytes.len();
        let max_steps = 2000 + 16 * bytes.len() as u64;
        if cost.peak > max_bytes || cost.total > 4 * max_bytes || cost.steps > max_steps {
            wrong.push(format!("{name}: {} bytes cost {cost:?}", bytes.len()));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn reads_what_numpy_reads() {
    let mut numpy = Oracle::start();
    let (mut both, mut numpy_alone) = (0, Vec::new());
    for Case { name, bytes, error } in collection() {
        let theirs = numpy.try_run(
            "outputs.append(np.load(io.BytesIO(inputs[0]), allow_pickle=False, max_header_size=10000).tobytes())",
            &[&bytes],
        );
        match (error, theirs) {
            (None, Ok(theirs)) => {
                let array = DynArray::read(bytes.as_slice(), &Limits::default()).unwrap();
                if let Ok(bools) = array.to_ndarray::<bool>() {
                    assert!(
                        bools.iter().zip(&theirs[0]).all(|(&ours, &theirs)| ours == (theirs != 0)),
                        "{name}"
                    );
                }
                assert_eq!(array.view().to_c_order().unwrap(), theirs[0], "{name}");
                both += 1;
            }
            (None, Err(error)) => panic!("{name}: NumPy rejects it: {error}"),
            (Some(_), Ok(_)) => numpy_alone.push(name),
            (Some(_), Err(_)) => {}
        }
    }
    assert!(both >= 30, "{both}");
    // NumPy does not check for bytes after the array or for duplicate keys.
    assert!(numpy_alone.len() < 37, "{numpy_alone:#?}");
}
