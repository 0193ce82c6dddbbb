//! Reading and writing tables: CSV, plain or gzipped.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;

use crate::output::EvalError;

/// Lines of a text file, gunzipped where its name ends in `.gz`.
pub fn lines(path: &Path) -> Result<Vec<String>, EvalError> {
    let wrong = |source| EvalError::File { path: path.to_owned(), source };
    let file = File::open(path).map_err(wrong)?;
    let reader: Box<dyn Read> = if path.extension().is_some_and(|e| e == "gz") {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    BufReader::new(reader).lines().collect::<Result<_, _>>().map_err(wrong)
}

/// Rows of numbers without a header; a cell that is no number is NaN.
pub fn numbers(path: &Path) -> Result<Vec<Vec<f64>>, EvalError> {
    Ok(lines(path)?
        .iter()
        .filter(|l| !l.is_empty())
        .map(|l| l.split(',').map(|cell| cell.trim().parse().unwrap_or(f64::NAN)).collect())
        .collect())
}

/// Writes a text file, folders included.
pub fn write(path: &Path, text: &str) -> Result<(), EvalError> {
    let wrong = |source| EvalError::File { path: path.to_owned(), source };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(wrong)?;
    }
    File::create(path).and_then(|mut f| f.write_all(text.as_bytes())).map_err(wrong)
}

/// Records of a CSV file with quoted cells (RFC 4180), the header included; records without cells are left out.
pub fn records(path: &Path) -> Result<Vec<Vec<String>>, EvalError> {
    let text = std::fs::read_to_string(path).map_err(|source| EvalError::File { path: path.to_owned(), source })?;
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut cell)),
            '\r' if !quoted => {}
            '\n' if !quoted => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(c),
        }
    }
    if !cell.is_empty() || !row.is_empty() {
        row.push(cell);
        rows.push(row);
    }
    Ok(rows)
}
