//! Packed rows against `np.packbits`, and round trips of arrays.

#![allow(clippy::cast_possible_truncation, reason = "random bits cut to every width")]

use std::cell::RefCell;
use std::fmt::Debug;

use bitnpz_bitmap::{Bitmap, ErrorKind, Pixel, PixelValues, pack, pack_with, unpack};
use bitnpz_oracle::Oracle;
use half::f16;
use ndarray::{Array2, Array3, ArrayD, Axis, IxDyn, Slice, array};
use proptest::prelude::*;

thread_local! {
    static NUMPY: RefCell<Oracle> = RefCell::new(Oracle::start());
}

fn numpy(code: &str, inputs: &[&[u8]]) -> Vec<Vec<u8>> {
    NUMPY.with_borrow_mut(|numpy| numpy.run(code, inputs))
}

/// Generates arrays of one to four dimensions.
fn bools() -> impl Strategy<Value = ArrayD<bool>> {
    let shape = (prop::collection::vec(0_usize..5, 0..4), 0_usize..150);
    shape.prop_flat_map(|(mut shape, width)| {
        shape.push(width);
        let pixels = prop::collection::vec(any::<bool>(), shape.iter().product::<usize>());
        pixels.prop_map(move |pixels| ArrayD::from_shape_vec(IxDyn(&shape), pixels).unwrap())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn packs_rows_like_packbits(bools in bools()) {
        let width = *bools.shape().last().unwrap();
        let (rows, values) = pack(&bools).unwrap();
        let bytes: Vec<u8> = bools.iter().map(|&pixel| pixel.into()).collect();
        let code = format!("
packed = np.packbits(np.frombuffer(inputs[0], bool).reshape({:?}), axis=-1)
rows = np.frombuffer(inputs[1], np.uint8).reshape(packed.shape)
outputs += [packed.tobytes(), np.unpackbits(rows, axis=-1, count={width}).tobytes()]
", bools.shape());
        let [packed, unpacked] = numpy(&code, &[&bytes, rows.as_slice().unwrap()]).try_into().unwrap();
        prop_assert_eq!(rows.as_slice().unwrap(), packed);
        prop_assert_eq!(unpacked, bytes);
        prop_assert_eq!(unpack(&rows, width, values).unwrap(), bools);
    }

    #[test]
    fn round_trips_every_type_and_any_two_values(bools in bools(), a in any::<u64>(), b in any::<u64>()) {
        check_round_trip(&bools, [a as u8, b as u8]);
        check_round_trip(&bools, [a as i8, b as i8]);
        check_round_trip(&bools, [a as u16, b as u16]);
        check_round_trip(&bools, [a as i16, b as i16]);
        check_round_trip(&bools, [a as u32, b as u32]);
        check_round_trip(&bools, [a as i32, b as i32]);
        check_round_trip(&bools, [a, b]);
        check_round_trip(&bools, [a as i64, b as i64]);
        check_round_trip(&bools, [f16::from_bits(a as u16), f16::from_bits(b as u16)]);
        check_round_trip(&bools, [f32::from_bits(a as u32), f32::from_bits(b as u32)]);
        check_round_trip(&bools, [f64::from_bits(a), f64::from_bits(b)]);
        check_round_trip(&bools, [0.0_f32, -0.0]);
    }

    #[test]
    fn packs_views_like_their_copies(bools in bools(), step in 1_isize..4) {
        let mut view = bools.view();
        view.invert_axis(Axis(0));
        view.slice_axis_inplace(Axis(bools.ndim() - 1), Slice::new(0, None, step));
        prop_assert_eq!(pack(&view).unwrap(), pack(&view.to_owned()).unwrap());
        prop_assert_eq!(pack(&bools.t()).unwrap(), pack(&bools.t().as_standard_layout()).unwrap());
    }

    #[test]
    fn popcount_and_bounding_box_agree_with_a_naive_search(height in 0_usize..20, width in 0_usize..90, seed in any::<u64>(), sparse in 0_u32..64) {
        let image = Array2::from_shape_fn((height, width), |(row, column)| {
            (seed ^ (row * 131 + column) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15).leading_zeros() > sparse
        });
        let (bitmap, _) = Bitmap::pack(&image).unwrap();
        let set: Vec<(usize, usize)> = image.indexed_iter().filter(|(_, pixel)| **pixel).map(|(at, _)| at).collect();
        prop_assert_eq!(bitmap.view().count_ones(), set.len());
        let range = |places: &dyn Fn() -> Vec<usize>| Some(*places().iter().min()?..places().iter().max()? + 1);
        let found = bitmap.view().bounding_box();
        prop_assert_eq!(found.as_ref().map(|found| found.rows.clone()), range(&|| set.iter().map(|at| at.0).collect()));
        prop_assert_eq!(found.map(|found| found.columns), range(&|| set.iter().map(|at| at.1).collect()));
        for ((row, column), &pixel) in image.indexed_iter() {
            prop_assert_eq!(bitmap.get(row, column), Some(pixel));
        }
    }
}

/// Checks that an array of two values unpacks to the same bits.
fn check_round_trip<T: Pixel + Debug + PartialEq>(bools: &ArrayD<bool>, [a, b]: [T; 2]) {
    let array = bools.map(|&pixel| if pixel { a } else { b });
    let Ok((rows, values)) = pack(&array) else {
        let nan = |value: T| format!("{value:?}") == "NaN";
        assert!(nan(a) || nan(b), "{a:?} {b:?}");
        return;
    };
    let width = *bools.shape().last().unwrap();
    let unpacked = unpack(&rows, width, values).unwrap();
    let text = |array: &ArrayD<T>| array.iter().map(|value| format!("{value:?}")).collect::<Vec<_>>();
    assert_eq!(text(&unpacked), text(&array));
}

#[test]
fn errors_name_the_pixel_with_a_third_value() {
    let mut stack = Array3::<u8>::zeros((4, 5, 6));
    stack[[0, 3, 3]] = 9;
    stack[[2, 1, 4]] = 7;
    let error = pack(&stack).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotBilevel { index, .. } if index == &[2, 1, 4]), "{error}");
    assert_eq!(
        error.to_string(),
        "expected two values, found a third: pixel [2, 1, 4] is 7, others are 0 and 9; compare with a threshold first"
    );
    for image in [array![[0.0, f32::NAN]], array![[f32::NAN, f32::NAN]], array![[0.0, 1.0, f32::NAN]]] {
        assert!(matches!(pack(&image).unwrap_err().kind(), ErrorKind::NotANumber { .. }));
    }
    let values = PixelValues { off: 0, on: 1 };
    assert!(pack_with(&array![[0_i64, 1, 2]], values).is_err());
}

#[test]
fn padding_is_always_zero() {
    let bitmap = Bitmap::from_packed(2, 3, vec![0xFF, 0x1F]).unwrap();
    assert_eq!(bitmap.as_bytes(), [0b1110_0000, 0]);
    assert!(bitnpz_bitmap::BitmapView::new(2, 3, &[0xE0, 0x10]).is_err());
    assert!(Bitmap::from_packed(2, 3, vec![0; 3]).is_err());
    assert!(Bitmap::zeros(usize::MAX, 9).is_err());
    for (height, width) in [(0, 0), (0, 7), (7, 0)] {
        let bitmap = Bitmap::zeros(height, width).unwrap();
        assert_eq!((bitmap.view().count_ones(), bitmap.view().bounding_box()), (0, None));
        assert_eq!(bitmap.unpack(PixelValues::<bool>::default()).dim(), (height, width));
    }
}

#[test]
fn rejects_arrays_without_dimensions() {
    let array = ndarray::arr0(1_u8).into_dyn();
    assert_eq!(*pack(&array).unwrap_err().kind(), bitnpz_bitmap::ErrorKind::NoRows);
    let unpacked = unpack(&array, 8, PixelValues::<u8>::default());
    assert_eq!(*unpacked.unwrap_err().kind(), bitnpz_bitmap::ErrorKind::NoRows);
}
