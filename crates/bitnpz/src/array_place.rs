//! Where the items of an array in a file are.

use std::ops::Range;

use bitnpz_npy::{ErrorKind, Header, Limits};
use bitnpz_npz::Archive;

use crate::error::Result;

/// So many bytes hold the header of nearly every array. Where reads are requests, they are requested with what is before them.
pub(crate) const USUAL_HEADER: u64 = 256;

/// Reads the header of the array in this range of a file. Returns it with the range of the array's items: of what follows the header.
pub(crate) fn place_of_array(
    zip: &Archive,
    range: Range<u64>,
    limits: &Limits,
) -> Result<(Header, Range<u64>)> {
    let parse = |most: u64| {
        let head = zip.slice(range.start..range.end.min(range.start.saturating_add(most)))?;
        Ok::<_, crate::Error>(Header::parse(&head, limits))
    };
    let mut parsed = parse(USUAL_HEADER)?;
    // A longer one says how long it is, and that is within the limit.
    if let Err(ErrorKind::Length { expected, .. }) = parsed.as_ref().map_err(bitnpz_npy::Error::kind) {
        parsed = parse(*expected)?;
    }
    let (header, start) = parsed?;
    Ok((header, range.start + start as u64..range.end))
}
