//! `bitnpz sheet`.

use std::fs::File;
use std::io::BufWriter;

use bitnpz::{Archive, Bitmap};

use crate::arguments::Sheet;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

pub(crate) fn run(arguments: &Sheet, output: &mut Output) -> Outcome {
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let fail = |error: bitnpz::Error| Failure::at(&arguments.archive, error);
    let images = match &arguments.key {
        Some(key) => {
            let set = archive.images(key).map_err(fail)?;
            let chosen = evenly(set.len(), arguments.count);
            chosen.map(|index| set.bitmap(index)).collect::<bitnpz::Result<_>>()
        }
        None => from_all(&archive, arguments.count),
    };
    let images: Vec<Bitmap> = images.map_err(fail)?;
    if images.is_empty() {
        return Err(Failure::at(&arguments.archive, "there are no images in it"));
    }
    write(&arguments.output, &images)?;
    output.remark(format!("{} images in {}", images.len(), arguments.output.display()))?;
    Ok(())
}

/// Writes a contact sheet of these images.
pub(crate) fn write(path: &std::path::Path, images: &[Bitmap]) -> Outcome {
    let file = File::create(path).map_err(|error| Failure::at(path, error))?;
    let views: Vec<_> = images.iter().map(Bitmap::view).collect();
    bitnpz::picture::sheet(BufWriter::new(file), &views).map_err(|error| Failure::at(path, error))
}

/// So many numbers below `len`, at even distances.
fn evenly(len: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(len);
    (0..count).map(move |number| number * len / count)
}

/// Images from the whole archive: from each key as many as it takes to come to `count`.
fn from_all(archive: &Archive, count: usize) -> bitnpz::Result<Vec<Bitmap>> {
    let mut sets = Vec::new();
    for entry in archive.entries() {
        let entry = entry?;
        if let Some(images) = entry.images() {
            sets.push((entry.key().to_owned(), images));
        }
    }
    let chosen: Vec<usize> = evenly(sets.len(), count).collect();
    let mut images = Vec::new();
    for (done, &number) in chosen.iter().enumerate() {
        let (key, len) = &sets[number];
        let wanted = (count - images.len()).div_ceil(chosen.len() - done);
        let set = archive.images(key)?;
        for index in evenly(*len, wanted) {
            images.push(set.bitmap(index)?);
        }
    }
    Ok(images)
}
