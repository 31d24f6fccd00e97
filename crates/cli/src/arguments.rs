//! The command line: the verbs and the options that all of them share.

use clap::{Parser, Subcommand};

use crate::commands::append::AppendArgs;
use crate::commands::clean::CleanArgs;
use crate::commands::commit::CommitArgs;
use crate::commands::completions::CompletionsArgs;
use crate::commands::convert::ConvertArgs;
#[cfg(feature = "demo")]
use crate::commands::demo::DemoArgs;
use crate::commands::diff::DiffArgs;
use crate::commands::gc::GcArgs;
use crate::commands::info::InfoArgs;
use crate::commands::ls::LsArgs;
use crate::commands::man::ManArgs;
use crate::commands::merge::MergeArgs;
use crate::commands::pack::PackArgs;
use crate::commands::rm::RmArgs;
use crate::commands::salvage::SalvageArgs;
use crate::commands::shard::ShardArgs;
use crate::commands::sheet::SheetArgs;
use crate::commands::split::SplitArgs;
use crate::commands::stats::StatsArgs;
use crate::commands::unpack::UnpackArgs;
use crate::commands::verify::VerifyArgs;
use crate::commands::view::ViewArgs;

const ABOUT: &str = "\
Stores millions of small black-and-white images in NumPy .npz archives: packs them many times smaller, \
reads any of them at random, verifies them, and restores them exactly.

Every archive can be opened by np.load.";

const AFTER: &str = "\
Examples:
  bitnpz pack training.npz -o packed.npz             pack an archive of NumPy, many times smaller
  bitnpz pack scans/ --threshold 128 -o scans.npz    pack a folder of pictures
  bitnpz view packed.npz ix-000017                   show an image in the terminal
  bitnpz unpack packed.npz -o plain.npz              restore what np.load reads

An archive named - is read from standard input; an output named - is written to standard output. \
In a KEY, * matches any text and ? any character.

Exit codes: 0 success, 1 failure, damage or differences found, 2 wrong usage, 130 interrupted.";

#[derive(Debug, Parser)]
#[command(name = "bitnpz", version, about = ABOUT, after_help = AFTER)]
pub(crate) struct Arguments {
    /// Print results and errors only: no remarks, no progress
    #[arg(short, long, global = true, display_order = 950)]
    pub(crate) quiet: bool,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Render glyphs of fonts, pack them, read them back at random, and show the space saved
    #[cfg(feature = "demo")]
    Demo(DemoArgs),
    /// Pack pictures, .npy stacks or .npz archives into an archive
    Pack(PackArgs),
    /// Convert an archive back to a plain .npz, or to a folder of pictures
    Unpack(UnpackArgs),
    /// Add pictures, .npy stacks or .npz archives to an archive
    Append(AppendArgs),
    /// Put archives together by copying their images
    Merge(MergeArgs),
    /// Split an archive into several by copying its images
    Split(SplitArgs),
    /// Cut an archive into shards that are read as one, by copying its images
    Shard(ShardArgs),
    /// Make archives the shards of one: write their manifest
    Commit(CommitArgs),
    /// Remove shards that no manifest lists, and temporary files that killed writers left
    Gc(GcArgs),
    /// Rewrite an archive in another encoding
    Convert(ConvertArgs),
    /// Remove keys from an archive
    Rm(RmArgs),
    /// Compare two archives; exit code 1 if they differ
    Diff(DiffArgs),
    /// List the keys of an archive, with dtype, shape and size
    Ls(LsArgs),
    /// Summarize an archive
    Info(InfoArgs),
    /// Describe the images of an archive: bytes, density, duplicates
    Stats(StatsArgs),
    /// Read a whole archive and report damage
    Verify(VerifyArgs),
    /// Recover everything intact from a damaged archive, and report what is lost
    Salvage(SalvageArgs),
    /// Remove temporary files that killed writers left in a folder
    Clean(CleanArgs),
    /// Draw an image in the terminal
    View(ViewArgs),
    /// Make a contact sheet: one picture of many images
    Sheet(SheetArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Write manual pages
    Man(ManArgs),
}
