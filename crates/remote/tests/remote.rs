//! Archives in stores: in memory, over HTTP, and one that fails.

use std::collections::HashMap;
use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bitnpz::{Codec, ErrorKind, OpenOptions, RangeCache, ReadAt, WriteOptions, Writer};
use bitnpz_remote::object_store::memory::InMemory;
use bitnpz_remote::{RemoteFolder, RemoteOptions};
use ndarray::{Array1, Array3, Axis};

fn images(len: usize) -> Array3<bool> {
    // As good as random, so that no two are equal.
    let mixed = |place: u64| {
        let mixed = (place ^ (place >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 33
    };
    Array3::from_shape_fn((len, 20, 30), |(i, y, x)| mixed((i * 600 + y * 30 + x + 1) as u64) % 13 < 4)
}

fn write(folder: &RemoteFolder, name: &str, images: &Array3<bool>, first: i64) {
    let upload = folder.upload(name).unwrap();
    let mut writer = Writer::into_output(upload.output(), &WriteOptions::default());
    writer.add_images("glyphs", images).unwrap();
    writer.add_array("labels", &Array1::from_iter(first..first + images.len_of(Axis(0)) as i64)).unwrap();
    writer.finish().unwrap();
    upload.complete().unwrap();
}

fn in_memory() -> RemoteFolder {
    RemoteFolder::new(Arc::new(InMemory::new()), "data", &RemoteOptions::default()).unwrap()
}

#[test]
fn archives_are_uploaded_committed_and_read() {
    let (folder, options) = (in_memory(), OpenOptions::default());
    let all = images(3000);
    for (number, name) in ["a.npz", "b.npz", "c.npz"].into_iter().enumerate() {
        let rows = number * 1000..(number + 1) * 1000;
        let part = all.slice(ndarray::s![rows.clone(), .., ..]).to_owned();
        write(&folder, name, &part, rows.start as i64);
    }
    let one = folder.archive("b.npz", &options).unwrap();
    assert_eq!(one.images("glyphs").unwrap().read::<bool>(7).unwrap(), all.index_axis(Axis(0), 1007));

    folder.commit("glyphs.bitnpz.json", &["a.npz", "b.npz"], None, &options).unwrap();
    let error = folder.commit("glyphs.bitnpz.json", &["a.npz"], None, &options).unwrap_err();
    assert!(error.to_string().contains("exists"), "{error}");
    let (_, version) = folder.manifest("glyphs.bitnpz.json").unwrap();
    folder.commit("glyphs.bitnpz.json", &["a.npz", "b.npz", "c.npz"], Some(&version), &options).unwrap();
    let error = folder.commit("glyphs.bitnpz.json", &["a.npz"], Some(&version), &options).unwrap_err();
    assert!(error.to_string().contains("replaced"), "{error}");

    let archive = folder.sharded_archive("glyphs.bitnpz.json", &options).unwrap();
    let glyphs = archive.images("glyphs").unwrap();
    assert_eq!(glyphs.to_array::<bool>().unwrap(), all.clone().into_dyn());
    let order: Vec<usize> = (0..300).map(|place| place * 7919 % 3000).collect();
    let mut batch = Array3::from_elem((300, 20, 30), false);
    glyphs.read_batch_into(&order, &mut batch).unwrap();
    assert_eq!(batch, all.select(Axis(0), &order));
    assert_eq!(
        archive.array("labels").unwrap().take::<i64>(&[2999, 5]).unwrap(),
        ndarray::array![2999, 5].into_dyn()
    );
    assert!(archive.verify(true, |_| ()).unwrap().iter().all(|shard| shard.report.problems.is_empty()));
}

#[test]
fn an_upload_that_is_not_completed_is_no_file() {
    let folder = in_memory();
    let upload = folder.upload("a.npz").unwrap();
    let mut writer = Writer::into_output(upload.output(), &WriteOptions::default());
    writer.add_images("glyphs", &images(100)).unwrap();
    writer.finish().unwrap();
    drop(upload);
    let error = folder.archive("a.npz", &OpenOptions::default()).unwrap_err();
    assert!(error.to_string().contains("not found"), "{error}");
}

#[tokio::test]
async fn asynchronous_programs_read_without_blocking() {
    let (folder, all) = (in_memory(), images(2000));
    let (uploading, part) = (folder.clone(), all.clone());
    tokio::task::spawn_blocking(move || write(&uploading, "a.npz", &part, 0)).await.unwrap();
    let mut archive = folder.archive_async("a.npz", &OpenOptions::default()).await.unwrap();
    for first in [0, 700, 1999] {
        let indices: Vec<usize> = (0..50).map(|place| (first + place * 31) % 2000).collect();
        let read = archive
            .read(|archive| {
                let mut batch = Array3::from_elem((50, 20, 30), false);
                archive.images("glyphs")?.read_batch_into(&indices, &mut batch)?;
                Ok(batch)
            })
            .await;
        assert_eq!(read.unwrap(), all.select(Axis(0), &indices));
    }
    let error = archive.read(|archive| archive.images("none")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoSuchKey));
    // Functions that block can be called here, too.
    assert_eq!(folder.archive("a.npz", &OpenOptions::default()).unwrap().len(), 2);
}

/// As of threads that read at the same time.
#[tokio::test]
async fn reads_that_succeed_hide_no_others() {
    let (folder, all) = (in_memory(), images(20_000));
    let (uploading, part) = (folder.clone(), all.clone());
    tokio::task::spawn_blocking(move || write(&uploading, "a.npz", &part, 0)).await.unwrap();
    let options = OpenOptions::default().with_cache(RangeCache::new(0));
    let mut archive = folder.archive_async("a.npz", &options).await.unwrap();
    let read = archive
        .read(|archive| {
            let glyphs = archive.images("glyphs")?;
            let [last, first] = [12_000, 0].map(|index| glyphs.read::<bool>(index));
            Ok([first?, last?])
        })
        .await;
    assert_eq!(read.unwrap(), [0, 12_000].map(|index| all.index_axis(Axis(0), index).into_owned()));
}

/// A forked child has none of the threads that make requests.
#[cfg(target_os = "linux")]
#[test]
#[expect(unsafe_code, reason = "only so a test in Rust runs in a forked child")]
fn forked_children_do_not_wait() {
    use std::os::unix::process::CommandExt;
    let folder = in_memory();
    write(&folder, "a.npz", &images(100), 0);
    let object = folder.object("a.npz").unwrap();
    let mut upload = Some(folder.upload("b.npz").unwrap());
    upload.as_ref().unwrap().output().write_all(&vec![1; 25 << 20]).unwrap();
    let in_child = move || {
        std::thread::spawn(|| {
            std::thread::sleep(Duration::from_secs(20));
            std::process::abort();
        });
        let upload = upload.take().expect("it is called once");
        let errors = [object.len().map(drop), upload.output().write_all(b"more"), upload.complete()];
        let are_told =
            errors.iter().all(|error| matches!(error, Err(error) if error.to_string().contains("fork")));
        Err(std::io::Error::from_raw_os_error(if are_told { 42 } else { 43 }))
    };
    let mut child = std::process::Command::new("true");
    // SAFETY: memory can be allocated after a fork of the C library of Linux, and no other lock is taken that could be held.
    unsafe { child.pre_exec(in_child) };
    let error = child.spawn().map(|mut child| child.wait()).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(42), "{error}");
    assert_eq!(folder.archive("a.npz", &OpenOptions::default()).unwrap().len(), 2);
}

/// What a server does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// The next requests get 503, so many.
    Unavailable(usize),
    /// The next answers end after half of their bytes, so many.
    CutOff(usize),
    /// The next requests get no answer, so many.
    Reset(usize),
    Forbidden,
    /// The server has another version from now on, and ignores the condition.
    Changed,
    /// The `ETag` of the server is a weak one, which meets no condition.
    WeakTag,
}

/// An HTTP server of one folder that does as it is told.
struct Server {
    address: String,
    files: Arc<Mutex<HashMap<String, Vec<u8>>>>,
    fault: Arc<Mutex<Fault>>,
    requests: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address)
    }
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            files: Arc::default(),
            fault: Arc::new(Mutex::new(Fault::None)),
            requests: Arc::default(),
            ended: Arc::default(),
        };
        let (files, fault, requests, ended) = (
            Arc::clone(&server.files),
            Arc::clone(&server.fault),
            Arc::clone(&server.requests),
            Arc::clone(&server.ended),
        );
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                let (files, fault, requests) =
                    (Arc::clone(&files), Arc::clone(&fault), Arc::clone(&requests));
                std::thread::spawn(move || drop(serve(&stream, &files, &fault, &requests)));
            }
        });
        server
    }

    fn folder(&self) -> RemoteFolder {
        bitnpz_remote::choose_cryptography();
        let mut options = RemoteOptions::default();
        options.timeout = Duration::from_secs(20);
        // Plain HTTP must be allowed.
        let store = bitnpz_remote::object_store::http::HttpBuilder::new()
            .with_url(&self.address)
            .with_client_options(bitnpz_remote::object_store::ClientOptions::new().with_allow_http(true))
            .with_retry(bitnpz_remote::object_store::RetryConfig { max_retries: 0, ..Default::default() })
            .build()
            .unwrap();
        RemoteFolder::new(Arc::new(store), "data", &options).unwrap()
    }

    fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        drop(TcpStream::connect(self.address.trim_start_matches("http://")));
    }
}

/// Serves one connection.
fn serve(
    stream: &TcpStream,
    files: &Mutex<HashMap<String, Vec<u8>>>,
    fault: &Mutex<Fault>,
    requests: &AtomicUsize,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let (method, path) = {
            let mut parts = line.split(' ');
            (parts.next().unwrap_or_default().to_owned(), parts.next().unwrap_or_default().to_owned())
        };
        let (mut range, mut condition) = (None, None);
        loop {
            let mut header = String::new();
            reader.read_line(&mut header)?;
            if header.trim().is_empty() {
                break;
            }
            let header = header.to_ascii_lowercase();
            if let Some(value) = header.strip_prefix("range: bytes=") {
                range = Some(value.trim().to_owned());
            }
            if let Some(value) = header.strip_prefix("if-match:") {
                condition = Some(value.trim().to_owned());
            }
        }
        requests.fetch_add(1, Ordering::Relaxed);
        let now = {
            let mut fault = fault.lock().unwrap();
            let now = *fault;
            *fault = match now {
                Fault::Unavailable(left) if left > 0 => Fault::Unavailable(left - 1),
                Fault::CutOff(left) if left > 0 => Fault::CutOff(left - 1),
                Fault::Reset(left) if left > 0 => Fault::Reset(left - 1),
                other => other,
            };
            now
        };
        let status = |mut stream: &TcpStream, text: &str| {
            write!(stream, "HTTP/1.1 {text}\r\nContent-Length: 0\r\n\r\n")
        };
        match now {
            Fault::Unavailable(left) if left > 0 => {
                status(stream, "503 Service Unavailable")?;
                continue;
            }
            Fault::Reset(left) if left > 0 => return stream.shutdown(std::net::Shutdown::Both),
            Fault::Forbidden => {
                status(stream, "403 Forbidden")?;
                continue;
            }
            _ => {}
        }
        let Some(bytes) = files.lock().unwrap().get(&path).cloned() else {
            status(stream, "404 Not Found")?;
            continue;
        };
        let size = bytes.len();
        let (start, end) = match range.as_deref().and_then(|range| range.split_once('-')) {
            Some(("", most)) => (size.saturating_sub(most.parse().unwrap()), size),
            Some((start, last)) => (start.parse().unwrap(), last.parse::<usize>().unwrap() + 1),
            None => (0, size),
        };
        let body = if method == "HEAD" { &[][..] } else { &bytes[start..end] };
        let tag = match now {
            Fault::Changed => "\"second\"",
            Fault::WeakTag => "W/\"first\"",
            _ => "\"first\"",
        };
        if now == Fault::WeakTag && condition.is_some() {
            status(stream, "412 Precondition Failed")?;
            continue;
        }
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{size}\r\nETag: {tag}\r\n\
             Last-Modified: Wed, 21 Oct 2015 07:28:00 GMT\r\n\r\n",
            end - start,
            end - 1
        );
        let mut stream = stream;
        stream.write_all(head.as_bytes())?;
        match now {
            Fault::CutOff(left) if left > 0 => {
                stream.write_all(&body[..body.len() / 2])?;
                return stream.shutdown(std::net::Shutdown::Both);
            }
            _ => stream.write_all(body)?,
        }
        stream.flush()?;
    }
}

fn served(server: &Server, all: &Array3<bool>) {
    let mut writer = Writer::unnamed(&WriteOptions::default().with_codec(Codec::Raw)).unwrap();
    writer.add_images("glyphs", all).unwrap();
    let mut bytes = Vec::new();
    writer.finish_into(&mut bytes).unwrap();
    assert!(all.len_of(Axis(0)) < 10_000 || bytes.len() > 1 << 20, "opening does not read all of it");
    server.files.lock().unwrap().insert("/data/a.npz".to_owned(), bytes);
}

#[test]
fn failures_that_pass_are_repeated() {
    let (server, all) = (Server::start(), images(20_000));
    served(&server, &all);
    let order: Vec<usize> = (0..200).map(|place| place * 7919 % 20_000).collect();
    for fault in [Fault::None, Fault::Unavailable(2), Fault::CutOff(2), Fault::Reset(2)] {
        let archive = server.folder().archive("a.npz", &OpenOptions::default()).unwrap();
        server.set(fault);
        let mut batch = Array3::from_elem((200, 20, 30), false);
        archive.images("glyphs").unwrap().read_batch_into(&order, &mut batch).unwrap();
        assert_eq!(batch, all.select(Axis(0), &order), "{fault:?}");
        server.set(Fault::None);
    }
    let before = server.requests.load(Ordering::Relaxed);
    server.folder().archive("a.npz", &OpenOptions::default()).unwrap();
    assert_eq!(server.requests.load(Ordering::Relaxed) - before, 1, "one request opens an archive");
}

#[test]
fn failures_are_told_apart() {
    let (server, all) = (Server::start(), images(20_000));
    served(&server, &all);
    let options = OpenOptions::default();
    let order: Vec<usize> = (0..200).map(|place| place * 79 % 20_000).collect();
    for (fault, expected) in [
        (Fault::Forbidden, std::io::ErrorKind::PermissionDenied),
        (Fault::Changed, std::io::ErrorKind::StaleNetworkFileHandle),
        (Fault::CutOff(100), std::io::ErrorKind::Other),
    ] {
        let archive = server.folder().archive("a.npz", &options).unwrap();
        let glyphs = archive.images("glyphs").unwrap();
        server.set(fault);
        let mut batch = Array3::from_elem((200, 20, 30), false);
        let error = glyphs.read_batch_into(&order, &mut batch).unwrap_err();
        let kind = std::error::Error::source(&error).and_then(|error| error.downcast_ref::<std::io::Error>());
        assert_eq!(kind.map(std::io::Error::kind), Some(expected), "{fault:?}: {error}");
        server.set(Fault::None);
    }
    let error = server.folder().archive("none.npz", &options).unwrap_err();
    let kind = std::error::Error::source(&error).and_then(|error| error.downcast_ref::<std::io::Error>());
    assert_eq!(kind.map(std::io::Error::kind), Some(std::io::ErrorKind::NotFound), "{error}");
}

#[test]
fn weak_tags_are_no_conditions() {
    let (server, all) = (Server::start(), images(20_000));
    served(&server, &all);
    server.set(Fault::WeakTag);
    let archive = server.folder().archive("a.npz", &OpenOptions::default()).unwrap();
    let glyphs = archive.images("glyphs").unwrap();
    assert_eq!(glyphs.read::<bool>(7).unwrap(), all.index_axis(Axis(0), 7));
    // They tell versions apart.
    server.set(Fault::Changed);
    let error = glyphs.read::<bool>(12_000).unwrap_err().to_string();
    assert!(error.contains("replaced or changed"), "{error}");
}

#[test]
fn nothing_is_requested_for_empty_ranges() {
    let (server, all) = (Server::start(), images(3000));
    served(&server, &all);
    let object = server.folder().object("a.npz").unwrap();
    let len = object.len().unwrap();
    let before = server.requests.load(Ordering::Relaxed);
    assert_eq!(object.read_end(0).unwrap(), (len, Vec::new()));
    let empty = [0..0, 5..5, len..len];
    assert_eq!(object.read_ranges(&empty).unwrap(), [[0; 0], [0; 0], [0; 0]]);
    assert_eq!(server.requests.load(Ordering::Relaxed), before);
    assert_eq!(object.read_ranges(&[7..7, 0..4]).unwrap(), [&b""[..], b"PK\x03\x04"]);
}

#[test]
fn urls_of_unknown_stores_are_refused() {
    for url in ["nothing", "ftp://host/data", "s3:/"] {
        let error = RemoteFolder::open(url, &RemoteOptions::default()).unwrap_err();
        assert!(!error.to_string().is_empty(), "{url}");
    }
    RemoteFolder::open("https://example.org/data", &RemoteOptions::default()).unwrap();
}

#[test]
fn folders_are_opened_by_their_urls() {
    let (server, all) = (Server::start(), images(3000));
    served(&server, &all);
    let folder = RemoteFolder::open(&format!("{}/data", server.address), &RemoteOptions::default()).unwrap();
    let archive = folder.archive("a.npz", &OpenOptions::default()).unwrap();
    assert_eq!(archive.images("glyphs").unwrap().read::<bool>(2999).unwrap(), all.index_axis(Axis(0), 2999));
}
