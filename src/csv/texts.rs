//! The distinct texts of a column.

/// Distinct texts, numbered in the order of their first cells.
#[derive(Debug, Default)]
pub struct Texts {
    /// The texts, one after the other.
    bytes: Vec<u8>,
    /// The end of each text in `bytes`.
    ends: Vec<usize>,
    /// The number of cells with each text.
    pub counts: Vec<u64>,
    /// The line of the first cell with each text.
    pub lines: Vec<u64>,
    /// Hash table with open addresses: the number of a text plus one, or 0.
    slots: Vec<u32>,
}

impl Texts {
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    pub fn get(&self, code: usize) -> &[u8] {
        let start = if code == 0 { 0 } else { self.ends[code - 1] };
        &self.bytes[start..self.ends[code]]
    }

    /// Return the number of a text, which is new or known, after `count` more cells of it.
    #[inline]
    pub fn add(&mut self, text: &[u8], count: u64, line: u64) -> usize {
        if self.slots.len() < 2 * (self.len() + 1) {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = hash(text) as usize & mask;
        loop {
            let code = self.slots[slot] as usize;
            if code == 0 {
                break;
            }
            if self.get(code - 1) == text {
                self.counts[code - 1] += count;
                return code - 1;
            }
            slot = (slot + 1) & mask;
        }
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
        self.counts.push(count);
        self.lines.push(line);
        self.slots[slot] = u32::try_from(self.len()).expect("fewer than 2^32 texts");
        self.len() - 1
    }

    fn grow(&mut self) {
        let size = (4 * self.len()).next_power_of_two().max(16);
        let mut slots = vec![0; size];
        for code in 0..self.len() {
            let mut slot = hash(self.get(code)) as usize & (size - 1);
            while slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            slots[slot] = code as u32 + 1;
        }
        self.slots = slots;
    }
}

/// Return a hash of a text: eight bytes at a time, each multiplied by an odd constant.
fn hash(text: &[u8]) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = text.len() as u64;
    let mut words = text.chunks_exact(8);
    for word in &mut words {
        let word = u64::from_le_bytes(word.try_into().unwrap());
        hash = (hash.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    }
    let rest = words.remainder().iter().rev().fold(0, |rest, &byte| rest << 8 | u64::from(byte));
    hash = (hash.rotate_left(23) ^ rest).wrapping_mul(FACTOR);
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
}
