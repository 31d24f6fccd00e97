//! `bitnpz sheet`.

use std::io::{self, Write};
use std::path::Path;

use bitnpz::picture::SheetFormat;
use bitnpz::{Archive, Bitmap, Images};

use super::filter::Filter;
use crate::arguments::Sheet;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, count};

/// An image, and the images that it is among.
type Place = (Images, usize);

pub(crate) fn run(arguments: &Sheet, output: &mut Output) -> Outcome {
    super::check_free(&arguments.output, arguments.force)?;
    if super::is_stream(&arguments.output) {
        output.leave_stdout_to_data()?;
    }
    format(&arguments.output)?;
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let filter = Filter::new(&arguments.keys.keys, &[(&arguments.archive, &archive)])?;
    let fail = |error: bitnpz::Error| Failure::of(&arguments.archive, &error);
    let images = choose(&archive, &filter, arguments.count).map_err(fail)?;
    if images.is_empty() {
        return Err(Failure::at(&arguments.archive, "there are no images in it"));
    }
    let size = |(set, index): &Place| set.size_of(*index);
    let sizes: Vec<_> = images.iter().map(size).collect::<bitnpz::Result<_>>().map_err(fail)?;
    write(&arguments.output, &sizes, |number| {
        let (set, index) = &images[number];
        set.bitmap(*index).map_err(fail)
    })?;
    output.remark(format!("{} in {}", count(images.len(), "image"), super::shown(&arguments.output)))?;
    Ok(())
}

/// Writes a contact sheet of images of these sizes.
pub(crate) fn write(
    path: &Path,
    sizes: &[[usize; 2]],
    image: impl FnMut(usize) -> Result<Bitmap, Failure>,
) -> Outcome {
    let mut picture = Vec::new();
    bitnpz::picture::sheet(&mut picture, format(path)?, sizes, image)?;
    if super::is_stream(path) {
        return Ok(io::stdout().write_all(&picture)?);
    }
    std::fs::write(path, picture).map_err(|error| Failure::at(path, error))
}

/// The format of a picture of this name.
fn format(path: &Path) -> Result<SheetFormat, Failure> {
    if super::is_stream(path) {
        return Ok(SheetFormat::Png);
    }
    SheetFormat::of(path).ok_or_else(|| {
        let expected = SheetFormat::ENDINGS.join(", ");
        Failure::at(path, format!("expected a name that ends in one of {expected}"))
    })
}

/// So many numbers below `len`, at even distances.
fn evenly(len: usize, count: usize) -> impl Iterator<Item = usize> {
    let count = count.min(len);
    (0..count).map(move |number| number * len / count)
}

/// Images of the archive: from each key as many as it takes to come to `count`. Keys that were asked for must be of images.
fn choose(archive: &Archive, filter: &Filter, count: usize) -> bitnpz::Result<Vec<Place>> {
    let mut sets = Vec::new();
    for key in archive.keys().filter(|key| filter.takes(key)) {
        let known = archive.entry(&key)?.image_count();
        let asked = || (!filter.takes_all()).then(|| archive.images(&key).map(|images| images.len()));
        if let Some(images) = known.map(Ok).or_else(asked).transpose()? {
            sets.push((key, images));
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
