//! Bytes to text: UTF-8, UTF-16 as PowerShell writes it, and whatever else comes, as well as it goes.

/// Turns bytes into text without ever failing. `None`: not text at all.
pub(super) fn decode(bytes: Vec<u8>) -> Option<String> {
    match *bytes {
        [0xEF, 0xBB, 0xBF, ref rest @ ..] => return Some(String::from_utf8_lossy(rest).into_owned()),
        [0xFF, 0xFE, ref rest @ ..] => return Some(utf16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, ref rest @ ..] => return Some(utf16(rest, u16::from_be_bytes)),
        // no byte order mark, but ASCII with zeros between: UTF-16 all the same
        [a, 0, b, 0, ..] if a.is_ascii() && b.is_ascii() && a != 0 && b != 0 => {
            return Some(utf16(&bytes, u16::from_le_bytes));
        }
        [0, a, 0, b, ..] if a.is_ascii() && b.is_ascii() && a != 0 && b != 0 => {
            return Some(utf16(&bytes, u16::from_be_bytes));
        }
        _ => {}
    }
    if bytes.iter().take(4096).any(|b| *b == 0) {
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => Some(text),
        Err(e) => Some(not_utf8(e.as_bytes())),
    }
}

/// UTF-8 that was cut or damaged in places keeps its good parts; text without one multi-byte character is read as
/// Latin-1, in which every byte is a character.
fn not_utf8(bytes: &[u8]) -> String {
    let really_utf8 = bytes.utf8_chunks().any(|chunk| !chunk.valid().is_ascii());
    if really_utf8 {
        String::from_utf8_lossy(bytes).into_owned()
    } else {
        bytes.iter().map(|b| char::from(*b)).collect()
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_every_shell_is_read() {
        let utf16le = |s: &str| s.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let utf16be = |s: &str| s.encode_utf16().flat_map(u16::to_be_bytes).collect::<Vec<u8>>();
        let with = |bom: &[u8], body: Vec<u8>| [bom.to_vec(), body].concat();
        for (bytes, expect) in [
            (b"{\"kind\":1}".to_vec(), Some("{\"kind\":1}")),
            (with(&[0xEF, 0xBB, 0xBF], b"kind".to_vec()), Some("kind")),
            (with(&[0xFF, 0xFE], utf16le("内存溢出")), Some("内存溢出")),
            (with(&[0xFE, 0xFF], utf16be("kind: Pod")), Some("kind: Pod")),
            (utf16le("kind"), Some("kind")),
            (b"caf\xE9".to_vec(), Some("café")),
            (b"\xE5\x86\x85\xE5\xAD".to_vec(), Some("内\u{FFFD}")),
            (b"\x7fELF\0\0\0\x01".to_vec(), None),
            (Vec::new(), Some("")),
        ] {
            assert_eq!(decode(bytes.clone()).as_deref(), expect, "{bytes:?}");
        }
    }
}
