//! Records and cells: positions in the bytes of a file.

use std::borrow::Cow;

use super::numbers::{LONGEST_CELL, trimmed};
use super::scan::Needles;

/// What separates cells and records.
#[derive(Clone, Debug, Default)]
pub struct Dialect {
    /// The byte between cells; a blank stands for any run of blanks and tabs.
    pub delimiter: u8,
    /// The start of lines that are skipped.
    pub comment: Option<Vec<u8>>,
}

/// Why a record cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The bytes end within a quoted cell.
    Unclosed,
    /// This byte stands between the end of a quoted cell and the delimiter.
    AfterQuote(u8),
    TooLong,
    /// The record has this number of cells.
    Cells(usize),
    /// This byte is not UTF-8.
    Encoding(u8),
}

/// Why a scan stops before the end of a record.
pub enum Stop {
    /// The bytes end within the record.
    Incomplete,
    Fault(Fault),
}

/// What follows a cell, and where it starts.
pub enum Next {
    Cell(usize),
    Record(usize),
}

/// The bytes of a cell, and what is to be done with them.
#[derive(Clone, Copy)]
pub struct Cell<'a> {
    bytes: &'a [u8],
    /// True if quotation marks are doubled within it.
    has_quotes: bool,
    /// The line breaks within it.
    pub lines: u64,
}

impl<'a> Cell<'a> {
    /// Return the text of the cell, without the blanks around it.
    #[inline]
    pub fn text(&self) -> Cow<'a, [u8]> {
        if !self.has_quotes {
            return Cow::Borrowed(trimmed(self.bytes));
        }
        let mut text = Vec::with_capacity(self.bytes.len());
        let mut was_quote = false;
        for &byte in self.bytes {
            was_quote = byte == b'"' && !was_quote;
            if !was_quote {
                text.push(byte);
            }
        }
        Cow::Owned(trimmed(&text).to_vec())
    }
}

/// Finds cells in some bytes.
pub struct Scanner<'a> {
    pub bytes: &'a [u8],
    dialect: &'a Dialect,
    /// True if nothing follows the bytes.
    is_last: bool,
    /// True for the bytes that end a cell without quotation marks.
    ends: [bool; 256],
    end_bytes: Needles,
    quote_bytes: Needles,
}

impl<'a> Scanner<'a> {
    pub fn new(bytes: &'a [u8], dialect: &'a Dialect, is_last: bool) -> Self {
        let mut ends = [false; 256];
        ends[usize::from(dialect.delimiter)] = true;
        ends[usize::from(b'\n')] = true;
        ends[usize::from(b'\r')] = true;
        let tab = if dialect.delimiter == b' ' { b'\t' } else { b'\n' };
        ends[usize::from(tab)] = true;
        let end_bytes = Needles::new([dialect.delimiter, b'\n', b'\r', tab]);
        let quote_bytes = Needles::new([b'"', b'"', b'\n', b'\r']);
        Self { bytes, dialect, is_last, ends, end_bytes, quote_bytes }
    }

    #[inline(always)]
    fn byte(&self, at: usize) -> Option<u8> {
        self.bytes.get(at).copied()
    }

    /// True if the cell ends before `at`; false at the end of the bytes.
    #[inline(always)]
    pub fn ends_cell(&self, at: usize) -> bool {
        self.byte(at).is_some_and(|byte| self.ends[usize::from(byte)])
    }

    /// Return the position after blanks, which may be tabs unless these separate cells.
    #[inline(always)]
    pub fn after_blanks(&self, mut at: usize) -> usize {
        while let Some(byte) = self.byte(at) {
            if byte != b' ' && (byte != b'\t' || self.dialect.delimiter == b'\t') {
                break;
            }
            at += 1;
        }
        at
    }

    /// Return the position after the line break at `at`, or None if there is none.
    #[inline(always)]
    pub fn after_line_break(&self, at: usize) -> Result<Option<usize>, Stop> {
        match self.byte(at) {
            Some(b'\n') => Ok(Some(at + 1)),
            Some(b'\r') => match self.byte(at + 1) {
                Some(b'\n') => Ok(Some(at + 2)),
                None if !self.is_last => Err(Stop::Incomplete),
                _ => Ok(Some(at + 1)),
            },
            Some(_) => Ok(None),
            None if self.is_last => Ok(Some(at)),
            None => Err(Stop::Incomplete),
        }
    }

    /// Return the start of the next line, if the line at `at` holds nothing but a comment.
    pub fn after_comment(&self, at: usize) -> Result<Option<usize>, Stop> {
        let Some(comment) = &self.dialect.comment else { return Ok(None) };
        let rest = &self.bytes[at.min(self.bytes.len())..];
        if !rest.starts_with(comment) {
            let is_cut = !self.is_last && comment.starts_with(rest);
            return if is_cut { Err(Stop::Incomplete) } else { Ok(None) };
        }
        let length = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        self.after_line_break(at + length.unwrap_or(rest.len()))
    }

    /// Return the cell at `at`, after the blanks before it, and the position where it ends.
    #[inline]
    pub fn cell(&self, at: usize) -> Result<(Cell<'a>, usize), Stop> {
        if self.byte(at) == Some(b'"') {
            return self.quoted(at + 1);
        }
        let rest = &self.bytes[at.min(self.bytes.len())..];
        let length = self.end_bytes.find(rest, 0);
        if length > LONGEST_CELL {
            return Err(Stop::Fault(Fault::TooLong));
        }
        if length == rest.len() && !self.is_last {
            return Err(Stop::Incomplete);
        }
        Ok((Cell { bytes: &rest[..length], has_quotes: false, lines: 0 }, at + length))
    }

    /// Return the quoted cell whose text begins at `start`.
    fn quoted(&self, start: usize) -> Result<(Cell<'a>, usize), Stop> {
        let (mut at, mut lines, mut has_quotes) = (start, 0, false);
        loop {
            at = self.quote_bytes.find(self.bytes, at);
            match self.byte(at) {
                _ if at - start > LONGEST_CELL => return Err(Stop::Fault(Fault::TooLong)),
                None if self.is_last => return Err(Stop::Fault(Fault::Unclosed)),
                None => return Err(Stop::Incomplete),
                Some(b'"') => match self.byte(at + 1) {
                    Some(b'"') => {
                        has_quotes = true;
                        at += 1;
                    }
                    None if !self.is_last => return Err(Stop::Incomplete),
                    _ => break,
                },
                Some(b'\n') => lines += 1,
                Some(b'\r') => lines += u64::from(self.byte(at + 1) != Some(b'\n')),
                Some(_) => {}
            }
            at += 1;
        }
        // In white space the blank after the cell belongs to what separates it from the next.
        let is_spaces = self.dialect.delimiter == b' ';
        let end = if is_spaces { at + 1 } else { self.after_blanks(at + 1) };
        match self.byte(end) {
            None if !self.is_last => return Err(Stop::Incomplete),
            Some(byte) if !self.ends[usize::from(byte)] => {
                return Err(Stop::Fault(Fault::AfterQuote(byte)));
            }
            _ => {}
        }
        Ok((Cell { bytes: &self.bytes[start..at], has_quotes, lines }, end))
    }

    /// What follows the cell that ends at `at`.
    #[inline(always)]
    pub fn after_cell(&self, at: usize) -> Result<Next, Stop> {
        if self.dialect.delimiter == b' ' {
            let at = self.after_blanks(at);
            return Ok(match self.after_line_break(at)? {
                Some(next) => Next::Record(next),
                None => Next::Cell(at),
            });
        }
        if self.byte(at) == Some(self.dialect.delimiter) {
            return Ok(Next::Cell(at + 1));
        }
        // A cell ends at a delimiter, at a line break or with the bytes.
        Ok(Next::Record(self.after_line_break(at)?.unwrap_or(at)))
    }
}

/// A record with all its cells as texts.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// Its first line, counted from 0.
    pub line: u64,
    pub cells: Vec<Vec<u8>>,
    /// The position after it, and the line there.
    pub end: usize,
    pub end_line: u64,
}

/// The records of some bytes, without blank lines and comments.
struct Records<'a> {
    scanner: Scanner<'a>,
    at: usize,
    line: u64,
}

impl Records<'_> {
    fn next(&mut self) -> Result<Option<Record>, Stop> {
        loop {
            if self.at >= self.scanner.bytes.len() {
                return Ok(None);
            }
            let start = self.scanner.after_blanks(self.at);
            let blank = match self.scanner.after_line_break(start)? {
                Some(next) => Some(next),
                None => self.scanner.after_comment(start)?,
            };
            let Some(next) = blank else { return self.record(start).map(Some) };
            (self.at, self.line) = (next, self.line + 1);
        }
    }

    fn record(&mut self, mut at: usize) -> Result<Record, Stop> {
        let (mut cells, mut line) = (vec![], self.line);
        loop {
            let (cell, end) = self.scanner.cell(self.scanner.after_blanks(at))?;
            line += cell.lines;
            cells.push(cell.text().into_owned());
            match self.scanner.after_cell(end)? {
                Next::Cell(next) => at = next,
                Next::Record(end) => {
                    let record = Record { line: self.line, cells, end, end_line: line + 1 };
                    (self.at, self.line) = (record.end, record.end_line);
                    return Ok(record);
                }
            }
        }
    }
}

/// Return the first records of some bytes, up to a fault or to an incomplete record.
pub fn first_rows(bytes: &[u8], dialect: &Dialect, limit: usize, is_last: bool) -> Vec<Record> {
    let scanner = Scanner::new(bytes, dialect, is_last);
    let mut records = Records { scanner, at: 0, line: 0 };
    let next = || records.next().unwrap_or(None);
    std::iter::from_fn(next).take(limit).collect()
}

/// A step of the search for a record.
#[derive(Debug, Default)]
pub struct Search {
    /// The records and lines that were passed, and the bytes.
    pub rows: u64,
    pub lines: u64,
    pub consumed: usize,
    pub found: Option<Record>,
}

/// Search for the record number `row` of some bytes; records whose cells are all empty are not
/// counted.
pub fn find_row(bytes: &[u8], dialect: &Dialect, row: u64, is_last: bool) -> Search {
    let mut records = Records { scanner: Scanner::new(bytes, dialect, is_last), at: 0, line: 0 };
    let mut search = Search::default();
    while let Ok(Some(record)) = records.next() {
        if record.cells.iter().any(|cell| !cell.is_empty()) {
            if search.rows == row {
                search.found = Some(record);
                break;
            }
            search.rows += 1;
        }
        (search.consumed, search.lines) = (records.at, records.line);
    }
    search
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(text: &str, delimiter: u8) -> Vec<Vec<String>> {
        let dialect = Dialect { delimiter, comment: Some(b"#".to_vec()) };
        let texts = |record: Record| {
            record.cells.into_iter().map(|cell| String::from_utf8(cell).unwrap()).collect()
        };
        first_rows(text.as_bytes(), &dialect, usize::MAX, true).into_iter().map(texts).collect()
    }

    #[test]
    fn cells_are_split_and_trimmed() {
        assert_eq!(
            cells("a, b ,c\r\n1,,3\r4,5,", b','),
            [["a", "b", "c"], ["1", "", "3"], ["4", "5", ""]]
        );
        assert_eq!(
            cells("\n  \n# no\nx,\"a, \"\"b\"\"\" ,5\"\n", b','),
            [["x", "a, \"b\"", "5\""]]
        );
        assert_eq!(cells(" 1 \t\t2  \"a b\" \n3 4 5", b' '), [["1", "2", "a b"], ["3", "4", "5"]]);
        assert_eq!(cells("1\t\t\" x \"\n", b'\t'), [["1", "", "x"]]);
    }

    #[test]
    fn lines_are_counted_from_0_with_those_in_quotation_marks() {
        let dialect = Dialect { delimiter: b',', comment: None };
        let rows = first_rows(b"a\n\n\"b\nc\rd\r\ne\"\nf\n", &dialect, 9, true);
        let lines: Vec<u64> = rows.iter().map(|row| row.line).collect();
        assert_eq!(lines, [0, 2, 6]);
    }

    #[test]
    fn faults_end_the_first_rows() {
        let dialect = Dialect { delimiter: b',', comment: None };
        assert_eq!(first_rows(b"a\n\"b\" x\nc\n", &dialect, 9, true).len(), 1);
        assert_eq!(first_rows(b"a\n\"b\nc\n", &dialect, 9, true).len(), 1);
        assert_eq!(first_rows(b"a\nb", &dialect, 9, false).len(), 1);
    }
}
