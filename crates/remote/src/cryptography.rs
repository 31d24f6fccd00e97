//! The cryptography of connections.

/// Chooses the cryptography of connections for this process, unless that has been done. Call it before you build a store of
/// `object_store` yourself; [`RemoteFolder::open`](crate::RemoteFolder::open) does.
pub fn choose_cryptography() {
    // Of several, the first that is installed stays.
    drop(rustls::crypto::ring::default_provider().install_default());
}
