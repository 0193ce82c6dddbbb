//! Hashing of wording: own code, so that ids are the same everywhere and for ever.

use super::lexer_words;

/// One step of hashing: a folded 64 × 64 multiplication, as in wyhash.
#[inline]
pub(super) fn mix(hash: u64, value: u64) -> u64 {
    // the odd constant is the fraction of the golden ratio
    let wide = u128::from(hash ^ value ^ 0x2545_f491_4f6c_dd1d) * 0x9e37_79b9_7f4a_7c15_u128;
    (wide as u64) ^ ((wide >> 64) as u64)
}

/// Hash of bytes, eight at a time.
#[inline]
pub(super) fn mix_bytes(mut hash: u64, bytes: &[u8]) -> u64 {
    let (eights, rest) = bytes.as_chunks::<8>();
    for eight in eights {
        hash = mix(hash, u64::from_le_bytes(*eight));
    }
    // up to seven bytes in three overlapping reads, each length with its own arrangement
    let last = match *rest {
        [] => 0,
        [a] => u64::from(a),
        [a, b] => u64::from(u16::from_le_bytes([a, b])),
        [a, b, c] => u64::from(u32::from_le_bytes([a, b, c, 0])),
        [a, b, c, d] => u64::from(u32::from_le_bytes([a, b, c, d])),
        [a, b, c, d, e] => u64::from_le_bytes([a, b, c, d, e, 0, 0, 0]),
        [a, b, c, d, e, f] => u64::from_le_bytes([a, b, c, d, e, f, 0, 0]),
        [a, b, c, d, e, f, g, ..] => u64::from_le_bytes([a, b, c, d, e, f, g, 0]),
    };
    mix(hash, last ^ ((bytes.len() as u64) << 56))
}

/// Hash of a gap, a run of blanks counting as one.
#[inline]
pub(super) fn mix_gap(hash: u64, gap: &[u8]) -> u64 {
    match gap {
        [] => mix(hash, 1),
        [b' '] => mix(hash, 2),
        _ => {
            let mut h = mix(hash, 3);
            let mut was = false;
            for b in gap {
                let is = lexer_words::blank(*b);
                if !(is && was) {
                    h = mix(h, if is { 32 } else { u64::from(*b) });
                }
                was = is;
            }
            h
        }
    }
}
