//! The typed cells of a range of bytes.

use super::dates::{self, Order};
use super::numbers::{self, Notation, time_of_day};
use super::records::{Dialect, Fault, Next, Scanner, Stop};
use super::texts::Texts;
use super::words::Words;

/// What the cells of a column are.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The cells are not needed.
    Skipped,
    Number(Notation),
    /// Times of day, as seconds.
    Time,
    Date {
        order: Order,
        has_zone: bool,
    },
    Text,
}

/// A column to read.
#[derive(Clone, Debug)]
pub struct Column {
    pub kind: Kind,
    pub missing: Words,
}

/// The cells of a column; NaN, the smallest integer and -1 are missing.
#[derive(Debug)]
pub enum Cells {
    Skipped,
    Numbers(Vec<f64>),
    Dates(Vec<i64>),
    Texts(Vec<i32>, Texts),
}

/// The value of a missing date: NaT of NumPy.
const NO_DATE: i64 = i64::MIN;

/// Cells that are not of the kind of their column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misfits {
    /// The line and the text of the first one.
    pub line: u64,
    pub text: Vec<u8>,
    pub count: u64,
}

/// The cells of one column in a range of bytes, or in all so far.
#[derive(Debug)]
pub struct Values {
    pub cells: Cells,
    pub misfits: Option<Misfits>,
    /// True if each number is written as an integer.
    pub are_integers: bool,
}

impl Values {
    pub fn new(kind: &Kind) -> Self {
        let cells = match kind {
            Kind::Skipped => Cells::Skipped,
            Kind::Number(_) | Kind::Time => Cells::Numbers(vec![]),
            Kind::Date { .. } => Cells::Dates(vec![]),
            Kind::Text => Cells::Texts(vec![], Texts::default()),
        };
        Self { cells, misfits: None, are_integers: !matches!(kind, Kind::Time) }
    }

    fn truncate(&mut self, rows: usize) {
        match &mut self.cells {
            Cells::Skipped => {}
            Cells::Numbers(values) => values.truncate(rows),
            Cells::Dates(values) => values.truncate(rows),
            Cells::Texts(codes, _) => codes.truncate(rows),
        }
    }

    #[cold]
    fn add_misfit(&mut self, line: u64, text: &[u8]) {
        let new = || Misfits { line, text: text.to_vec(), count: 0 };
        self.misfits.get_or_insert_with(new).count += 1;
    }

    /// Append the cells of the next range, which begins at `line`.
    pub fn append(&mut self, next: Self, line: u64) {
        match (&mut self.cells, next.cells) {
            (Cells::Numbers(values), Cells::Numbers(more)) => values.extend_from_slice(&more),
            (Cells::Dates(values), Cells::Dates(more)) => values.extend_from_slice(&more),
            (Cells::Texts(codes, texts), Cells::Texts(more, known)) => {
                let all: Vec<i32> = (0..known.len())
                    .map(|k| texts.add(known.get(k), known.counts[k], line + known.lines[k]) as i32)
                    .collect();
                codes.extend(more.iter().map(|&code| usize::try_from(code).map_or(-1, |k| all[k])));
            }
            _ => {}
        }
        if let Some(more) = next.misfits {
            match &mut self.misfits {
                Some(misfits) => misfits.count += more.count,
                none => *none = Some(Misfits { line: line + more.line, ..more }),
            }
        }
        self.are_integers &= next.are_integers;
    }
}

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRecord {
    pub line: u64,
    pub fault: Fault,
}

/// The cells of the records that begin within a range of bytes. Lines count from its start.
#[derive(Debug)]
pub struct Piece {
    pub start: usize,
    /// The position after the last record.
    pub end: usize,
    pub rows: usize,
    pub lines: u64,
    /// Records whose cells are all empty.
    pub empty_rows: u64,
    pub values: Vec<Values>,
    pub bad: Option<BadRecord>,
}

/// Reads records.
pub struct Reader<'a> {
    pub scanner: Scanner<'a>,
    columns: &'a [Column],
}

impl<'a> Reader<'a> {
    pub fn new(
        bytes: &'a [u8],
        dialect: &'a Dialect,
        columns: &'a [Column],
        is_last: bool,
    ) -> Self {
        Self { scanner: Scanner::new(bytes, dialect, is_last), columns }
    }

    /// Return the records that begin in `start..stop`; the first begins at `start`.
    pub fn read(&self, start: usize, stop: usize) -> Piece {
        let values = self.columns.iter().map(|column| Values::new(&column.kind)).collect();
        let mut piece =
            Piece { start, end: start, rows: 0, lines: 0, empty_rows: 0, values, bad: None };
        while piece.end < stop {
            match self.read_record(&mut piece) {
                Ok(()) => {}
                Err(stop) => {
                    piece.values.iter_mut().for_each(|values| values.truncate(piece.rows));
                    if let Stop::Fault(fault) = stop {
                        piece.bad = Some(BadRecord { line: piece.lines, fault });
                    }
                    break;
                }
            }
        }
        self.check_encoding(&mut piece);
        piece
    }

    fn check_encoding(&self, piece: &mut Piece) {
        let bytes = &self.scanner.bytes[piece.start..piece.end];
        let Err(error) = std::str::from_utf8(bytes) else { return };
        let (before, rest) = bytes.split_at(error.valid_up_to());
        let returns = before.windows(2).filter(|pair| pair[0] == b'\r' && pair[1] != b'\n').count();
        let line = before.iter().filter(|&&byte| byte == b'\n').count() + returns;
        piece.bad = Some(BadRecord { line: line as u64, fault: Fault::Encoding(rest[0]) });
    }

    /// Read the next record, or skip a blank line or a comment.
    #[inline]
    fn read_record(&self, piece: &mut Piece) -> Result<(), Stop> {
        let scanner = &self.scanner;
        let mut at = scanner.after_blanks(piece.end);
        if let Some(next) = match scanner.after_line_break(at)? {
            Some(next) => Some(next),
            None => scanner.after_comment(at)?,
        } {
            piece.end = next;
            piece.lines += 1;
            return Ok(());
        }
        let (mut line, mut is_empty) = (piece.lines, true);
        let mut n_cells = 0;
        let end = loop {
            at = scanner.after_blanks(at);
            let end = match self.columns.get(n_cells) {
                Some(column) => {
                    let values = &mut piece.values[n_cells];
                    self.read_cell(at, column, values, &mut line, &mut is_empty)?
                }
                None => {
                    let (cell, end) = scanner.cell(at)?;
                    if !cell.text().is_empty() {
                        return Err(Stop::Fault(Fault::Cells(self.count_cells(end, n_cells)?)));
                    }
                    end
                }
            };
            n_cells += 1;
            match scanner.after_cell(end)? {
                Next::Cell(next) => at = next,
                Next::Record(end) => break end,
            }
        };
        if is_empty {
            piece.values.iter_mut().for_each(|values| values.truncate(piece.rows));
            piece.empty_rows += 1;
        } else if n_cells < self.columns.len() {
            return Err(Stop::Fault(Fault::Cells(n_cells)));
        } else {
            piece.rows += 1;
        }
        piece.end = end;
        piece.lines = line + 1;
        Ok(())
    }

    /// Return the cells of a record of which `n_cells` and one that ends at `end` are known.
    fn count_cells(&self, mut end: usize, mut n_cells: usize) -> Result<usize, Stop> {
        n_cells += 1;
        while let Next::Cell(next) = self.scanner.after_cell(end)? {
            (_, end) = self.scanner.cell(self.scanner.after_blanks(next))?;
            n_cells += 1;
        }
        Ok(n_cells)
    }

    /// Read the cell at `at` as its column says; return the position where it ends.
    #[inline(always)]
    fn read_cell(
        &self,
        at: usize,
        column: &Column,
        values: &mut Values,
        line: &mut u64,
        is_empty: &mut bool,
    ) -> Result<usize, Stop> {
        if let (Kind::Number(notation), Cells::Numbers(numbers)) = (&column.kind, &mut values.cells)
            && notation.is_plain()
            && let Some(number) = numbers::start(self.scanner.bytes, at, notation.decimal)
            && self.scanner.ends_cell(number.end)
        {
            numbers.push(number.value);
            values.are_integers &= number.is_integer;
            *is_empty = false;
            return Ok(number.end);
        }
        let (cell, end) = self.scanner.cell(at)?;
        if matches!(column.kind, Kind::Skipped) && !*is_empty {
            *line += cell.lines;
            return Ok(end);
        }
        let text = cell.text();
        *is_empty &= text.is_empty();
        values.add(&text, column, *line);
        *line += cell.lines;
        Ok(end)
    }
}

impl Values {
    /// Append the cell with this text.
    #[inline]
    fn add(&mut self, text: &[u8], column: &Column, line: u64) {
        let is_missing = column.missing.contains(text);
        match (&mut self.cells, &column.kind) {
            (Cells::Texts(codes, texts), _) => {
                codes.push(if is_missing { -1 } else { texts.add(text, 1, line) as i32 });
            }
            (Cells::Numbers(values), _) if is_missing => values.push(f64::NAN),
            (Cells::Dates(values), _) if is_missing => values.push(NO_DATE),
            (Cells::Numbers(values), Kind::Number(notation)) => {
                let number = notation.parse(text);
                values.push(number.map_or(f64::NAN, |(value, _)| value));
                self.are_integers &= number.is_none_or(|(_, is_integer)| is_integer);
                if number.is_none() {
                    self.add_misfit(line, text);
                }
            }
            (Cells::Numbers(values), _) => {
                let seconds = time_of_day(text);
                values.push(seconds.unwrap_or(f64::NAN));
                if seconds.is_none() {
                    self.add_misfit(line, text);
                }
            }
            (Cells::Dates(values), Kind::Date { order, has_zone }) => {
                let date = dates::parse(text, *order, *has_zone);
                values.push(date.unwrap_or(NO_DATE));
                if date.is_none() {
                    self.add_misfit(line, text);
                }
            }
            _ => {}
        }
    }
}
