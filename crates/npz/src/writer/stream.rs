//! Writes a member whose length is not known yet.

use std::fmt;
use std::io::{self, Write};

use bitnpz_npy::{copy, make_room, with_room};
use crc32fast::Hasher;
use flate2::{Compress, FlushCompress};

use super::Writer;
use super::parallel::{Batch, Work};
use crate::error::{Error, ErrorKind, Result};
use crate::method::{Compression, Method};
use crate::record::parts::{Parts, part_bytes};
use crate::record::{IN_ZIP64, ZIP64_VERSION, extra, flags, local_header as local};

/// The length of the pieces that are compressed separately, and so in parallel. At this length, what separate compression
/// costs in size is small.
const DEFLATE_PIECE_BYTES: usize = 1 << 20;

/// A stored block has at most so many bytes.
const MAX_STORED_BLOCK: usize = u16::MAX as usize;

/// A member that is being written. [`finish`](Self::finish) rewrites its local header with the final sizes, or writes them behind
/// the data if the sink cannot be sought.
///
/// A deflated member starts with its head in stored blocks (RFC 1951, 3.2.4), so that the head can be replaced. Empty
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
    /// The length of the pieces that are compressed separately.
    piece_bytes: usize,
    /// The pieces, if the directory says where they are.
    parts: Option<Parts>,
    /// The CRC-32 and the length of the first piece.
    first: Option<(u32, u64)>,
}

impl<W> fmt::Debug for Stream<'_, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stream").field("name", &self.name).field("size", &self.size).finish_non_exhaustive()
    }
}

impl<W: Write> Writer<W> {
    /// Starts a member whose length is not known yet. Its first bytes, `head`, can be replaced when it is finished, for
    /// example to write the final length of an array into its header.
    ///
    /// The member is stored or deflated, according to the options; with zstd it is deflated too.
    ///
    /// # Errors
    ///
    /// Same as [`add`](Self::add).
    pub fn stream(&mut self, name: &str, head: Vec<u8>) -> Result<Stream<'_, W>> {
        self.stream_with(name, head, self.options.compression)
    }

    /// Starts a member as [`stream`](Self::stream) does, with its own compression.
    ///
    /// # Errors
    ///
    /// Same as [`add`](Self::add).
    pub fn stream_with(
        &mut self,
        name: &str,
        head: Vec<u8>,
        compression: Compression,
    ) -> Result<Stream<'_, W>> {
        self.start_stream(name, head, compression, None)
    }

    /// Starts a member of about `size` bytes with its own compression. If that is not stored, the member is deflated in
    /// [`Parts`], so that a reader need not inflate all of it.
    ///
    /// ```
    /// use std::io::{Cursor, Write};
    /// use bitnpz_npz::{Archive, Compression, WriteOptions, Writer};
    ///
    /// let mut writer = Writer::new(Cursor::new(Vec::new()), &WriteOptions::default());
    /// let bytes: Vec<u8> = (0..1_000_000_u32).map(|number| (number / 1000) as u8).collect();
    /// let mut stream = writer.stream_in_parts("a", Vec::new(), 1_000_000, Compression::default())?;
    /// stream.write_all(&bytes)?;
    /// stream.finish(&[])?;
    /// let archive = Archive::from_bytes(writer.finish()?.into_inner())?;
    /// let member = archive.find("a").expect("it was added");
    /// let parts = member.parts().expect("it has parts");
    /// let part = parts.find(700_000);
    /// let start = parts.range(part).start as usize;
    /// assert_eq!(member.read_part(&parts, part)?[700_000 - start], bytes[700_000]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same as [`add`](Self::add).
    pub fn stream_in_parts(
        &mut self,
        name: &str,
        head: Vec<u8>,
        size: u64,
        compression: Compression,
    ) -> Result<Stream<'_, W>> {
        self.start_stream(name, head, compression, Some(part_bytes(size)))
    }

    fn start_stream(
        &mut self,
        name: &str,
        head: Vec<u8>,
        compression: Compression,
        part_bytes: Option<usize>,
    ) -> Result<Stream<'_, W>> {
        self.reserve_name(name)?;
        self.flush()?;
        Stream::start(self, name, head, compression, part_bytes)
    }
}

impl<'a, W: Write> Stream<'a, W> {
    fn start(
        writer: &'a mut Writer<W>,
        name: &str,
        head: Vec<u8>,
        compression: Compression,
        part_bytes: Option<usize>,
    ) -> Result<Self> {
        let level = match compression {
            Compression::Stored => None,
            // A level of libdeflate comes out about as large as the one below of zlib.
            Compression::Deflate { level } => Some(level.saturating_sub(1).clamp(1, 9)),
            Compression::Zstd { level } => Some(level.min(9)),
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
            piece_bytes: part_bytes.unwrap_or(DEFLATE_PIECE_BYTES),
            parts: part_bytes.filter(|_| level.is_some()).and_then(|each| Parts::new(head.len(), each)),
            first: None,
            head,
            writer,
        };
        // The archive is incomplete until `finish`.
        stream.writer.is_poisoned = true;
        let front = stream.front(0)?;
        stream.writer.sink.write_all(&front)?;
        let header_len = local::LEN + stream.name.len() + stream.padding;
        stream.compressed_size = (front.len() - header_len) as u64;
        Ok(stream)
    }

    /// Returns the local header and the head. If sizes follow the data, they have 8 bytes, as the zip64 field has.
    fn front(&self, crc32: u32) -> Result<Vec<u8>> {
        let method = if self.level.is_some() { Method::DEFLATE } else { Method::STORED };
        let mut header = self.writer.header(&self.name, method, [self.compressed_size, self.size], crc32);
        let mut extra = Vec::new();
        if self.writer.rewrite.is_none() {
            header.flags |= flags::DATA_DESCRIPTOR;
            header.version_needed = header.version_needed.max(ZIP64_VERSION);
            extra::push_zip64(&mut extra, &[0, 0]);
        } else if self.size >= IN_ZIP64.into() || self.compressed_size >= IN_ZIP64.into() {
            extra::push_zip64(&mut extra, &[self.size, self.compressed_size]);
        }
        let padding = self.padding - extra.len();
        extra::push_padding(&mut extra, padding);
        let mut front = local::whole(&header, &self.name, &extra);
        for block in self.head.chunks(MAX_STORED_BLOCK) {
            if self.level.is_some() {
                let [low, high, ..] = block.len().to_le_bytes();
                front.extend_from_slice(&[0, low, high, !low, !high]);
            }
            front.extend_from_slice(block);
        }
        Ok(front)
    }

    /// Compresses and writes all complete pieces; with `Finish`, the last piece too.
    fn flush_pieces(&mut self, flush: FlushCompress) -> Result<()> {
        // Keep at least one byte for the last piece, so that the boundaries depend on the data only, not on the threads.
        let len = match flush {
            FlushCompress::Finish => self.rest.len(),
            _ => self.rest.len().saturating_sub(1) / self.piece_bytes * self.piece_bytes,
        };
        let Some(level) = self.level else {
            self.writer.sink.write_all(&self.rest[..len])?;
            self.compressed_size += len as u64;
            self.rest.drain(..len);
            return Ok(());
        };
        let mut pieces: Vec<_> = self.rest[..len]
            .chunks(self.piece_bytes)
            .map(|piece| Ok((copy(piece)?, FlushCompress::Sync)))
            .collect::<Result<_>>()?;
        if let FlushCompress::Finish = flush {
            let last = pieces.pop().map_or_else(Vec::new, |(piece, _)| piece);
            pieces.push((last, flush));
        }
        let work = pieces.into_iter().map(|(piece, flush)| {
            let deflate =
                move || Ok((deflate_piece(&piece, level, flush)?, crc32fast::hash(&piece), piece.len()));
            Box::new(deflate) as Work<Result<(Vec<u8>, u32, usize)>>
        });
        for piece in Batch::start(work.collect(), self.writer.options.threads).finish()? {
            let (piece, crc32, len) = piece?;
            self.writer.sink.write_all(&piece)?;
            // The head is in the first part.
            let before = if self.first.is_none() { self.compressed_size } else { 0 };
            self.first.get_or_insert((crc32, len as u64));
            self.compressed_size += piece.len() as u64;
            if let Some(parts) = &mut self.parts {
                parts.push(usize::try_from(before).expect("a head") + piece.len(), crc32);
            }
        }
        self.rest.drain(..len);
        Ok(())
    }

    /// Ends the member, and replaces its head by this one of the same length.
    ///
    /// # Errors
    ///
    /// If writing fails, or if the head differs and the sink cannot be sought.
    ///
    /// # Panics
    ///
    /// If the head has another length.
    pub fn finish(mut self, head: &[u8]) -> Result<()> {
        assert_eq!(head.len(), self.head.len(), "the new head must have the length of the first");
        if self.writer.rewrite.is_none() && head != self.head {
            return Err(ErrorKind::Unseekable.into_error(&self.name));
        }
        self.flush_pieces(FlushCompress::Finish)?;
        self.head.copy_from_slice(head);
        let crc32 = combined_crc32(head, &self.hasher);

        let method = if self.level.is_some() { Method::DEFLATE } else { Method::STORED };
        let mut header = self.writer.header(&self.name, method, [self.compressed_size, self.size], crc32);
        let mut behind = 0;
        match self.writer.rewrite {
            Some(rewrite) => {
                let front = self.front(crc32)?;
                rewrite(&mut self.writer.sink, self.writer.position, &front)?;
            }
            None => {
                header.flags |= flags::DATA_DESCRIPTOR;
                header.version_needed = header.version_needed.max(ZIP64_VERSION);
                let sizes = [self.compressed_size, self.size].map(u64::to_le_bytes).concat();
                let descriptor = [b"PK\x07\x08", crc32.to_le_bytes().as_slice(), &sizes].concat();
                self.writer.sink.write_all(&descriptor)?;
                behind = descriptor.len() as u64;
            }
        }
        let header_len = (local::LEN + self.name.len() + self.padding) as u64;
        if let (Some(parts), Some((crc32, len))) = (&mut self.parts, self.first) {
            parts.set_first_crc32(combined_crc32(head, &Hasher::new_with_initial_len(crc32, len)));
        }
        let len = header_len + self.compressed_size + behind;
        self.writer.finish_member(&self.name, &header, self.parts.as_ref(), len)?;
        self.writer.is_poisoned = false;
        Ok(())
    }
}

impl<W: Write> Write for Stream<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        make_room(&mut self.rest, bytes.len())
            .map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        self.rest.extend_from_slice(bytes);
        if self.rest.len() > DEFLATE_PIECE_BYTES.max(self.piece_bytes) * self.writer.options.threads.get() {
            self.flush_pieces(FlushCompress::Sync).map_err(io::Error::other)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the CRC-32 of a head and what follows it.
fn combined_crc32(head: &[u8], rest: &Hasher) -> u32 {
    let mut hasher = Hasher::new();
    hasher.update(head);
    hasher.combine(rest);
    hasher.finalize()
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
