//! What people should know of the pictures that were packed, in a line for each kind of thing.

use std::path::{Path, PathBuf};

use bitnpz::picture::{Background, Picture};
use bitnpz::{Added, Dtype, Header, OtherMember};

use crate::failure::Outcome;
use crate::output::Output;

/// Grey images have more pixels on each side: boxes have four numbers, colours three.
const SMALLEST_IMAGE: usize = 8;

/// How many pictures something is true of, and the first of them.
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

/// What was noted while pictures were packed.
pub(super) struct Notes {
    left_out: Vec<PathBuf>,
    damaged: Vec<String>,
    two_colours: Tally,
    on_white: Tally,
    on_black: Tally,
    grey: Tally,
    others: Vec<String>,
}

impl Notes {
    pub(super) fn new(left_out: Vec<PathBuf>) -> Self {
        let [two_colours, on_white, on_black, grey] = Default::default();
        Self { left_out, damaged: Vec::new(), two_colours, on_white, on_black, grey, others: Vec::new() }
    }

    /// Notes a picture that was packed.
    pub(super) fn picture(&mut self, path: &Path, picture: &Picture) {
        if let Some(colours) = picture.colours {
            self.two_colours
                .add(|| format!("--threshold {} has it in {}: {colours}", colours.threshold, path.display()));
        }
        let ground = match picture.background {
            Some(Background::Black) => &mut self.on_black,
            Some(_) => &mut self.on_white,
            None => return,
        };
        ground.add(|| path.display().to_string());
    }

    /// Notes an array that was packed.
    pub(super) fn array(&mut self, key: &str, added: Added, header: &Header) {
        let is_grey = matches!(*header.shape, [.., height, width] if height.min(width) >= SMALLEST_IMAGE);
        if added == Added::Array && is_grey && header.dtype == Dtype::of::<u8>() {
            self.grey.add(|| key.to_owned());
        }
    }

    /// Notes a member that was carried over as it is.
    pub(super) fn other(&mut self, other: &OtherMember<'_>) {
        self.others.push(format!("{} ({})", other.name(), other.content()));
    }

    /// Notes a picture that was skipped, by what is wrong with it.
    pub(super) fn damaged(&mut self, message: String) {
        self.damaged.push(message);
    }

    /// Says all that was noted.
    pub(super) fn tell(&self, output: &mut Output) -> Outcome {
        if !self.left_out.is_empty() {
            let names = self.left_out.iter().map(|path| path.display().to_string()).collect();
            let files = super::count(self.left_out.len(), "file");
            output.remark(format!("left out {files} of other kinds: {}", super::some(names)))?;
        }
        if !self.damaged.is_empty() {
            let pictures = super::count(self.damaged.len(), "damaged picture");
            output.warning(format!("left out {pictures}: {}", super::some(self.damaged.clone())));
        }
        let Tally { count, first } = &self.two_colours;
        if *count > 0 {
            let pictures = super::count(*count, "picture");
            output.note(format!(
                "{pictures} of two other colours than black and white: the lighter is white, as {first}"
            ));
        }
        let Tally { count, first } = &self.grey;
        if *count > 0 {
            let arrays = super::count(*count, "array");
            output.note(format!(
                "{arrays} of bytes of more than two values ({first}), stored as they are; --threshold makes images of grey ones"
            ));
        }
        if !self.others.is_empty() {
            let others = super::count(self.others.len(), "other member");
            output
                .remark(format!("{others} carried over as they are: {}", super::some(self.others.clone())))?;
        }
        for (Tally { count, first }, ground) in [(&self.on_white, "white"), (&self.on_black, "black")] {
            if *count > 0 {
                let pictures = super::count(*count, "picture");
                output.remark(format!(
                    "{pictures} with transparent pixels on {ground} ({first}); --background chooses"
                ))?;
            }
        }
        Ok(())
    }
}
