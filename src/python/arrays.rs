//! Results as NumPy arrays.

use ndarray::{Array1, Array2};
use numpy::{Element, PyArray2, ToPyArray};
use pyo3::prelude::*;

pub type Arrays<'py> = Vec<Bound<'py, PyAny>>;

/// One entry for each layer, None without layer normalization.
pub type NormArrays<'py> = Vec<Option<Bound<'py, PyAny>>>;

/// C, z, a, δ, ∂C/∂W, ∂C/∂b, ∂C/∂gain and ∂C/∂shift.
pub type PyTrace<'py> = (
    f64,
    Arrays<'py>,
    Arrays<'py>,
    Arrays<'py>,
    Arrays<'py>,
    Arrays<'py>,
    NormArrays<'py>,
    NormArrays<'py>,
);

/// The costs of epochs, epoch, step, cost_sum, weight_sum, and the reason of the return.
pub type PyOutcome<'py> = (Vec<f64>, u64, usize, f64, f64, Bound<'py, PyAny>);

/// C and the gradients of weights, biases, gains and shifts.
pub type PyGradient<'py> = (f64, Arrays<'py>, Arrays<'py>, NormArrays<'py>, NormArrays<'py>);

pub fn matrices<T: Element>(py: Python<'_>, list: Vec<Array2<T>>) -> Arrays<'_> {
    list.into_iter().map(|array| PyArray2::from_owned_array(py, array).into_any()).collect()
}

pub fn vectors<T: Element>(py: Python<'_>, list: Vec<Array1<T>>) -> Arrays<'_> {
    list.iter().map(|array| array.to_pyarray(py).into_any()).collect()
}

pub fn norm_vectors<T: Element>(py: Python<'_>, list: Vec<Option<Array1<T>>>) -> NormArrays<'_> {
    let array = |array: Array1<T>| array.to_pyarray(py).into_any();
    list.into_iter().map(|entry| entry.map(array)).collect()
}
