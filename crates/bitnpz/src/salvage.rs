//! Taking what is whole out of a damaged archive.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use bitnpz_npy::{Dtype, Header};
use bitnpz_npz::{Compression, Limits, OpenOptions};

use crate::error::Result;
use crate::interrupt;
use crate::names;
use crate::options::WriteOptions;
use crate::progress::Steps;
use crate::read::{Archive, Problem};
use crate::set::{Flaw, StoredSet};
use crate::write::{Kept, Summary, Writer};

/// The header of an array of bytes with one dimension is as long as that of any other.
const BYTES_HEADER: usize = 128;

/// What [`salvage`] has made of a damaged archive.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvage {
    /// What the new archive holds.
    pub saved: Summary,
    /// What is gone: members, image sets, images. An image of a stack is blank in the new archive, all else is not in it.
    pub gone: Vec<Problem>,
    /// What is in the new archive and may not be as it was: images some of which are damaged, it is not known which, and
    /// arrays of which it is not known which of two names they had.
    pub doubtful: Vec<Problem>,
}

/// Writes everything that is whole in the damaged archive `from` to a new archive `to`, and says what is gone. What it
/// leaves of `from` is as it was. Members are found without the central directory too.
///
/// Calls `progress` with the steps done: images of image sets.
///
/// ```
/// use ndarray::Array3;
///
/// let folder = tempfile::tempdir()?;
/// let (from, to) = (folder.path().join("damaged.npz"), folder.path().join("saved.npz"));
/// let mut writer = bitnpz::Writer::create(&from)?;
/// writer.add_images("glyphs", &Array3::from_shape_fn((2000, 9, 9), |(i, y, x)| i * y % (x + 3) == 1))?;
/// writer.finish()?;
/// let bytes = std::fs::read(&from)?;
/// std::fs::write(&from, &bytes[..bytes.len() - 100])?;
///
/// let salvage = bitnpz::salvage(&from, &to, &bitnpz::Limits::default(), |_| ())?;
/// assert!(salvage.gone.is_empty() && salvage.saved.images == 2000);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// If the damaged archive cannot be read at all, or the new one cannot be written.
pub fn salvage(
    from: impl AsRef<Path>,
    to: impl AsRef<Path>,
    limits: &Limits,
    mut progress: impl FnMut(Steps),
) -> Result<Salvage> {
    let folder = to.as_ref().parent().filter(|folder| !folder.as_os_str().is_empty());
    let clean = tempfile::tempfile_in(folder.unwrap_or(Path::new("."))).map_err(bitnpz_npz::Error::from)?;
    let (clean, found) = collect(from.as_ref(), clean, limits)?;
    let options = OpenOptions::default().with_limits(limits.clone());
    let zip = bitnpz_npz::Archive::open_file(clean, options)?;
    let (archive, mut gone) = Archive::open_undamaged(zip);
    gone.extend(found.gone.iter().map(|(member, message)| Problem::of_member(member, message.clone())));

    let renamed = found.renamed.iter().filter(|(name, _)| !names::is_reserved(name));
    let renamed = renamed.map(|(name, other)| {
        let message =
            format!("one of its headers is damaged: its name is this or {other:?}, and it is kept as both");
        Problem::of_member(name, message)
    });
    let mut doubtful: Vec<Problem> = renamed.collect();
    let mut writer = Writer::create_with(to, &WriteOptions::default())?;
    let mut flaws = HashMap::new();
    let changed_keys = |set: &str| found.changed.iter().find(|name| names::holds_keys(name, set));
    let (mut done, total) = (0, archive.sets().iter().map(StoredSet::len).sum());
    for (number, set) in archive.sets().iter().enumerate() {
        let mut of_set = HashMap::new();
        let note = |flaw: Flaw| drop(of_set.insert(flaw.image, flaw));
        let verified =
            set.verify(archive.zip(), note, |images| progress(Steps { done: done + images, total }));
        interrupt::check()?;
        done += set.len();
        match verified {
            Err(error) => {
                let message = format!("its {} images: {error}", set.len());
                gone.push(Problem::of_member(set.name(), message));
                flaws.insert(number, None);
            }
            Ok(()) if of_set.len() == set.len() && of_set.values().all(|flaw| flaw.is_certain) => {
                // Nothing of it is whole, not even the size of its images.
                let flaw = of_set.into_values().min_by_key(|flaw| flaw.image);
                let of_first = flaw.map_or_else(String::new, |flaw| format!(", the first: {}", flaw.message));
                let message = format!("all of its {} images{of_first}", set.len());
                gone.push(Problem::of_member(set.name(), message));
                flaws.insert(number, None);
            }
            Ok(())
                if of_set.is_empty()
                    && changed_keys(set.name()).is_none()
                    && set.damaged_indices(archive.zip()).next().is_none() => {}
            Ok(()) => drop(flaws.insert(number, Some(of_set))),
        }
    }
    let takes = |number: usize| !flaws.contains_key(&number);
    writer.take_over(
        &archive,
        takes,
        |_| true,
        |writer, array| {
            let Some(Some(flaws)) = flaws.get(&array.set) else { return Ok(()) };
            let is_gone = |image| flaws.get(&image).is_some_and(|flaw: &Flaw| flaw.is_certain);
            let (set, image) = (&archive.sets()[array.set], array.images.start);
            if writer.add_remaining(&archive, array, is_gone)? == Kept::KeyTaken {
                let message = "its key is damaged: it is that of another image".to_owned();
                let flaw = Flaw { image, is_certain: true, message };
                gone.push(Problem::of_image(archive.zip(), set, &flaw));
            }
            Ok(())
        },
    )?;
    for (number, set) in archive.sets().iter().enumerate() {
        if let Some(Some(flaws)) = flaws.get(&number) {
            if let Some(keys) = changed_keys(set.name()) {
                let message = "expected the keys as they were written: some images may have those of others";
                doubtful.push(Problem::of_member(keys, message.to_owned()));
            }
            let mut flaws: Vec<&Flaw> = flaws.values().collect();
            flaws.sort_by_key(|flaw| flaw.image);
            for flaw in flaws {
                let problem = Problem::of_image(archive.zip(), set, flaw);
                if flaw.is_certain { gone.push(problem) } else { doubtful.push(problem) }
            }
        }
    }
    Ok(Salvage { saved: writer.finish()?, gone, doubtful })
}

/// Writes all members that are left to a file, as an archive that is whole.
fn collect(from: &Path, clean: File, limits: &Limits) -> Result<(File, bitnpz_npz::Salvaged)> {
    let options = bitnpz_npz::WriteOptions::default().with_compression(Compression::Stored);
    let mut writer = bitnpz_npz::Writer::new(BufWriter::new(clean), options);
    let found =
        bitnpz_npz::salvage(from, &mut writer, limits.clone(), |name, bytes| mend(name, bytes, limits))?;
    let clean = writer
        .finish_in_order(&found.listed)?
        .into_inner()
        .map_err(|error| bitnpz_npz::Error::from(error.into_error()))?;
    Ok((clean, found))
}

/// The member of an image set of these bytes, of which some are damaged: its images tell which of them are.
fn mend<'a>(name: &str, bytes: &'a [u8], limits: &Limits) -> Option<Cow<'a, [u8]>> {
    if !names::is_reserved(name) || !name.ends_with(".npy") || bytes.len() < BYTES_HEADER {
        return None;
    }
    let expected = Header::new(Dtype::of::<u8>(), vec![bytes.len() - BYTES_HEADER]);
    match Header::parse(bytes, &limits.npy) {
        Ok((header, BYTES_HEADER)) if header == expected => Some(Cow::Borrowed(bytes)),
        _ => {
            let mut mended = expected.to_bytes().ok().filter(|header| header.len() == BYTES_HEADER)?;
            mended.extend_from_slice(&bytes[BYTES_HEADER..]);
            Some(Cow::Owned(mended))
        }
    }
}
