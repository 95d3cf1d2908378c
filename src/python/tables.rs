//! The functions of `backprop_rs._core` on the tables and their entries.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::tables::activation::Activation;
use crate::tables::cost::Cost;
use crate::tables::init::Init;
use crate::tables::optimizer::Rule;
use crate::tables::registry::Setting;
use crate::tables::schedule::{Curve, ReactiveState, Schedule};

/// Return the least and the largest target that a cost supports.
#[pyfunction]
pub fn target_range(cost: &str) -> PyResult<(f64, f64)> {
    Ok(Cost::from_text(cost)?.targets())
}

/// Return the memory of a reactive schedule after an epoch that ended with `value`: the factor of
/// the learning rate, the best value, the epochs without progress, and the remaining epochs of
/// rest.
#[pyfunction]
#[pyo3(signature = (schedule, value, memory=None))]
pub fn observe(
    schedule: &str,
    value: f64,
    memory: Option<(f64, f64, u32, u32)>,
) -> PyResult<(f64, f64, u32, u32)> {
    let before = memory.map_or(ReactiveState::default(), |(factor, best, stuck, resting)| {
        ReactiveState { factor, best, stuck, resting }
    });
    let curve = Schedule::from_text(schedule)?.reactive().unwrap_or(Curve::Constant);
    let ReactiveState { factor, best, stuck, resting } = before.after(curve, value);
    Ok((factor, best, stuck, resting))
}

/// Return true if a schedule is reactive.
#[pyfunction]
pub fn is_reactive(schedule: &str) -> PyResult<bool> {
    Ok(Schedule::from_text(schedule)?.reactive().is_some())
}

/// Return the factor of the learning rate at epoch x of `total`.
#[pyfunction]
pub fn schedule_factor(schedule: &str, x: f64, total: f64) -> PyResult<f64> {
    Ok(Schedule::from_text(schedule)?.factor(x, total))
}

/// (setting, default, accepted numbers in words).
type PySetting = (&'static str, f64, &'static str);

/// Every table by its name in errors.
macro_rules! tables {
    ($($Table:ident),*) => {
        /// Return the entries of a table: names with their settings.
        #[pyfunction]
        pub fn table(kind: &str) -> PyResult<Vec<(&'static str, Vec<PySetting>)>> {
            let rows = match kind {
                Curve::KIND => Curve::ENTRIES,
                $($Table::KIND => $Table::ENTRIES,)*
                _ => return Err(no_table(kind)),
            };
            let setting = |s: &Setting| (s.name, s.default, s.accepted.words());
            Ok(rows.iter().map(|row| (row.name, row.settings.iter().map(setting).collect())).collect())
        }

        /// Return the text of an entry: its name with the settings that differ from their defaults.
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
