//! `bitnpz clean`.

use crate::arguments::Clean;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, count};

pub(crate) fn run(arguments: &Clean, output: &mut Output) -> Outcome {
    let removed = bitnpz::clean(&arguments.folder).map_err(|error| Failure::at(&arguments.folder, error))?;
    for path in &removed {
        output.result(path.display().to_string())?;
    }
    Ok(output.remark(format!("{} removed", count(removed.len(), "temporary file")))?)
}
