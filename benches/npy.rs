//! Measures parsing and writing headers of `.npy` files.

#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;

use bitnpz_npy::{Dtype, DynArrayView, Header, Limits};
use criterion::{Criterion, criterion_group, criterion_main};

fn headers(criterion: &mut Criterion) {
    let header = Header::new(Dtype::of::<bool>(), vec![28, 28]);
    let numpy = [header.to_bytes().expect("a small header"), vec![1; 28 * 28]].concat();
    let mut other = numpy.clone();
    // Another layout, which Python reads but NumPy never writes.
    let text = b"{ 'descr': '|b1', 'fortran_order': False, 'shape': (28, 28)}";
    other[10..127].fill(b' ');
    other[10..10 + text.len()].copy_from_slice(text);
    let limits = Limits::default();
    let parse = |npy: &[u8]| Header::parse(black_box(npy), &limits).expect("a header");
    criterion.bench_function("header as NumPy writes it", |bencher| bencher.iter(|| parse(&numpy)));
    criterion.bench_function("header in another layout", |bencher| bencher.iter(|| parse(&other)));
    criterion.bench_function("write a header", |bencher| bencher.iter(|| black_box(&header).to_bytes()));
    criterion.bench_function("28x28 bool to ndarray", |bencher| {
        bencher.iter(|| {
            DynArrayView::parse(black_box(&numpy), &limits).and_then(|view| view.to_ndarray::<bool>())
        });
    });
}

criterion_group!(benches, headers);
criterion_main!(benches);
