//! The functions of `backprop_rs._core` on the tables and their entries.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::tables::activation::Activation;
use crate::tables::cost::Cost;
use crate::tables::init::Init;
use crate::tables::optimizer::Rule;
use crate::tables::registry::Setting;
use crate::tables::schedule::{Curve, Schedule, Watched};

/// The least and the largest target that a cost is defined for.
#[pyfunction]
pub fn target_range(cost: &str) -> PyResult<(f64, f64)> {
    Ok(Cost::from_text(cost)?.targets())
}

/// What a reactive schedule remembers after an epoch that ended with `value`: what the learning rate
/// is multiplied by, the best value, the epochs without progress, and those still to rest.
#[pyfunction]
#[pyo3(signature = (schedule, value, memory=None))]
pub fn observe(
    schedule: &str,
    value: f64,
    memory: Option<(f64, f64, u32, u32)>,
) -> PyResult<(f64, f64, u32, u32)> {
    let before = memory.map_or(Watched::default(), |(factor, best, stuck, resting)| Watched {
        factor,
        best,
        stuck,
        resting,
    });
    let curve = Schedule::from_text(schedule)?.reactive().unwrap_or(Curve::Constant);
    let Watched { factor, best, stuck, resting } = before.after(curve, value);
    Ok((factor, best, stuck, resting))
}

/// Whether a schedule watches the training.
#[pyfunction]
pub fn is_reactive(schedule: &str) -> PyResult<bool> {
    Ok(Schedule::from_text(schedule)?.reactive().is_some())
}

/// What a schedule multiplies the learning rate by at epoch x of `total`.
#[pyfunction]
pub fn schedule_factor(schedule: &str, x: f64, total: f64) -> PyResult<f64> {
    Ok(Schedule::from_text(schedule)?.factor(x, total))
}

/// (setting, default, accepted numbers in words).
type PySetting = (&'static str, f64, &'static str);

/// Every table by what the errors call its rows.
macro_rules! tables {
    ($($Table:ident),*) => {
        /// The rows of a table: names with their settings.
        #[pyfunction]
        pub fn table(kind: &str) -> PyResult<Vec<(&'static str, Vec<PySetting>)>> {
            let rows = match kind {
                Curve::KIND => Curve::ROWS,
                $($Table::KIND => $Table::ROWS,)*
                _ => return Err(no_table(kind)),
            };
            let setting = |s: &Setting| (s.name, s.default, s.accepted.words());
            Ok(rows.iter().map(|row| (row.name, row.settings.iter().map(setting).collect())).collect())
        }

        /// A row as it is written: its name with the settings that differ from their defaults.
        #[pyfunction]
        pub fn canonical(kind: &str, text: &str) -> PyResult<String> {
            match kind {
                Curve::KIND => Ok(Schedule::from_text(text)?.to_string()),
                $($Table::KIND => Ok($Table::from_text(text)?.to_string()),)*
                _ => Err(no_table(kind)),
            }
        }

        fn no_table(given: &str) -> PyErr {
            let kinds = [$($Table::KIND,)* Curve::KIND].join(", ");
            PyValueError::new_err(format!("kind must be one of {kinds}; got '{given}'"))
        }
    };
}

tables!(Activation, Cost, Init, Rule);
