//! Threads that share work with the caller.
//!
//! | module | for |
//! |---|---|
//! | `pool` | batches of images that are read: threads that stay for the next batch |
//! | `scoped` | images that are encoded: threads that borrow them and end with the call |
//! | `background` | a segment that is encoded while the next is collected |
//! | `fork` | what a fork must not find half made |
//!
//! No work needs them: where the system has no thread to give, the calling thread does it.

mod background;
mod fork;
mod pool;
mod scoped;

pub(crate) use background::Background;
pub use fork::{after_fork, before_fork};
pub(crate) use pool::{default_count, share};
pub(crate) use scoped::{map_parts, map_parts_mut};
