//! The distinct texts of a column.

use super::scan::eight_at;

/// Distinct texts, numbered in the order of their first cells.
#[derive(Debug, Default)]
pub struct Texts {
    /// The texts, one after the other.
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    /// The number of cells with each text.
    pub counts: Vec<u64>,
    /// The line of the first cell with each text.
    pub lines: Vec<u64>,
    /// Hash table with open addresses: the number of a text plus one, or 0.
    slots: Vec<u32>,
}

/// A text: its place, and its first eight bytes, which decide most comparisons.
#[derive(Clone, Copy, Debug)]
struct Entry {
    start: usize,
    length: usize,
    first: u64,
    hash: u64,
}

impl Texts {
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn get(&self, code: usize) -> &[u8] {
        let entry = &self.entries[code];
        &self.bytes[entry.start..entry.start + entry.length]
    }

    /// Return the number of a text, which is new or known, after `count` more cells of it.
    #[inline]
    pub fn add(&mut self, text: &[u8], count: u64, line: u64) -> usize {
        if self.slots.len() < 2 * (self.len() + 1) {
            self.grow();
        }
        let first = first_eight(text);
        let hash = hash(text, first);
        let mask = self.slots.len() - 1;
        let mut slot = hash as usize & mask;
        loop {
            let code = self.slots[slot] as usize;
            if code == 0 {
                break;
            }
            let entry = &self.entries[code - 1];
            if (entry.first, entry.length) == (first, text.len())
                && (text.len() <= 8 || self.get(code - 1)[8..] == text[8..])
            {
                self.counts[code - 1] += count;
                return code - 1;
            }
            slot = (slot + 1) & mask;
        }
        self.entries.push(Entry { start: self.bytes.len(), length: text.len(), first, hash });
        self.bytes.extend_from_slice(text);
        self.counts.push(count);
        self.lines.push(line);
        self.slots[slot] = u32::try_from(self.len()).expect("fewer than 2^32 texts");
        self.len() - 1
    }

    fn grow(&mut self) {
        let size = (4 * self.len()).next_power_of_two().max(16);
        let mut slots = vec![0; size];
        for (code, entry) in self.entries.iter().enumerate() {
            let mut slot = entry.hash as usize & (size - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = code as u32 + 1;
        }
        self.slots = slots;
    }
}

/// Return the first eight bytes of a text, followed by zeros if it is shorter.
#[inline(always)]
fn first_eight(text: &[u8]) -> u64 {
    if let Some(eight) = eight_at(text, 0) {
        return eight;
    }
    let byte = |k: usize| u64::from(text[k]) << (8 * k);
    match text.len() {
        0 => 0,
        n @ 1..4 => byte(0) | byte(n / 2) | byte(n - 1),
        n => {
            let half = |k: usize| u64::from(u32::from_le_bytes(text[k..k + 4].try_into().unwrap()));
            half(0) | half(n - 4) << (8 * (n - 4))
        }
    }
}

/// Return a hash of a text: eight bytes at a time, each multiplied by an odd constant.
#[inline(always)]
fn hash(text: &[u8], first: u64) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = (first ^ text.len() as u64).wrapping_mul(FACTOR);
    let mut at = 8;
    while at < text.len() {
        let word = first_eight(&text[at..]);
        hash = (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
        at += 8;
    }
    hash ^ hash >> 32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_keep_their_numbers_while_the_table_grows() {
        let mut texts = Texts::default();
        let names: Vec<String> = (0..5000).map(|k| format!("name {k}")).collect();
        for round in 0..2 {
            for (k, name) in names.iter().enumerate() {
                assert_eq!(texts.add(name.as_bytes(), 1, k as u64 + 10 * round), k);
            }
        }
        assert_eq!(texts.len(), 5000);
        assert_eq!(texts.get(4999), b"name 4999");
        assert_eq!((texts.counts[7], texts.lines[7]), (2, 7));
    }

    #[test]
    fn the_first_bytes_of_short_texts() {
        let text = b"abcdefghi";
        for n in 0..=text.len() {
            let mut eight = [0; 8];
            eight[..n.min(8)].copy_from_slice(&text[..n.min(8)]);
            assert_eq!(first_eight(&text[..n]), u64::from_le_bytes(eight), "{n}");
        }
    }
}
