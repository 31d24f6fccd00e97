//! Taking keys out of an archive.

use std::path::Path;

use bitnpz_npz::OpenOptions;

use super::writer::Writer;
use crate::error::Result;
use crate::options::WriteOptions;
use crate::read::Archive;

impl Writer {
    /// Starts an archive that has everything the one at this path has, but the arrays whose keys `is_removed` names, and
    /// replaces it when it is finished. The rest is copied as it lies; images that were in a set with one that is removed are
    /// coded again.
    ///
    /// ```
    /// let folder = tempfile::tempdir()?;
    /// let path = folder.path().join("training.npz");
    /// let mut writer = bitnpz::Writer::create(&path)?;
    /// writer.add_array("labels", &ndarray::array![3_i64, 5])?;
    /// writer.add_array("notes", &ndarray::array![0_i64])?;
    /// writer.finish()?;
    ///
    /// let options = bitnpz::WriteOptions::default();
    /// bitnpz::Writer::without(&path, &options, |key| key == "notes")?.finish()?;
    /// assert_eq!(bitnpz::Archive::open(&path)?.keys().collect::<Vec<_>>(), ["labels"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append), and if an image that is to be coded again is damaged.
    pub fn without(
        path: impl AsRef<Path>,
        options: &WriteOptions,
        is_removed: impl Fn(&str) -> bool,
    ) -> Result<Self> {
        let reading = OpenOptions::default().with_limits(options.limits.clone());
        let archive = Archive::open_with(path.as_ref(), reading)?;
        let mut writer = Self::like(path, &archive, options)?;
        let removed: Vec<Vec<bool>> = archive
            .sets()
            .iter()
            .map(|set| match set.stack() {
                Some((key, _)) => vec![is_removed(key)],
                None => (0..set.len()).map(|image| is_removed(&set.key(archive.zip(), image))).collect(),
            })
            .collect();
        let takes = |set: usize| !removed[set].contains(&true);
        writer.take_over(
            &archive,
            takes,
            |key| !is_removed(key),
            |writer, array| {
                // Nothing is left of a stack.
                if archive.sets()[array.set].stack().is_none() {
                    let removed = &removed[array.set];
                    writer.add_without(&archive, array, |image| removed[image])?;
                }
                Ok(())
            },
        )?;
        Ok(writer)
    }
}
