//! `bitnpz view`.

use bitnpz::picture::{Marks, draw};

use crate::arguments::View;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, count};

pub(crate) fn run(arguments: &View, output: &mut Output) -> Outcome {
    let archive = super::open(&arguments.archive, &arguments.read)?;
    let key = arguments.key.clone().or_else(|| archive.keys().next());
    let key = key.ok_or_else(|| Failure::at(&arguments.archive, "the archive is empty"))?;
    let fail = |error: bitnpz::Error| Failure::of(&arguments.archive, &error);
    let images = archive.images(&key).map_err(fail)?;
    let image = images.bitmap(arguments.index).map_err(fail)?;
    let marks = if arguments.ascii { Marks::Ascii } else { Marks::Blocks };
    let [off, on] = images.values();
    let (height, width, ones) = (image.height(), image.width(), image.view().count_ones());
    output.remark(format!(
        "{} [{} of {}]: {height} x {width}, dtype {}, {} of {on}, {} of {off}",
        key,
        arguments.index,
        images.len(),
        images.dtype().type_string(),
        count(ones, "pixel"),
        height * width - ones,
    ))?;
    Ok(output.result(draw(image.view(), output.columns(), marks).trim_end_matches('\n'))?)
}
