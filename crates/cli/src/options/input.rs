//! The inputs of `pack` and `append`, and how they are read.

use std::str::FromStr;

use bitnpz::picture::Background;
use bitnpz::{ImageAxes, ParseAxesError};
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub(crate) struct InputArgs {
    /// Folders, globs, pictures, .npy stacks and .npz archives
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    /// Store all pictures and .npy stacks as one array (N, H, W) under this key
    #[arg(long, value_name = "KEY")]
    pub(crate) name: Option<String>,
    /// The brightness from which a pixel is white: luma (Rec. 601), 0 to 255, or 0 to 65535 in 16-bit pictures. Required for
    /// pictures of more than two colours. Also applied to arrays that may be grey images
    #[arg(long, value_name = "BRIGHTNESS", value_parser = parse_finite, allow_negative_numbers = true)]
    pub(crate) threshold: Option<f64>,
    /// Make black pixels True instead of white ones
    #[arg(long)]
    pub(crate) invert: bool,
    /// The background of transparent pixels
    #[arg(long, value_enum, default_value_t = BackgroundName::Contrast)]
    pub(crate) background: BackgroundName,
    /// The axes that are height and width: a letter for each axis of an array, such as HWN, or the size of flattened
    /// images, such as 28x28; with KEY= for one array only. Not with --threshold, for which
    /// height and width are the last two axes
    #[arg(long, value_name = "[KEY=]AXES", conflicts_with = "threshold")]
    pub(crate) axes: Vec<KeyAxes>,
    /// Leave out pictures that cannot be decoded, and list them
    #[arg(long)]
    pub(crate) skip_damaged: bool,
    /// Search folders recursively; this is always done
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// The maximum size of a picture file, and of its decoded samples [default: 1073741824]
    #[arg(long, value_name = "BYTES")]
    pub(crate) picture_bytes: Option<u64>,
}

/// Parses a finite number.
fn parse_finite(argument: &str) -> Result<f64, String> {
    let number = argument.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("expected a number, found {argument:?}"))
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BackgroundName {
    /// White, or black for a picture that would be invisible on white
    Contrast,
    White,
    Black,
}

impl From<BackgroundName> for Background {
    fn from(name: BackgroundName) -> Self {
        match name {
            BackgroundName::Contrast => Self::Contrast,
            BackgroundName::White => Self::White,
            BackgroundName::Black => Self::Black,
        }
    }
}

/// The axes that are the height and width of one array, or of all arrays.
#[derive(Clone, Debug)]
pub(crate) struct KeyAxes {
    pub(crate) key: Option<String>,
    pub(crate) axes: ImageAxes,
}

impl FromStr for KeyAxes {
    type Err = ParseAxesError;

    fn from_str(text: &str) -> Result<Self, ParseAxesError> {
        let (key, axes) =
            text.rsplit_once('=').map_or((None, text), |(key, axes)| (Some(key.to_owned()), axes));
        Ok(Self { key, axes: axes.parse()? })
    }
}
