//! Measures packing and unpacking, in bytes of pixels per second.

#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;

use bitnpz_bitmap::{pack_rows, unpack_rows};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};

fn kernels(criterion: &mut Criterion) {
    for (height, width) in [(28_usize, 28_usize), (64, 64), (105, 105), (128, 128)] {
        let count = (1 << 20) / (height * width);
        let pixels: Vec<u8> = (0..count * height * width).map(|i| u8::from(i / 9 % 7 == 0)).collect();
        let mut rows = vec![0; count * height * width.div_ceil(8)];
        let mut out = pixels.clone();
        let mut group = criterion.benchmark_group(format!("{height}x{width}"));
        group.throughput(Throughput::Bytes(pixels.len() as u64));
        group.bench_function("pack bool", |bencher| {
            bencher.iter(|| pack_rows(black_box(&pixels), width, 0, 1, &mut rows));
        });
        group.bench_function("unpack bool", |bencher| {
            bencher.iter(|| unpack_rows(black_box(&rows), width, 0, 1, &mut out));
        });
        let floats: Vec<u32> = pixels.iter().map(|&pixel| f32::from(pixel).to_bits()).collect();
        let one = 1.0_f32.to_bits();
        let mut out = floats.clone();
        group.throughput(Throughput::Bytes(4 * pixels.len() as u64));
        group.bench_function("pack f32", |bencher| {
            bencher.iter(|| pack_rows(black_box(&floats), width, 0, one, &mut rows));
        });
        group.bench_function("unpack f32", |bencher| {
            bencher.iter(|| unpack_rows(black_box(&rows), width, 0, one, &mut out));
        });
        group.finish();
    }
}

criterion_group!(benches, kernels);
criterion_main!(benches);
