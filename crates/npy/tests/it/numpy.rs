//! Round trips through NumPy, in both directions.

use std::cell::RefCell;

use bitnpz_npy::{Dtype, DynArray, DynArrayView, Element, Header, Limits, Writer};
use bitnpz_oracle::Oracle;
use half::f16;
use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use num_complex::Complex;
use proptest::prelude::*;

thread_local! {
    static NUMPY: RefCell<Oracle> = RefCell::new(Oracle::start());
}

fn numpy(code: &str, inputs: &[&[u8]]) -> Vec<Vec<u8>> {
    NUMPY.with_borrow_mut(|numpy| numpy.run(code, inputs))
}

/// Loads the first input and saves it again. The outputs are the saved file and the items in C order.
const LOAD_AND_SAVE: &str = "
array = np.load(io.BytesIO(inputs[0]), allow_pickle=False)
file = io.BytesIO()
np.save(file, array, allow_pickle=False)
outputs += [file.getvalue(), array.tobytes()]
";

fn type_string() -> impl Strategy<Value = String> {
    let scalars = ["b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16"];
    let others = ["S0", "S1", "S7", "U0", "U1", "U5", "V1", "V9", "M8", "M8[ns]", "m8[25s]", "m8"];
    let names: Vec<&str> = scalars.into_iter().chain(others).collect();
    (prop::sample::select(names), prop::bool::ANY)
        .prop_map(|(name, big)| format!("{}{name}", if big { '>' } else { '<' }))
}

/// Makes headers of up to four dimensions, any of which may be empty, in either memory order.
fn header() -> impl Strategy<Value = Header> {
    let shape = prop::collection::vec(0_usize..6, 0..5);
    (type_string(), shape, prop::bool::ANY).prop_map(|(dtype, shape, fortran_order)| {
        let mut header = Header::new(Dtype::from_type_string(&dtype).unwrap(), shape);
        // NumPy saves an array that is contiguous in both orders as C order.
        let long = header.shape.iter().filter(|&&length| length > 1).count();
        header.fortran_order = fortran_order && long > 1 && header.data_len() > 0;
        header
    })
}

fn array() -> impl Strategy<Value = DynArray> {
    header().prop_flat_map(|header| {
        let bool_or_any = if header.dtype == Dtype::of::<bool>() { 0..=1_u8 } else { 0..=255_u8 };
        // Keep code points small enough to be valid text.
        let text = header.dtype.type_string().contains('U');
        prop::collection::vec(bool_or_any, header.data_len()).prop_map(move |mut data| {
            if text {
                data.iter_mut()
                    .enumerate()
                    .for_each(|(i, byte)| *byte = if i % 4 == 0 || i % 4 == 3 { 0 } else { *byte & 7 });
            }
            DynArray::new(header.clone(), data).unwrap()
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn numpy_reads_our_arrays_and_saves_the_same_bytes(array in array()) {
        let npy = array.to_npy().unwrap();
        let [saved, items] = numpy(LOAD_AND_SAVE, &[&npy]).try_into().unwrap();
        prop_assert_eq!(saved, npy);
        prop_assert_eq!(items, array.view().to_c_order().unwrap());
    }

    #[test]
    fn reads_what_numpy_saves(header in header(), seed in any::<u32>()) {
        // NumPy turns dtypes of zero bytes into dtypes of one.
        prop_assume!(header.dtype.item_size() > 0);
        let order = if header.fortran_order { "F" } else { "C" };
        let code = format!("
items = np.random.default_rng({seed}).integers(0, 256, {len}, np.uint8)
dtype = np.dtype('{dtype}')
if dtype.kind == 'b': items &= 1
if dtype.kind == 'U': items[:] = 0
array = np.frombuffer(items.tobytes(), dtype).reshape({shape:?}, order='{order}')
file = io.BytesIO()
np.save(file, array)
outputs += [file.getvalue(), array.tobytes()]
", len = header.data_len(), dtype = header.dtype.type_string(), shape = header.shape);
        let [npy, items] = numpy(&code, &[]).try_into().unwrap();
        let view = DynArrayView::parse(&npy, &Limits::default()).unwrap();
        prop_assert_eq!(view.dtype(), &header.dtype);
        prop_assert_eq!(view.shape(), header.shape.as_slice());
        prop_assert_eq!(view.to_c_order().unwrap(), items);
        prop_assert_eq!(view.to_npy().unwrap(), npy);
    }

    #[test]
    fn writing_item_by_item_equals_saving_whole(lengths in prop::collection::vec(0_usize..40, 0..5)) {
        let mut writer = Writer::new(std::io::Cursor::new(Vec::new()), Dtype::of::<i16>(), &[3]).unwrap();
        for &length in &lengths {
            writer.write_items(&vec![7; length * 6]).unwrap();
        }
        let npy = writer.finish().unwrap().into_inner();
        let total: usize = lengths.iter().sum();
        let code = format!("file = io.BytesIO(); np.save(file, np.full(({total}, 3), 0x0707, np.int16)); outputs.append(file.getvalue())");
        prop_assert_eq!(&numpy(&code, &[])[0], &npy);
    }

    #[test]
    fn damaged_headers_give_an_error_or_an_array(array in array(), at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let mut npy = array.to_npy().unwrap();
        let at = at.index(npy.len());
        npy[at] = value;
        if let Ok(view) = DynArrayView::parse(&npy, &Limits::default()) {
            prop_assert_eq!(view.data().len(), view.header().data_len());
        }
        prop_assert!(DynArrayView::parse(&npy[..at], &Limits::default()).is_err());
    }
}

/// Round-trips typed arrays of both memory orders and both byte orders through NumPy.
fn check_typed<T: Element + PartialEq + std::fmt::Debug>(items: [T; 6]) {
    for shape in [IxDyn(&[2, 3]).set_f(false), IxDyn(&[2, 3]).set_f(true)] {
        let array = ArrayD::from_shape_vec(shape, items.to_vec()).unwrap();
        let npy = DynArray::from_ndarray(&array).to_npy().unwrap();
        let swap = "
array = np.load(io.BytesIO(inputs[0]))
file = io.BytesIO()
np.save(file, array.astype(array.dtype.newbyteorder()))
outputs.append(file.getvalue())
";
        let [saved, _] = numpy(LOAD_AND_SAVE, &[&npy]).try_into().unwrap();
        for bytes in [&saved, &numpy(swap, &[&npy])[0]] {
            let read = DynArray::read(bytes.as_slice(), &Limits::default()).unwrap();
            assert_eq!(read.to_ndarray::<T>().unwrap(), array);
            assert_eq!(read.into_native().to_ndarray::<T>().unwrap(), array);
        }
    }
}

#[test]
fn round_trips_typed_arrays_in_either_byte_order() {
    check_typed([true, false, true, true, false, false]);
    check_typed([-1_i8, 2, 3, 4, 5, i8::MIN]);
    check_typed([-1_i16, 2, 3, 4, 5, i16::MIN]);
    check_typed([-1_i32, 2, 3, 4, 5, i32::MIN]);
    check_typed([-1_i64, 2, 3, 4, 5, i64::MIN]);
    check_typed([1_u8, 2, 3, 4, 5, u8::MAX]);
    check_typed([1_u16, 2, 3, 4, 5, u16::MAX]);
    check_typed([1_u32, 2, 3, 4, 5, u32::MAX]);
    check_typed([1_u64, 2, 3, 4, 5, u64::MAX]);
    check_typed([0.5, 1.0, 2.0, 3.0, 4.0, -5.0].map(f16::from_f32));
    check_typed([0.5_f32, 1.0, 2.0, 3.0, f32::INFINITY, -5.0]);
    check_typed([0.5_f64, 1.0, 2.0, 3.0, f64::INFINITY, -5.0]);
    check_typed([1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0].map(|real| Complex::new(real, -real)));
    check_typed([1.0_f64, 2.0, 3.0, 4.0, 5.0, 6.0].map(|real| Complex::new(real, -real)));
}

#[test]
fn reads_the_same_fields_as_numpy() {
    for name in ["record", "nested", "aligned", "titles"] {
        let npy = std::fs::read(format!("tests/golden/{name}.npy")).unwrap();
        let view = DynArrayView::parse(&npy, &Limits::default()).unwrap();
        for field in view.dtype().record().unwrap().fields() {
            let code =
                format!("outputs.append(np.load(io.BytesIO(inputs[0]))[{:?}].tobytes())", field.name());
            assert_eq!(
                numpy(&code, &[&npy])[0],
                view.field(field.name()).unwrap().data(),
                "{name} {}",
                field.name()
            );
        }
    }
}
