//! Measures writing members, and reading them by name.

#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;
use std::io::Cursor;

use bitnpz::{Compression, DynArray, PixelValues};
use bitnpz_benches::{blobs, key};
use bitnpz_npz::{Archive, WriteOptions, Writer};
use criterion::{Criterion, criterion_group, criterion_main};

fn members(criterion: &mut Criterion) {
    for side in [28, 64, 128] {
        let arrays: Vec<DynArray> = blobs(1000, side, side)
            .iter()
            .map(|image| DynArray::from_ndarray(&image.unpack(PixelValues::<bool>::default())))
            .collect();
        for method in [Compression::Stored, Compression::Deflate { level: 6 }, Compression::Zstd { level: 3 }]
        {
            let write = || {
                let mut writer =
                    Writer::new(Cursor::new(Vec::new()), &WriteOptions::default().with_compression(method));
                for (number, array) in arrays.iter().enumerate() {
                    writer.add_array(&key(number), &array.view()).expect("an array can be added");
                }
                writer.finish().expect("memory takes it").into_inner()
            };
            let mut group = criterion.benchmark_group(format!("{side}x{side} {method}"));
            group.sample_size(20);
            group.bench_function("write 1000", |bencher| bencher.iter(write));
            let archive = Archive::from_bytes(write()).expect("the archive opens");
            let keys: Vec<String> = (0..1000).map(|i| key(i * 619 % 1000)).collect();
            let mut bytes = Vec::new();
            group.bench_function("read 1000 by name", |bencher| {
                bencher.iter(|| {
                    for key in &keys {
                        archive
                            .find(key)
                            .expect("the member exists")
                            .read_into(black_box(&mut bytes))
                            .expect("the member is intact");
                    }
                });
            });
            group.finish();
        }
    }
}

criterion_group!(benches, members);
criterion_main!(benches);
