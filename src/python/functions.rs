//! The functions of `backprop_rs._core` on arrays, threads and the machine.

use numpy::{
    Element, PyArray1, PyArray2, PyArrayDyn, PyArrayMethods, PyReadonlyArray1, PyReadwriteArray2,
    PyUntypedArrayMethods,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use crate::error::Error;
use crate::machine::finite::first_non_finite_of_many;
use crate::machine::kernel::{Isa, fma_rate};
use crate::machine::real::Real;
use crate::machine::transpose::into_rows;
use crate::machine::{memory, pool, random};
use crate::python::arguments::written_elsewhere;

/// Return the row-major index of the first NaN or infinity in an array, or None.
#[pyfunction]
#[allow(non_snake_case)]
pub fn first_nonfinite(X: &Bound<PyAny>) -> PyResult<Option<usize>> {
    fn search<T: Element + Real>(array: &Bound<PyArrayDyn<T>>) -> PyResult<Option<usize>> {
        let (py, array) = (array.py(), array.try_readonly().map_err(|_| written_elsewhere())?);
        Ok(match array.as_slice() {
            Ok(values) if array.is_c_contiguous() => py.detach(|| first_non_finite_of_many(values)),
            _ => array.as_array().iter().position(|value| !value.is_finite()),
        })
    }
    match (X.cast::<PyArrayDyn<f32>>(), X.cast::<PyArrayDyn<f64>>()) {
        (Ok(array), _) => search(array),
        (_, Ok(array)) => search(array),
        _ => Err(PyTypeError::new_err("X must be an array of float32 or float64")),
    }
}

/// Write columns (m,) of a table into the rows of `out`, (m, n) and contiguous.
#[pyfunction]
pub fn rows_of_columns(columns: Vec<Bound<PyAny>>, out: &Bound<PyAny>) -> PyResult<()> {
    fn put<T: Element + Real>(columns: &[Bound<PyAny>], out: &Bound<PyAny>) -> PyResult<()> {
        let columns: Vec<PyReadonlyArray1<T>> =
            columns.iter().map(|column| column.extract()).collect::<PyResult<_>>()?;
        let columns: Vec<&[T]> =
            columns.iter().map(|column| Ok(column.as_slice()?)).collect::<PyResult<_>>()?;
        let mut out: PyReadwriteArray2<T> = out.extract()?;
        let [m, n] = [out.shape()[0], out.shape()[1]];
        if columns.len() != n || columns.iter().any(|column| column.len() != m) {
            return Err(PyValueError::new_err(format!(
                "out must have a row of {n} for each of {m}"
            )));
        }
        let (py, rows) = (out.py(), out.as_slice_mut()?);
        py.detach(|| into_rows(&columns, rows));
        Ok(())
    }
    if out.cast::<PyArray2<f32>>().is_ok() {
        return put::<f32>(&columns, out);
    }
    put::<f64>(&columns, out)
}

/// Return the rows 0..n in the order of a stream (epoch, a, b) of random numbers.
#[pyfunction]
pub fn shuffled(
    py: Python<'_>,
    n: usize,
    seed: u64,
    stream: [u64; 3],
) -> PyResult<Bound<'_, PyArray1<u32>>> {
    if n >= u32::MAX as usize {
        return Err(Error::TooManyRows { given: n }.into());
    }
    let order = py.detach(|| {
        let mut order = memory::collect(std::iter::repeat(0), n)?;
        random::shuffle(&mut order, seed, stream);
        Ok::<_, Error>(order)
    })?;
    Ok(PyArray1::from_vec(py, order))
}

/// Set the number of threads of later calls.
#[pyfunction]
pub fn set_num_threads(n: usize) -> PyResult<()> {
    if n == 0 {
        return Err(PyValueError::new_err("n must be an integer >= 1; got 0"));
    }
    pool::set_threads(n);
    Ok(())
}

/// Set the number of threads of later calls from this thread, or 0 for that of the process; return
/// the previous number.
#[pyfunction]
pub fn limit_threads(n: usize) -> usize {
    pool::limit_threads(n)
}

/// Return the number of threads that a call may use.
#[pyfunction]
pub fn get_num_threads() -> usize {
    pool::threads()
}

/// Return the instruction set that the kernels run with: avx512, avx2, neon or baseline.
#[pyfunction]
pub fn instruction_set() -> &'static str {
    Isa::best().name()
}

/// Return the measured rate of fused multiply-adds, in GFLOP/s: the machine's peak.
#[pyfunction]
pub fn fma_peak(py: Python, dtype: &str, threads: usize) -> PyResult<f64> {
    match dtype {
        "float32" => Ok(py.detach(|| fma_rate::<f32>(threads))),
        "float64" => Ok(py.detach(|| fma_rate::<f64>(threads))),
        _ => Err(PyValueError::new_err(format!("dtype must be float32 or float64; got '{dtype}'"))),
    }
}
