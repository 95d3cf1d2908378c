//! Custom activations and costs: Python objects as the core calls them.
//!
//! `backprop_rs.custom` checks what their callables return.

use ndarray::{Array, Array1, Array2, ArrayView2, Dimension};
use numpy::{Element, PyReadonlyArray, ToPyArray};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTuple};

use crate::error::Error;
use crate::machine::real::Real;
use crate::network::custom::{CustomActivation, CustomCost, Failure};
use crate::network::network::Network;
use crate::python::shutdown::attached;

/// An object of `backprop_rs.custom`.
pub struct CustomFunction {
    name: String,
    object: Py<PyAny>,
}

impl CustomFunction {
    /// Return the custom function, or None for the text of an entry of a table.
    pub fn from_object(object: &Bound<PyAny>) -> PyResult<Option<Self>> {
        if object.is_instance_of::<PyString>() {
            return Ok(None);
        }
        let name = object.getattr("name")?.extract()?;
        Ok(Some(Self { name, object: object.clone().unbind() }))
    }

    /// Call a method on copies of some arrays; hold the interpreter only for the call.
    fn call<T: Element + Real, D: Dimension>(
        &self,
        method: &str,
        arguments: &[ArrayView2<T>],
    ) -> Result<Array<T, D>, Failure> {
        let result: Option<PyResult<_>> = attached(|py| {
            let arguments = arguments.iter().map(|array| array.to_pyarray(py));
            let arguments = PyTuple::new(py, arguments)?;
            let result = self.object.bind(py).call_method1(method, arguments)?;
            let result: PyReadonlyArray<T, D> = result.extract()?;
            Ok(result.as_array().to_owned())
        });
        Ok(result.ok_or("the interpreter has ended")??)
    }
}

impl<T: Element + Real> CustomActivation<T> for CustomFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn sigma(&self, z: ArrayView2<T>) -> Result<Array2<T>, Failure> {
        self.call("value", &[z])
    }

    fn sigma_prime(&self, z: ArrayView2<T>, a: ArrayView2<T>) -> Result<Array2<T>, Failure> {
        self.call("slope", &[z, a])
    }
}

impl<T: Element + Real> CustomCost<T> for CustomFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn costs(&self, a: ArrayView2<T>, y: ArrayView2<T>) -> Result<Array1<T>, Failure> {
        self.call("of_samples", &[a, y])
    }

    fn slope(&self, a: ArrayView2<T>, y: ArrayView2<T>) -> Result<Array2<T>, Failure> {
        self.call("slope", &[a, y])
    }
}

/// Return the exception of a callable; a ValueError for an invalid label.
pub fn raised(failure: Failure) -> PyErr {
    match failure.downcast::<PyErr>() {
        Ok(error) => *error,
        Err(other)
            if matches!(other.downcast_ref(), Some(Error::Label { .. } | Error::Orders { .. })) =>
        {
            PyValueError::new_err(other.to_string())
        }
        Err(other) => PyRuntimeError::new_err(other.to_string()),
    }
}

/// Return `value`, or the exception that a callable has raised in the call.
pub fn unless_raised<T: Real, V>(net: &Network<T>, value: V) -> PyResult<V> {
    net.take_failure().map_or(Ok(value), |failure| Err(raised(failure)))
}
