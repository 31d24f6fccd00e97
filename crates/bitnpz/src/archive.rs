//! Reading an archive.
