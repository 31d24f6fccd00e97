//! Compares the speed of whole workflows with NumPy and the `zip` crate, side by side in one run.
//!
//! `cargo run --release -p bitnpz-benches --bin compare -- FILE.npz ...`; NumPy runs in the interpreter that
//! `BITNPZ_PYTHON` names, or `python3`, and is timed by Python's clock.

#![allow(clippy::print_stdout, reason = "a report")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::num::NonZero;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use bitnpz::{Archive, Bitmap, BitmapView, Dtype, Encoding, Header, PixelValues, WriteOptions, Writer};
use bitnpz_benches::{SampleSet, blobs, key, median_seconds};
use bitnpz_bitmap::codec::{Decoder, Effort, Encoder, Model, Sample};
use bitnpz_oracle::Oracle;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress};
use ndarray::Array2;

/// The system's allocator, which counts bytes only while asked to: otherwise threads would contend for the counter.
struct MeteredAllocator;

static IS_COUNTING: AtomicBool = AtomicBool::new(false);
static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "GlobalAlloc is an unsafe trait")]
// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for MeteredAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if IS_COUNTING.load(Ordering::Relaxed) {
            ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: the caller upholds the contract of this method.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        if IS_COUNTING.load(Ordering::Relaxed) {
            ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        }
        // SAFETY: the caller upholds the contract of this method.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: MeteredAllocator = MeteredAllocator;

type AnyError = Box<dyn std::error::Error>;
type Outcome = Result<(), AnyError>;

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

/// Parses a number that the oracle returned.
fn number(outputs: &[Vec<u8>], place: usize) -> f64 {
    String::from_utf8_lossy(&outputs[place]).parse().unwrap_or(f64::NAN)
}

/// Prints a row of the report.
fn line(what: &str, ours: &str, theirs: &str, ratio: f64) {
    println!("{what:<46}{ours:>18}{theirs:>18}{ratio:>10.2}x");
}

/// Packs and unpacks 1,000 images on one thread; compares with `np.packbits` and `np.unpackbits`.
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

/// Writes 10,000 images in the encoding `plain` on all cores; compares with `np.savez_compressed`, and returns the
/// seconds that it takes per image.
fn write_plain(set: &SampleSet, folder: &Path, numpy: &mut Oracle) -> Result<f64, AnyError> {
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

/// Opens an archive of 100,000 images written by NumPy, and reads images by random names on one thread.
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

/// Opens an archive of 1,000,000 members; compares with the `zip` crate on a memory map.
fn million_members(folder: &Path) -> Outcome {
    let path = folder.join("million.npz");
    let options = WriteOptions::default().with_encoding(Encoding::Plain);
    let mut writer = Writer::create_with(&path, &options)?;
    let image = blobs(1, 8, 8).remove(0);
    for number in 0..1_000_000 {
        writer.add_bitmap(&key(number), image.view())?;
    }
    writer.finish()?;
    IS_COUNTING.store(true, Ordering::Relaxed);
    let archive = bitnpz_npz::Archive::open(&path)?;
    IS_COUNTING.store(false, Ordering::Relaxed);
    let held = ALLOCATED.load(Ordering::Relaxed);
    println!("1,000,000 members: {:.1} bytes of memory each", held as f64 / archive.len() as f64);
    let seconds =
        median_seconds(5, || drop(black_box(bitnpz_npz::Archive::open(&path).expect("the archive opens"))));
    let file = std::fs::File::open(&path)?;
    #[allow(unsafe_code, reason = "maps a file of this program")]
    // SAFETY: nothing else writes to the file.
    let map = unsafe { memmap2::Mmap::map(&file)? };
    let zip_seconds = median_seconds(5, || {
        let archive = zip::ZipArchive::new(std::io::Cursor::new(&map[..])).expect("the archive opens");
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

/// Writes images as an image set on all cores, training included; compares with `np.savez_compressed`, which takes
/// `theirs` seconds per image.
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

/// Decodes images to bools in random order, reusing buffers; compares with zlib-rs, which inflates the `.npy` streams
/// that NumPy wrote, and with zstd, which decompresses packed rows with a dictionary before they are unpacked.
fn decode(set: &SampleSet) -> Outcome {
    let images = &set.images;
    let order: Vec<usize> = (0..images.len()).map(|number| number * 7919 % images.len()).collect();
    let views: Vec<_> = images.iter().map(Bitmap::view).collect();
    let sample: Vec<_> = views.iter().copied().step_by(images.len().div_ceil(4000)).collect();
    let model = Model::choose(
        None,
        Sample { images: &sample, total: images.len() },
        Effort::Balanced,
        NonZero::<usize>::MIN,
    );
    let ours = decode_payloads(&model, &views, &order);
    let inflated = inflate_streams(images, &order)?;
    let unpacked = decompress_frames(&views, &order)?;
    let time = |seconds: f64| format!("{:.0} ns", seconds / order.len() as f64 * 1e9);
    let name = format!("{}: decode to bools ({})", set.name, model.codec());
    line(&format!("{name} : zlib-rs"), &time(ours), &time(inflated), inflated / ours);
    line(&format!("{name} : zstd"), &time(ours), &time(unpacked), unpacked / ours);
    Ok(())
}

/// Returns the seconds that decoding payloads in this order takes.
fn decode_payloads(model: &Model, images: &[BitmapView<'_>], order: &[usize]) -> f64 {
    let [height, width] = [images[0].height(), images[0].width()];
    let mut pixels = vec![0_u8; height * width];
    let mut encoder = Encoder::new();
    let payloads: Vec<Vec<u8>> = images
        .iter()
        .map(|&image| {
            let mut payload = Vec::new();
            encoder.encode(model, image, &mut payload);
            payload
        })
        .collect();
    let (mut decoder, mut rows) = (Decoder::new(), Vec::new());
    median_seconds(9, || {
        for &number in order {
            let image = decoder.decode_into(model, &payloads[number], [height, width], &mut rows);
            image.expect("a valid payload").unpack_lanes(0, 1, &mut pixels);
        }
    })
}

/// Returns the seconds that inflating `.npy` streams in this order takes.
fn inflate_streams(images: &[Bitmap], order: &[usize]) -> Result<f64, AnyError> {
    let [height, width] = [images[0].height(), images[0].width()];
    let header = Header::new(Dtype::of::<bool>(), vec![height, width]).to_bytes()?;
    let streams: Vec<Vec<u8>> = images
        .iter()
        .map(|image| {
            let mut npy = header.clone();
            npy.extend(image.unpack(PixelValues::<bool>::default()).iter().map(|&pixel| u8::from(pixel)));
            let mut stream = Vec::with_capacity(2 * npy.len() + 100);
            let mut deflate = Compress::new(Compression::new(6), false);
            deflate
                .compress_vec(&npy, &mut stream, FlushCompress::Finish)
                .expect("the buffer is large enough");
            stream
        })
        .collect();
    let mut npy = vec![0; header.len() + height * width];
    let mut inflate = Decompress::new(false);
    Ok(median_seconds(9, || {
        for &number in order {
            inflate.reset(false);
            inflate.decompress(&streams[number], &mut npy, FlushDecompress::Finish).expect("a whole stream");
        }
    }))
}

/// Returns the seconds that decompressing zstd frames in this order takes, unpacking included.
fn decompress_frames(images: &[BitmapView<'_>], order: &[usize]) -> Result<f64, AnyError> {
    let [height, width] = [images[0].height(), images[0].width()];
    let mut pixels = vec![0_u8; height * width];
    let samples: Vec<&[u8]> = images.iter().map(BitmapView::as_bytes).collect();
    let dictionary = zstd::dict::from_samples(&samples, 16 << 10)?;
    let mut compressor = zstd::bulk::Compressor::with_dictionary(19, &dictionary)?;
    let frames: Vec<Vec<u8>> =
        samples.iter().map(|rows| compressor.compress(rows)).collect::<Result<_, _>>()?;
    let mut decompressor = zstd::bulk::Decompressor::with_dictionary(&dictionary)?;
    let mut rows = vec![0; samples[0].len()];
    Ok(median_seconds(9, || {
        for &number in order {
            decompressor.decompress_to_buffer(&frames[number], &mut rows).expect("a whole frame");
            bitnpz_bitmap::unpack_rows(&rows, width, 0, 1, &mut pixels);
        }
    }))
}

/// Opens an image set of 10,000,000 images; reports the time, and the memory in addition to the memory map.
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
    IS_COUNTING.store(true, Ordering::Relaxed);
    let archive = Archive::open(&path)?;
    IS_COUNTING.store(false, Ordering::Relaxed);
    let bytes = ALLOCATED.load(Ordering::Relaxed) - before;
    let seconds = median_seconds(9, || {
        black_box(Archive::open(&path).expect("the archive opens"));
    });
    println!(
        "open 10,000,000 images: {:.3} ms, {:.1} KB of memory; file size {:.1} MB",
        seconds * 1e3,
        bytes as f64 / 1e3,
        archive.size() as f64 / 1e6
    );
    Ok(())
}
