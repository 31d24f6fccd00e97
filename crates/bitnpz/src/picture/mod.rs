//! Pictures: files of them in and out, contact sheets, and drawings for the terminal.
//!
//! A bit of 1 is white, as NumPy has it of a black and white picture that PIL opens.

mod bilevel;
mod bmp;
mod decode;
mod draw;
mod error;
mod fault;
mod pixels;
mod pnm;
mod read;
mod sheet;
mod tiff;
mod write;

pub use bilevel::TwoColours;
pub use draw::{Marks, draw};
pub use error::PictureError;
pub use read::{Background, Ink, Picture, ReadOptions, read};
pub use sheet::{SheetFormat, sheet};
pub use write::write_png;
