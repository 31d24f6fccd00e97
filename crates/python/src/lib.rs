//! The compiled half of the `bitnpz` Python package: converts between Python's types and the facade's.
//!
//! Users see the package in `python/bitnpz`. Its stub for this module, `_bitnpz.pyi`, has the signature of each function.

#![allow(missing_docs, reason = "the documentation is in the Python package and its stub")]

mod archive;
mod array;
mod call;
mod call_lock;
mod choice;
mod command;
mod damage;
mod error;
mod forks;
mod handle;
mod images;
mod index;
mod limits;
mod merge;
mod model;
mod output;
mod ranges;
mod sharded;
mod shuffle;
mod stored_array;
mod subset;
mod writer;

use pyo3::prelude::*;
use pyo3::type_object::PyTypeInfo;

#[pymodule(gil_used = false)]
mod _bitnpz {
    #[pymodule_export]
    use super::archive::{Archive, KeyIterator};
    #[pymodule_export]
    use super::array::{better_axes, check_npy, npy_data_len, read_npy};
    #[pymodule_export]
    use super::command::command;
    #[pymodule_export]
    use super::damage::{clean, salvage};
    #[pymodule_export]
    use super::forks::{after_fork, before_fork};
    #[pymodule_export]
    use super::images::Images;
    #[pymodule_export]
    use super::merge::{merge, split_part};
    #[pymodule_export]
    use super::model::{model_codec, train};
    #[pymodule_export]
    use super::output::write_file;
    #[pymodule_export]
    use super::sharded::{
        ShardedArchive, commit, describe_shards, remove_orphans, shard, shard_names, shard_path,
    };
    #[pymodule_export]
    use super::shuffle::{BlockShuffle, Shuffle};
    #[pymodule_export]
    use super::stored_array::StoredArray;
    #[pymodule_export]
    use super::writer::Writer;

    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        // NumPy's functions are found behind a lock: in a child that was forked meanwhile, nobody would open it.
        numpy::PyUntypedArray::type_object(module.py());
        module.add("_HEADER_BYTES", bitnpz::Limits::default().npy.header_bytes)?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
