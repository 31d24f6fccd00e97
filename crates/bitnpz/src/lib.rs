//! bitnpz
