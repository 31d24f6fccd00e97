//! Swaps the byte order of items.

use crate::dtype::Dtype;
use crate::kind::ByteOrder;

/// Swaps the byte order of items in place.
pub(crate) fn swap_bytes(dtype: &Dtype, items: &mut [u8]) {
    let Some(record) = dtype.record() else {
        if dtype.order() != ByteOrder::None && dtype.swap_size() > 0 {
            items.chunks_exact_mut(dtype.swap_size()).for_each(<[u8]>::reverse);
        }
        return;
    };
    for item in items.chunks_exact_mut(record.item_size().max(1)) {
        for field in record.fields().filter(|field| !field.dtype.is_native()) {
            swap_bytes(&field.dtype, &mut item[field.offset..][..field.size()]);
        }
    }
}
