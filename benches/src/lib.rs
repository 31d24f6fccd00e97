//! Benches and reports of bitnpz.
