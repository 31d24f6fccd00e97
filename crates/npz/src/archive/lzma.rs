//! Decompresses LZMA in the format of ZIP archives (APPNOTE 5.8).

use std::io::{self, Read};

use lzma_rust2::LzmaReader;

use crate::memory::check_room;

/// The largest dictionary in bytes: that of the highest preset of xz. No common writer uses a larger one.
const MAX_DICTIONARY_BYTES: u64 = 64 << 20;

/// Returns a reader that decompresses `size` bytes. The data starts with the version of the LZMA SDK, the length of the
/// properties, and the properties: a byte and the size of the dictionary.
pub(crate) fn decoder<R: Read>(mut data: R, size: u64) -> io::Result<LzmaReader<R>> {
    let mut head = [0; 9];
    data.read_exact(&mut head)?;
    let [_, _, 5, 0, properties, dictionary @ ..] = head else {
        let message = "expected 5 bytes of LZMA properties, found another length";
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    };
    // A dictionary longer than the data is not used beyond the data's length.
    let dictionary = u64::from(u32::from_le_bytes(dictionary)).min(size.max(4096));
    if dictionary > MAX_DICTIONARY_BYTES {
        let message = format!(
            "expected an LZMA dictionary of at most {MAX_DICTIONARY_BYTES} bytes, found {dictionary}"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    let dictionary = u32::try_from(dictionary).expect("at most 64 MiB");
    check_room(dictionary as usize).map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
    LzmaReader::new_with_props(data, size, properties, dictionary, None)
}
