//! Results as NumPy arrays.

use ndarray::{Array1, Array2};
use numpy::{Element, PyArray2, ToPyArray};
use pyo3::prelude::*;

pub type Arrays<'py> = Vec<Bound<'py, PyAny>>;

/// One entry for each layer, None without layer normalization.
pub type NormArrays<'py> = Vec<Option<Bound<'py, PyAny>>>;

/// None without embeddings or without learned factors of the inputs.
pub type InputArray<'py> = Option<Bound<'py, PyAny>>;

/// The embedded inputs e, s e, ∂C/∂(s e), ∂C/∂s and the gradient of the embeddings.
pub type PyInputs<'py> =
    (InputArray<'py>, InputArray<'py>, InputArray<'py>, InputArray<'py>, InputArray<'py>);

/// C, z, a, δ, ∂C/∂W, ∂C/∂b, ∂C/∂gain, ∂C/∂shift, ∂C/∂alpha, and the values before the first layer.
pub type PyTrace<'py> = (
    f64,
    Arrays<'py>,
    Arrays<'py>,
    Arrays<'py>,
    Arrays<'py>,
    Arrays<'py>,
    NormArrays<'py>,
    NormArrays<'py>,
    NormArrays<'py>,
    PyInputs<'py>,
);

/// The costs of epochs, epoch, step, cost_sum, weight_sum, and the reason of the return.
pub type PyOutcome<'py> = (Vec<f64>, u64, usize, f64, f64, Bound<'py, PyAny>);

/// C and the gradients of weights, biases, gains, shifts, alphas, scales and embeddings.
pub type PyGradient<'py> = (
    f64,
    Arrays<'py>,
    Arrays<'py>,
    NormArrays<'py>,
    NormArrays<'py>,
    NormArrays<'py>,
    InputArray<'py>,
    InputArray<'py>,
);

pub fn matrix<T: Element>(py: Python<'_>, array: Array2<T>) -> Bound<'_, PyAny> {
    PyArray2::from_owned_array(py, array).into_any()
}

pub fn vector<T: Element>(py: Python<'_>, array: Array1<T>) -> Bound<'_, PyAny> {
    array.to_pyarray(py).into_any()
}

pub fn matrices<T: Element>(py: Python<'_>, list: Vec<Array2<T>>) -> Arrays<'_> {
    list.into_iter().map(|array| matrix(py, array)).collect()
}

pub fn vectors<T: Element>(py: Python<'_>, list: Vec<Array1<T>>) -> Arrays<'_> {
    list.into_iter().map(|array| vector(py, array)).collect()
}

pub fn norm_vectors<T: Element>(py: Python<'_>, list: Vec<Option<Array1<T>>>) -> NormArrays<'_> {
    list.into_iter().map(|entry| entry.map(|array| vector(py, array))).collect()
}
