//! Writing an archive.

mod compress;
mod parallel;
mod stream;

use std::fmt;
use std::hash::BuildHasher;
use std::io::{Seek, Write};
use std::num::NonZero;

use bitnpz_npy::DynArrayView;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::archive::Member;
use crate::error::{Error, ErrorKind, Result};
use crate::method::{Compression, Method};
use crate::name;
use crate::record::central_header::{CentralEntry, CentralHeader};
use crate::record::end_record::EndRecord;
use crate::record::local_header::{self, LocalHeader};
use crate::record::{IN_ZIP64, extra, flags};
pub use compress::CompressedMember;
use parallel::{Batch, Work};
pub use stream::Stream;

/// Stored members start at a multiple of this many bytes of the file, and so do the arrays in them.
const ALIGNMENT: u16 = 64;

/// Members are compressed together once there are this many, or this many bytes of them.
const BATCH_MEMBERS: usize = 1024;
const BATCH_BYTES: usize = 8 << 20;

/// Bytes of a member of another archive that are copied at once.
const COPY_BUFFER_BYTES: u64 = 1 << 20;

/// How an archive is written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WriteOptions {
    /// How members are compressed.
    pub compression: Compression,
    /// How many threads compress. The bytes written do not depend on it.
    pub threads: NonZero<usize>,
}

impl Default for WriteOptions {
    /// Deflate, on all cores.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().unwrap_or(NonZero::<usize>::MIN);
        Self { compression: Compression::default(), threads }
    }
}

impl WriteOptions {
    /// Members compressed like this.
    #[must_use]
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.compression = compression;
        self
    }

    /// This many threads.
    #[must_use]
    pub fn with_threads(mut self, threads: NonZero<usize>) -> Self {
        self.threads = threads;
        self
    }
}

/// Writes an archive member by member.
///
/// Members are compressed in batches on all threads, one batch while the next is collected, and written in the
/// order in which they were added: memory is bounded and the bytes do not depend on the number of threads. Nothing is an archive before
/// [`finish`](Self::finish).
pub struct Writer<W> {
    sink: W,
    options: WriteOptions,
    /// Where the next member starts.
    position: u64,
    /// The central directory so far.
    directory: Vec<u8>,
    /// Where each entry starts in it.
    entries: Vec<u32>,
    /// The names of those that have no entry yet: first those being compressed, then those collected.
    waiting: Vec<String>,
    compressing: Option<Batch<Result<CompressedMember>>>,
    collected: Vec<Work<Result<CompressedMember>>>,
    /// About how many bytes are collected.
    collected_bytes: usize,
    /// The numbers of members by what tells their names apart, those without an entry included.
    names: HashTable<u32>,
    hasher: RandomState,
    is_poisoned: bool,
}

impl<W> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer")
            .field("members", &self.entries.len())
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}

impl<W: Write + Seek> Writer<W> {
    /// Starts an archive where `sink` starts, which must be empty.
    #[must_use]
    pub fn new(sink: W, options: WriteOptions) -> Self {
        Self {
            sink,
            options,
            position: 0,
            directory: Vec::new(),
            entries: Vec::new(),
            waiting: Vec::new(),
            compressing: None,
            collected: Vec::new(),
            collected_bytes: 0,
            names: HashTable::new(),
            hasher: RandomState::default(),
            is_poisoned: false,
        }
    }

    /// The number of members added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len() + self.waiting.len()
    }

    /// Whether no member has been added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The name of the member with this number.
    #[must_use]
    pub fn name(&self, number: usize) -> Option<&str> {
        match self.entries.get(number) {
            Some(&entry) => {
                let name = CentralEntry::parse(&self.directory[entry as usize..])?.name;
                std::str::from_utf8(name).ok()
            }
            None => self.waiting.get(number - self.entries.len()).map(String::as_str),
        }
    }

    /// How members are written.
    #[must_use]
    pub fn options(&self) -> &WriteOptions {
        &self.options
    }

    /// Adds a member of these bytes.
    ///
    /// # Errors
    ///
    /// If the name is not allowed or taken, or writing fails.
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<()> {
        self.add_with(name, bytes, self.options.compression)
    }

    /// Adds a member of these bytes, compressed like this.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn add_with(&mut self, name: &str, bytes: Vec<u8>, compression: Compression) -> Result<()> {
        let len = bytes.len();
        self.add_compressed(name, len, move || CompressedMember::new(bytes, compression))
    }

    /// Adds the member `name.npy`: the file that `np.save` would write.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn add_array(&mut self, name: &str, array: &DynArrayView<'_>) -> Result<()> {
        let npy = array.to_npy().map_err(|error| Error::from(error).of(name))?;
        self.add(&format!("{name}.npy"), npy)
    }

    /// Adds a member that `encode` makes, later and on any thread. `weight` is about how many bytes it holds
    /// until then.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add); what `encode` fails with comes from a later call or from `finish`.
    pub fn add_compressed(
        &mut self,
        name: &str,
        weight: usize,
        encode: impl FnOnce() -> Result<CompressedMember> + Send + 'static,
    ) -> Result<()> {
        self.claim(name)?;
        self.waiting.push(name.to_owned());
        self.collected.push(Box::new(encode));
        self.collected_bytes = self.collected_bytes.saturating_add(weight);
        if self.collected.len() >= BATCH_MEMBERS || self.collected_bytes >= BATCH_BYTES {
            self.compress()?;
        }
        Ok(())
    }

    /// Adds a member of another archive as it lies there, compressed or not, in bounded memory.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add), and if the member's records are damaged; its data is not looked at.
    pub fn copy(&mut self, member: &Member<'_>) -> Result<()> {
        self.claim(member.name())?;
        self.flush()?;
        let result = self.write_copy(member);
        result.map_err(|error| self.poison(error))
    }

    /// Adds a member that is compressed already: to these bytes from so many of this CRC-32.
    pub(crate) fn add_raw(
        &mut self,
        name: &str,
        method: Method,
        size: u64,
        crc32: u32,
        data: &[u8],
    ) -> Result<()> {
        self.claim(name)?;
        self.flush()?;
        let header = self.header(name, method, [data.len() as u64, size], crc32);
        let written = self.write_data(name, &header, data, method == Method::STORED);
        written.map_err(|error| self.poison(error))
    }

    fn write_copy(&mut self, member: &Member<'_>) -> Result<()> {
        let range = member.data_range()?;
        let mut header = self.header(
            member.name(),
            member.method(),
            [member.compressed_size(), member.size()],
            member.crc32(),
        );
        header.flags |= member.method_flags();
        let local = self.front(member.name(), &header, member.method() == Method::STORED);
        self.sink.write_all(&local)?;
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + COPY_BUFFER_BYTES);
            self.sink.write_all(&member.archive().slice(start..end)?)?;
            start = end;
        }
        self.finish_member(member.name(), &header, local.len() as u64 + member.compressed_size())
    }

    /// Starts a member whose length is not known yet. Its first bytes, `head`, may be changed until the end: the
    /// header of an array that grows.
    ///
    /// It is stored or deflated, in pieces of a mebibyte; archives that are written with zstd have it deflated.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    pub fn stream(&mut self, name: &str, head: Vec<u8>) -> Result<Stream<'_, W>> {
        self.claim(name)?;
        self.flush()?;
        Stream::start(self, name, head)
    }

    /// Gives the archive up: whatever comes now fails.
    pub fn abandon(&mut self) {
        self.is_poisoned = true;
    }

    /// Writes what ends an archive, and gives the sink back.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn finish(self) -> Result<W> {
        self.finish_in_order(&[])
    }

    /// Writes what ends an archive, the members with these numbers listed first in the central directory: readers give
    /// members in the order in which they are listed, wherever they lie.
    ///
    /// # Errors
    ///
    /// If writing fails.
    pub fn finish_in_order(mut self, first: &[usize]) -> Result<W> {
        self.flush()?;
        self.list_first(first);
        let mut end = Vec::new();
        EndRecord::write(self.len() as u64, self.directory.len() as u64, self.position, &mut end);
        self.sink.write_all(&self.directory)?;
        self.sink.write_all(&end)?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    /// Moves the entries of members with these numbers to the front of the central directory.
    fn list_first(&mut self, first: &[usize]) {
        if first.iter().copied().eq(0..first.len()) {
            return;
        }
        let mut is_first = vec![false; self.entries.len()];
        first.iter().for_each(|&number| is_first[number] = true);
        let others = (0..self.entries.len()).filter(|&number| !is_first[number]);
        let mut directory = Vec::with_capacity(self.directory.len());
        for number in first.iter().copied().chain(others) {
            let start = self.entries[number] as usize;
            let end = self.entries.get(number + 1).map_or(self.directory.len(), |&next| next as usize);
            directory.extend_from_slice(&self.directory[start..end]);
        }
        self.directory = directory;
    }

    /// Whether a member has this name; `a` and `a.npy` are one.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        let key = name::identity(name);
        let key_of = |number: u32| self.name(number as usize).map_or("", name::identity);
        self.names.find(self.hasher.hash_one(key), |&other| key_of(other) == key).is_some()
    }

    /// Checks a name and makes it taken.
    fn claim(&mut self, name: &str) -> Result<()> {
        if self.is_poisoned {
            return Err(ErrorKind::Poisoned.into());
        }
        name::check_name(name)?;
        let number = u32::try_from(self.len()).map_err(|_| ErrorKind::Limit {
            limit: "members",
            allowed: u32::MAX.into(),
            found: 1 << 32,
        })?;
        let mut names = std::mem::take(&mut self.names);
        let key_of = |number: u32| self.name(number as usize).map_or("", name::identity);
        let key = name::identity(name);
        let hash = self.hasher.hash_one(key);
        let rehash = |&other: &u32| self.hasher.hash_one(key_of(other));
        let taken = names.find(hash, |&other| key_of(other) == key).is_some();
        if !taken {
            names.insert_unique(hash, number, rehash);
        }
        self.names = names;
        if taken { Err(ErrorKind::Duplicate.into_error(name)) } else { Ok(()) }
    }

    /// Compresses and writes all that wait.
    fn flush(&mut self) -> Result<()> {
        self.compress()?;
        self.write_compressed()
    }

    /// Starts to compress what is collected, once what came before it is written.
    fn compress(&mut self) -> Result<()> {
        self.write_compressed()?;
        let collected = std::mem::take(&mut self.collected);
        self.collected_bytes = 0;
        self.compressing = Some(Batch::start(collected, self.options.threads));
        Ok(())
    }

    /// Waits for what is being compressed, and writes it.
    fn write_compressed(&mut self) -> Result<()> {
        let Some(batch) = self.compressing.take() else { return Ok(()) };
        let waiting = self.waiting.split_off(batch.len());
        let names = std::mem::replace(&mut self.waiting, waiting);
        let done = batch.finish().map_err(|error| self.poison(error.into()))?;
        for (name, encoded) in names.iter().zip(done) {
            let written = encoded.and_then(|encoded| self.write_member(name, &encoded));
            written.map_err(|error| self.poison(error.of(name)))?;
        }
        Ok(())
    }

    fn poison(&mut self, error: Error) -> Error {
        self.is_poisoned = true;
        error
    }

    fn write_member(&mut self, name: &str, encoded: &CompressedMember) -> Result<()> {
        let CompressedMember { method, crc32, size, data, is_aligned } = encoded;
        self.write_data(
            name,
            &self.header(name, *method, [data.len() as u64, *size], *crc32),
            data,
            *is_aligned,
        )
    }

    fn write_data(
        &mut self,
        name: &str,
        header: &CentralHeader,
        data: &[u8],
        is_aligned: bool,
    ) -> Result<()> {
        let local = self.front(name, header, is_aligned);
        self.sink.write_all(&local)?;
        self.sink.write_all(data)?;
        self.finish_member(name, header, (local.len() + data.len()) as u64)
    }

    /// What comes before a member's data: its local header, its name and an extra field.
    fn front(&self, name: &str, header: &CentralHeader, is_aligned: bool) -> Vec<u8> {
        let mut extra = Vec::new();
        if header.compressed_size >= IN_ZIP64.into() || header.uncompressed_size >= IN_ZIP64.into() {
            extra::push_zip64(&mut extra, &[header.uncompressed_size, header.compressed_size]);
        }
        if is_aligned {
            let end = self.position + (local_header::LEN + name.len() + extra.len()) as u64;
            let padding = extra::padding_len(end, ALIGNMENT, 0);
            extra::push_padding(&mut extra, padding, ALIGNMENT);
        }
        local_header(header, name, &extra)
    }

    /// The header of a member at the current position; sizes are compressed and uncompressed.
    fn header(
        &self,
        name: &str,
        method: Method,
        [compressed_size, uncompressed_size]: [u64; 2],
        crc32: u32,
    ) -> CentralHeader {
        let wide = [compressed_size, uncompressed_size, self.position]
            .into_iter()
            .any(|value| value >= IN_ZIP64.into());
        let version_needed = match (method, wide) {
            (Method::ZSTD | Method::LZMA, _) => 63,
            (Method::BZIP2, false) => 46,
            (_, true) => 45,
            (_, false) => 20,
        };
        let flags = if name.is_ascii() { 0 } else { flags::UTF8 };
        let offset = self.position;
        CentralHeader {
            version_needed,
            flags,
            method,
            crc32,
            compressed_size,
            uncompressed_size,
            disk: 0,
            offset,
        }
    }

    fn finish_member(&mut self, name: &str, header: &CentralHeader, len: u64) -> Result<()> {
        let entry = u32::try_from(self.directory.len()).map_err(|_| ErrorKind::Limit {
            limit: "directory_bytes",
            allowed: u32::MAX.into(),
            found: self.directory.len() as u64,
        })?;
        header.write(name, &mut self.directory);
        self.entries.push(entry);
        self.position += len;
        Ok(())
    }
}

/// A whole local header: the fixed part, the name and the extra field.
fn local_header(header: &CentralHeader, name: &str, extra: &[u8]) -> Vec<u8> {
    let wide = extra::zip64(extra, [true, true]).is_some();
    let size =
        |size: u64| if wide { IN_ZIP64 } else { u32::try_from(size).expect("else there is a zip64 field") };
    let mut bytes = Vec::with_capacity(local_header::LEN + name.len() + extra.len());
    LocalHeader {
        version_needed: header.version_needed,
        flags: header.flags,
        method: header.method,
        crc32: header.crc32,
        compressed_size: size(header.compressed_size),
        uncompressed_size: size(header.uncompressed_size),
        name_len: u16::try_from(name.len()).expect("names are checked"),
        extra_len: u16::try_from(extra.len()).expect("padding is short"),
    }
    .write(&mut bytes);
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(extra);
    bytes
}
