//! The columns of a file, from buffers of its bytes.

use std::sync::Mutex;

use super::piece::{BadRecord, Cells, Column, Piece, Reader, Values};
use super::records::Dialect;
use crate::machine::pool;

/// The fewest bytes that are worth a thread.
const RANGE: usize = 1 << 16;

/// Parses a file, buffer after buffer.
pub struct Parser {
    dialect: Dialect,
    columns: Vec<Column>,
    pub values: Vec<Values>,
    /// The rows since the cells were last taken.
    pub rows: usize,
    /// The line, counted from 0, after the last record.
    pub line: u64,
    pub empty_rows: u64,
    pub bad: Option<BadRecord>,
}

impl Parser {
    /// `line` is the first line of the bytes to come.
    pub fn new(dialect: Dialect, columns: Vec<Column>, line: u64) -> Self {
        let values = columns.iter().map(|column| Values::new(&column.kind)).collect();
        Self { dialect, columns, values, rows: 0, line, empty_rows: 0, bad: None }
    }

    /// Append the records of a buffer that begins with a record. Return the bytes that were
    /// used; the rest belongs to a record that continues in the next buffer.
    pub fn parse(&mut self, bytes: &[u8], is_last: bool) -> usize {
        if self.bad.is_some() {
            return bytes.len();
        }
        let columns = std::mem::take(&mut self.columns);
        let dialect = std::mem::take(&mut self.dialect);
        let reader = Reader::new(bytes, &dialect, &columns, is_last);
        let threads = pool::threads().min(bytes.len() / RANGE).max(1);
        let starts: Vec<usize> = (0..threads).map(|k| start_after(bytes, k, threads)).collect();
        let stop = |k: usize| starts.get(k + 1).copied().unwrap_or(bytes.len());
        let pieces: Vec<Mutex<Option<Piece>>> = starts.iter().map(|_| Mutex::new(None)).collect();
        pool::for_each(threads, 0..threads, |k| {
            *pieces[k].lock().unwrap() = Some(reader.read(starts[k], stop(k)));
        });
        let mut end = 0;
        for (k, piece) in pieces.into_iter().enumerate() {
            if end >= stop(k) {
                continue; // a record that began earlier goes through all of the range
            }
            let piece = piece.into_inner().unwrap().filter(|piece| piece.start == end);
            let piece = piece.unwrap_or_else(|| reader.read(end, stop(k)));
            end = piece.end;
            self.append(piece);
            if self.bad.is_some() || end < stop(k) {
                break;
            }
        }
        self.columns = columns;
        self.dialect = dialect;
        end
    }

    fn append(&mut self, piece: Piece) {
        let first = self.line;
        let pairs = self.values.iter_mut().zip(piece.values);
        pool::for_each(pool::threads(), pairs, |(values, more)| values.append(more, first));
        self.rows += piece.rows;
        self.line += piece.lines;
        self.empty_rows += piece.empty_rows;
        self.bad = piece.bad.map(|bad| BadRecord { line: first + bad.line, ..bad });
    }

    /// Take the cells of each column since the last time; texts keep their numbers.
    pub fn take(&mut self) -> Vec<Cells> {
        self.rows = 0;
        let take = |values: &mut Values| match &mut values.cells {
            Cells::Skipped => Cells::Skipped,
            Cells::Numbers(numbers) => Cells::Numbers(std::mem::take(numbers)),
            Cells::Dates(dates) => Cells::Dates(std::mem::take(dates)),
            Cells::Texts(codes, _) => Cells::Texts(std::mem::take(codes), Default::default()),
        };
        self.values.iter_mut().map(take).collect()
    }
}

/// Return the start of range `k` of `n`: the position after a line break.
fn start_after(bytes: &[u8], k: usize, n: usize) -> usize {
    if k == 0 {
        return 0;
    }
    let from = bytes.len() / n * k;
    let line_break = bytes[from..].iter().position(|&byte| byte == b'\n');
    line_break.map_or(bytes.len(), |length| from + length + 1)
}

#[cfg(test)]
mod tests {
    use super::super::numbers::{Notation, Style};
    use super::super::piece::{Kind, OddCells};
    use super::super::records::Fault;
    use super::super::words::Words;
    use super::*;

    fn number() -> Kind {
        let (thousands, prefix, suffix) = (vec![], vec![], vec![]);
        Kind::Number(Notation { decimal: b'.', thousands, prefix, suffix, style: Style::Plain })
    }

    fn parser(kinds: Vec<Kind>) -> Parser {
        let missing = Words::new(["NA".into()]);
        let column = |kind| Column { kind, missing: missing.clone() };
        let dialect = Dialect { delimiter: b',', comment: None };
        Parser::new(dialect, kinds.into_iter().map(column).collect(), 1)
    }

    fn parse_in_parts(kinds: Vec<Kind>, bytes: &[u8], size: usize) -> Parser {
        let mut parser = parser(kinds);
        let (mut start, mut end) = (0, 0);
        while end < bytes.len() {
            end = (end + size).min(bytes.len());
            start += parser.parse(&bytes[start..end], end == bytes.len());
        }
        parser
    }

    fn codes(values: &Values) -> (Vec<i32>, Vec<String>) {
        let Cells::Texts(codes, texts) = &values.cells else { panic!() };
        let text = |k| String::from_utf8(texts.get(k).to_vec()).unwrap();
        (codes.clone(), (0..texts.len()).map(text).collect())
    }

    #[test]
    fn columns_do_not_depend_on_the_size_of_buffers() {
        let text = b"1,\"a\nb\",x\r\n,,\r\n 2.5 ,NA,\"y \"\"z\"\"\"\n\n-3, c,x\nNA,c,q,,\n4,c,";
        for size in 1..=text.len() {
            let parser = parse_in_parts(vec![number(), Kind::Text, Kind::Text], text, size);
            assert_eq!((parser.rows, parser.line, parser.empty_rows), (5, 9, 1), "{size}");
            let Cells::Numbers(numbers) = &parser.values[0].cells else { panic!() };
            assert_eq!(format!("{numbers:?}"), "[1.0, 2.5, -3.0, NaN, 4.0]");
            assert!(!parser.values[0].are_integers);
            let (some, names) = codes(&parser.values[1]);
            assert_eq!((some, names), (vec![0, -1, 1, 1, 1], vec!["a\nb".into(), "c".into()]));
            let (some, names) = codes(&parser.values[2]);
            assert_eq!(some, [0, 1, 0, 2, -1]);
            assert_eq!(names, ["x", "y \"z\"", "q"]);
            let counts: Vec<_> = parser.values.iter().map(|some| &some.missing.counts).collect();
            assert_eq!(counts, [&vec![1], &vec![1], &vec![]]);
            let Cells::Texts(_, texts) = &parser.values[2].cells else { panic!() };
            assert_eq!(texts.counts, [2, 1, 1]);
        }
    }

    #[test]
    fn odd_cells_do_not_depend_on_the_size_of_buffers() {
        let text = b"01,x,1e400\n2,NA,2\n003,y,9007199254740993\n";
        for size in 1..=text.len() {
            let parser = parse_in_parts(vec![number(), number(), number()], text, size);
            let odd = |line, text: &[u8], count| Some(OddCells { line, text: text.into(), count });
            assert_eq!(
                parser.values[0].oddities,
                [odd(1, b"01", 2), None, None, None, None],
                "{size}"
            );
            assert_eq!(parser.values[1].misfits, odd(1, b"x", 2));
            let expected = [None, odd(3, b"9007199254740993", 1), odd(1, b"1e400", 1), None, None];
            assert_eq!(parser.values[2].oddities, expected);
        }
    }

    #[test]
    fn line_breaks_in_quotation_marks_do_not_mislead_threads() {
        let mut text = String::new();
        for k in 0..20_000 {
            text += &format!("{k},\"1,2\n3,4\n{}\"\n", k % 7);
        }
        let mut parser = parser(vec![number(), Kind::Text]);
        assert_eq!(parser.parse(text.as_bytes(), true), text.len());
        let Cells::Numbers(numbers) = &parser.values[0].cells else { panic!() };
        assert!(numbers.iter().enumerate().all(|(k, &value)| value == k as f64));
        assert_eq!((parser.rows, parser.line), (20_000, 60_001));
        assert_eq!(codes(&parser.values[1]).1.len(), 7);
    }

    #[test]
    fn faults_name_their_line() {
        let misfits = |text: &[u8]| {
            let mut parser = parser(vec![number()]);
            parser.parse(text, true);
            parser.values[0].misfits.clone()
        };
        let expected = OddCells { line: 2, text: b"x".to_vec(), count: 2 };
        assert_eq!(misfits(b"1\nx\n2\n\"y\"\n"), Some(expected));
        assert_eq!(misfits(b"1\nNA\n"), None);
        let fault = |text: &[u8]| {
            let mut parser = parser(vec![Kind::Text, Kind::Text]);
            parser.parse(text, true);
            parser.bad.map(|bad| (bad.line, bad.fault))
        };
        assert_eq!(fault(b"1,2\n\n3\n"), Some((3, Fault::Cells(1))));
        assert_eq!(fault(b"1,2\n3,4,5,6\n"), Some((2, Fault::Cells(4))));
        assert_eq!(fault(b"1,2\n3,4,,\n"), None);
        assert_eq!(fault(b"1,2\n\"3\" x,4\n"), Some((2, Fault::AfterQuote(b'x'))));
        assert_eq!(fault(b"1,2\n3,\"4\n"), Some((2, Fault::Unclosed)));
        assert_eq!(fault(b"1,2\n3,\xe9\n"), Some((2, Fault::Encoding(0xe9))));
        let long = [b"1,2\n3,".as_slice(), &[b'4'; 140_000]].concat();
        assert_eq!(fault(&long), Some((2, Fault::TooLong)));
        let mut numbers = parser(vec![number(), number()]);
        numbers.parse(&long, true);
        assert_eq!(numbers.bad, Some(BadRecord { line: 2, fault: Fault::TooLong }));
    }
}
