//! Conversion of Python arguments.

use std::collections::HashMap;
use std::time::Duration;

use ndarray::Dimension;
use numpy::{
    Element, PyArray, PyArray1, PyArrayMethods, PyReadonlyArray, PyReadonlyArray1,
    PyReadonlyArray2, PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use crate::error::Error;
use crate::machine::real::Real;
use crate::network::layer::Options;
use crate::network::network::Network;
use crate::network::parameters::Part;
use crate::network::samples::{Samples, Targets};
use crate::step::groups::LayerFactors;
use crate::step::settings::{Settings, Window};
use crate::tables::optimizer::{Factors, Penalty};
use crate::tables::schedule::Schedule;

/// Samples, targets and weights as NumPy arrays.
pub struct Batch<'py, T: Element> {
    x: PyReadonlyArray2<'py, T>,
    y: TargetArray<'py, T>,
    weights: Option<PyReadonlyArray1<'py, T>>,
}

enum TargetArray<'py, T: Element> {
    Values(PyReadonlyArray2<'py, T>),
    Classes(PyReadonlyArray1<'py, i64>),
}

impl<'py, T: Element + Real> Batch<'py, T> {
    pub fn new(
        x: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
        weights: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        let y = match y.cast::<PyArray1<i64>>() {
            Ok(_) => TargetArray::Classes(to_read(y)?),
            Err(_) => TargetArray::Values(to_read(y)?),
        };
        let weights = weights.map(to_read).transpose()?;
        Ok(Self { x: to_read(x)?, y, weights })
    }

    /// Return the samples for a network. Their lengths are checked each time: an array may have
    /// changed its shape since the check in Python.
    pub fn samples(&self, net: &Network<T>) -> PyResult<Samples<'_, T>> {
        let n_in = self.x.shape()[1];
        let y = match &self.y {
            TargetArray::Values(y) => Targets::Values(y.as_slice()?),
            TargetArray::Classes(y) => Targets::Classes(y.as_slice()?),
        };
        let weights = self.weights.as_ref().map(|weights| weights.as_slice()).transpose()?;
        let samples = Samples { x: self.x.as_slice()?, y, weights, n_in };
        samples.check(net.n_in(), net.n_out())?;
        Ok(samples)
    }
}

/// Return an array to read, unless a call of another thread writes to it.
pub fn to_read<'py, T: Element, D: Dimension>(
    given: &Bound<'py, PyAny>,
) -> PyResult<PyReadonlyArray<'py, T, D>> {
    let array = given.cast::<PyArray<T, D>>()?;
    array.try_readonly().map_err(|_| written_elsewhere())
}

/// Return the error for an array that a call of another thread writes to, or reads if this one
/// writes.
pub fn written_elsewhere() -> PyErr {
    let sentence =
        "X, y and out must not be in use by a call of another thread that writes to them";
    PyRuntimeError::new_err(sentence)
}

/// The options of a layer besides its activation.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct LayerOptions {
    dropout: f64,
    l1: f64,
    l2: f64,
    weight_decay: f64,
    max_norm: f64,
    #[pyo3(default)]
    layer_norm: bool,
    #[pyo3(default)]
    parametric: bool,
}

impl From<&LayerOptions> for Options {
    fn from(given: &LayerOptions) -> Self {
        let LayerOptions { dropout, l1, l2, weight_decay, max_norm, layer_norm, parametric } =
            *given;
        let penalty = Penalty { l1, l2, weight_decay };
        Self { dropout, penalty, max_norm, layer_norm, parametric }
    }
}

/// The settings of a training, a dictionary.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Training<'py> {
    batch_size: usize,
    learning_rate: f64,
    #[pyo3(default)]
    schedule: Option<String>,
    #[pyo3(default)]
    schedule_from: u64,
    #[pyo3(default)]
    schedule_epochs: u64,
    #[pyo3(default)]
    dropout_schedule: Option<String>,
    #[pyo3(default)]
    decay_schedule: Option<String>,
    /// The factors of the learning rate and of the decay of each kind of parameters, layer by
    /// layer.
    #[pyo3(default)]
    factors: Option<HashMap<String, Vec<(f64, f64)>>>,
    #[pyo3(default)]
    pub shuffle: bool,
    #[pyo3(default)]
    seed: u64,
    #[pyo3(default)]
    pub orders: Option<PyReadonlyArray2<'py, u32>>,
    #[pyo3(default)]
    orders_from: u64,
    stop_epoch: u64,
    #[pyo3(default)]
    stop_step: usize,
    budget: f64,
    #[pyo3(default)]
    clip_value: Option<f64>,
    #[pyo3(default)]
    clip_norm: Option<f64>,
    #[pyo3(default)]
    average: Option<f64>,
    #[pyo3(default)]
    input_noise: f64,
    #[pyo3(default)]
    check_finite: bool,
    #[pyo3(default)]
    penalty_per_sample: bool,
    #[pyo3(default)]
    penalty_in_cost: f64,
    #[pyo3(default)]
    batches_by_rows: bool,
    /// The number of samples of the whole epoch, and the step that starts with these samples.
    #[pyo3(default)]
    window: Option<(usize, usize)>,
    #[pyo3(default)]
    names: Option<PyReadonlyArray1<'py, u64>>,
    /// A function that returns true if the training should stop.
    #[pyo3(default)]
    pub interrupted: Option<Py<PyAny>>,
}

impl Training<'_> {
    /// Return the factors of the groups of a network of so many layers.
    pub fn factors(&self, layers: usize) -> PyResult<Option<Vec<LayerFactors>>> {
        let Some(given) = &self.factors else { return Ok(None) };
        let mut factors = vec![[Factors::NONE; Part::ALL.len()]; layers];
        for part in Part::ALL {
            let Some(of_part) = given.get(part.name()).filter(|part| part.len() == layers) else {
                let name = part.name();
                let message = format!("factors must have {layers} pairs of {name}; got others");
                return Err(PyValueError::new_err(message));
            };
            for (of_layer, &(learning_rate, decay)) in factors.iter_mut().zip(of_part) {
                of_layer[part as usize] = Factors { learning_rate, decay };
            }
        }
        Ok(Some(factors))
    }

    /// Return the settings for `n` samples; `interrupted` is asked now and then.
    pub fn settings<'a>(
        &'a self,
        n: usize,
        factors: Option<&'a [LayerFactors]>,
        interrupted: &'a (dyn Fn() -> bool + Sync),
    ) -> PyResult<Settings<'a>> {
        if (self.shuffle || self.orders.is_some()) && n >= u32::MAX as usize {
            return Err(Error::TooManyRows { given: n }.into());
        }
        if self.batch_size == 0 || n == 0 {
            let message = "batch_size and the rows of X must be at least 1; got 0";
            return Err(PyValueError::new_err(message));
        }
        let orders = self.orders.as_ref().map(|orders| orders.as_slice()).transpose()?;
        let names = self.names.as_ref().map(|names| names.as_slice()).transpose()?;
        if names.is_some_and(|names| names.len() != n) {
            return Err(PyValueError::new_err(format!("names must have length {n}; got another")));
        }
        let window = self.window.map(|(rows, first_step)| Window { rows, first_step, names });
        let schedule = |text: &Option<String>| match text {
            Some(text) => Schedule::from_text(text),
            None => Ok(Schedule::constant()),
        };
        Ok(Settings {
            schedule: schedule(&self.schedule)?,
            dropout_schedule: schedule(&self.dropout_schedule)?,
            decay_schedule: schedule(&self.decay_schedule)?,
            factors,
            schedule_from: self.schedule_from,
            schedule_epochs: self.schedule_epochs,
            shuffle: self.shuffle,
            seed: self.seed,
            orders,
            orders_from: self.orders_from,
            stop_epoch: self.stop_epoch,
            stop_step: self.stop_step,
            budget: Duration::try_from_secs_f64(self.budget.max(0.0)).unwrap_or(Duration::MAX),
            clip_value: self.clip_value,
            clip_norm: self.clip_norm,
            average: self.average,
            input_noise: self.input_noise,
            check_finite: self.check_finite,
            penalty_per_sample: self.penalty_per_sample,
            penalty_in_cost: self.penalty_in_cost,
            batches_by_rows: self.batches_by_rows,
            window,
            interrupted: Some(interrupted),
            ..Settings::new(self.batch_size, self.learning_rate)
        })
    }
}
