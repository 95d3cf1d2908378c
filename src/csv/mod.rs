//! Tables of comma-separated values: one pass from bytes to typed columns.
//!
//! The caller decides the layout and the kind of each column (`backprop_rs.data.csv` does so from
//! the first rows), reads the file in buffers of any size, and gives them to a [`Parser`]. All
//! threads take part: each parses a range of the buffer that begins after a line break. A line
//! break within quotation marks makes such a beginning wrong; the range is then parsed again from
//! its true beginning, so that the result never depends on the number of threads.
//!
//! Cells follow RFC 4180 and Python's `csv` module with `skipinitialspace` and `strict`: a cell may
//! be quoted by `"`, which is doubled within, and blanks around a cell do not count.

mod dates;
mod decimal;
mod numbers;
mod parser;
mod piece;
mod records;
mod scan;
mod texts;
mod times;
mod words;

pub use dates::{DateNotation, Order};
pub use numbers::{Notation, Style};
pub use parser::Parser;
pub use piece::{Cells, Column, Found, Kind, Values};
pub use records::{Dialect, Fault, Record, find_row, first_rows};
pub use texts::Texts;
pub use times::Clock;
pub use words::Words;
