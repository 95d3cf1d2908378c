//! The typed cells of a range of bytes.

use super::dates::{self, DateNotation};
use super::numbers::{self, Notation, ODDITIES};
use super::records::{Dialect, Fault, Next, Scanner, Stop};
use super::texts::Texts;
use super::times::{Clock, seconds};
use super::words::Words;

/// What the cells of a column are.
#[derive(Clone, Debug)]
pub enum Kind {
    /// The cells are not needed.
    Skipped,
    Number(Notation),
    /// Times of day or durations, as seconds.
    Time(Clock),
    Date(DateNotation),
    Text,
}

impl Kind {
    /// True if a whole cell without blanks around it is of this kind.
    pub fn reads(&self, cell: &[u8]) -> bool {
        match self {
            Self::Number(notation) => notation.parse(cell).is_some(),
            Self::Time(clock) => seconds(cell, *clock).is_some(),
            Self::Date(notation) => dates::parse(cell, notation).is_some(),
            Self::Skipped | Self::Text => true,
        }
    }
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

/// Cells of a column that are out of the ordinary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OddCells {
    /// The line and the text of the first one.
    pub line: u64,
    pub text: Vec<u8>,
    pub count: u64,
}

/// The cells of one column in a range of bytes, or in all so far.
#[derive(Debug)]
pub struct Values {
    pub cells: Cells,
    /// Cells that are not of the kind of their column.
    pub misfits: Found,
    /// Numbers that lose something or may be codes, by `Oddity`.
    pub oddities: [Found; ODDITIES],
    /// True if each number is written as an integer.
    pub are_integers: bool,
    /// The words that stood for missing cells.
    pub missing: Texts,
}

/// Odd cells, if there are any.
pub type Found = Option<OddCells>;

#[cold]
fn note(found: &mut Found, line: u64, text: &[u8]) {
    let new = || OddCells { line, text: text.to_vec(), count: 0 };
    found.get_or_insert_with(new).count += 1;
}

fn forget(found: &mut Found) {
    *found = found.take().filter(|cells| cells.count > 1).map(|mut cells| {
        cells.count -= 1;
        cells
    });
}

/// Something that was counted in the cell of a record.
#[derive(Clone, Copy, Debug)]
enum Counted {
    Misfit,
    Oddity(usize),
    /// The number of a word for a missing cell.
    Missing(usize),
}

/// Add the odd cells of a range that begins at `line`.
fn add_found(found: &mut Found, more: Found, line: u64) {
    match (found, more) {
        (Some(found), Some(more)) => found.count += more.count,
        (found @ None, Some(more)) => *found = Some(OddCells { line: line + more.line, ..more }),
        (_, None) => {}
    }
}

impl Values {
    pub fn new(kind: &Kind) -> Self {
        let cells = match kind {
            Kind::Skipped => Cells::Skipped,
            Kind::Number(_) | Kind::Time(_) => Cells::Numbers(vec![]),
            Kind::Date(_) => Cells::Dates(vec![]),
            Kind::Text => Cells::Texts(vec![], Texts::default()),
        };
        Self {
            cells,
            misfits: None,
            oddities: [const { None }; ODDITIES],
            are_integers: !matches!(kind, Kind::Time(_)),
            missing: Texts::default(),
        }
    }

    fn truncate(&mut self, rows: usize) {
        match &mut self.cells {
            Cells::Skipped => {}
            Cells::Numbers(values) => values.truncate(rows),
            Cells::Dates(values) => values.truncate(rows),
            Cells::Texts(codes, texts) => {
                let given = codes.drain(rows.min(codes.len())..);
                given
                    .filter_map(|code| usize::try_from(code).ok())
                    .for_each(|k| texts.counts[k] -= 1);
            }
        }
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
        add_found(&mut self.misfits, next.misfits, line);
        for (found, more) in self.oddities.iter_mut().zip(next.oddities) {
            add_found(found, more, line);
        }
        for k in 0..next.missing.len() {
            self.missing.add(
                next.missing.get(k),
                next.missing.counts[k],
                line + next.missing.lines[k],
            );
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
    /// What was counted in the record that is being read, by column.
    counted: Vec<(usize, Counted)>,
}

impl Piece {
    fn new(start: usize, columns: &[Column]) -> Self {
        Self {
            start,
            end: start,
            rows: 0,
            lines: 0,
            empty_rows: 0,
            values: columns.iter().map(|column| Values::new(&column.kind)).collect(),
            bad: None,
            counted: vec![],
        }
    }

    /// Take back the cells of the last record, which is incomplete: it is read again.
    fn drop_record(&mut self) {
        for (k, counted) in self.counted.drain(..) {
            self.values[k].take_back(counted);
        }
        self.values.iter_mut().for_each(|values| values.truncate(self.rows));
    }
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
        let mut piece = Piece::new(start, self.columns);
        while piece.end < stop {
            match self.read_record(&mut piece) {
                Ok(()) => {}
                Err(stop) => {
                    piece.drop_record();
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
        piece.counted.clear();
        let (mut line, mut is_empty) = (piece.lines, true);
        let mut n_cells = 0;
        let end = loop {
            at = scanner.after_blanks(at);
            let end = match self.columns.get(n_cells) {
                Some(column) => {
                    let values = &mut piece.values[n_cells];
                    let (end, counted) =
                        self.read_cell(at, column, values, &mut line, &mut is_empty)?;
                    piece.counted.extend(counted.map(|counted| (n_cells, counted)));
                    end
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
            piece.drop_record();
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

    /// Read the cell at `at` as its column says; return the position where it ends, and what was
    /// counted.
    #[inline(always)]
    fn read_cell(
        &self,
        at: usize,
        column: &Column,
        values: &mut Values,
        line: &mut u64,
        is_empty: &mut bool,
    ) -> Result<(usize, Option<Counted>), Stop> {
        if let (Kind::Number(notation), Cells::Numbers(numbers)) = (&column.kind, &mut values.cells)
            && notation.is_plain()
            && let Some(number) = numbers::start(self.scanner.bytes, at, notation.decimal)
            && self.scanner.ends_cell(number.end)
        {
            numbers.push(number.value);
            values.are_integers &= number.is_integer;
            *is_empty = false;
            let Some(oddity) = number.oddity else { return Ok((number.end, None)) };
            let text = &self.scanner.bytes[at..number.end];
            note(&mut values.oddities[oddity as usize], *line, text);
            return Ok((number.end, Some(Counted::Oddity(oddity as usize))));
        }
        let (cell, end) = self.scanner.cell(at)?;
        if matches!(column.kind, Kind::Skipped) && !*is_empty {
            *line += cell.lines;
            return Ok((end, None));
        }
        let text = cell.text();
        *is_empty &= text.is_empty();
        let counted = values.add(&text, column, *line);
        *line += cell.lines;
        Ok((end, counted))
    }
}

impl Values {
    /// Append the cell with this text; return what was counted.
    #[inline]
    fn add(&mut self, text: &[u8], column: &Column, line: u64) -> Option<Counted> {
        if column.missing.contains(text) {
            match &mut self.cells {
                Cells::Skipped => return None,
                Cells::Numbers(values) => values.push(f64::NAN),
                Cells::Dates(values) => values.push(NO_DATE),
                Cells::Texts(codes, _) => codes.push(-1),
            }
            return (!text.is_empty()).then(|| Counted::Missing(self.missing.add(text, 1, line)));
        }
        let mut oddity = None;
        let fits = match (&mut self.cells, &column.kind) {
            (Cells::Texts(codes, texts), _) => {
                codes.push(texts.add(text, 1, line) as i32);
                true
            }
            (Cells::Numbers(values), Kind::Number(notation)) => {
                let number = notation.parse(text);
                values.push(number.as_ref().map_or(f64::NAN, |number| number.value));
                self.are_integers &= number.as_ref().is_none_or(|number| number.is_integer);
                oddity = number.as_ref().and_then(|number| number.oddity);
                number.is_some()
            }
            (Cells::Numbers(values), Kind::Time(clock)) => {
                let seconds = seconds(text, *clock);
                values.push(seconds.unwrap_or(f64::NAN));
                seconds.is_some()
            }
            (Cells::Dates(values), Kind::Date(notation)) => {
                let date = dates::parse(text, notation);
                values.push(date.unwrap_or(NO_DATE));
                date.is_some()
            }
            _ => true,
        };
        if !fits {
            note(&mut self.misfits, line, text);
            return Some(Counted::Misfit);
        }
        let oddity = oddity? as usize;
        note(&mut self.oddities[oddity], line, text);
        Some(Counted::Oddity(oddity))
    }

    fn take_back(&mut self, counted: Counted) {
        match counted {
            Counted::Misfit => forget(&mut self.misfits),
            Counted::Oddity(k) => forget(&mut self.oddities[k]),
            Counted::Missing(k) => self.missing.counts[k] -= 1,
        }
    }
}
