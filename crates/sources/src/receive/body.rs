//! Decompression with a bound: no sender makes us take more memory than [`Limits::decoded_bytes`].

use std::borrow::Cow;
use std::io::Read;

use super::{Limits, Refused, Request};

/// The body as its `Content-Encoding` says: none, `identity`, `gzip`, `deflate` (zlib or raw), `zstd`, `snappy` (block).
///
/// # Errors
/// 413 for a body that is too large before or after, 415 for another encoding, 400 for what does not decompress.
pub(super) fn decoded<'a>(request: &Request<'a>, limits: &Limits) -> Result<Cow<'a, [u8]>, Refused> {
    let body = request.body;
    if body.len() > limits.body_bytes {
        return Err(Refused::too_large(format!("a body of {} bytes, at most {}", body.len(), limits.body_bytes)));
    }
    let most = limits.decoded_bytes;
    let read = match request.content_encoding.trim().to_ascii_lowercase().as_str() {
        "" | "identity" if body.len() > most => return Err(over(most)),
        "" | "identity" => return Ok(Cow::Borrowed(body)),
        "snappy" => return snappy(body, most).map(Cow::Owned),
        "gzip" | "x-gzip" => bounded(flate2::read::MultiGzDecoder::new(body), "gzip", most),
        // RFC 9110 means zlib; some senders send raw deflate all the same
        "deflate" if is_zlib(body) => bounded(flate2::read::ZlibDecoder::new(body), "deflate", most),
        "deflate" => bounded(flate2::read::DeflateDecoder::new(body), "deflate", most),
        "zstd" => {
            let mut decoder = zstd::stream::read::Decoder::new(body).map_err(|e| broken("zstd", &e))?;
            decoder.window_log_max(ZSTD_WINDOW_LOG).map_err(|e| broken("zstd", &e))?;
            bounded(decoder, "zstd", most)
        }
        other => {
            let known = "identity, gzip, deflate, zstd, snappy";
            return Err(Refused::unsupported(format!("content encoding {other:?}, want one of {known}")));
        }
    };
    read.map(Cow::Owned)
}

/// 8 MiB, as RFC 9659 asks of HTTP receivers.
const ZSTD_WINDOW_LOG: u32 = 23;

/// Snappy's block format: the length stands in front, so it is judged before a byte is reserved.
pub(super) fn snappy(body: &[u8], most: usize) -> Result<Vec<u8>, Refused> {
    let declared = snap::raw::decompress_len(body).map_err(|e| broken("snappy", &e))?;
    if declared > most {
        return Err(over(most));
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(|e| broken("snappy", &e))
}

/// RFC 1950: method 8, and the first two bytes are a multiple of 31.
fn is_zlib(body: &[u8]) -> bool {
    matches!(body, [first, second, ..] if first & 0x0f == 8 && u16::from_be_bytes([*first, *second]) % 31 == 0)
}

fn bounded(from: impl Read, name: &str, most: usize) -> Result<Vec<u8>, Refused> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    from.take(limit).read_to_end(&mut bytes).map_err(|e| broken(name, &e))?;
    if bytes.len() > most { Err(over(most)) } else { Ok(bytes) }
}

fn over(most: usize) -> Refused {
    Refused::too_large(format!("more than {most} bytes decompressed"))
}

fn broken(name: &str, error: &dyn std::fmt::Display) -> Refused {
    Refused::malformed(format!("{name} does not decompress: {error}"))
}
