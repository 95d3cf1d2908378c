//! A table of comma-separated values, read by the reader of the core, and its preparation.
//!
//! The layout (delimiter, header, decimal sign) is decided from the first rows, and a column whose
//! cells are not all numbers becomes texts.

use std::collections::BTreeMap;

use backprop_rs::csv::{Cells, Column, Dialect, Fault, Kind, Notation, Parser, Style, Words};
use backprop_rs::csv::{Record, first_rows};

use crate::data::Dataset;
use crate::text::{Sentence, Settings, list, object, quoted};

/// The words for missing cells, as in `backprop_rs.data.read_csv`.
const MISSING: [&str; 9] = ["", "?", "na", "n/a", "#n/a", "<na>", "nan", "null", "none"];

/// Tried in this order: the comma comes late, because numbers and texts may contain it.
const DELIMITERS: [u8; 4] = [b'\t', b';', b'|', b','];

/// The rows that decide the layout.
const SAMPLE: usize = 50;

/// The most categories of a column of texts that become inputs, and the most different integers
/// that are classes unless the page says otherwise.
const CATEGORIES: usize = 32;
const LABELS: usize = 10;

/// The cells of a column.
#[derive(Debug, PartialEq)]
pub enum Values {
    /// NaN is missing.
    Numbers(Vec<f64>),
    /// The number of each text, -1 if it is missing.
    Texts(Vec<i32>, Vec<String>),
}

/// Named columns of equal length.
#[derive(Debug, Default)]
pub struct Table {
    pub names: Vec<String>,
    pub columns: Vec<Values>,
    pub rows: usize,
}

impl Table {
    /// Read the bytes of a file.
    pub fn read(bytes: &[u8]) -> Result<Self, Sentence> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let dialect = |delimiter| Dialect { delimiter, comment: None };
        let sample =
            |delimiter| -> Vec<Record> { first_rows(bytes, &dialect(delimiter), SAMPLE + 1, true) };
        let widths =
            |rows: &[Record]| -> Vec<usize> { rows.iter().map(|r| r.cells.len()).collect() };
        let fits = |&delimiter: &u8| {
            let widths = widths(&sample(delimiter));
            widths.first().is_some_and(|&first| first > 1 && widths.iter().all(|&w| w == first))
        };
        let delimiter = DELIMITERS.iter().copied().find(|d| fits(d)).unwrap_or(b',');
        let rows: Vec<Record> = sample(delimiter);
        let rows: Vec<&Record> =
            rows.iter().filter(|row| row.cells.iter().any(|cell| !cell.is_empty())).collect();
        let Some(first) = rows.first() else { return Err("the file has no rows".into()) };
        let width = first.cells.len();
        let column = |k: usize| rows[1..].iter().filter_map(move |row| row.cells.get(k));
        let missing = Words::new(MISSING.map(String::from));
        let is_number = |cell: &[u8], decimal: u8| notation(decimal).parse(cell).is_some();
        let given = |k: usize| column(k).filter(|cell| !missing.contains(cell));
        let decimals: Vec<Option<u8>> = (0..width)
            .map(|k| {
                let all = |decimal| given(k).all(|cell| is_number(cell, decimal));
                [b'.', b','].into_iter().find(|&d| (d == b'.' || delimiter != b',') && all(d))
            })
            .collect();
        let is_text = |cell: &[u8], decimal: Option<u8>| {
            !missing.contains(cell) && !is_number(cell, decimal.unwrap_or(b'.'))
        };
        let heads = || first.cells.iter().zip(&decimals);
        let numeric = decimals.iter().enumerate().any(|(k, d)| d.is_some() && given(k).count() > 0);
        let has_header = if numeric {
            heads().any(|(cell, decimal)| decimal.is_some() && is_text(cell, *decimal))
        } else {
            rows.len() > 1 && heads().all(|(cell, decimal)| is_text(cell, *decimal))
        };
        let (start, line) = if has_header { (first.end, first.end_line) } else { (0, 0) };
        let mut kinds: Vec<Kind> = decimals
            .iter()
            .map(|decimal| decimal.map_or(Kind::Text, |decimal| Kind::Number(notation(decimal))))
            .collect();
        loop {
            let columns: Vec<Column> = kinds
                .iter()
                .map(|kind| Column { kind: kind.clone(), missing: missing.clone() })
                .collect();
            let mut parser = Parser::new(dialect(delimiter), columns, line);
            parser.parse(&bytes[start..], true);
            if let Some(bad) = &parser.bad {
                return Err(format!(
                    "line {} of the file {}",
                    bad.line + 1,
                    words(&bad.fault, width)
                ));
            }
            let misfits: Vec<usize> =
                (0..width).filter(|&k| parser.values[k].misfits.is_some()).collect();
            if misfits.is_empty() {
                let names = (0..width).map(|k| {
                    let name = String::from_utf8_lossy(&first.cells[k]).into_owned();
                    if has_header && !name.is_empty() { name } else { format!("column {}", k + 1) }
                });
                let (names, rows) = (names.collect(), parser.rows);
                let columns = parser.values.iter_mut().map(values).collect();
                return Ok(Self { names, columns, rows });
            }
            misfits.into_iter().for_each(|k| kinds[k] = Kind::Text);
        }
    }

    /// Describe the columns as JSON.
    pub fn describe(&self) -> String {
        let columns = self.names.iter().zip(&self.columns).map(|(name, column)| {
            let (kind, distinct, missing) = match column {
                Values::Numbers(values) => {
                    ("number", labels(values).len(), values.iter().filter(|v| v.is_nan()).count())
                }
                Values::Texts(codes, texts) => {
                    ("text", texts.len(), codes.iter().filter(|&&code| code < 0).count())
                }
            };
            object([
                ("name", quoted(name)),
                ("kind", quoted(kind)),
                ("distinct", distinct.to_string()),
                ("missing", missing.to_string()),
            ])
        });
        object([("rows", self.rows.to_string()), ("columns", list(columns))])
    }

    /// Return the samples, with standardized inputs, and their description as JSON.
    ///
    /// A missing number becomes the mean of its column, and texts become one input for each
    /// category. Rows without a target are left out.
    pub fn prepare(&self, settings: &Settings) -> Result<(Dataset, String), Sentence> {
        let target: usize = settings.number("target", self.columns.len().saturating_sub(1))?;
        let target_column =
            self.columns.get(target).ok_or("the target must be a column of the file")?;
        let ignored: Vec<usize> =
            settings.list("ignored").iter().filter_map(|text| text.parse().ok()).collect();
        let (mut y, classes, scaling) = targets(target_column, settings.text("task"));
        let rows: Vec<usize> = (0..self.rows).filter(|&i| !y[i].is_nan()).collect();
        if rows.len() < 2 {
            return Err("the table must have at least two rows with a target".into());
        }
        y = rows.iter().map(|&i| y[i]).collect();
        let (mut inputs, mut features): (Vec<Vec<f64>>, Vec<String>) = (Vec::new(), Vec::new());
        let mut scales = Vec::new();
        let mut left_out = Vec::new();
        for (k, column) in self.columns.iter().enumerate() {
            if k == target || ignored.contains(&k) {
                continue;
            }
            let name = &self.names[k];
            match column {
                Values::Numbers(values) => {
                    let mut values: Vec<f64> = rows.iter().map(|&i| values[i]).collect();
                    let Some(scale) = standardize(&mut values) else {
                        left_out.push(quoted(name));
                        continue;
                    };
                    values.iter_mut().filter(|v| v.is_nan()).for_each(|v| *v = 0.0);
                    scales.push(scale);
                    features.push(name.clone());
                    inputs.push(values);
                }
                Values::Texts(codes, texts) if texts.len() <= CATEGORIES => {
                    for (code, text) in texts.iter().enumerate() {
                        let is = |i: &usize| f64::from(u8::from(codes[*i] == code as i32));
                        inputs.push(rows.iter().map(is).collect());
                        features.push(format!("{name}={text}"));
                        scales.push((0.0, 1.0));
                    }
                }
                Values::Texts(..) => left_out.push(quoted(name)),
            }
        }
        if inputs.is_empty() {
            return Err(
                "no column can be an input: numbers must vary, and texts may have at most \
                        32 categories"
                    .into(),
            );
        }
        let x = (0..rows.len()).flat_map(|i| inputs.iter().map(move |column| column[i])).collect();
        let n_classes = classes.len();
        let dataset = Dataset { n_in: inputs.len(), x, y, classes: n_classes, targets: 1 };
        let pairs = |pairs: &[(f64, f64)]| list(pairs.iter().map(|(m, s)| format!("[{m},{s}]")));
        let description = object([
            ("features", list(features.iter().map(|name| quoted(name)))),
            ("target", quoted(&self.names[target])),
            ("classes", list(classes.iter().map(|name| quoted(name)))),
            ("scaling", pairs(&scales)),
            ("target_scaling", scaling.map_or("null".into(), |(m, s)| format!("[{m},{s}]"))),
            ("left_out", list(left_out)),
            ("dropped_rows", (self.rows - rows.len()).to_string()),
        ]);
        Ok((dataset, description))
    }
}

fn notation(decimal: u8) -> Notation {
    let (thousands, prefix, suffix) = (vec![], vec![], vec![]);
    Notation { decimal, thousands, prefix, suffix, style: Style::Plain }
}

/// Say why a record cannot be read.
fn words(fault: &Fault, width: usize) -> String {
    match fault {
        Fault::Unclosed => "has a quotation mark that is never closed".into(),
        Fault::AfterQuote(_) => "has more after a closing quotation mark".into(),
        Fault::TooLong => "has a cell that is too long".into(),
        Fault::Cells(n) => format!("has {n} cells, and not {width} as the first"),
        Fault::Encoding(_) => "is not UTF-8".into(),
    }
}

fn values(values: &mut backprop_rs::csv::Values) -> Values {
    match &mut values.cells {
        Cells::Numbers(numbers) => Values::Numbers(std::mem::take(numbers)),
        Cells::Texts(codes, texts) => {
            // In the order of the alphabet, as `numpy.unique` has them.
            let text = |code| String::from_utf8_lossy(texts.get(code)).into_owned();
            let mut order: Vec<(String, usize)> =
                (0..texts.len()).map(|code| (text(code), code)).collect();
            order.sort();
            let place: BTreeMap<i32, i32> = order
                .iter()
                .enumerate()
                .map(|(place, (_, code))| (*code as i32, place as i32))
                .collect();
            let codes = codes.iter().map(|code| place.get(code).copied().unwrap_or(-1)).collect();
            Values::Texts(codes, order.into_iter().map(|(text, _)| text).collect())
        }
        Cells::Skipped | Cells::Dates(_) => unreachable!("no column of this kind is asked for"),
    }
}

/// Return the different numbers in ascending order.
fn labels(values: &[f64]) -> Vec<f64> {
    let mut labels: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    labels.sort_by(f64::total_cmp);
    labels.dedup();
    labels
}

/// Return the target of each row (NaN if it is missing), the names of the classes, and mean and
/// standard deviation of numbers.
fn targets(column: &Values, task: &str) -> (Vec<f64>, Vec<String>, Option<(f64, f64)>) {
    match column {
        Values::Texts(codes, texts) => {
            let y = codes.iter().map(|&code| if code < 0 { f64::NAN } else { f64::from(code) });
            (y.collect(), texts.clone(), None)
        }
        Values::Numbers(values) => {
            let labels = labels(values);
            let whole = labels.iter().all(|label| label.fract() == 0.0);
            let are_classes =
                task == "classes" || task != "values" && whole && labels.len() <= LABELS;
            if are_classes && labels.len() <= CATEGORIES {
                let class = |value: &f64| labels.iter().position(|label| label == value);
                let y = values.iter().map(|value| class(value).map_or(f64::NAN, |k| k as f64));
                return (y.collect(), labels.iter().map(f64::to_string).collect(), None);
            }
            let mut y = values.clone();
            let scaling = standardize(&mut y);
            (y, Vec::new(), scaling)
        }
    }
}

/// Subtract the mean and divide by the standard deviation; None if the numbers do not vary.
fn standardize(values: &mut [f64]) -> Option<(f64, f64)> {
    let given = || values.iter().filter(|value| !value.is_nan());
    let n = given().count() as f64;
    let mean = given().sum::<f64>() / n;
    let std = (given().map(|value| (value - mean) * (value - mean)).sum::<f64>() / n).sqrt();
    if std.is_nan() || std <= 0.0 || !std.is_finite() {
        return None;
    }
    values.iter_mut().for_each(|value| *value = (*value - mean) / std);
    Some((mean, std))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layouts_are_found() {
        for text in ["a,b,c\n1,x,2\n3,y,4\n,x,\n", "a;b;c\n1,0;x;2\n3,0;y;4\n;x;NA\n"] {
            let table = Table::read(text.as_bytes()).unwrap();
            assert_eq!(table.names, ["a", "b", "c"], "{text}");
            assert_eq!(table.rows, 3);
            let Values::Numbers(a) = &table.columns[0] else { panic!("{text}") };
            assert_eq!((a[0], a[1], a[2].is_nan()), (1.0, 3.0, true));
            let expected = Values::Texts(vec![0, 1, 0], vec!["x".into(), "y".into()]);
            assert_eq!(table.columns[1], expected);
        }
        let table = Table::read(b"1,2\n3,4\n").unwrap();
        assert_eq!((table.names, table.rows), (vec!["column 1".into(), "column 2".into()], 2));
        let text = (0..60).map(|i| format!("{i}\n")).collect::<String>() + "word\n";
        assert!(matches!(Table::read(text.as_bytes()).unwrap().columns[0], Values::Texts(..)));
        let error = Table::read(b"a,b\n1,2\n3\n").unwrap_err();
        assert_eq!(error, "line 3 of the file has 1 cells, and not 2 as the first");
        assert_eq!(Table::read(b"\n").unwrap_err(), "the file has no rows");
    }

    #[test]
    fn inputs_are_standardized_and_texts_are_categories() {
        let table = Table::read(b"a,b,c,y\n1,x,5,no\n3,y,5,yes\n,x,5,no\n2,x,5,\n").unwrap();
        let (data, description) = table.prepare(&Settings::parse("")).unwrap();
        assert_eq!((data.n_in, data.classes, data.len()), (3, 2, 3));
        assert_eq!(data.x, [-1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
        assert_eq!(data.y, [0.0, 1.0, 0.0]);
        assert_eq!(
            description,
            "{\"features\":[\"a\",\"b=x\",\"b=y\"],\"target\":\"y\",\"classes\":[\"no\",\"yes\"],\
             \"scaling\":[[2,1],[0,1],[0,1]],\"target_scaling\":null,\"left_out\":[\"c\"],\
             \"dropped_rows\":1}"
        );
        let (data, _) = table.prepare(&Settings::parse("target\t0\ntask\tvalues")).unwrap();
        assert_eq!((data.classes, data.len()), (0, 3));
    }
}
