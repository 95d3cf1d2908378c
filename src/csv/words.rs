//! Words that stand for a missing cell.

/// Words that stand for a missing cell, in upper or lower case; an empty cell is always missing.
#[derive(Clone, Debug)]
pub struct Words {
    words: Vec<Vec<u8>>,
    /// The lengths of the words that begin with a byte, as bits; bit 63 stands for more.
    lengths: [u64; 256],
}

fn length_bit(word: &[u8]) -> u64 {
    1 << word.len().min(63)
}

impl Words {
    pub fn new(words: impl IntoIterator<Item = String>) -> Self {
        Self::of(words.into_iter().map(|word| word.to_ascii_lowercase().into_bytes()).collect())
    }

    fn of(words: Vec<Vec<u8>>) -> Self {
        let mut lengths = [0; 256];
        for word in words.iter().filter(|word| !word.is_empty()) {
            for first in [word[0].to_ascii_lowercase(), word[0].to_ascii_uppercase()] {
                lengths[usize::from(first)] |= length_bit(word);
            }
        }
        Self { words, lengths }
    }

    /// Return the same words without some of them.
    pub fn without(&self, kept: &[String]) -> Self {
        let is_kept = |word: &Vec<u8>| kept.iter().any(|k| k.as_bytes().eq_ignore_ascii_case(word));
        Self::of(self.words.iter().filter(|word| !is_kept(word)).cloned().collect())
    }

    #[inline]
    pub fn contains(&self, cell: &[u8]) -> bool {
        let Some(&first) = cell.first() else { return true };
        self.lengths[usize::from(first)] & length_bit(cell) != 0
            && self.words.iter().any(|word| cell.eq_ignore_ascii_case(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_does_not_matter_and_kept_words_are_no_gaps() {
        let words = Words::new(["NA".into(), "none".into()]);
        assert!(words.contains(b"") && words.contains(b"na") && words.contains(b"None"));
        assert!(!words.contains(b"nan"));
        let words = words.without(&["None".into()]);
        assert!(words.contains(b"NA") && !words.contains(b"None"));
    }
}
