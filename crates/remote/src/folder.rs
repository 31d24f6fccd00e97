//! A folder in a store.

use std::fmt;
use std::io;
use std::sync::Arc;

use bitnpz::{Archive, Manifest, OpenOptions, ReadAt, Result, ShardStore, ShardedArchive};
use object_store::path::Path;
use object_store::{Error, ObjectStore, PutMode, PutOptions, PutPayload, UpdateVersion};
use url::Url;

use crate::async_archive::AsyncArchive;
use crate::cryptography::choose_cryptography;
use crate::failure::to_io;
use crate::object::RemoteObject;
use crate::options::RemoteOptions;
use crate::runtime::wait;
use crate::upload::Upload;

/// How the environment variables start that stores know.
const SETTINGS: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];

/// So much of a manifest is read at first: all of most.
const FIRST_BYTES: u64 = 1 << 20;

/// The most bytes that a manifest may have: those of some million shards.
const MAX_MANIFEST_BYTES: u64 = 256 << 20;

/// A folder in a store, with archives, and manifests that make archives the shards of one.
///
/// ```
/// use std::sync::Arc;
/// use bitnpz::{OpenOptions, WriteOptions, Writer};
/// use bitnpz_remote::object_store::memory::InMemory;
/// use bitnpz_remote::{RemoteFolder, RemoteOptions};
///
/// let folder = RemoteFolder::new(Arc::new(InMemory::new()), "data", &RemoteOptions::default())?;
/// for name in ["a.npz", "b.npz"] {
///     let upload = folder.upload(name)?;
///     let mut writer = Writer::into_output(upload.output(), &WriteOptions::default());
///     writer.add_images("glyphs", &ndarray::Array3::from_elem((500, 9, 9), true))?;
///     writer.finish()?;
///     upload.complete()?;
/// }
/// folder.commit("glyphs.bitnpz.json", &["a.npz", "b.npz"], None, &OpenOptions::default())?;
/// let archive = folder.sharded_archive("glyphs.bitnpz.json", &OpenOptions::default())?;
/// assert_eq!(archive.images("glyphs")?.len(), 1000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct RemoteFolder {
    store: Arc<dyn ObjectStore>,
    path: Path,
    options: RemoteOptions,
}

/// The version of a manifest that was read.
#[derive(Clone, Debug)]
pub struct ManifestVersion(UpdateVersion);

impl fmt::Debug for RemoteFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteFolder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl RemoteFolder {
    /// Opens a folder by its URL, such as `s3://bucket/data`, `gs://`, `az://` or `https://`. Credentials and other settings come from
    /// the environment variables that `object_store` knows, such as `AWS_ACCESS_KEY_ID`. Nothing is requested yet.
    ///
    /// # Errors
    ///
    /// If it is not the URL of a store that is known, or the environment lacks settings.
    pub fn open(url: &str, options: &RemoteOptions) -> io::Result<Self> {
        choose_cryptography();
        let invalid = |error: String| io::Error::new(io::ErrorKind::InvalidInput, error);
        let parsed =
            Url::parse(url).map_err(|error| invalid(format!("expected the URL of a folder: {error}")))?;
        // Who writes http:// wants it.
        let plain = (parsed.scheme() == "http").then(|| ("allow_http".to_owned(), "true".to_owned()));
        // The store ignores those that it does not know; without a prefix, `TOKEN` may be another program's.
        let is_of_store = |name: &str| SETTINGS.iter().any(|prefix| name.starts_with(prefix));
        let settings = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| is_of_store(name))?;
            Some((name.to_ascii_lowercase(), value.into_string().ok()?))
        });
        let settings = settings.chain(plain);
        let (store, path) = object_store::parse_url_opts(&parsed, settings).map_err(to_io)?;
        Ok(Self { store: Arc::from(store), path, options: options.clone() })
    }

    /// Returns a folder of a store.
    ///
    /// # Errors
    ///
    /// If it is not a path.
    pub fn new(store: Arc<dyn ObjectStore>, path: &str, options: &RemoteOptions) -> io::Result<Self> {
        let path = Path::parse(path).map_err(|error| to_io(error.into()))?;
        Ok(Self { store, path, options: options.clone() })
    }

    /// Returns a file in the folder, or in a folder in it.
    ///
    /// # Errors
    ///
    /// If the name is not a path.
    pub fn object(&self, name: &str) -> io::Result<RemoteObject> {
        Ok(RemoteObject::new(Arc::clone(&self.store), self.path_of(name)?, &self.options))
    }

    fn path_of(&self, name: &str) -> io::Result<Path> {
        let name = Path::parse(name).map_err(|error| to_io(error.into()))?;
        Ok(self.path.parts().chain(name.parts()).collect())
    }

    /// Opens an archive.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is none.
    pub fn archive(&self, name: &str, options: &OpenOptions) -> Result<Archive> {
        Archive::open_ranges(self.object(name).map_err(of_store)?, options)
    }

    /// Opens an archive for a program with asynchronous requests.
    ///
    /// # Errors
    ///
    /// As [`archive`](Self::archive).
    pub async fn archive_async(&self, name: &str, options: &OpenOptions) -> Result<AsyncArchive> {
        AsyncArchive::open(self.object(name).map_err(of_store)?, options).await
    }

    /// Opens a sharded archive by the name of its manifest.
    ///
    /// # Errors
    ///
    /// If the manifest cannot be read, or is none.
    pub fn sharded_archive(&self, name: &str, options: &OpenOptions) -> Result<ShardedArchive> {
        let (manifest, _) = self.manifest(name)?;
        Ok(ShardedArchive::open_store(manifest, self.clone(), options))
    }

    /// Reads a manifest, and its version, which [`commit`](Self::commit) replaces.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is none.
    pub fn manifest(&self, name: &str) -> Result<(Manifest, ManifestVersion)> {
        let object = self.object(name).map_err(of_store)?;
        let read = wait(async move {
            let (len, end) = object.get_end(FIRST_BYTES).await?;
            if len > MAX_MANIFEST_BYTES {
                let message = format!("expected at most {MAX_MANIFEST_BYTES} bytes of manifest, found {len}");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
            let rest = 0..len - end.len() as u64;
            let mut text =
                if rest.is_empty() { Vec::new() } else { object.get_ranges(&[rest]).await?.swap_remove(0) };
            text.extend(end);
            Ok((text, object.update_version()))
        });
        let (text, version) = read.map_err(of_store)?;
        Ok((Manifest::parse(&text)?, ManifestVersion(version)))
    }

    /// Makes archives in the folder the shards of one, in this order, by writing their manifest in one step. If there is a manifest of
    /// this name, it must be of the version that is replaced.
    ///
    /// # Errors
    ///
    /// If an archive cannot be read or has other arrays than the others, or if there is a manifest that is not to be replaced: of
    /// several writers, the first succeeds.
    pub fn commit(
        &self,
        name: &str,
        shards: &[&str],
        replaces: Option<&ManifestVersion>,
        options: &OpenOptions,
    ) -> Result<()> {
        let manifest = Manifest::describe(self, shards.iter().copied(), options)?;
        let (store, object) = (Arc::clone(&self.store), self.object(name).map_err(of_store)?);
        let path = self.path_of(name).map_err(of_store)?;
        let mode = match replaces {
            Some(version) => PutMode::Update(version.0.clone()),
            None => PutMode::Create,
        };
        let put = wait(async move {
            let text = manifest.to_json();
            let options = PutOptions { mode, ..PutOptions::default() };
            match store.put_opts(&path, PutPayload::from(text.clone()), options).await {
                // It was written by an attempt whose answer was lost, or by another writer of the same shards.
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. })
                    if object
                        .get_end(FIRST_BYTES.max(text.len() as u64))
                        .await
                        .is_ok_and(|(_, found)| found == text.as_bytes()) =>
                {
                    Ok(())
                }
                written => written.map_err(to_io).map(drop),
            }
        });
        put.map_err(of_store)
    }

    /// Starts an upload of a file, which appears when it is [complete](Upload::complete).
    ///
    /// # Errors
    ///
    /// If the store takes none.
    pub fn upload(&self, name: &str) -> io::Result<Upload> {
        Upload::start(Arc::clone(&self.store), self.path_of(name)?, self.options.concurrency)
    }
}

impl ShardStore for RemoteFolder {
    fn location(&self) -> Option<String> {
        Some(format!("{}\n{}", self.store, self.path))
    }

    fn open(&self, name: &str) -> io::Result<Box<dyn ReadAt>> {
        Ok(Box::new(self.object(name)?))
    }
}

/// Returns the error of a store.
fn of_store(error: io::Error) -> bitnpz::Error {
    bitnpz::NpzError::from(error).into()
}
