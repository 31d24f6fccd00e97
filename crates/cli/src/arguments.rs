//! What can be said to the command.

use std::num::NonZero;
use std::path::PathBuf;
use std::str::FromStr;

use bitnpz::picture::Background;
use bitnpz::{Codec, Compression, Encoding, ImageAxes, Limits, ParseAxesError, WriteOptions};
use clap::{Args, Parser, Subcommand, ValueEnum};

const ABOUT: &str = "\
Huge sets of small bilevel images in NumPy .npz archives: pack them many times smaller, look at them, \
verify them, and give them back exactly.

Every archive is one that np.load opens.";

const AFTER: &str = "\
Examples:
  bitnpz pack training.npz -o packed.npz             an archive of NumPy, many times smaller
  bitnpz pack scans/ --threshold 128 -o scans.npz    a folder of pictures
  bitnpz view packed.npz ix-000017                   an image in the terminal
  bitnpz unpack packed.npz -o plain.npz              back to what np.load reads as it was

An archive named - is read from standard input, an output named - goes to standard output. KEY may have * and ? for any
letters.

Exit codes: 0 done, 1 failed, damage or differences found, 2 wrong usage.";

#[derive(Debug, Parser)]
#[command(name = "bitnpz", version, about = ABOUT, after_help = AFTER)]
pub(crate) struct Arguments {
    /// Print results and errors only: no remarks, no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Render glyphs of a font, pack them, read them back at random, and show what it saved
    #[cfg(feature = "demo")]
    Demo(Demo),
    /// Pack pictures, .npy stacks or .npz archives into an archive
    Pack(Pack),
    /// Give an archive back as a plain .npz, or as a folder of pictures
    Unpack(Unpack),
    /// Add pictures, .npy stacks or .npz archives to an archive
    Append(Append),
    /// Write an archive again in another encoding
    Convert(Convert),
    /// Remove keys from an archive
    Rm(Rm),
    /// Compare two archives; exit code 1 if they differ
    Diff(Diff),
    /// List the keys of an archive, with dtype, shape and size
    Ls(Ls),
    /// Sum an archive up
    Info(Info),
    /// Say what the images of an archive are like: bytes, density, duplicates
    Stats(Stats),
    /// Read everything in an archive and say what is damaged
    Verify(Verify),
    /// Take everything that is whole out of a damaged archive, and say what is gone
    Salvage(Salvage),
    /// Remove what killed writers have left in a folder
    Clean(Clean),
    /// Draw an image in the terminal
    View(View),
    /// Make a picture of many images side by side
    Sheet(Sheet),
    /// Print completions for a shell
    Completions(Completions),
    /// Write manual pages
    Man(Man),
}

#[cfg(feature = "demo")]
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Where the archives and the contact sheet go
    #[arg(long, default_value = "demo", value_name = "FOLDER")]
    pub(crate) dir: PathBuf,
    /// How many glyphs
    #[arg(long, default_value_t = 6000, value_name = "N")]
    pub(crate) count: usize,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Pictures are PNG, PBM, PGM, PPM, PAM, TIFF, BMP, GIF, JPEG and WebP files; their key is the path below the folder \
that holds all inputs, without its ending. White pixels become True, or with --invert black ones; of two other colours the \
lighter is white. Arrays of .npy and .npz files that have two or more \
dimensions and two values are packed, whatever the values; all others are kept as they are.

Examples:
  bitnpz pack training.npz -o packed.npz
  bitnpz pack glyphs/ 'more/*.png' -o glyphs.npz
  bitnpz pack scans/ --threshold 128 --invert --name scans -o scans.npz    one array (N, H, W)
  bitnpz pack train/ --labels -o train.npz                                 classes are the folders in it
  bitnpz pack stack.npy --name glyphs -o glyphs.npz
  bitnpz pack grey.npy --threshold 128 -o glyphs.npz                       an array of grey pixels
  bitnpz pack years/*.npz -o all.npz --resume                              goes on where it was killed")]
pub(crate) struct Pack {
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    /// The archive to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Add the classes that folders name: an array "labels" of a number for each picture, in order, and the names in "classes"
    #[arg(long)]
    pub(crate) labels: bool,
    /// Keep what is done in FILE.partial, and go on from there if it is there already
    #[arg(long)]
    pub(crate) resume: bool,
    /// With --resume, how many images between two points to go on from; a million, or 128 MiB of a stack, unless given
    #[arg(long, value_name = "IMAGES")]
    pub(crate) every: Option<NonZero<usize>>,
    /// Replace the output if it is there
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) write: Write,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The archive is replaced when all is done, whole or not at all; what it has is copied as it lies. Images go into the \
sets that are there, and into the stack that has their --name.

Examples:
  bitnpz append glyphs.npz later/
  bitnpz append scans.npz more/*.png --threshold 128 --name scans          more of a stack")]
pub(crate) struct Append {
    /// The archive
    pub(crate) archive: PathBuf,
    #[command(flatten)]
    pub(crate) inputs: Inputs,
    #[command(flatten)]
    pub(crate) write: Write,
    #[command(flatten)]
    pub(crate) read: Read,
}

/// What is to be packed.
#[derive(Debug, Args)]
pub(crate) struct Inputs {
    /// Folders, globs, pictures, .npy stacks and .npz archives
    #[arg(required = true, value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    /// One key for all pictures, which become one array (N, H, W); or the key of a .npy stack
    #[arg(long, value_name = "KEY")]
    pub(crate) name: Option<String>,
    /// From which brightness on a pixel is white: luma by Rec. 601, 0 to 255 or in 16-bit pictures 0 to 65535; needed for
    /// pictures of more than two colours. Numbers of arrays of two or more dimensions are compared too
    #[arg(long, value_name = "BRIGHTNESS", value_parser = number, allow_negative_numbers = true)]
    pub(crate) threshold: Option<f64>,
    /// Black pixels become True, rather than white ones
    #[arg(long)]
    pub(crate) invert: bool,
    /// What transparent pixels lie on
    #[arg(long, value_enum, default_value_t = BackgroundName::Contrast)]
    pub(crate) background: BackgroundName,
    /// Which axes of arrays are height and width: a letter for each, such as HWN, or the size of flat images, such as 28x28; of one
    /// array, after its key
    #[arg(long, value_name = "[KEY=]AXES")]
    pub(crate) axes: Vec<KeyAxes>,
    /// Leave pictures out that cannot be decoded, and say which
    #[arg(long)]
    pub(crate) skip_damaged: bool,
    /// Folders within folders too, as always
    #[arg(short, long)]
    pub(crate) recursive: bool,
    /// The most memory that a picture may take once it is decoded; 1073741824 unless given
    #[arg(long, value_name = "BYTES")]
    pub(crate) picture_bytes: Option<u64>,
}

/// A number that others can be compared with.
fn number(argument: &str) -> Result<f64, String> {
    let number = argument.parse().ok().filter(|number: &f64| number.is_finite());
    number.ok_or_else(|| format!("expected a number, found {argument:?}"))
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum BackgroundName {
    /// White, or black for a picture of which nothing could be seen on white
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

/// Which keys of an archive.
#[derive(Debug, Args)]
pub(crate) struct Keys {
    /// Only these keys, in which * and ? stand for any letters; all unless given
    #[arg(value_name = "KEY")]
    pub(crate) keys: Vec<String>,
}

/// How archives are read.
#[derive(Debug, Args)]
pub(crate) struct Read {
    /// Allow an archive you trust more than is sane: members, directory_bytes, member_bytes, image_bytes, array_bytes, header_bytes
    #[arg(long = "limit", value_name = "NAME=NUMBER", value_parser = limit)]
    pub(crate) limits: Vec<(String, u64)>,
}

/// A limit by its name and its value.
fn limit(argument: &str) -> Result<(String, u64), String> {
    let (name, value) = argument.split_once('=').ok_or("expected NAME=NUMBER")?;
    if !Limits::default().set(name, 0) {
        return Err(format!("expected one of {}, found {name:?}", Limits::NAMES.join(", ")));
    }
    let value = value.parse().map_err(|_| format!("expected a number, found {value:?}"))?;
    Ok((name.to_owned(), value))
}

impl Read {
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        for (name, value) in &self.limits {
            limits.set(name, *value);
        }
        limits
    }
}

/// How an archive is written.
#[derive(Debug, Args)]
pub(crate) struct Write {
    /// How images lie in the archive: in image sets unless given, or as they lie in an archive that is added to
    #[arg(long, value_enum)]
    pub(crate) encoding: Option<EncodingName>,
    /// How images of image sets are coded; in the way that makes them smallest unless given
    #[arg(long, value_enum)]
    pub(crate) codec: Option<CodecName>,
    /// How members are compressed, those of image sets apart
    #[arg(long, value_enum, default_value_t = MethodName::Deflate)]
    pub(crate) method: MethodName,
    /// How hard to compress: deflate 1 to 12, zstd 1 to 22
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Option<u8>,
    /// How many threads compress; the bytes written do not depend on it
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZero<usize>>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum EncodingName {
    /// Image sets: smallest, and fastest to read at random
    Sets,
    /// One bit per pixel, as np.packbits has it
    Packed,
    /// The arrays themselves, as np.savez_compressed has them
    Plain,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum CodecName {
    /// The moves of edges from row to row: glyphs, handwriting, masks
    Contour,
    /// Pixel by pixel: noise, dither
    Pixel,
    /// Packed rows in zstd frames with a dictionary: larger, and the fastest to read
    Zstd,
    /// Not at all: packed rows
    Raw,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MethodName {
    /// What every reader knows
    Deflate,
    /// Smaller and faster; CPython reads it since 3.14
    Zstd,
    /// Not compressed, and aligned to be used in place
    Stored,
}

impl Write {
    pub(crate) fn options(&self) -> WriteOptions {
        let method = match self.method {
            MethodName::Deflate => Compression::Deflate { level: self.level.unwrap_or(6).clamp(1, 12) },
            MethodName::Zstd => Compression::Zstd { level: self.level.unwrap_or(19).clamp(1, 22) },
            MethodName::Stored => Compression::Stored,
        };
        let mut options = WriteOptions::default().with_compression(method);
        options.encoding = self.encoding.map(|encoding| match encoding {
            EncodingName::Sets => Encoding::Sets,
            EncodingName::Packed => Encoding::Packed,
            EncodingName::Plain => Encoding::Plain,
        });
        options.codec = self.codec.map(|codec| match codec {
            CodecName::Contour => Codec::Contour,
            CodecName::Pixel => Codec::Pixel,
            CodecName::Zstd => Codec::Zstd,
            CodecName::Raw => Codec::Raw,
        });
        match self.threads {
            Some(threads) => options.with_threads(threads),
            None => options,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
An output that ends in .npz becomes a plain archive, which np.load reads to the arrays that were packed. Any other \
is a folder: images become PNG files named by their keys, images of a stack KEY/000000.png and so on, and other \
arrays .npy files.")]
pub(crate) struct Unpack {
    /// The archive
    pub(crate) archive: PathBuf,
    #[command(flatten)]
    pub(crate) keys: Keys,
    /// The .npz file or the folder to write
    #[arg(short, long, value_name = "FILE|FOLDER")]
    pub(crate) output: PathBuf,
    /// Replace the output if it is there
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Images, arrays, dtypes, values, shapes and keys are the same in every encoding.

Examples:
  bitnpz convert glyphs.npz -o packed.npz --encoding packed
  bitnpz convert glyphs.npz -o plain.npz --encoding plain --method zstd")]
pub(crate) struct Convert {
    /// The archive
    pub(crate) archive: PathBuf,
    #[command(flatten)]
    pub(crate) keys: Keys,
    /// The archive to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Replace the output if it is there
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) write: Write,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// The archive
    pub(crate) archive: PathBuf,
    /// The keys to remove, in which * and ? stand for any letters
    #[arg(required = true, value_name = "KEY")]
    pub(crate) keys: Vec<String>,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Arrays are compared by key, dtype, shape and values, however they lie in the file. \
Exit code 0 if all are the same, 1 if not.")]
pub(crate) struct Diff {
    /// One archive
    pub(crate) first: PathBuf,
    /// The other
    pub(crate) second: PathBuf,
    #[command(flatten)]
    pub(crate) keys: Keys,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
pub(crate) struct Stats {
    /// The archive
    pub(crate) archive: PathBuf,
    #[command(flatten)]
    pub(crate) keys: Keys,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// The archive
    pub(crate) archive: PathBuf,
    #[command(flatten)]
    pub(crate) filter: Keys,
    /// Print keys only
    #[arg(id = "keys_only", short, long = "keys")]
    pub(crate) keys_only: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "keys_only")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
pub(crate) struct Info {
    /// The archive
    pub(crate) archive: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The archive
    pub(crate) archive: PathBuf,
    /// Read only what tells where everything lies, not the data
    #[arg(long)]
    pub(crate) fast: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Damaged images of a stack are blank in the output, so that all others keep their places; all else that is damaged is left \
out. It works without the central directory at the end of the archive. \
Exit code 0 if all is there, 1 if something is gone or doubtful.")]
pub(crate) struct Salvage {
    /// The damaged archive, which is left as it is
    pub(crate) archive: PathBuf,
    /// The archive to write
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Replace the output if it is there
    #[arg(long)]
    pub(crate) force: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
#[command(after_help = "\
On Linux a writer that is killed leaves nothing, but in the moment in which it replaces a file. Elsewhere it leaves a file \
.bitnpz.<hash>.<number>.tmp, which the next writer of the same archive removes too. Those of writers that live are left alone.")]
pub(crate) struct Clean {
    /// The folder
    pub(crate) folder: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct View {
    /// The archive
    pub(crate) archive: PathBuf,
    /// The key of an image or a stack; the first unless given
    pub(crate) key: Option<String>,
    /// Which image of a stack
    #[arg(default_value_t = 0)]
    pub(crate) index: usize,
    /// Draw with # and . alone
    #[arg(long)]
    pub(crate) ascii: bool,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
pub(crate) struct Sheet {
    /// The archive
    pub(crate) archive: PathBuf,
    #[command(flatten)]
    pub(crate) keys: Keys,
    /// The picture to write: png, bmp, pgm or pbm, by its ending; - is a png on standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: PathBuf,
    /// Replace the output if it is there
    #[arg(long)]
    pub(crate) force: bool,
    /// At most how many images, taken evenly from all
    #[arg(long, default_value_t = 120, value_name = "N")]
    pub(crate) count: usize,
    #[command(flatten)]
    pub(crate) read: Read,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The folder to write them to
    #[arg(long, value_name = "FOLDER")]
    pub(crate) dir: PathBuf,
}

/// Which axes of an array, or of all, are height and width.
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
