//! An object of a store, read by range.

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use bitnpz::ReadAt;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{GetOptions, GetRange, GetResult, ObjectMeta, ObjectStore, UpdateVersion};

use crate::failure::{changed, may_pass, to_io, truncated};
use crate::options::RemoteOptions;
use crate::runtime::wait;

/// The pause after the first failure; the next are each twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// Longer ranges are requested in pieces, so that several connections bring them.
const PIECE_BYTES: u64 = 4 << 20;

/// An object of a store. All that is read is of one version of it, the first that was found.
#[derive(Clone)]
pub struct RemoteObject(Arc<Object>);

struct Object {
    store: Arc<dyn ObjectStore>,
    path: Path,
    options: RemoteOptions,
    version: OnceLock<Version>,
}

/// What tells one version of an object from another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    size: u64,
    /// The `ETag`, or the time of the last change where there is none.
    tag: String,
    /// The `ETag` as a condition of requests: a weak one would match no version (RFC 9110, 13.1.1).
    condition: Option<String>,
    /// What some stores want besides to replace it.
    version: Option<String>,
}

impl Version {
    fn of(meta: &ObjectMeta) -> Self {
        let tag = meta.e_tag.clone().unwrap_or_else(|| meta.last_modified.to_rfc3339());
        let condition = meta.e_tag.clone().filter(|tag| !tag.starts_with("W/"));
        Self { size: meta.size, tag, condition, version: meta.version.clone() }
    }
}

impl fmt::Debug for RemoteObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteObject").field("path", &self.0.path).finish_non_exhaustive()
    }
}

impl RemoteObject {
    /// Returns the object at a path of a store. Nothing is requested yet.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, path: Path, options: &RemoteOptions) -> Self {
        Self(Arc::new(Object { store, path, options: options.clone(), version: OnceLock::new() }))
    }

    /// Reads ranges, each of which is within the object, at the same time.
    pub(crate) async fn get_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        let requests = pieces_of(ranges, self.0.options.gap).into_iter().map(|piece| {
            let object = self.clone();
            async move { object.get(GetRange::Bounded(piece)).await }
        });
        let concurrency = self.0.options.concurrency.max(1);
        let read: Vec<(u64, Bytes)> = stream::iter(requests).buffered(concurrency).try_collect().await?;
        Ok(ranges.iter().map(|range| cut(&read, range)).collect())
    }

    /// Reads the length of the object, and its last bytes.
    pub(crate) async fn get_end(&self, most: u64) -> io::Result<(u64, Vec<u8>)> {
        if most == 0 {
            return Ok((self.get_len().await?, Vec::new()));
        }
        let read = self.get(GetRange::Suffix(most)).await;
        let size = |object: &Self| object.0.version.get().map_or(0, |version| version.size);
        match read {
            Ok((_, bytes)) => Ok((size(self), bytes.to_vec())),
            // Some stores cannot be asked for the end of an object.
            Err(error) if error.kind() == io::ErrorKind::Unsupported => {
                let len = self.get_len().await?;
                let end = len.saturating_sub(most)..len;
                let read = if end.is_empty() { Vec::new() } else { self.get_ranges(&[end]).await? };
                Ok((len, read.into_iter().next().unwrap_or_default()))
            }
            Err(error) => Err(error),
        }
    }

    /// Returns what replaces the version that was read.
    pub(crate) fn update_version(&self) -> UpdateVersion {
        let version = self.0.version.get();
        UpdateVersion {
            e_tag: version.and_then(|version| version.condition.clone()),
            version: version.and_then(|version| version.version.clone()),
        }
    }

    pub(crate) async fn get_len(&self) -> io::Result<u64> {
        if let Some(version) = self.0.version.get() {
            return Ok(version.size);
        }
        let meta = self
            .repeat(|| async {
                let options = GetOptions { head: true, ..GetOptions::default() };
                Ok(self.0.store.get_opts(&self.0.path, options).await.map_err(to_io)?.meta)
            })
            .await?;
        self.check(&meta)?;
        Ok(meta.size)
    }

    /// Reads a range, and returns where it starts and its bytes.
    async fn get(&self, range: GetRange) -> io::Result<(u64, Bytes)> {
        self.repeat(|| async {
            let options = GetOptions {
                range: Some(range.clone()),
                if_match: self.0.version.get().and_then(|version| version.condition.clone()),
                ..GetOptions::default()
            };
            let result: GetResult = self.0.store.get_opts(&self.0.path, options).await.map_err(to_io)?;
            self.check(&result.meta)?;
            let (found, size) = (result.range.clone(), result.meta.size);
            let expected = match &range {
                GetRange::Bounded(range) => range.clone(),
                GetRange::Suffix(most) => size.saturating_sub(*most)..size,
                GetRange::Offset(start) => *start..size,
            };
            let bytes = result.bytes().await.map_err(to_io)?;
            if found != expected || bytes.len() as u64 != expected.end - expected.start {
                return Err(truncated(&expected, bytes.len()));
            }
            Ok((expected.start, bytes))
        })
        .await
    }

    /// Checks that an answer is of the version that the first was of.
    fn check(&self, meta: &ObjectMeta) -> io::Result<()> {
        let found = Version::of(meta);
        if *self.0.version.get_or_init(|| found.clone()) == found { Ok(()) } else { Err(changed()) }
    }

    /// Makes a request, and repeats it while the failure may pass.
    async fn repeat<T, F: Future<Output = io::Result<T>>>(&self, request: impl Fn() -> F) -> io::Result<T> {
        let (start, mut pause) = (Instant::now(), FIRST_PAUSE);
        let RemoteOptions { attempts, timeout, .. } = self.0.options;
        for attempt in 1.. {
            match request().await {
                Err(error) if may_pass(&error) && attempt < attempts && start.elapsed() + pause < timeout => {
                    tokio::time::sleep(jittered(pause)).await;
                    pause *= 2;
                }
                result => return result,
            }
        }
        unreachable!("attempts do not run out")
    }
}

/// Returns between half of a pause and all of it, so that not all clients come back at the same time.
fn jittered(pause: Duration) -> Duration {
    use std::hash::{BuildHasher, RandomState};
    let share = RandomState::new().hash_one(0) % 1000;
    pause.mul_f64(0.5 + f64::from(u16::try_from(share).unwrap_or(0)) / 2000.0)
}

/// Joins ranges in ascending order that lie close together, and cuts those that are long.
fn pieces_of(ranges: &[Range<u64>], gap: u64) -> Vec<Range<u64>> {
    let mut joined: Vec<Range<u64>> = Vec::new();
    // Stores refuse empty ranges.
    for range in ranges.iter().filter(|range| !range.is_empty()) {
        match joined.last_mut() {
            Some(last) if range.start >= last.start && range.start <= last.end.saturating_add(gap) => {
                last.end = last.end.max(range.end);
            }
            _ => joined.push(range.clone()),
        }
    }
    let cut = |range: Range<u64>| {
        let starts = range.clone().step_by(usize::try_from(PIECE_BYTES).expect("4 MiB"));
        starts.map(move |start| start..range.end.min(start + PIECE_BYTES))
    };
    joined.into_iter().flat_map(cut).collect()
}

/// Returns the bytes of a range from those of pieces, each with where it starts.
fn cut(pieces: &[(u64, Bytes)], range: &Range<u64>) -> Vec<u8> {
    let index = |place: u64| usize::try_from(place).expect("in memory");
    let mut bytes = Vec::with_capacity(index(range.end - range.start));
    let mut place = range.start;
    // Ranges need not be in ascending order, and may overlap.
    while place < range.end {
        let holds = |(start, piece): &&(u64, Bytes)| (*start..start + piece.len() as u64).contains(&place);
        let (start, piece) = pieces.iter().find(holds).expect("pieces have all ranges");
        let end = range.end.min(start + piece.len() as u64);
        bytes.extend_from_slice(&piece[index(place - start)..index(end - start)]);
        place = end;
    }
    bytes
}

impl ReadAt for RemoteObject {
    fn len(&self) -> io::Result<u64> {
        let object = self.clone();
        wait(async move { object.get_len().await })
    }

    fn read_ranges(&self, ranges: &[Range<u64>]) -> io::Result<Vec<Vec<u8>>> {
        let (object, ranges) = (self.clone(), ranges.to_vec());
        wait(async move { object.get_ranges(&ranges).await })
    }

    fn read_end(&self, most: u64) -> io::Result<(u64, Vec<u8>)> {
        let object = self.clone();
        wait(async move { object.get_end(most).await })
    }

    fn version(&self) -> io::Result<Option<String>> {
        self.len()?;
        let version = self.0.version.get();
        Ok(version
            .map(|version| format!("{}\n{}\n{}\n{}", self.0.store, self.0.path, version.size, version.tag)))
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    #[test]
    fn weak_tags_replace_nothing() {
        for (tag, condition) in [("\"1\"", Some("\"1\"")), ("W/\"1\"", None)] {
            let store = Arc::new(InMemory::new());
            let object = RemoteObject::new(store, Path::from("a"), &RemoteOptions::default());
            let meta = ObjectMeta {
                location: Path::from("a"),
                last_modified: std::time::SystemTime::UNIX_EPOCH.into(),
                size: 7,
                e_tag: Some(tag.to_owned()),
                version: None,
            };
            object.check(&meta).unwrap();
            assert_eq!(object.update_version().e_tag.as_deref(), condition);
            object.check(&ObjectMeta { e_tag: Some("W/\"2\"".to_owned()), ..meta }).unwrap_err();
        }
    }

    #[test]
    fn ranges_are_joined_and_cut() {
        assert_eq!(pieces_of(&[0..10, 15..20, 40..50], 5), [0..20, 40..50]);
        let long = [0..PIECE_BYTES + 7, PIECE_BYTES * 3..PIECE_BYTES * 3 + 1];
        assert_eq!(pieces_of(&long, 5), [0..PIECE_BYTES, PIECE_BYTES..PIECE_BYTES + 7, long[1].clone()]);
        assert_eq!(pieces_of(&[3..3, 10..20, 20..20, 25..25, 40..41, 99..99], 5), [10..20, 40..41]);
        let bytes = |range: Range<u8>| Bytes::from_owner(range.collect::<Vec<_>>());
        let pieces = [(0, bytes(0..20)), (20, bytes(20..30)), (40, bytes(40..50))];
        assert_eq!(cut(&pieces, &(18..23)), [18, 19, 20, 21, 22]);
        assert_eq!(cut(&pieces, &(40..41)), [40]);
        assert_eq!(cut(&pieces, &(5..5)), [0; 0]);
    }
}
