//! bitnpz
fn main() {}
