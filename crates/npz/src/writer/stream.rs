//! Writes a member whose length is not known yet.

use std::fmt;
use std::io::{self, Seek, SeekFrom, Write};

use bitnpz_npy::{copy, make_room, with_room};
use crc32fast::Hasher;
use flate2::{Compress, FlushCompress};

use super::parallel::{Batch, Work};
use super::{Writer, local_header};
use crate::error::{Error, Result};
use crate::method::{Compression, Method};
use crate::record::{IN_ZIP64, extra, local_header as local};

/// The length of the pieces that are compressed separately, and so in parallel. At this length, what separate compression
/// costs in size is small.
const DEFLATE_PIECE_BYTES: usize = 1 << 20;

/// A member that is being written. [`finish`](Self::finish) rewrites its local header with the final sizes.
///
/// A deflated member starts with its head in a stored block (RFC 1951, 3.2.4), so that the head can be replaced. Empty
/// stored blocks join the pieces that follow at byte boundaries, like zlib's `Z_SYNC_FLUSH`.
///
/// If it is dropped without [`finish`](Self::finish), every later call of the writer fails.
pub struct Stream<'a, W> {
    writer: &'a mut Writer<W>,
    name: String,
    head: Vec<u8>,
    /// The length of the extra field: padding, of which zip64 sizes can take a part.
    padding: usize,
    /// The level of deflate; `None` if the member is stored.
    level: Option<u8>,
    /// Bytes that have not been compressed yet.
    rest: Vec<u8>,
    /// The CRC of the bytes after the head.
    hasher: Hasher,
    size: u64,
    compressed_size: u64,
}

impl<W> fmt::Debug for Stream<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).field("size", &self.size).finish_non_exhaustive()
    }
}

impl<W: Write + Seek> Writer<W> {
    /// Starts a member whose length is not known yet. Its first bytes, `head`, can be replaced when it is finished, for
    /// example to write the final length of an array into its header.
    ///
    /// The member is stored or deflated, according to the options; with zstd it is deflated too.
    ///
    /// # Errors
    ///
    /// Same as [`add`](Self::add).
    pub fn stream(&mut self, name: &str, head: Vec<u8>) -> Result<Stream<'_, W>> {
        self.reserve_name(name)?;
        self.flush()?;
        Stream::start(self, name, head)
    }
}

impl<'a, W: Write + Seek> Stream<'a, W> {
    fn start(writer: &'a mut Writer<W>, name: &str, head: Vec<u8>) -> Result<Self> {
        let level = match writer.options.compression {
            Compression::Stored => None,
            Compression::Deflate { level } | Compression::Zstd { level } => Some(level.min(9)),
        };
        let end = writer.position + (local::LEN + name.len()) as u64;
        // Reserve room for zip64 sizes, in a stored member as a part of the padding for alignment.
        let padding = match level {
            None => extra::padding_len(end, extra::LOCAL_ZIP64_LEN),
            Some(_) => extra::LOCAL_ZIP64_LEN,
        };
        let mut stream = Self {
            name: name.to_owned(),
            padding,
            level,
            rest: Vec::new(),
            hasher: Hasher::new(),
            size: head.len() as u64,
            compressed_size: 0,
            head,
            writer,
        };
        // The archive is incomplete until `finish`.
        stream.writer.is_poisoned = true;
        stream.write_front(0)?;
        Ok(stream)
    }

    /// Writes the local header and the head at the current position of the sink.
    fn write_front(&mut self, crc32: u32) -> Result<()> {
        let method = if self.level.is_some() { Method::DEFLATE } else { Method::STORED };
        let header = self.writer.header(&self.name, method, [self.compressed_size, self.size], crc32);
        let mut extra = Vec::new();
        if self.size >= IN_ZIP64.into() || self.compressed_size >= IN_ZIP64.into() {
            extra::push_zip64(&mut extra, &[self.size, self.compressed_size]);
        }
        let padding = self.padding - extra.len();
        extra::push_padding(&mut extra, padding);
        let mut front = local_header(&header, &self.name, &extra);
        if self.level.is_some() {
            let len = u16::try_from(self.head.len())
                .map_err(|_| Error::corrupt("expected a head of at most 65,535 bytes, found a longer one"))?;
            front.push(0);
            front.extend_from_slice(&len.to_le_bytes());
            front.extend_from_slice(&(!len).to_le_bytes());
        }
        front.extend_from_slice(&self.head);
        self.writer.sink.write_all(&front)?;
        if self.compressed_size == 0 {
            let header_len = local::LEN + self.name.len() + self.padding;
            self.compressed_size = (front.len() - header_len) as u64;
        }
        Ok(())
    }

    /// Compresses and writes all complete pieces; with `Finish`, the last piece too.
    fn flush_pieces(&mut self, flush: FlushCompress) -> Result<()> {
        // Keep at least one byte for the last piece, so that the boundaries depend on the data only, not on the threads.
        let len = match flush {
            FlushCompress::Finish => self.rest.len(),
            _ => self.rest.len().saturating_sub(1) / DEFLATE_PIECE_BYTES * DEFLATE_PIECE_BYTES,
        };
        let Some(level) = self.level else {
            self.writer.sink.write_all(&self.rest[..len])?;
            self.compressed_size += len as u64;
            self.rest.drain(..len);
            return Ok(());
        };
        let mut pieces: Vec<_> = self.rest[..len]
            .chunks(DEFLATE_PIECE_BYTES)
            .map(|piece| Ok((copy(piece)?, FlushCompress::Sync)))
            .collect::<Result<_>>()?;
        if let FlushCompress::Finish = flush {
            let last = pieces.pop().map_or_else(Vec::new, |(piece, _)| piece);
            pieces.push((last, flush));
        }
        let work = pieces.into_iter().map(|(piece, flush)| {
            Box::new(move || deflate_piece(&piece, level, flush)) as Work<Result<Vec<u8>>>
        });
        for piece in Batch::start(work.collect(), self.writer.options.threads).finish()? {
            let piece = piece?;
            self.writer.sink.write_all(&piece)?;
            self.compressed_size += piece.len() as u64;
        }
        self.rest.drain(..len);
        Ok(())
    }

    /// Ends the member, and replaces its head by this one of the same length.
    ///
    /// # Errors
    ///
    /// If writing fails.
    ///
    /// # Panics
    ///
    /// If the head has another length.
    pub fn finish(mut self, head: &[u8]) -> Result<()> {
        assert_eq!(head.len(), self.head.len(), "the new head must have the length of the first");
        self.flush_pieces(FlushCompress::Finish)?;
        self.head.copy_from_slice(head);
        let mut hasher = Hasher::new();
        hasher.update(head);
        hasher.combine(&self.hasher);
        let crc32 = hasher.finalize();

        let end = self.writer.sink.stream_position()?;
        self.writer.sink.seek(SeekFrom::Start(self.writer.position))?;
        self.write_front(crc32)?;
        self.writer.sink.seek(SeekFrom::Start(end))?;
        let method = if self.level.is_some() { Method::DEFLATE } else { Method::STORED };
        let header = self.writer.header(&self.name, method, [self.compressed_size, self.size], crc32);
        let header_len = (local::LEN + self.name.len() + self.padding) as u64;
        self.writer.finish_member(&self.name, &header, header_len + self.compressed_size)?;
        self.writer.is_poisoned = false;
        Ok(())
    }
}

impl<W: Write + Seek> Write for Stream<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        make_room(&mut self.rest, bytes.len())
            .map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        self.rest.extend_from_slice(bytes);
        if self.rest.len() > DEFLATE_PIECE_BYTES * self.writer.options.threads.get() {
            self.flush_pieces(FlushCompress::Sync).map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Compresses one piece of a deflate stream, which ends at a byte boundary.
fn deflate_piece(piece: &[u8], level: u8, flush: FlushCompress) -> Result<Vec<u8>> {
    let mut compress = Compress::new(flate2::Compression::new(level.into()), false);
    let mut data = with_room(piece.len() / 8 + 64)?;
    loop {
        let used = usize::try_from(compress.total_in()).expect("a piece is in memory");
        let status = compress.compress_vec(&piece[used..], &mut data, flush);
        let status = status.map_err(|error| Error::corrupt(format!("deflate failed: {error}")))?;
        let is_done = match flush {
            FlushCompress::Finish => status == flate2::Status::StreamEnd,
            // A flush is complete if the output buffer is not full.
            _ => compress.total_in() == piece.len() as u64 && data.len() < data.capacity(),
        };
        if is_done {
            return Ok(data);
        }
        let room = data.capacity().max(64);
        make_room(&mut data, room)?;
    }
}
