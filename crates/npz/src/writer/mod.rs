//! Writes archives.

mod compress;
mod options;
mod parallel;
mod stream;

use std::fmt;
use std::hash::BuildHasher;
use std::io::{self, Seek, SeekFrom, Write};

use bitnpz_npy::DynArrayView;
use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::archive::Member;
use crate::error::{Error, ErrorKind, Result};
use crate::method::{Compression, Method};
use crate::name;
use crate::record::central_header::{CentralEntry, CentralHeader};
use crate::record::end_record::EndRecord;
use crate::record::local_header;
use crate::record::parts::Parts;
use crate::record::{IN_ZIP64, ZIP64_VERSION, extra, flags};
pub use compress::CompressedMember;
use compress::Placement;
pub use options::WriteOptions;
use parallel::{Batch, Work};
pub use stream::Stream;

/// A batch of this many members is compressed together: enough to keep several threads busy with small images.
const BATCH_MEMBERS: usize = 1024;

/// A batch of about this many bytes is compressed together, even if it has fewer members, to bound memory.
const BATCH_BYTES: usize = 8 << 20;

/// The number of bytes copied at a time from a member of another archive, to bound memory.
const COPY_BUFFER_BYTES: u64 = 1 << 20;

/// Writes an archive member by member.
///
/// Members are compressed in batches on all threads, one batch while the next is collected, and written in the
/// order in which they were added. So memory is bounded, and the bytes do not depend on the number of threads. The
/// output is not a valid archive before [`finish`](Self::finish).
///
/// ```
/// use std::io::{Cursor, Write};
/// use bitnpz_npz::{Archive, Compression, WriteOptions, Writer};
///
/// let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
/// writer.add("a", b"compressed if that is smaller".to_vec())?;
/// writer.add_with("b", b"stored".to_vec(), Compression::Stored)?;
/// let mut stream = writer.stream("c", b"HEAD".to_vec())?;
/// stream.write_all(b", and a body of any length")?;
/// stream.finish(b"head")?;
/// let archive = Archive::from_bytes(writer.finish()?.into_inner())?;
/// assert_eq!(archive.find("c").expect("it was added").read()?, b"head, and a body of any length");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Writer<W> {
    sink: W,
    /// Replaces bytes that were written before; `None` if the sink cannot.
    rewrite: Option<Rewrite<W>>,
    options: WriteOptions,
    /// The offset of the next member.
    position: u64,
    /// The central directory so far.
    directory: Vec<u8>,
    /// The offset of each entry in the directory.
    entries: Vec<u32>,
    /// The names of members without an entry yet: those being compressed, followed by those collected.
    waiting: Vec<String>,
    compressing: Option<Batch<Result<CompressedMember>>>,
    collected: Vec<Work<Result<CompressedMember>>>,
    /// The approximate number of bytes collected.
    collected_bytes: usize,
    /// The numbers of all members, including those without an entry, by the identity of their names.
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

/// Writes bytes at this position of a sink, and goes back to its end.
type Rewrite<W> = fn(&mut W, u64, &[u8]) -> io::Result<()>;

fn rewrite<W: Write + Seek>(sink: &mut W, position: u64, bytes: &[u8]) -> io::Result<()> {
    let end = sink.stream_position()?;
    sink.seek(SeekFrom::Start(position))?;
    sink.write_all(bytes)?;
    sink.seek(SeekFrom::Start(end)).map(drop)
}

impl<W: Write> Writer<W> {
    /// Starts an archive in `sink`, which must be empty.
    #[must_use]
    pub fn new(sink: W, options: &WriteOptions) -> Self
    where
        W: Seek,
    {
        Self::start(sink, Some(rewrite), options)
    }

    /// Starts an archive in a sink that only takes bytes, such as a pipe. The sizes and the CRC-32 of a [`Stream`] follow its data
    /// then (APPNOTE 4.3.9), and its head cannot be replaced.
    #[must_use]
    pub fn new_unseekable(sink: W, options: &WriteOptions) -> Self {
        Self::start(sink, None, options)
    }

    fn start(sink: W, rewrite: Option<Rewrite<W>>, options: &WriteOptions) -> Self {
        Self {
            sink,
            rewrite,
            options: options.clone(),
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

    /// Returns the number of members added.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len() + self.waiting.len()
    }

    /// Returns `true` if no member has been added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the name of the member with this number.
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

    /// Returns the options of this writer.
    #[must_use]
    pub fn options(&self) -> &WriteOptions {
        &self.options
    }

    /// Adds a member with these bytes.
    ///
    /// # Errors
    ///
    /// If the name is invalid or taken, or writing fails. Writing happens later, so that this may also report that an
    /// earlier member could not be written.
    ///
    /// ```
    /// # use std::io::Cursor;
    /// use bitnpz_npz::{ErrorKind, WriteOptions, Writer};
    ///
    /// let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    /// writer.add("labels.npy", vec![0; 10])?;
    /// let error = writer.add("labels", vec![1; 10]).unwrap_err();
    /// assert!(matches!(error.kind(), ErrorKind::Duplicate));
    /// # Ok::<(), bitnpz_npz::Error>(())
    /// ```
    pub fn add(&mut self, name: &str, bytes: Vec<u8>) -> Result<()> {
        self.add_with(name, bytes, self.options.compression)
    }

    /// Adds a member with these bytes, and its own compression.
    ///
    /// # Errors
    ///
    /// Same as [`add`](Self::add).
    pub fn add_with(&mut self, name: &str, bytes: Vec<u8>, compression: Compression) -> Result<()> {
        let len = bytes.len();
        self.add_compressed(name, len, move || CompressedMember::new(bytes, compression))
    }

    /// Adds an array as the member `name.npy`, with the bytes that `np.save` would write.
    ///
    /// # Errors
    ///
    /// Same as [`add`](Self::add).
    pub fn add_array(&mut self, name: &str, array: &DynArrayView<'_>) -> Result<()> {
        let npy = array.to_npy().map_err(|error| Error::from(error).of(name))?;
        self.add(&format!("{name}.npy"), npy)
    }

    /// Adds a member that `compress` makes, later and on any thread. `held_bytes` is the approximate memory that `compress`
    /// holds until then.
    ///
    /// # Errors
    ///
    /// Same as [`add`](Self::add). Errors of `compress` are returned by a later call or by `finish`.
    pub fn add_compressed(
        &mut self,
        name: &str,
        held_bytes: usize,
        compress: impl FnOnce() -> Result<CompressedMember> + Send + 'static,
    ) -> Result<()> {
        self.reserve_name(name)?;
        self.waiting.push(name.to_owned());
        self.collected.push(Box::new(compress));
        self.collected_bytes = self.collected_bytes.saturating_add(held_bytes);
        if self.collected.len() >= BATCH_MEMBERS || self.collected_bytes >= BATCH_BYTES {
            self.start_batch()?;
        }
        Ok(())
    }

    /// Copies a member of another archive without decompressing it, in bounded memory.
    ///
    /// # Errors
    ///
    /// Same as [`add`](Self::add), and if the member's records are damaged. Its data is not checked.
    pub fn copy(&mut self, member: &Member<'_>) -> Result<()> {
        self.copy_as(member, member.name())
    }

    /// Copies a member as [`copy`](Self::copy) does, under another name.
    ///
    /// # Errors
    ///
    /// Same as [`copy`](Self::copy).
    pub fn copy_as(&mut self, member: &Member<'_>, name: &str) -> Result<()> {
        self.reserve_name(name)?;
        self.flush()?;
        let result = self.write_copy(member, name);
        result.map_err(|error| self.poison(error))
    }

    /// Adds a member with existing compressed data, and the size and CRC-32 of its uncompressed bytes.
    pub(crate) fn add_raw(
        &mut self,
        name: &str,
        method: Method,
        size: u64,
        crc32: u32,
        data: &[u8],
    ) -> Result<()> {
        self.reserve_name(name)?;
        self.flush()?;
        let header = self.header(name, method, [data.len() as u64, size], crc32);
        let written = self.write_data(name, &header, data, Placement::of(method));
        written.map_err(|error| self.poison(error))
    }

    fn write_copy(&mut self, member: &Member<'_>, name: &str) -> Result<()> {
        let range = member.data_range()?;
        let mut header =
            self.header(name, member.method(), [member.compressed_size(), member.size()], member.crc32());
        header.flags |= member.method_flags();
        let local = self.local_header_of(name, &header, Placement::of(member.method()));
        self.sink.write_all(&local)?;
        let mut start = range.start;
        while start < range.end {
            let end = range.end.min(start + COPY_BUFFER_BYTES);
            self.sink.write_all(&member.slice(start..end)?)?;
            start = end;
        }
        let len = local.len() as u64 + member.compressed_size();
        self.finish_member(name, &header, member.parts().as_ref(), len)
    }

    /// Abandons the archive: every later call that writes fails.
    pub fn abandon(&mut self) {
        self.is_poisoned = true;
    }

    /// Writes the central directory, and returns the sink. Without this call the output is not a valid archive.
    ///
    /// # Errors
    ///
    /// If writing fails or failed before, or if the archive was [abandoned](Self::abandon).
    pub fn finish(self) -> Result<W> {
        self.finish_in_order(&[])
    }

    /// Writes the central directory with the members with these numbers first, and returns the sink. Readers list members in
    /// the order of the directory, wherever their data is.
    ///
    /// # Errors
    ///
    /// If writing fails or failed before, or if the archive was [abandoned](Self::abandon).
    pub fn finish_in_order(mut self, first: &[usize]) -> Result<W> {
        if self.is_poisoned {
            return Err(ErrorKind::Poisoned.into());
        }
        self.flush()?;
        self.list_first(first);
        let mut end = Vec::new();
        EndRecord::write(self.len() as u64, self.directory.len() as u64, self.position, &mut end);
        self.sink.write_all(&self.directory)?;
        self.sink.write_all(&end)?;
        self.sink.flush()?;
        Ok(self.sink)
    }

    /// Moves the entries of the members with these numbers to the front of the central directory.
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

    /// Returns `true` if a member has this name, where `a` and `a.npy` count as the same.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        let key = name::identity(name);
        let key_of = |number: u32| self.name(number as usize).map_or("", name::identity);
        self.names.find(self.hasher.hash_one(key), |&other| key_of(other) == key).is_some()
    }

    /// Checks a name and marks it as taken.
    fn reserve_name(&mut self, name: &str) -> Result<()> {
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

    /// Compresses and writes all waiting members.
    fn flush(&mut self) -> Result<()> {
        self.start_batch()?;
        self.finish_batch()
    }

    /// Finishes the previous batch, and starts to compress the collected members.
    fn start_batch(&mut self) -> Result<()> {
        self.finish_batch()?;
        let collected = std::mem::take(&mut self.collected);
        self.collected_bytes = 0;
        self.compressing = Some(Batch::start(collected, self.options.threads));
        Ok(())
    }

    /// Waits for the members being compressed, and writes them.
    fn finish_batch(&mut self) -> Result<()> {
        let Some(batch) = self.compressing.take() else { return Ok(()) };
        let waiting = self.waiting.split_off(batch.len());
        let names = std::mem::replace(&mut self.waiting, waiting);
        let done = batch.finish().map_err(|error| self.poison(error.into()))?;
        for (name, member) in names.iter().zip(done) {
            let written = member.and_then(|member| self.write_member(name, &member));
            written.map_err(|error| self.poison(error.of(name)))?;
        }
        Ok(())
    }

    /// Makes every later call fail, as the archive is incomplete after this error.
    fn poison(&mut self, error: Error) -> Error {
        self.is_poisoned = true;
        error
    }

    fn write_member(&mut self, name: &str, member: &CompressedMember) -> Result<()> {
        let CompressedMember { method, crc32, size, data, placement } = member;
        let header = self.header(name, *method, [data.len() as u64, *size], *crc32);
        self.write_data(name, &header, data, *placement)
    }

    fn write_data(
        &mut self,
        name: &str,
        header: &CentralHeader,
        data: &[u8],
        placement: Placement,
    ) -> Result<()> {
        let local = self.local_header_of(name, header, placement);
        self.sink.write_all(&local)?;
        self.sink.write_all(data)?;
        self.finish_member(name, header, None, (local.len() + data.len()) as u64)
    }

    /// Returns the whole local header of a member at the current position.
    fn local_header_of(&self, name: &str, header: &CentralHeader, placement: Placement) -> Vec<u8> {
        let mut extra = Vec::new();
        if header.compressed_size >= IN_ZIP64.into() || header.uncompressed_size >= IN_ZIP64.into() {
            extra::push_zip64(&mut extra, &[header.uncompressed_size, header.compressed_size]);
        }
        // What is no array has no items to be used in place.
        if placement == Placement::Aligned && name.ends_with(".npy") {
            let end = self.position + (local_header::LEN + name.len() + extra.len()) as u64;
            let padding = extra::padding_len(end, 0);
            extra::push_padding(&mut extra, padding);
        }
        local_header::whole(header, name, &extra)
    }

    /// Returns the central directory header of a member at the current position.
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
            (_, true) => ZIP64_VERSION,
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

    /// Adds the entry of a member of `len` bytes, headers included, that has been written to the current position.
    fn finish_member(
        &mut self,
        name: &str,
        header: &CentralHeader,
        parts: Option<&Parts>,
        len: u64,
    ) -> Result<()> {
        let entry = u32::try_from(self.directory.len()).map_err(|_| ErrorKind::Limit {
            limit: "directory_bytes",
            allowed: u32::MAX.into(),
            found: self.directory.len() as u64,
        })?;
        header.write(name, &parts.and_then(Parts::to_field).unwrap_or_default(), &mut self.directory);
        self.entries.push(entry);
        self.position += len;
        Ok(())
    }
}
