//! Reading everything to see whether it is whole.

use std::collections::HashSet;
use std::io::Read;

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

impl Archive {
    /// Reads what tells where everything lies: the records of the archive, each member's local header, each array's header,
    /// the descriptions and indices of image sets. Damaged pixels are not seen; [`verify`](Self::verify) finds those.
    #[must_use]
    pub fn verify_structure(&self) -> Report {
        let mut report = Report { gaps: self.zip().gaps(), ..Report::default() };
        for member in self.zip().members() {
            let located = member.data_range().map_err(Error::from);
            let is_own = is_reserved(member.name());
            let result = if is_own {
                located.map(drop)
            } else {
                Item::of_member(self.contents(), member.clone()).map(drop)
            };
            report
                .problems
                .extend(result.err().map(|error| Problem::of_member(member.name(), error.to_string())));
            report.bytes += member.size();
            report.members += 1;
        }
        report.problems.extend(self.missing_members().chain(self.unnamed_members()));
        for set in self.sets() {
            for image in set.misplaced(self.zip()) {
                let message = "expected the place of its payload, found no place in it".to_owned();
                let flaw = Flaw { image, is_certain: true, message };
                report.problems.push(Problem::of_image(self.zip(), set, &flaw));
            }
        }
        report
    }

    /// The packed images whose members are not there.
    fn missing_members(&self) -> impl Iterator<Item = Problem> {
        self.contents().packed.exceptions().filter(|key| !self.contains(key)).map(|key| {
            let message = format!("expected a member for the key {key:?}, found none");
            Problem::of_member(names::PACKED, message)
        })
    }

    /// The images whose keys images of earlier sets have too.
    fn keys_of_two_sets(&self) -> impl Iterator<Item = Problem> {
        let keyed: Vec<&StoredSet> = self.sets().iter().filter(|set| set.stack().is_none()).collect();
        (1..keyed.len()).flat_map(move |number| {
            let (set, earlier) = (keyed[number], keyed[..number].to_vec());
            let is_twice = move |image: &usize| {
                let key = set.key(self.zip(), *image);
                earlier.iter().any(|earlier| earlier.has_key(self.zip(), &key))
            };
            (0..set.len()).filter(is_twice).map(move |image| {
                let message = "expected a key of its own, found that of an image of another set".to_owned();
                Problem::of_image(self.zip(), set, &Flaw { image, is_certain: true, message })
            })
        })
    }

    /// The library's own members that nothing names: images that no reader finds may be in them.
    fn unnamed_members(&self) -> impl Iterator<Item = Problem> {
        let of_sets = self.sets().iter().flat_map(StoredSet::members);
        let named: HashSet<String> = of_sets.chain([SETS, names::PACKED].map(str::to_owned)).collect();
        let own = self.zip().members().filter(|member| is_reserved(member.name()));
        own.filter(move |member| !named.contains(member.name())).map(|member| {
            let message =
                format!("expected it in {SETS} or in the description of its image set, found it in none");
            Problem::of_member(member.name(), message)
        })
    }

    /// Reads every member, its checksum, header and padding, and every image of image sets, its payload and checksum. Calls
    /// `progress` with the steps done: members and images of sets.
    ///
    /// # Errors
    ///
    /// If the call was [interrupted](crate::interruptible); damage is in the report.
    pub fn verify(&self, mut progress: impl FnMut(Steps)) -> Result<Report> {
        let total = self.zip().len() + self.sets().iter().map(StoredSet::len).sum::<usize>();
        let mut report = Report { gaps: self.zip().gaps(), ..Report::default() };
        for member in self.zip().members() {
            interrupt::check()?;
            if let Err(error) = self.verify_member(&member) {
                let problem = Problem::of_member(member.name(), error.to_string());
                report.problems.push(problem);
            }
            report.bytes += member.size();
            report.members += 1;
            progress(Steps { done: report.members, total });
        }
        report.problems.extend(self.missing_members().chain(self.unnamed_members()));
        let mut done = report.members;
        for set in self.sets() {
            let before = report.problems.len();
            let note = |flaw: Flaw| report.problems.push(Problem::of_image(self.zip(), set, &flaw));
            if let Err(error) =
                set.verify(self.zip(), note, |images| progress(Steps { done: done + images, total }))
            {
                interrupt::check()?;
                report.problems.push(Problem::of_member(set.name(), error.to_string()));
            }
            if report.problems.len() == before {
                report.problems.extend(set.damaged_indices(self.zip()).map(|member| {
                    let message = "expected the payloads one behind the other, found other places; the images are \
                        whole, and packing them anew mends it";
                    Problem::of_member(member, message.to_owned())
                }));
            }
            done += set.len();
        }
        interrupt::check()?;
        report.problems.extend(self.keys_of_two_sets());
        Ok(report)
    }

    /// Reads a member that is no array, and its checksum.
    fn verify_bytes(&self, member: &Member<'_>) -> Result<()> {
        let (mut reader, mut piece) = (member.reader()?, vec![0; 1 << 16]);
        while reader.read(&mut piece).map_err(bitnpz_npz::Error::from)? > 0 {
            interrupt::check()?;
        }
        Ok(())
    }

    fn verify_member(&self, member: &Member<'_>) -> Result<()> {
        if is_reserved(member.name()) {
            return self.verify_bytes(member);
        }
        let Item::Array(entry) = Item::of_member(self.contents(), member.clone())? else {
            return self.verify_bytes(member);
        };
        let mut piece = vec![0; 1 << 16];
        let mut reader = member.reader()?;
        let stored = bitnpz_npy::Header::read(&mut reader, &self.contents().limits().npy)?;
        let padding = entry.kind().map_or(0, |kind| padding_bits(kind.width));
        let stride = stored.shape.last().copied().unwrap_or(1).max(1);
        let mut position = 0;
        loop {
            interrupt::check()?;
            let len = reader.read(&mut piece).map_err(bitnpz_npz::Error::from)?;
            let is_bad =
                |(at, byte): &(usize, &u8)| (position + at + 1) % stride == 0 && **byte & padding != 0;
            if let Some((at, byte)) = piece[..len].iter().enumerate().find(|of| padding != 0 && is_bad(of)) {
                let at = position + at;
                let expected = "zero bits behind the last pixel of a row";
                return Err(damaged(
                    member,
                    format!("expected {expected}, found {byte} at byte {at} of the array"),
                ));
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

/// The bits of a row's last byte that belong to no pixel.
fn padding_bits(width: usize) -> u8 {
    if width.is_multiple_of(8) { 0 } else { 0xFF >> (width % 8) }
}
