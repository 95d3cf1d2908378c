//! Words that stand for a missing cell.

/// The longest word that can be one of them, in bytes.
const LONGEST: usize = 64;

/// Words that stand for a missing cell, in upper or lower case; an empty cell is always missing.
#[derive(Clone, Debug, Default)]
pub struct Words(Vec<Vec<u8>>);

impl Words {
    pub fn new(words: impl IntoIterator<Item = String>) -> Self {
        Self(words.into_iter().map(|word| word.to_ascii_lowercase().into_bytes()).collect())
    }

    /// Return the same words without some of them.
    pub fn without(&self, kept: &[String]) -> Self {
        let is_kept = |word: &Vec<u8>| kept.iter().any(|k| k.as_bytes().eq_ignore_ascii_case(word));
        Self(self.0.iter().filter(|word| !is_kept(word)).cloned().collect())
    }

    #[inline]
    pub fn contains(&self, cell: &[u8]) -> bool {
        cell.is_empty()
            || (cell.len() <= LONGEST && self.0.iter().any(|word| cell.eq_ignore_ascii_case(word)))
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
