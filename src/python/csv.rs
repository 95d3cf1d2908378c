//! The CSV parser as Python calls it; `backprop_rs.data.csv` decides the layout and reads files.

use std::sync::Mutex;

use numpy::{IntoPyArray, PyReadonlyArray1};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::csv::{
    Cells, Clock, Column, DateNotation, Dialect, Fault, Found, Kind, Notation, Order, Parser,
    Record, Style, Texts, Words, find_row, first_rows,
};

/// The kind of a column, its options and the words that are not missing in it.
type ColumnArguments = (String, Vec<String>, Vec<String>);

/// The first line of a record, its cells, and the position and the line after it.
type PyRecord = (u64, Vec<String>, usize, u64);

/// Distinct texts, with the number of their cells and their first lines.
type PyTexts = (Vec<String>, Vec<u64>, Vec<u64>);

/// The line and the text of the first of some cells, and their number.
type PyFound = Option<(u64, String, u64)>;

fn shown_texts(texts: &Texts) -> PyTexts {
    let names = (0..texts.len()).map(|k| text(texts.get(k))).collect();
    (names, texts.counts.clone(), texts.lines.clone())
}

fn shown_found(found: &Found) -> PyFound {
    found.as_ref().map(|cells| (cells.line, text(&cells.text), cells.count))
}

fn dialect(delimiter: u8, comment: Option<&str>) -> Dialect {
    Dialect { delimiter, comment: comment.map(|text| text.as_bytes().to_vec()) }
}

fn kind(name: &str, options: &[String]) -> PyResult<Kind> {
    let option = |k: usize| options.get(k).map_or("", String::as_str);
    let bytes = |k: usize| option(k).as_bytes().to_vec();
    Ok(match name {
        "skip" => Kind::Skipped,
        "number" => Kind::Number(Notation {
            decimal: option(0).bytes().next().unwrap_or(b'.'),
            thousands: bytes(1),
            prefix: bytes(2),
            suffix: bytes(3),
            style: match option(4) {
                "parentheses" => Style::Parentheses,
                "trailing minus" => Style::TrailingMinus,
                "minus sign" => Style::MinusSign,
                "exponent D" => Style::Fortran,
                _ => Style::Plain,
            },
        }),
        "time" => Kind::Time(match option(0) {
            "half day" => Clock::HalfDay,
            "duration" => Clock::Duration,
            _ => Clock::Day,
        }),
        "date" => {
            let has = |word: &str| options[1..].iter().any(|option| option == word);
            Kind::Date(DateNotation {
                order: match option(0) {
                    "dmy" => Order::DayMonthYear,
                    "mdy" => Order::MonthDayYear,
                    _ => Order::YearMonthDay,
                },
                has_zone: has("zone"),
                has_names: has("names"),
                is_short: has("short"),
                is_half_day: has("half day"),
                is_compact: has("compact"),
            })
        }
        "text" => Kind::Text,
        _ => return Err(PyValueError::new_err(format!("there is no kind {name:?}"))),
    })
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn record(record: &Record) -> PyRecord {
    let cells = record.cells.iter().map(|cell| text(cell)).collect();
    (record.line, cells, record.end, record.end_line)
}

/// Typed columns of a CSV file, from buffers of its bytes.
#[pyclass(frozen, module = "backprop_rs._core")]
pub struct CsvParser(Mutex<Parser>);

impl CsvParser {
    fn with<R>(&self, work: impl FnOnce(&mut Parser) -> R) -> R {
        work(&mut self.0.lock().unwrap())
    }
}

#[pymethods]
impl CsvParser {
    #[new]
    fn new(
        delimiter: u8,
        comment: Option<&str>,
        columns: Vec<ColumnArguments>,
        missing: Vec<String>,
        line: u64,
    ) -> PyResult<Self> {
        let words = Words::new(missing);
        let columns = columns
            .iter()
            .map(|(name, options, kept)| {
                Ok(Column { kind: kind(name, options)?, missing: words.without(kept) })
            })
            .collect::<PyResult<_>>()?;
        Ok(Self(Mutex::new(Parser::new(dialect(delimiter, comment), columns, line))))
    }

    /// Parse the first `n` bytes of a buffer; return how many were used.
    fn parse(
        &self,
        py: Python,
        buffer: PyReadonlyArray1<u8>,
        n: usize,
        is_last: bool,
    ) -> PyResult<usize> {
        let bytes = buffer.as_slice()?;
        let bytes = bytes.get(..n).ok_or_else(|| PyValueError::new_err("n is too large"))?;
        Ok(py.detach(|| self.with(|parser| parser.parse(bytes, is_last))))
    }

    /// Take the cells since the last time: float64, int64, codes as int32, or None.
    fn take<'py>(&self, py: Python<'py>) -> Vec<Option<Bound<'py, PyAny>>> {
        let array = |cells| match cells {
            Cells::Skipped => None,
            Cells::Numbers(mut numbers) => {
                numbers.shrink_to_fit();
                Some(numbers.into_pyarray(py).into_any())
            }
            Cells::Dates(mut dates) => {
                dates.shrink_to_fit();
                Some(dates.into_pyarray(py).into_any())
            }
            Cells::Texts(mut codes, _) => {
                codes.shrink_to_fit();
                Some(codes.into_pyarray(py).into_any())
            }
        };
        self.with(Parser::take).into_iter().map(array).collect()
    }

    fn texts(&self, column: usize) -> PyTexts {
        self.with(|parser| match &parser.values[column].cells {
            Cells::Texts(_, texts) => shown_texts(texts),
            _ => (vec![], vec![], vec![]),
        })
    }

    /// Return the words that stood for missing cells.
    fn missing(&self, column: usize) -> PyTexts {
        self.with(|parser| shown_texts(&parser.values[column].missing))
    }

    /// Return the line, the text and the number of the cells that are not of the kind of their
    /// column.
    fn misfits(&self, column: usize) -> PyFound {
        self.with(|parser| shown_found(&parser.values[column].misfits))
    }

    /// Return the same of the numbers with zeros before them, the integers that are rounded, the
    /// numbers that are too large, the words for infinity, and the integers with exponents.
    fn oddities(&self, column: usize) -> Vec<PyFound> {
        self.with(|parser| parser.values[column].oddities.iter().map(shown_found).collect())
    }

    fn are_integers(&self, column: usize) -> bool {
        self.with(|parser| parser.values[column].are_integers)
    }

    #[getter]
    fn rows(&self) -> usize {
        self.with(|parser| parser.rows)
    }

    #[getter]
    fn empty_rows(&self) -> u64 {
        self.with(|parser| parser.empty_rows)
    }

    /// Return the line of a record that cannot be read, the reason, and a byte or the number of
    /// cells.
    #[getter]
    fn bad_record(&self) -> Option<(u64, &'static str, usize)> {
        self.with(|parser| {
            let bad = parser.bad.as_ref()?;
            let (reason, detail) = match bad.fault {
                Fault::Unclosed => ("unclosed", 0),
                Fault::AfterQuote(byte) => ("after quote", byte.into()),
                Fault::TooLong => ("too long", 0),
                Fault::Cells(n) => ("cells", n),
                Fault::Encoding(byte) => ("encoding", byte.into()),
            };
            Some((bad.line, reason, detail))
        })
    }
}

/// Return the first records of some bytes, up to one that is incomplete or cannot be read.
#[pyfunction]
pub fn csv_first_rows(
    data: &[u8],
    delimiter: u8,
    comment: Option<&str>,
    limit: usize,
    is_last: bool,
) -> Vec<PyRecord> {
    first_rows(data, &dialect(delimiter, comment), limit, is_last).iter().map(record).collect()
}

/// Search some bytes for record number `row`; return the records, lines and bytes that were
/// passed, and the record if it was found.
#[pyfunction]
pub fn csv_find_row(
    data: &[u8],
    delimiter: u8,
    comment: Option<&str>,
    row: u64,
    is_last: bool,
) -> (u64, u64, usize, Option<PyRecord>) {
    let search = find_row(data, &dialect(delimiter, comment), row, is_last);
    (search.rows, search.lines, search.consumed, search.found.as_ref().map(record))
}

/// Return for each cell if it is of a kind; the cells have no blanks around them.
#[pyfunction]
pub fn csv_fits(name: &str, options: Vec<String>, cells: Vec<String>) -> PyResult<Vec<bool>> {
    let kind = kind(name, &options)?;
    Ok(cells.iter().map(|cell| kind.reads(cell.as_bytes())).collect())
}
