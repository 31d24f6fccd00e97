//! The largest image that a payload can stand for.

use bitnpz_bitmap::BitmapView;
use bitnpz_bitmap::codec::{Encoder, Model};
use bitnpz_npz::Limits;

use crate::error::{ErrorKind, Result};

/// Whatever the limit, an image may be so many times larger than its payload: deflate shrinks by at most this ratio (RFC 1951),
/// so a plain archive of the same length could hold the image too.
const DEFLATE_RATIO: u64 = 1032;

/// Checks that an image is within the limit, or not larger than its payload accounts for.
pub(super) fn check_image(limits: &Limits, payload_bytes: usize, [height, width]: [usize; 2]) -> Result<()> {
    // A row without pixels counts as a byte.
    let found = height.max(1) as u128 * width.div_ceil(8).max(1) as u128;
    let limit = limits.image_bytes.max((payload_bytes as u64).saturating_mul(DEFLATE_RATIO));
    if found > limit.into() {
        let found = u64::try_from(found).unwrap_or(u64::MAX);
        return Err(ErrorKind::TooLarge { found, limit, name: "image_bytes" }.into());
    }
    Ok(())
}

/// Returns whether readers with the default limits accept an image of this size for a payload of so many bytes.
pub(super) fn is_acceptable(payload_bytes: usize, size: [usize; 2]) -> bool {
    check_image(&Limits::default(), payload_bytes, size).is_ok()
}

/// Returns whether an image is so large that readers would refuse its payload, as far as the shipped model shows: in a set it would
/// be stored as packed rows, which deflate makes far smaller.
pub(crate) fn is_too_sparse(image: BitmapView<'_>) -> bool {
    let size = [image.height(), image.width()];
    if is_acceptable(0, size) {
        return false;
    }
    let mut payload = Vec::new();
    Encoder::new().encode(Model::shipped("contour-2").expect("this model ships"), image, &mut payload);
    !is_acceptable(payload.len(), size)
}

#[cfg(test)]
mod tests {
    use bitnpz_bitmap::Bitmap;

    use super::*;

    #[test]
    fn huge_images_of_little_are_too_sparse() {
        let mut image = Bitmap::zeros(65_536, 4096).unwrap();
        assert!(!is_too_sparse(image.view()), "32 MiB are accepted");
        image = Bitmap::zeros(65_536, 4104).unwrap();
        assert!(is_too_sparse(image.view()));
        for place in 0..40_000 {
            image.set(place * 7 % 65_536, place * 13 % 4104, true);
        }
        assert!(!is_too_sparse(image.view()));
    }
}
