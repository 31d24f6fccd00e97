//! Reading and writing picture files, contact sheets, and drawings for the terminal.
//!
//! A bit of 1 is white by default, as in the array that NumPy makes of a black-and-white PIL image.

mod bilevel;
mod bmp;
mod decode;
mod draw;
mod error;
mod fault;
mod image_crate;
mod options;
mod pnm;
mod raster;
mod read;
mod sheet;
mod tiff;
mod write;

pub use bilevel::TwoColours;
pub use draw::{Marks, draw};
pub use error::PictureError;
pub use options::{Background, Polarity, ReadOptions};
pub use read::{Picture, read};
pub use sheet::{SheetFormat, sheet};
pub use write::write_png;
