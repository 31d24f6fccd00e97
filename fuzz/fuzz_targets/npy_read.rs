//! Whatever the bytes, an array is read from memory and from a stream alike, whole and item by item, or refused by all.

#![no_main]

use bitnpz_fuzz::Bounded;
use bitnpz_npy::{DynArray, DynArrayView, Limits, Reader};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default().with_array_bytes(1 << 20);
    let mut stream = bytes;
    let streamed = DynArray::read(&mut stream, &limits);
    let whole = DynArrayView::parse(&bytes[..bytes.len() - stream.len()], &limits);
    let Ok(streamed) = streamed else { return };
    let whole = whole.unwrap();
    assert_eq!((whole.header(), whole.data()), (streamed.view().header(), streamed.view().data()));
    let header = whole.header();
    if header.shape.is_empty() || header.fortran_order {
        return;
    }
    let mut reader = Reader::new(bytes, &limits).unwrap();
    let mut items = Vec::new();
    while reader.read_items(3, &mut items).unwrap() > 0 && items.len() < 1 << 20 {}
    assert!(items.len() >= 1 << 20 || items == streamed.view().data());
});
