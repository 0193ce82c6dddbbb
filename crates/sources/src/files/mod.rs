//! Files that people send: what each one is, told by its content first and by its place second.

mod clock;
mod document;
mod encoding;
mod layout;
mod lists;
mod pasted;
mod reader;
mod unpack;
mod yaml;
mod yaml_block;

use std::path::Path;

use crate::input::{Input, ReadError, ReadOptions};
use reader::Reader;
use unpack::Unpacker;

/// Reads a file or a directory of any form that is known.
pub fn read_path(path: &Path, options: &ReadOptions) -> Result<Input, ReadError> {
    let name = path.display().to_string();
    let mut reader = Reader::new(&name, options);
    Unpacker::new(&name, &options.limits, &mut reader).path(path)?;
    reader.finish()
}

/// Reads bytes, of standard input or of a test, as if they were a file of this name.
pub fn read_bytes(name: &str, bytes: Vec<u8>, options: &ReadOptions) -> Result<Input, ReadError> {
    let mut reader = Reader::new(name, options);
    let size = bytes.len() as u64;
    Unpacker::new(name, &options.limits, &mut reader).stream(name, &mut std::io::Cursor::new(bytes), size, 0)?;
    reader.finish()
}

#[cfg(test)]
mod tests;
