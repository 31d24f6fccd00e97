//! How fast: whole workflows side by side with NumPy and with the `zip` crate, in one run, as ratios.
//!
//! `cargo run --release -p bitnpz-benches --bin compare -- FILE.npz ...`; NumPy is asked through the interpreter that
//! `BITNPZ_PYTHON` names, or `python3`, and measures itself with its own clock.

#![allow(clippy::print_stdout, reason = "a report")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bitnpz::{Archive, Bitmap, BitmapView, Dtype, Encoding, Header, PixelValues, WriteOptions, Writer};
use bitnpz_benches::{SampleSet, blobs, key, median_seconds};
use bitnpz_bitmap::codec::{Decoder, Encoder, Model, Sample};
use bitnpz_oracle::Oracle;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use ndarray::Array2;

/// Counts the bytes that are allocated, while it is asked to: threads would wait for each other at the counter.
struct Counting;

static COUNTS: AtomicBool = AtomicBool::new(false);
static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "an allocator is")]
// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if COUNTS.load(Ordering::Relaxed) {
            ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: as for the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if COUNTS.load(Ordering::Relaxed) {
            ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: as for the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let folder = tempfile::tempdir()?;
    let mut numpy = Oracle::start();
    for file in std::env::args().skip(1) {
        let set = SampleSet::load(Path::new(&file))?;
        pack_bits(&set, &mut numpy);
        let numpy_seconds = write_plain(&set, folder.path(), &mut numpy)?;
        read_at_random(&set, folder.path(), &mut numpy)?;
        write_sets(&set, folder.path(), numpy_seconds)?;
        decode(&set)?;
    }
    million_members(folder.path())?;
    ten_million_images(folder.path())
}

fn number(outputs: &[Vec<u8>], place: usize) -> f64 {
    String::from_utf8_lossy(&outputs[place]).parse().unwrap_or(f64::NAN)
}

fn line(what: &str, ours: &str, theirs: &str, ratio: f64) {
    println!("{what:<46}{ours:>18}{theirs:>18}{ratio:>10.2}x");
}

/// Packing and unpacking 1,000 images, against `np.packbits` and `np.unpackbits`, one thread.
fn pack_bits(set: &SampleSet, numpy: &mut Oracle) {
    let images = set.extended(1000);
    let width = images[0].width();
    let mut rows: Vec<u8> = images.iter().flat_map(|image| image.as_bytes().to_vec()).collect();
    let mut pixels = vec![0_u8; rows.len() / width.div_ceil(8) * width];
    let unpack =
        median_seconds(15, || bitnpz_bitmap::unpack_rows(black_box(&rows), width, 0, 1, &mut pixels));
    let shape = [&width.to_le_bytes()[..], &pixels].concat();
    let pack = median_seconds(15, || {
        bitnpz_bitmap::pack_rows(black_box(&pixels), width, 0, 1, &mut rows).expect("two values");
    });
    let code = "
import time
width = int.from_bytes(inputs[0][:8], 'little')
pixels = np.frombuffer(inputs[0][8:], bool).reshape(-1, width).copy()
rows = np.packbits(pixels, axis=-1)
def measure(work):
    times = []
    for _ in range(15):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times)[7]
outputs.append(b'%r' % measure(lambda: np.packbits(pixels, axis=-1)))
outputs.append(b'%r' % measure(lambda: np.unpackbits(rows, axis=-1, count=width)))
";
    let outputs = numpy.run(code, &[&shape]);
    for (what, ours, theirs) in [("pack", pack, number(&outputs, 0)), ("unpack", unpack, number(&outputs, 1))]
    {
        let rate = |seconds: f64| format!("{:.2} GB/s", pixels.len() as f64 / seconds / 1e9);
        line(&format!("{}: {what} bools", set.name), &rate(ours), &rate(theirs), theirs / ours);
    }
}

/// Writing 10,000 images in the encoding `plain` on all cores, against `np.savez_compressed`.
/// Gives back the seconds that NumPy takes for an image.
fn write_plain(
    set: &SampleSet,
    folder: &Path,
    numpy: &mut Oracle,
) -> Result<f64, Box<dyn std::error::Error>> {
    let images: Vec<Array2<bool>> =
        set.extended(10_000).iter().map(|image| image.unpack(PixelValues::default())).collect();
    let path = folder.join("plain.npz");
    let options = WriteOptions::default().with_encoding(Encoding::Plain);
    let seconds = median_seconds(7, || {
        let mut writer = Writer::create_with(&path, &options).expect("a file can be made");
        for (number, image) in images.iter().enumerate() {
            writer.add_image(&key(number), image).expect("an image can be added");
        }
        writer.finish().expect("the archive can be finished");
    });
    let code = "
import os, time
path = inputs[0].decode()
z = np.load(path)
images = {key: z[key] for key in z.files}
times = []
for _ in range(3):
    start = time.perf_counter()
    np.savez_compressed(path + '.numpy.npz', **images)
    times.append(time.perf_counter() - start)
outputs += [b'%r' % sorted(times)[1], b'%d' % os.path.getsize(path + '.numpy.npz')]
ours = np.load(path)
theirs = np.load(path + '.numpy.npz')
assert ours.files == theirs.files and all(np.array_equal(ours[key], theirs[key]) for key in ours.files)
";
    let outputs = numpy.run(code, &[path.to_string_lossy().as_bytes()]);
    let rate = |seconds: f64| format!("{:.0} images/s", images.len() as f64 / seconds);
    let numpy_seconds = number(&outputs, 0);
    line(
        &format!("{}: write plain", set.name),
        &rate(seconds),
        &rate(numpy_seconds),
        numpy_seconds / seconds,
    );
    let (bytes, numpy_bytes) = (std::fs::metadata(&path)?.len() as f64, number(&outputs, 1));
    let per_image = |bytes: f64| format!("{:.1} bytes", bytes / images.len() as f64);
    line(
        &format!("{}: size of plain", set.name),
        &per_image(bytes),
        &per_image(numpy_bytes),
        numpy_bytes / bytes,
    );
    Ok(numpy_seconds / images.len() as f64)
}

/// Opening an archive of 100,000 images that NumPy wrote, and reading from it by name at random, one thread.
fn read_at_random(set: &SampleSet, folder: &Path, numpy: &mut Oracle) -> Outcome {
    let path = folder.join("source.npz");
    let mut writer = Writer::create_with(&path, &WriteOptions::default().with_encoding(Encoding::Plain))?;
    for (number, image) in set.extended(100_000).iter().enumerate() {
        writer.add_bitmap(&key(number), image.view())?;
    }
    writer.finish()?;
    let code = "
import time
path = inputs[0].decode()
z = np.load(path)
np.savez_compressed(path + '.numpy.npz', **{key: z[key] for key in z.files})
times = []
for _ in range(3):
    start = time.perf_counter()
    z = np.load(path + '.numpy.npz')
    times.append(time.perf_counter() - start)
outputs.append(b'%r' % sorted(times)[1])
names = ['ix-%06d' % i for i in np.random.default_rng(0).permutation(100_000)[:5000]]
times = []
for _ in range(3):
    start = time.perf_counter()
    for name in names: z[name]
    times.append((time.perf_counter() - start) / len(names))
outputs.append(b'%r' % sorted(times)[1])
";
    let outputs = numpy.run(code, &[path.to_string_lossy().as_bytes()]);
    let path = folder.join("source.npz.numpy.npz");
    let open = median_seconds(7, || drop(black_box(Archive::open(&path).expect("NumPy's archive opens"))));
    let milliseconds = |seconds: f64| format!("{:.2} ms", seconds * 1e3);
    let numpy_open = number(&outputs, 0);
    line(
        &format!("{}: open 100,000 by NumPy", set.name),
        &milliseconds(open),
        &milliseconds(numpy_open),
        numpy_open / open,
    );
    let archive = Archive::open(&path)?;
    let names: Vec<String> = (0..20_000_usize).map(|i| key(i * 61_803 % 100_000)).collect();
    let read = median_seconds(5, || {
        for name in &names {
            black_box(archive.image::<bool>(name).expect("the image is there"));
        }
    }) / names.len() as f64;
    let microseconds = |seconds: f64| format!("{:.2} us", seconds * 1e6);
    let numpy_read = number(&outputs, 1);
    line(
        &format!("{}: read by name", set.name),
        &microseconds(read),
        &microseconds(numpy_read),
        numpy_read / read,
    );
    Ok(())
}

/// Opening 1,000,000 members, against the `zip` crate over a mapping.
fn million_members(folder: &Path) -> Outcome {
    let path = folder.join("million.npz");
    let options = WriteOptions::default().with_encoding(Encoding::Plain);
    let mut writer = Writer::create_with(&path, &options)?;
    let image = blobs(1, 8, 8).remove(0);
    for number in 0..1_000_000 {
        writer.add_bitmap(&key(number), image.view())?;
    }
    writer.finish()?;
    COUNTS.store(true, Ordering::Relaxed);
    let archive = bitnpz_npz::Archive::open(&path)?;
    COUNTS.store(false, Ordering::Relaxed);
    let held = ALLOCATED.load(Ordering::Relaxed);
    println!("1,000,000 members: {:.1} bytes of memory each", held as f64 / archive.len() as f64);
    let seconds = median_seconds(5, || drop(black_box(bitnpz_npz::Archive::open(&path).expect("it opens"))));
    let file = std::fs::File::open(&path)?;
    #[allow(unsafe_code, reason = "the file is this program's own")]
    // SAFETY: nobody else writes the file.
    let map = unsafe { memmap2::Mmap::map(&file)? };
    let zip_seconds = median_seconds(5, || {
        let archive = zip::ZipArchive::new(std::io::Cursor::new(&map[..])).expect("it opens");
        black_box(archive.len());
    });
    let milliseconds = |seconds: f64| format!("{:.1} ms", seconds * 1e3);
    line(
        "open 1,000,000 members, against zip",
        &milliseconds(seconds),
        &milliseconds(zip_seconds),
        zip_seconds / seconds,
    );
    Ok(())
}

/// Writing images as an image set on all cores, training included, against `np.savez_compressed`, which takes so many seconds
/// for an image.
fn write_sets(set: &SampleSet, folder: &Path, theirs: f64) -> Outcome {
    for count in [10_000, 100_000] {
        let images: Vec<Array2<bool>> =
            set.extended(count).iter().map(|image| image.unpack(PixelValues::default())).collect();
        let path = folder.join("sets.npz");
        let seconds = median_seconds(3, || {
            let mut writer = Writer::create(&path).expect("a file can be made");
            for (number, image) in images.iter().enumerate() {
                writer.add_image(&key(number), image).expect("an image can be added");
            }
            writer.finish().expect("the archive can be finished");
        });
        let ours = seconds / count as f64;
        let rate = |seconds: f64| format!("{:.0} images/s", 1.0 / seconds);
        line(&format!("{}: write a set of {count}", set.name), &rate(ours), &rate(theirs), theirs / ours);
    }
    Ok(())
}

/// Decoding to bools in random order, state reused, against zlib-rs inflating the `.npy` streams that NumPy wrote, and
/// against zstd with a dictionary decompressing packed rows that are then unpacked.
fn decode(set: &SampleSet) -> Outcome {
    let images = &set.images;
    let [height, width] = [images[0].height(), images[0].width()];
    let order: Vec<usize> = (0..images.len()).map(|number| number * 7919 % images.len()).collect();
    let mut pixels = vec![0_u8; height * width];
    let per_image = |seconds: f64| seconds / order.len() as f64 * 1e9;

    let views: Vec<_> = images.iter().map(Bitmap::view).collect();
    let sample: Vec<_> = views.iter().copied().step_by(images.len().div_ceil(4000)).collect();
    let model = Model::choose(Sample { images: &sample, total: images.len() });
    let mut encoder = Encoder::new();
    let payloads: Vec<Vec<u8>> = views
        .iter()
        .map(|&image| {
            let mut payload = Vec::new();
            encoder.encode(&model, image, &mut payload);
            payload
        })
        .collect();
    let (mut decoder, mut rows) = (Decoder::new(), Vec::new());
    let ours = median_seconds(9, || {
        for &number in &order {
            let image = decoder.decode_into(&model, &payloads[number], [height, width], &mut rows);
            image.expect("it was coded").unpack_lanes(0, 1, &mut pixels);
        }
    });

    let header = Header::new(Dtype::of::<bool>(), vec![height, width]).to_bytes()?;
    let streams: Vec<Vec<u8>> = images
        .iter()
        .map(|image| {
            let mut npy = header.clone();
            npy.extend(image.unpack(PixelValues::<bool>::default()).iter().map(|&pixel| u8::from(pixel)));
            let mut stream = Vec::with_capacity(2 * npy.len() + 100);
            let mut deflate = Compress::new(Compression::new(6), false);
            deflate.compress_vec(&npy, &mut stream, FlushCompress::Finish).expect("memory does not fail");
            stream
        })
        .collect();
    let mut npy = vec![0; header.len() + height * width];
    let mut inflate = Decompress::new(false);
    let inflated = median_seconds(9, || {
        for &number in &order {
            inflate.reset(false);
            inflate.decompress(&streams[number], &mut npy, FlushDecompress::Finish).expect("a whole stream");
        }
    });

    let samples: Vec<&[u8]> = views.iter().map(BitmapView::as_bytes).collect();
    let dictionary = zstd::dict::from_samples(&samples, 16 << 10)?;
    let mut compressor = zstd::bulk::Compressor::with_dictionary(19, &dictionary)?;
    let frames: Vec<Vec<u8>> =
        samples.iter().map(|rows| compressor.compress(rows)).collect::<Result<_, _>>()?;
    let mut decompressor = zstd::bulk::Decompressor::with_dictionary(&dictionary)?;
    let mut rows = vec![0; samples[0].len()];
    let unpacked = median_seconds(9, || {
        for &number in &order {
            decompressor.decompress_to_buffer(&frames[number], &mut rows).expect("a whole frame");
            bitnpz_bitmap::unpack_rows(&rows, width, 0, 1, &mut pixels);
        }
    });
    let time = |seconds: f64| format!("{:.0} ns", per_image(seconds));
    let name = format!("{}: decode to bools ({})", set.name, model.codec());
    line(&format!("{name} : zlib-rs"), &time(ours), &time(inflated), inflated / ours);
    line(&format!("{name} : zstd"), &time(ours), &time(unpacked), unpacked / ours);
    Ok(())
}

/// Opening a set of 10,000,000 images: time, and memory beyond the mapping.
fn ten_million_images(folder: &Path) -> Outcome {
    let images = blobs(1000, 16, 16);
    let path = folder.join("ten_million.npz");
    let mut writer = Writer::create(&path)?;
    for number in 0..10_000_000_usize {
        writer.add_bitmap(&key(number), images[number * 7919 % 1000].view())?;
    }
    writer.finish()?;
    Archive::open(&path)?.image::<bool>("ix-9999999")?;
    let before = ALLOCATED.load(Ordering::Relaxed);
    COUNTS.store(true, Ordering::Relaxed);
    let archive = Archive::open(&path)?;
    COUNTS.store(false, Ordering::Relaxed);
    let bytes = ALLOCATED.load(Ordering::Relaxed) - before;
    let seconds = median_seconds(9, || {
        black_box(Archive::open(&path).expect("it opens"));
    });
    println!(
        "open 10,000,000 images: {:.3} ms, {:.1} KB of memory; a file of {:.1} MB",
        seconds * 1e3,
        bytes as f64 / 1e3,
        archive.size() as f64 / 1e6
    );
    Ok(())
}
