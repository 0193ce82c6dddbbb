//! UBJSON (draft 12) as XGBoost writes it, read into JSON values.

use serde_json::{Map, Number, Value};

/// Deeper nesting than any model has.
const MAX_DEPTH: usize = 64;

/// The one value that `bytes` hold; the error names the byte.
pub(super) fn parse(bytes: &[u8]) -> Result<Value, String> {
    let mut reader = Reader { bytes, at: 0 };
    let kind = reader.byte()?;
    let value = reader.value(kind, 0)?;
    if reader.at < bytes.len() {
        return Err(format!("byte {}: more bytes than the value has", reader.at));
    }
    Ok(value)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(n).filter(|e| *e <= self.bytes.len());
        let end = end.ok_or_else(|| format!("byte {}: ends early", self.at))?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], String> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    fn byte(&mut self) -> Result<u8, String> {
        Ok(self.take(1)?[0])
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn integer(&mut self, kind: u8) -> Result<i64, String> {
        Ok(match kind {
            b'i' => i64::from(i8::from_be_bytes(self.array()?)),
            b'U' => i64::from(self.byte()?),
            b'I' => i64::from(i16::from_be_bytes(self.array()?)),
            b'l' => i64::from(i32::from_be_bytes(self.array()?)),
            b'L' => i64::from_be_bytes(self.array()?),
            other => return Err(format!("byte {}: type {:?} is no integer", self.at, char::from(other))),
        })
    }

    fn length(&mut self) -> Result<usize, String> {
        let kind = self.byte()?;
        let n = self.integer(kind)?;
        usize::try_from(n).map_err(|_| format!("byte {}: length {n}", self.at))
    }

    fn text(&mut self) -> Result<String, String> {
        let n = self.length()?;
        let start = self.at;
        let text = std::str::from_utf8(self.take(n)?).map_err(|_| format!("byte {start}: not UTF-8"))?;
        Ok(text.to_owned())
    }

    fn value(&mut self, kind: u8, depth: usize) -> Result<Value, String> {
        if depth > MAX_DEPTH {
            return Err(format!("byte {}: nested too deeply", self.at));
        }
        let float = |x: f64| Number::from_f64(x).map_or(Value::Null, Value::Number);
        Ok(match kind {
            b'Z' => Value::Null,
            b'T' => Value::Bool(true),
            b'F' => Value::Bool(false),
            b'd' => float(f64::from(f32::from_be_bytes(self.array()?))),
            b'D' => float(f64::from_be_bytes(self.array()?)),
            b'C' => Value::String(char::from(self.byte()?).to_string()),
            b'S' | b'H' => Value::String(self.text()?),
            b'[' => self.list(depth)?,
            b'{' => self.object(depth)?,
            other => Value::from(self.integer(other)?),
        })
    }

    /// The type and the count that a container may announce.
    fn announced(&mut self) -> Result<(Option<u8>, Option<usize>), String> {
        let mut kind = None;
        if self.peek() == Some(b'$') {
            self.at += 1;
            let k = self.byte()?;
            // values without bytes could be announced by the billion
            if matches!(k, b'Z' | b'T' | b'F' | b'N') || self.peek() != Some(b'#') {
                return Err(format!("byte {}: a typed list of {:?}", self.at, char::from(k)));
            }
            kind = Some(k);
        }
        if self.peek() != Some(b'#') {
            return Ok((kind, None));
        }
        self.at += 1;
        Ok((kind, Some(self.length()?)))
    }

    fn list(&mut self, depth: usize) -> Result<Value, String> {
        let (kind, count) = self.announced()?;
        let mut items = Vec::new();
        loop {
            if count == Some(items.len()) {
                break;
            }
            if count.is_none() && self.peek() == Some(b']') {
                self.at += 1;
                break;
            }
            let kind = kind.map_or_else(|| self.byte(), Ok)?;
            items.push(self.value(kind, depth + 1)?);
        }
        Ok(Value::Array(items))
    }

    fn object(&mut self, depth: usize) -> Result<Value, String> {
        let (kind, count) = self.announced()?;
        let mut map = Map::new();
        let mut read = 0;
        loop {
            if count == Some(read) {
                break;
            }
            if count.is_none() && self.peek() == Some(b'}') {
                self.at += 1;
                break;
            }
            let key = self.text()?;
            let kind = kind.map_or_else(|| self.byte(), Ok)?;
            map.insert(key, self.value(kind, depth + 1)?);
            read += 1;
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use serde_json::json;

    #[test]
    fn values_and_wrong_bytes() {
        let bytes = b"{i\x01aI\x01\x00i\x01b[$d#i\x02\x3f\x80\x00\x00\xc0\x00\x00\x00i\x01c[#U\x02TSU\x02hi}";
        assert_eq!(parse(bytes).unwrap(), json!({"a": 256, "b": [1.0, -2.0], "c": [true, "hi"]}));
        assert_eq!(parse(b"[Zi\xff]").unwrap(), json!([null, -1]));
        for cut in 0..bytes.len() {
            assert!(parse(&bytes[..cut]).is_err(), "{cut}");
        }
        assert!(parse(&[b'['; 1000]).unwrap_err().contains("deep"));
        for wrong in
            [&b"[$Z#L\x7f\xff\xff\xff\xff\xff\xff\xff"[..], b"SL\xff\xff\xff\xff\xff\xff\xff\xff", b"TT", b"?", b""]
        {
            assert!(parse(wrong).is_err());
        }
    }
}
