//! Pictures: files of them in and out, contact sheets, and drawings for the terminal.
//!
//! A bit of 1 is white, as NumPy has it of a black and white picture that PIL opens.

mod draw;
mod error;
mod read;
mod sheet;
mod write;

pub use draw::{Marks, draw};
pub use error::PictureError;
pub use read::{Ink, ReadOptions, read};
pub use sheet::{SheetFormat, sheet};
pub use write::write_png;
