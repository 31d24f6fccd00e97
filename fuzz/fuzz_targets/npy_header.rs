//! Any bytes are read as a header or refused, and a header that was read round-trips.

#![no_main]

use bitnpz_fuzz::BoundedAllocator;
use bitnpz_npy::{DynArrayView, Header, Limits};
use libfuzzer_sys::fuzz_target;

#[global_allocator]
static ALLOCATOR: BoundedAllocator = BoundedAllocator;

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let parsed = Header::parse(bytes, &limits);
    let read = Header::read(bytes, &limits);
    assert_eq!(parsed.is_ok(), read.is_ok());
    let Ok((header, _)) = parsed else { return };
    assert_eq!(header, read.unwrap());
    let written = header.to_bytes().expect("a header that was read can be written");
    let (again, end) = Header::parse(&written, &limits.with_header_bytes(1 << 20)).unwrap();
    assert_eq!((again, end), (header, written.len()));
    if let Ok(view) = DynArrayView::parse(bytes, &Limits::default()) {
        assert_eq!(view.data().len(), view.header().data_len());
        drop(view.to_ndarray::<bool>());
        drop(view.to_ndarray::<f32>());
        assert_eq!(view.to_c_order().unwrap().len(), view.data().len());
    }
});
