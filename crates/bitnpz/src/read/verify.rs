//! Verifying an archive.

use std::collections::HashSet;
use std::io::Read;
use std::ops::Range;

use bitnpz_npy::zeros;
use bitnpz_npz::Member;

use super::archive::Archive;
use super::check::damaged;
use super::item::Item;
use super::report::{Problem, Report};
use crate::error::{Error, Result};
use crate::interrupt;
use crate::names::{self, SETS, is_reserved};
use crate::progress::Steps;
use crate::set::{Flaw, StoredSet};

/// The length of the buffer into which a member is read: long enough for fast reads, short enough that interruption is checked
/// often.
const READ_BUFFER_BYTES: usize = 1 << 16;

/// Parts of a member are requested together, of about so many bytes.
const REQUESTED_BYTES: u64 = 4 << 20;

impl Archive {
    /// Verifies the structure of the archive: its records, each member's local header, each array's header, and the descriptions
    /// and directories of image sets. It reads no pixels; [`verify`](Self::verify) does.
    ///
    /// # Errors
    ///
    /// If the file is read by range and cannot be read. Damage is no error: it is in the report.
    pub fn verify_structure(&self) -> Result<Report> {
        let mut report = Report { gaps: self.zip().gaps()?, ..Report::default() };
        for member in self.zip().members() {
            let located = member.data_range().map_err(Error::from);
            let is_own = is_reserved(member.name());
            let result = if is_own {
                located.map(drop)
            } else {
                Item::of_member(self.contents(), member.clone()).map(drop)
            };
            if let Err(error) = result {
                report.problems.push(Problem::of_member(member.name(), self.damage(error)?.to_string()));
            }
            report.bytes += member.size();
            report.members += 1;
        }
        report.problems.extend(self.missing_members().chain(self.unnamed_members()));
        for set in self.sets() {
            for misplaced in set.misplaced(self.zip()) {
                let misplaced = match misplaced {
                    Ok(misplaced) => misplaced,
                    Err(error) => {
                        report.problems.push(Problem::of_member(set.name(), self.damage(error)?.to_string()));
                        continue;
                    }
                };
                for image in misplaced {
                    let message = "expected a place of its payload, found none".to_owned();
                    let flaw = Flaw { image, is_certain: true, message };
                    report.problems.push(Problem::of_image(self.zip(), set, &flaw));
                }
            }
        }
        Ok(report)
    }

    /// Returns an error that is damage of the archive.
    ///
    /// # Errors
    ///
    /// The error, if it is that of a store that cannot be read.
    fn damage(&self, error: Error) -> Result<Error> {
        if self.zip().is_read_by_range() && error.is_of_system() { Err(error) } else { Ok(error) }
    }

    /// Returns a problem for each packed image whose member is missing.
    fn missing_members(&self) -> impl Iterator<Item = Problem> {
        self.contents().packed.exceptions().filter(|key| !self.contains(key)).map(|key| {
            let message = format!("expected a member for the key {key:?}, found none");
            Problem::of_member(names::PACKED, message)
        })
    }

    /// Returns a problem for each image whose key another array, an image of an earlier set or an earlier one of its own has too.
    fn keys_twice(&self) -> impl Iterator<Item = Problem> {
        let keyed: Vec<&StoredSet> = self.sets().iter().filter(|set| set.is_keyed()).collect();
        let contents = self.contents();
        (0..keyed.len()).flat_map(move |number| {
            let (set, earlier) = (keyed[number], keyed[..number].to_vec());
            let is_twice = move |image: &usize| {
                let key = set.key(self.zip(), *image);
                set.find(self.zip(), &key).is_some_and(|first| first < *image)
                    || earlier.iter().any(|earlier| earlier.find(self.zip(), &key).is_some())
                    || contents.stacks.contains_key(&key)
                    || contents.member(&key).is_some()
            };
            (0..set.len()).filter(is_twice).map(move |image| {
                let message = "expected a unique key, found that of another array".to_owned();
                Problem::of_image(self.zip(), set, &Flaw { image, is_certain: true, message })
            })
        })
    }

    /// Returns a problem for each of the library's own members that no list names. It may hold images that no reader finds.
    fn unnamed_members(&self) -> impl Iterator<Item = Problem> {
        let of_sets = self.sets().iter().flat_map(StoredSet::members);
        let named: HashSet<String> = of_sets.chain([SETS, names::PACKED].map(str::to_owned)).collect();
        let own = self.zip().members().filter(|member| is_reserved(member.name()));
        own.filter(move |member| !named.contains(member.key())).map(|member| {
            let message =
                format!("expected it in {SETS} or in the description of its image set, found it in neither");
            Problem::of_member(member.name(), message)
        })
    }

    /// Verifies the whole archive: it reads every member, with its checksum, header and padding bits, and decodes every image of
    /// image sets. Calls `progress` with the steps done: members and images of sets.
    ///
    /// ```
    /// # let mut writer = bitnpz::Writer::unnamed(&bitnpz::WriteOptions::default())?;
    /// # writer.add_images("glyphs", &ndarray::array![[[true, false]], [[true, true]]])?;
    /// # let mut bytes = Vec::new();
    /// # writer.finish_into(&mut bytes)?;
    /// # let archive = bitnpz::Archive::from_bytes(bytes)?;
    /// let report = archive.verify(|steps| println!("{} of {}", steps.done, steps.total))?;
    /// for problem in &report.problems {
    ///     println!("{problem}");
    /// }
    /// assert!(report.problems.is_empty());
    /// # Ok::<(), bitnpz::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the call was [interrupted](crate::interruptible), or if the file is read by range and cannot be read. Damage is no
    /// error: it is in the report.
    pub fn verify(&self, mut progress: impl FnMut(Steps)) -> Result<Report> {
        let total = self.zip().len() + self.sets().iter().map(StoredSet::len).sum::<usize>();
        let mut report = Report { gaps: self.zip().gaps()?, ..Report::default() };
        for member in self.zip().members() {
            interrupt::check()?;
            if let Err(error) = self.verify_member(&member) {
                let problem = Problem::of_member(member.name(), self.damage(error)?.to_string());
                report.problems.push(problem);
            }
            report.bytes += member.size();
            report.members += 1;
            progress(Steps { done: report.members, total });
        }
        report.problems.extend(self.missing_members().chain(self.unnamed_members()));
        let mut done = report.members;
        for set in self.sets() {
            let progress = |images| progress(Steps { done: done + images, total });
            self.verify_set(set, &mut report.problems, progress)?;
            done += set.len();
        }
        interrupt::check()?;
        report.problems.extend(self.keys_twice());
        Ok(report)
    }

    /// Decodes the images of a set and adds the problems found. Calls `progress` with the number of images done.
    fn verify_set(
        &self,
        set: &StoredSet,
        problems: &mut Vec<Problem>,
        progress: impl FnMut(usize),
    ) -> Result<()> {
        let before = problems.len();
        let add = |flaw: Flaw| problems.push(Problem::of_image(self.zip(), set, &flaw));
        let mut lost = Vec::new();
        let note_lost = |images: Range<usize>, error: &Error| {
            let message =
                format!("its images {} to {} are lost: {error}", images.start, images.end.saturating_sub(1));
            lost.push(Problem::of_member(set.name(), message));
        };
        let verified = set.verify(self.zip(), add, note_lost, progress);
        problems.extend(lost);
        if let Err(error) = verified {
            interrupt::check()?;
            problems.push(Problem::of_member(set.name(), self.damage(error)?.to_string()));
        }
        if problems.len() == before {
            let message = "expected the places of payloads as they were written, found others; all images are intact, and \
                saving them again repairs it";
            let members = set.damaged_directories(self.zip())?;
            problems.extend(members.into_iter().map(|member| Problem::of_member(member, message.to_owned())));
        }
        Ok(())
    }

    /// Reads a member that is not an array, with its checksum.
    fn verify_bytes(member: &Member<'_>) -> Result<()> {
        let (mut reader, mut buffer) = (member.reader()?, zeros(READ_BUFFER_BYTES)?);
        while reader.read(&mut buffer).map_err(bitnpz_npz::Error::from)? > 0 {
            interrupt::check()?;
        }
        Ok(())
    }

    /// Reads a member with its checksum, by parts too if it has any, and its header and padding bits if it is an array.
    fn verify_member(&self, member: &Member<'_>) -> Result<()> {
        if is_reserved(member.name()) {
            return Self::verify_bytes(member);
        }
        if let Some(parts) = member.parts() {
            let mut requested = 0;
            for part in 0..parts.len() {
                interrupt::check()?;
                if part == requested {
                    let bytes = |end: usize| parts.compressed(part..end);
                    let fits = |end: &usize| bytes(*end).end - bytes(*end).start <= REQUESTED_BYTES;
                    requested = (part + 2..=parts.len()).take_while(fits).last().unwrap_or(part + 1);
                    self.zip().prefetch(&mut [member.request(bytes(requested))])?;
                }
                member.read_part(&parts, part)?;
            }
        }
        let Item::Array(entry) = Item::of_member(self.contents(), member.clone())? else {
            return Self::verify_bytes(member);
        };
        let mut buffer = zeros(READ_BUFFER_BYTES)?;
        let mut reader = member.reader()?;
        let stored = bitnpz_npy::Header::read(&mut reader, &self.contents().limits().npy)?;
        let padding_mask = entry.kind().map_or(0, |kind| padding_mask(kind.width));
        let stride = stored.shape.last().copied().unwrap_or(1).max(1);
        let mut position = 0;
        loop {
            interrupt::check()?;
            let len = reader.read(&mut buffer).map_err(bitnpz_npz::Error::from)?;
            let has_padding =
                |(at, byte): &(usize, &u8)| (position + at + 1) % stride == 0 && **byte & padding_mask != 0;
            let found = buffer[..len].iter().enumerate().find(|at| padding_mask != 0 && has_padding(at));
            if let Some((at, byte)) = found {
                let at = position + at;
                let expected = "zero bits after the last pixel of a row";
                let message = format!("expected {expected}, found {byte} at byte {at} of the array");
                return Err(damaged(member, message));
            }
            position += len;
            if len == 0 {
                break;
            }
        }
        if position == stored.data_len() {
            return Ok(());
        }
        Err(damaged(member, format!("expected {} bytes of array, found {position}", stored.data_len())))
    }
}

/// Returns a mask of the bits in a row's last byte that belong to no pixel.
fn padding_mask(width: usize) -> u8 {
    if width.is_multiple_of(8) { 0 } else { 0xFF >> (width % 8) }
}
