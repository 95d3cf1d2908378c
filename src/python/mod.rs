//! The module `backprop_rs._core`: conversions, and the release of the interpreter's lock.
//!
//! `backprop_rs.Network` checks the arrays and their values before they come here.

mod any_network;
mod arguments;
mod arrays;
mod csv;
mod custom;
mod functions;
mod interrupts;
mod lock;
mod network;
mod predict;
mod shutdown;
mod tables;

use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;

use crate::error::Error;

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        let sentence = error.to_string();
        match error {
            Error::Memory { .. } => PyMemoryError::new_err(sentence),
            _ => PyValueError::new_err(sentence),
        }
    }
}

#[pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::csv::{CsvParser, csv_find_row, csv_first_rows, csv_fits};
    #[pymodule_export]
    use super::functions::{
        first_nonfinite, fma_peak, get_num_threads, instruction_set, limit_threads,
        rows_of_columns, set_num_threads, shuffled,
    };
    #[pymodule_export]
    use super::network::{Network, Snapshot};
    #[pymodule_export]
    use super::tables::{canonical, is_reactive, observe, schedule_factor, table, target_range};
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init(module: &Bound<PyModule>) -> PyResult<()> {
        super::shutdown::register(module)
    }
}
