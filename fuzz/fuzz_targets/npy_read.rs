//! Any bytes are read as an array or refused, with the same result from memory, from a stream, and item by item.

#![no_main]

use bitnpz_fuzz::BoundedAllocator;
use bitnpz_npy::{DynArray, DynArrayView, Limits, Reader};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

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
