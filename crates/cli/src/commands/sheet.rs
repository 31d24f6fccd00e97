//! `bitnpz sheet`.

use std::fs::File;
use std::io::BufWriter;

use bitnpz::{Archive, Bitmap, ImageSet};

use crate::arguments::Sheet;
use crate::failure::{Failure, Outcome};
use crate::output::Output;

/// An image, and the images that it is among.
type Place = (ImageSet, usize);

pub(crate) fn run(arguments: &Sheet, output: &mut Output) -> Outcome {
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let fail = |error: bitnpz::Error| Failure::of(&arguments.archive, &error);
    let images = match &arguments.key {
        Some(key) => {
            let set = archive.images(key).map_err(fail)?;
            evenly(set.len(), arguments.count).map(|index| (set.clone(), index)).collect()
        }
        None => from_all(&archive, arguments.count).map_err(fail)?,
    };
    if images.is_empty() {
        return Err(Failure::at(&arguments.archive, "there are no images in it"));
    }
    let size = |(set, index): &Place| set.size_of(*index);
    let sizes: Vec<_> = images.iter().map(size).collect::<bitnpz::Result<_>>().map_err(fail)?;
    write(&arguments.output, &sizes, |number| {
        let (set, index) = &images[number];
        set.bitmap(*index).map_err(fail)
    })?;
    output.remark(format!("{} images in {}", images.len(), arguments.output.display()))?;
    Ok(())
}

/// Writes a contact sheet of images of these sizes.
pub(crate) fn write(
    path: &std::path::Path,
    sizes: &[[usize; 2]],
    image: impl FnMut(usize) -> Result<Bitmap, Failure>,
) -> Outcome {
    let file = File::create(path).map_err(|error| Failure::at(path, error))?;
    bitnpz::picture::sheet(BufWriter::new(file), sizes, image)
}

/// So many numbers below `len`, at even distances.
fn evenly(len: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(len);
    (0..count).map(move |number| number * len / count)
}

/// Images from the whole archive: from each key as many as it takes to come to `count`.
fn from_all(archive: &Archive, count: usize) -> bitnpz::Result<Vec<Place>> {
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
        images.extend(evenly(*len, wanted).map(|index| (set.clone(), index)));
    }
    Ok(images)
}
