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
    // up to seven bytes in overlapping reads
    let (len, n) = (bytes.len(), rest.len());
    let last = match (bytes.last_chunk::<8>(), rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        (Some(tail), ..) => u64::from_le_bytes(*tail) >> 8 >> (56 - 8 * n),
        (_, Some(head), Some(tail)) => {
            u64::from(u32::from_le_bytes(*head)) | u64::from(u32::from_le_bytes(*tail)) << (8 * (n - 4))
        }
        _ => rest.iter().rev().fold(0, |x, b| x << 8 | u64::from(*b)),
    };
    mix(hash, last ^ ((len as u64) << 56))
}

/// [`mix_bytes`] of a word whose first eight bytes, zeros after its end, are at hand.
#[inline(always)]
pub(super) fn mix_word(hash: u64, word: &[u8], head: u64) -> u64 {
    if word.len() < 8 { mix(hash, head ^ (word.len() as u64) << 56) } else { mix_bytes(hash, word) }
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
