//! `bitnpz ls`.

use crate::arguments::Ls;
use crate::failure::{Failure, Outcome};
use crate::output::{Output, thousands};

pub(crate) fn run(arguments: &Ls, output: &mut Output) -> Outcome {
    let archive = super::open(&arguments.archive, &arguments.read)?;
    if arguments.keys {
        for key in archive.keys() {
            output.result(key)?;
        }
        return Ok(());
    }
    for entry in archive.entries() {
        let entry = entry.map_err(|error| Failure::of(&arguments.archive, &error))?;
        let kind = match entry.images() {
            Some(_) if entry.shape().len() == 2 => "image",
            Some(_) => "images",
            None => "array",
        };
        let dtype = match entry.dtype().record() {
            Some(_) => "record".to_owned(),
            None => entry.dtype().type_string(),
        };
        let shape: Vec<String> = entry.shape().iter().map(ToString::to_string).collect();
        let (encoding, bytes) = (entry.encoding(), thousands(entry.stored_bytes()));
        let (shape, key) = (shape.join(" x "), entry.key());
        output.result(format!("{kind:6} {encoding:7} {dtype:>8} {shape:>18} {bytes:>12}  {key}"))?;
    }
    Ok(())
}
