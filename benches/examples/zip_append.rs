//! `zip_append ARCHIVE MEMBER` appends standard input as a member, with the `zip` crate. Used by `benches/crash.py`.

use std::error::Error;
use std::fs::File;
use std::io;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(archive), Some(member)) = (arguments.next(), arguments.next()) else {
        return Err("usage: zip_append ARCHIVE MEMBER".into());
    };
    let file = File::options().read(true).write(true).open(archive)?;
    let mut writer = ZipWriter::new_append(file)?;
    writer.start_file(member, SimpleFileOptions::default())?;
    io::copy(&mut io::stdin().lock(), &mut writer)?;
    writer.finish()?;
    Ok(())
}
