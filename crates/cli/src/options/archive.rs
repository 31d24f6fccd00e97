//! The archive that is read: its path, the keys to take, the limits.

use std::path::PathBuf;

use bitnpz::Limits;
use clap::Args;

// Doc comments here would become the help of the verbs that flatten these groups.

#[derive(Debug, Args)]
pub(crate) struct ArchiveArgs {
    /// The archive
    #[arg(value_name = "ARCHIVE")]
    pub(crate) path: PathBuf,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// Raise a limit for an archive you trust: members, directory_bytes, member_bytes, image_bytes, spooled_bytes,
    /// array_bytes, header_bytes
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = parse_limit, display_order = 900)]
    limits: Vec<(String, u64)>,
}

#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    /// Only these keys; * matches any text and ? any character [default: all keys]
    #[arg(value_name = "KEY")]
    pub(crate) keys: Vec<String>,
}

impl LimitArgs {
    /// Returns the default limits with those of the command line in their place.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for (name, value) in &self.limits {
            limits.set(name, *value);
        }
        limits
    }
}

/// Parses the name and the value of a limit.
fn parse_limit(argument: &str) -> Result<(String, u64), String> {
    let (name, value) = argument.split_once('=').ok_or("expected NAME=NUMBER")?;
    if !Limits::default().set(name, 0) {
        return Err(format!("expected one of {}, found {name:?}", Limits::NAMES.join(", ")));
    }
    let value = value.parse().map_err(|_| format!("expected a number, found {value:?}"))?;
    Ok((name.to_owned(), value))
}
