//! Searches for bytes, eight at a time.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Return the eight bytes at `i`, the first of which is the lowest byte, if there are as many.
#[inline(always)]
pub fn eight_at(bytes: &[u8], i: usize) -> Option<u64> {
    let eight = bytes.get(i..)?.first_chunk()?;
    Some(u64::from_le_bytes(*eight))
}

/// Mark the bytes that are 0 by their highest bit; the lowest mark is exact.
#[inline(always)]
fn zeros(eight: u64) -> u64 {
    eight.wrapping_sub(ONES) & !eight & HIGHS
}

/// Up to four bytes to search for.
#[derive(Clone, Copy)]
pub struct Needles([u64; 4]);

impl Needles {
    pub fn new(needles: [u8; 4]) -> Self {
        Self(needles.map(|needle| u64::from(needle) * ONES))
    }

    /// Return the position of the first of the bytes from `at` on, or the end of the bytes.
    #[inline(always)]
    pub fn find(&self, bytes: &[u8], mut at: usize) -> usize {
        while let Some(eight) = eight_at(bytes, at) {
            let marks = self.0.iter().fold(0, |marks, needle| marks | zeros(eight ^ needle));
            if marks != 0 {
                return at + (marks.trailing_zeros() / 8) as usize;
            }
            at += 8;
        }
        let is_one = |byte: &u8| self.0.iter().any(|&needle| needle as u8 == *byte);
        let rest = bytes.get(at..).unwrap_or_default();
        at + rest.iter().position(is_one).unwrap_or(rest.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_needle_is_found() {
        let needles = Needles::new(*b",\n\r\t");
        for length in 0..40 {
            for byte in [b'a', 0xff, 0x80, b'+', b'-', 0x0b, 0] {
                let mut bytes = vec![byte; length];
                assert_eq!(needles.find(&bytes, 0), length);
                for position in (0..length).rev() {
                    bytes[position] = b",\n\r\t"[position % 4];
                    for at in 0..=length {
                        let expected = (at..length).find(|&k| bytes[k] != byte);
                        assert_eq!(needles.find(&bytes, at), expected.unwrap_or(length));
                    }
                }
            }
        }
    }
}
