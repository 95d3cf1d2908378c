//! Predictions into a caller's array or a new one.

use numpy::{
    BorrowError, Element, PyArray1, PyArray2, PyArrayDyn, PyArrayMethods, PyUntypedArray,
    PyUntypedArrayMethods,
};
use pyo3::prelude::*;

use crate::machine::real::Real;
use crate::network::network::{Network, zeros};
use crate::python::arguments::written_elsewhere;
use crate::python::interrupts::without_gil;

pub fn predict<'py, T: Element + Real>(
    net: &Network<T>,
    x: &Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
    failure: &mut Option<PyErr>,
) -> Option<Bound<'py, PyAny>> {
    let (py, n_in, n_out) = (x.py(), net.n_in(), net.n_out());
    if !x.is_exact_instance_of::<PyUntypedArray>() {
        return None; // masked arrays take another path
    }
    let x = x.cast::<PyArrayDyn<T>>().ok()?;
    let shape = x.shape();
    if shape.len() > 2 || shape.last() != Some(&n_in) || shape[0] == 0 || !x.is_c_contiguous() {
        return None;
    }
    let rows = if shape.len() == 1 { 1 } else { shape[0] };
    let x = x.try_readonly().map_err(|_| *failure = Some(written_elsewhere())).ok()?;
    let values = x.as_slice().ok()?;
    if let Some(out) = out {
        let given = out.cast::<PyArrayDyn<T>>().ok()?;
        let fits = if shape.len() == 1 {
            given.shape() == [n_out]
        } else {
            given.shape() == [rows, n_out]
        };
        if !fits || !given.is_c_contiguous() {
            return None;
        }
        if overlap(values, given) {
            return None; // the same memory, in one object or two: the caller passes a copy of X
        }
        let mut guard = match given.try_readwrite() {
            Err(BorrowError::AlreadyBorrowed) => {
                *failure = Some(written_elsewhere());
                return None;
            }
            other => other.ok()?,
        };
        let to = guard.as_slice_mut().ok()?;
        return predicted(net, values, to, py, failure)?.then(|| out.clone());
    }
    let mut result = zeros(rows, n_out).map_err(|error| *failure = Some(error.into())).ok()?;
    let to = result.as_slice_mut().expect("standard layout");
    if !predicted(net, values, to, py, failure)? {
        return None;
    }
    if shape.len() == 1 {
        return Some(PyArray1::from_vec(py, result.into_raw_vec_and_offset().0).into_any());
    }
    Some(PyArray2::from_owned_array(py, result).into_any())
}

/// Return true if the numbers to read overlap the array to write, whoever owns the memory.
fn overlap<T: Element>(read: &[T], written: &Bound<PyArrayDyn<T>>) -> bool {
    let (read, start) = (read.as_ptr_range(), written.data().addr());
    let end = start + written.len() * size_of::<T>();
    start < read.end.addr() && read.start.addr() < end
}

/// Return true if all samples are finite, or None after a failure.
fn predicted<T: Element + Real>(
    net: &Network<T>,
    x: &[T],
    out: &mut [T],
    py: Python,
    failure: &mut Option<PyErr>,
) -> Option<bool> {
    let result = without_gil(py, || net.predict_into(x, out)).and_then(|finite| Ok(finite?));
    result.map_err(|error| *failure = Some(error)).ok()
}
