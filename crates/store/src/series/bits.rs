//! Bits into bytes and back, the highest first.

/// Grows as bits are added.
#[derive(Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    /// Not yet in `bytes`: the low `held` bits.
    window: u64,
    held: u32,
}

impl BitWriter {
    /// The low `count` bits of `value`, at most 64.
    pub(crate) fn put(&mut self, value: u64, count: u32) {
        if count > 32 {
            self.put32(value >> 32, count - 32);
            self.put32(value, 32);
        } else {
            self.put32(value, count);
        }
    }

    fn put32(&mut self, value: u64, count: u32) {
        let value = value & ((1 << count) - 1);
        self.window = (self.window << count) | value;
        self.held += count;
        while self.held >= 8 {
            self.held -= 8;
            self.bytes.push((self.window >> self.held) as u8);
        }
    }

    /// The last byte is filled up with zeros.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.held > 0 {
            self.bytes.push((self.window << (8 - self.held)) as u8);
        }
        self.bytes
    }
}

/// Reads what `BitWriter` wrote; `None` behind the end.
pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    window: u64,
    held: u32,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> BitReader<'a> {
        BitReader { bytes, window: 0, held: 0 }
    }

    pub(crate) fn get(&mut self, count: u32) -> Option<u64> {
        if count > 32 {
            let high = self.get32(count - 32)?;
            Some((high << 32) | self.get32(32)?)
        } else {
            self.get32(count)
        }
    }

    pub(crate) fn bit(&mut self) -> Option<bool> {
        self.get32(1).map(|b| b == 1)
    }

    fn get32(&mut self, count: u32) -> Option<u64> {
        while self.held < count {
            let (first, rest) = self.bytes.split_first()?;
            self.window = (self.window << 8) | u64::from(*first);
            self.held += 8;
            self.bytes = rest;
        }
        self.held -= count;
        Some((self.window >> self.held) & ((1 << count) - 1))
    }
}

/// Seven bits a byte, the lowest first, the high bit: more follow (protobuf's varint).
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Small numbers of both signs to small numbers.
pub(crate) fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

pub(crate) fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

pub(crate) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (head, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(head)
}
