//! Saving what is undamaged in a damaged archive.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufWriter;
use std::ops::Range;
use std::path::Path;

use bitnpz_npz::{Compression, Limits, OpenOptions};

use crate::encoding::Encoding;
use crate::error::{Error, Result};
use crate::interrupt;
use crate::names::{self, SegmentPart};
use crate::options::WriteOptions;
use crate::progress::Steps;
use crate::read::{Archive, Problem};
use crate::set::{Flaw, KeySet, StoredSet};
use crate::write::{Remaining, Summary, Writer};

/// What [`salvage`] has saved from a damaged archive, and what is lost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Salvage {
    /// What the new archive holds.
    pub saved: Summary,
    /// What is lost: members, image sets, images. A lost image of a stack is blank in the new archive; everything else that is
    /// lost is not in it.
    pub gone: Vec<Problem>,
    /// What is in the new archive but may differ from what was saved: images of which some are damaged, it is not known which, and
    /// arrays that may have had another name.
    pub doubtful: Vec<Problem>,
}

/// Writes everything that is undamaged in the archive `from` to a new archive `to`, and returns what is lost. `from` is not
/// changed. Members are found even without a central directory.
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
    progress: impl FnMut(Steps),
) -> Result<Salvage> {
    let folder = to.as_ref().parent().filter(|folder| !folder.as_os_str().is_empty());
    let clean = tempfile::tempfile_in(folder.unwrap_or(Path::new("."))).map_err(bitnpz_npz::Error::from)?;
    let (clean, found) = collect(from.as_ref(), clean, limits)?;
    let options = OpenOptions::default().with_limits(limits.clone());
    let zip = bitnpz_npz::Archive::open_file(clean, &options)?;
    let (archive, mut gone) = Archive::open_undamaged(zip);
    gone.extend(found.gone.iter().map(|(member, message)| Problem::of_member(member, message.clone())));
    let mut doubtful = renamed_members(&found);

    // Before everything is read: the new archive may be impossible to write.
    // An archive whose list of sets is lost has sets all the same.
    let encoding = if archive.sets().is_empty() { archive.encoding() } else { Encoding::Sets };
    // Reads are of a temporary file in the same folder: what the system refuses concerns the disk of the new archive.
    let blame = |error: Error| if error.is_of_system() { error.in_file(to.as_ref()) } else { error };
    let mut writer = Writer::create_with(&to, &WriteOptions::default().with_encoding(encoding))?;
    let mut states = states_of_sets(&archive, &found, progress)?;
    part_twins(&archive, &mut states)?;
    let keys_taken = RefCell::new(Vec::new());
    let taken = writer.take_over(
        &archive,
        |set| matches!(states[set], SetState::Whole).then(|| archive.sets()[set].ranges()),
        |writer, key| {
            let is_taken = writer.contains(key);
            if is_taken {
                let name =
                    archive.zip().find(key).map_or_else(String::new, |member| member.name().to_owned());
                let problem = Problem::of_member(&name, "its key is that of an image".to_owned());
                keys_taken.borrow_mut().push(Problem { key: Some(key.to_owned()), ..problem });
            }
            Ok(!is_taken)
        },
        |writer, array| {
            let SetState::Damaged { flaws, .. } = &states[array.set] else { return Ok(()) };
            let is_gone = |image| flaws.get(&image).is_some_and(|flaw: &Flaw| flaw.is_certain);
            let (set, image) = (&archive.sets()[array.set], array.images.start);
            if writer.add_remaining(&archive, array, is_gone)? == Remaining::KeyTaken {
                let message = "its key is that of another image or array".to_owned();
                let flaw = Flaw { image, is_certain: true, message };
                gone.push(Problem::of_image(archive.zip(), set, &flaw));
            }
            Ok(())
        },
    );
    taken.map_err(blame)?;
    gone.extend(keys_taken.into_inner());
    for (set, state) in archive.sets().iter().zip(&states) {
        match state {
            SetState::Whole => {}
            SetState::Lost { message } => gone.push(Problem::of_member(set.name(), message.clone())),
            SetState::Damaged { flaws, damaged_keys } => {
                if let Some(keys) = damaged_keys {
                    let message =
                        "expected the keys as they were written: some images may have those of others";
                    doubtful.push(Problem::of_member(keys, message.to_owned()));
                }
                for flaw in flaws.values() {
                    let problem = Problem::of_image(archive.zip(), set, flaw);
                    if flaw.is_certain { gone.push(problem) } else { doubtful.push(problem) }
                }
            }
        }
    }
    Ok(Salvage { saved: writer.finish().map_err(blame)?, gone, doubtful })
}

/// What is left of an image set.
enum SetState {
    /// Everything: it is copied without decoding it.
    Whole,
    /// Some images: they are encoded again.
    Damaged {
        /// The flaws, by the numbers of their images.
        flaws: BTreeMap<usize, Flaw>,
        /// The member of keys that is damaged, if one is.
        damaged_keys: Option<String>,
    },
    /// Nothing.
    Lost { message: String },
}

/// Reads all image sets, and returns what is left of each.
fn states_of_sets(
    archive: &Archive,
    found: &bitnpz_npz::Salvaged,
    mut progress: impl FnMut(Steps),
) -> Result<Vec<SetState>> {
    let (mut done, total) = (0, archive.sets().iter().map(StoredSet::len).sum());
    let states = archive.sets().iter().map(|set| {
        let flaws = RefCell::new(BTreeMap::new());
        let note = |flaw: Flaw| drop(flaws.borrow_mut().insert(flaw.image, flaw));
        let note_lost = |images: Range<usize>, error: &Error| {
            let message = error.to_string();
            images.for_each(|image| note(Flaw { image, is_certain: true, message: message.clone() }));
        };
        let progress = |images| progress(Steps { done: done + images, total });
        let verified = set.verify(archive.zip(), note, note_lost, progress);
        interrupt::check()?;
        done += set.len();
        Ok(state_of_set(archive, set, found, verified.map(|()| flaws.into_inner())))
    });
    states.collect()
}

/// Lets the images of sets that have a key of an earlier set be added one by one, so that only those are left out.
fn part_twins(archive: &Archive, states: &mut [SetState]) -> Result<()> {
    if states.len() < 2 {
        return Ok(());
    }
    let mut keys = KeySet::default();
    for (set, state) in archive.sets().iter().zip(states) {
        let mut is_twin = false;
        let mut note = |key: &str| {
            is_twin |= !keys.insert(bitnpz_npz::identity(key));
            interrupt::check()
        };
        match set.stacks() {
            Some(stacks) => stacks.iter().try_for_each(|stack| note(&stack.key))?,
            None => (0..set.len()).try_for_each(|image| note(&set.key(archive.zip(), image)))?,
        }
        if is_twin && matches!(state, SetState::Whole) {
            *state = SetState::Damaged { flaws: BTreeMap::new(), damaged_keys: None };
        }
    }
    Ok(())
}

fn state_of_set(
    archive: &Archive,
    set: &StoredSet,
    found: &bitnpz_npz::Salvaged,
    verified: Result<BTreeMap<usize, Flaw>>,
) -> SetState {
    let flaws = match verified {
        Ok(flaws) => flaws,
        Err(error) => return SetState::Lost { message: format!("its {} images: {error}", set.len()) },
    };
    if !flaws.is_empty() && flaws.len() == set.len() && flaws.values().all(|flaw| flaw.is_certain) {
        // No image is left, and so not even their size is known.
        let first =
            flaws.values().next().map_or_else(String::new, |flaw| format!(", the first: {}", flaw.message));
        return SetState::Lost { message: format!("all of its {} images{first}", set.len()) };
    }
    let damaged_keys =
        found.changed.iter().find(|name| names::is_part(name, set.name(), SegmentPart::Keys)).cloned();
    let has_whole_directories =
        || set.damaged_directories(archive.zip()).is_ok_and(|damaged| damaged.is_empty());
    if flaws.is_empty() && damaged_keys.is_none() && has_whole_directories() {
        return SetState::Whole;
    }
    SetState::Damaged { flaws, damaged_keys }
}

/// Returns the arrays whose two headers have different names.
fn renamed_members(found: &bitnpz_npz::Salvaged) -> Vec<Problem> {
    let renamed = found.renamed.iter().filter(|(name, _)| !names::is_reserved(name));
    let problems = renamed.map(|(name, other)| {
        let message =
            format!("one of its headers is damaged: its name is this or {other:?}, and it is kept as both");
        Problem::of_member(name, message)
    });
    problems.collect()
}

/// Writes all members that can be read to a file, as an undamaged archive.
fn collect(from: &Path, clean: File, limits: &Limits) -> Result<(File, bitnpz_npz::Salvaged)> {
    let options = bitnpz_npz::WriteOptions::default().with_compression(Compression::Stored);
    let mut writer = bitnpz_npz::Writer::new(BufWriter::new(clean), &options);
    // Of a damaged member of an image set, checksums tell which images are damaged.
    let is_part = |name: &str| names::is_reserved(name) && !name.ends_with(".json");
    let found = bitnpz_npz::salvage(from, &mut writer, limits, is_part)?;
    let clean = writer
        .finish_in_order(&found.listed)?
        .into_inner()
        .map_err(|error| bitnpz_npz::Error::from(error.into_error()))?;
    Ok((clean, found))
}
