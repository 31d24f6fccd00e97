//! Notes for the user on what was packed: one line for each kind of thing.

use std::path::{Path, PathBuf};

use bitnpz::picture::{Background, Picture};
use bitnpz::{Added, Dtype, Header, OtherMember};

use super::inputs::LeftOut;
use crate::failure::Outcome;
use crate::format::{abbreviate, count};
use crate::printer::Printer;

/// The least height and width of what may be a grey image: rows of boxes have four numbers, colours three.
const SMALLEST_IMAGE: usize = 8;

/// The number of inputs that something applies to, and a description of the first.
#[derive(Default)]
struct Tally {
    count: usize,
    first: String,
}

impl Tally {
    fn add(&mut self, first: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = first();
        }
        self.count += 1;
    }
}

/// The notes collected while packing.
pub(super) struct Notes {
    left_out: LeftOut,
    damaged: Vec<String>,
    two_colours: Tally,
    on_white: Tally,
    on_black: Tally,
    grey: Tally,
    others: Vec<String>,
}

impl Notes {
    /// Starts with what is not packed.
    pub(super) fn new(left_out: LeftOut) -> Self {
        let [two_colours, on_white, on_black, grey] = Default::default();
        Self { left_out, damaged: Vec::new(), two_colours, on_white, on_black, grey, others: Vec::new() }
    }

    /// Adds a picture that was packed.
    pub(super) fn picture(&mut self, path: &Path, picture: &Picture) {
        if let Some(colours) = picture.colours {
            self.two_colours.add(|| {
                format!("as with --threshold {} in {}: {colours}", colours.threshold, path.display())
            });
        }
        let tally = match picture.background {
            Some(Background::Black) => &mut self.on_black,
            Some(_) => &mut self.on_white,
            None => return,
        };
        tally.add(|| path.display().to_string());
    }

    /// Adds an array that was packed.
    pub(super) fn array(&mut self, key: &str, added: Added, header: &Header) {
        let is_grey = matches!(*header.shape, [.., height, width] if height.min(width) >= SMALLEST_IMAGE);
        if added == Added::Array && is_grey && header.dtype == Dtype::of::<u8>() {
            self.grey.add(|| key.to_owned());
        }
    }

    /// Adds a member that was copied unchanged.
    pub(super) fn other(&mut self, other: &OtherMember<'_>) {
        self.others.push(format!("{} ({})", other.name(), other.content()));
    }

    /// Adds the error of a picture that was skipped.
    pub(super) fn damaged(&mut self, message: String) {
        self.damaged.push(message);
    }

    /// Prints all notes.
    pub(super) fn print(&self, printer: &mut Printer) -> Outcome {
        let LeftOut { files, loops } = &self.left_out;
        if !files.is_empty() {
            let number = count(files.len(), "file");
            printer.remark(format!("left out {number} of other kinds: {}", abbreviate(names(files))))?;
        }
        if !loops.is_empty() {
            let number = count(loops.len(), "link");
            printer
                .remark(format!("left out {number} back to a folder above: {}", abbreviate(names(loops))))?;
        }
        if !self.damaged.is_empty() {
            let pictures = count(self.damaged.len(), "damaged picture");
            printer.warning(format!("left out {pictures}: {}", abbreviate(self.damaged.clone())));
        }
        if let Tally { count: number @ 1.., first } = &self.two_colours {
            let pictures = count(*number, "picture");
            printer.note(format!(
                "{pictures} of two colours other than black and white: the lighter is taken as white, {first}"
            ));
        }
        if let Tally { count: number @ 1.., first } = &self.grey {
            let arrays = count(*number, "array");
            printer.note(format!(
                "{arrays} of bytes with more than two values ({first}), stored unchanged; use --threshold to pack grey images"
            ));
        }
        if !self.others.is_empty() {
            let others = count(self.others.len(), "other member");
            printer.remark(format!("{others} copied unchanged: {}", abbreviate(self.others.clone())))?;
        }
        for (tally, background) in [(&self.on_white, "white"), (&self.on_black, "black")] {
            if let Tally { count: number @ 1.., first } = tally {
                let pictures = count(*number, "picture");
                printer.remark(format!(
                    "{pictures} with transparent pixels on {background} ({first}); use --background to change it"
                ))?;
            }
        }
        Ok(())
    }
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}
