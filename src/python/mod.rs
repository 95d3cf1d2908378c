//! The module `backprop_rs._core`: conversions, and the release of the interpreter's lock.
//!
//! `backprop_rs.Network` checks the arrays and their values before they come here.

mod arguments;
mod csv;
mod custom;
mod lock;
mod shutdown;

use std::cell::RefCell;
use std::sync::Mutex;

use ndarray::{Array1, Array2};
use numpy::{
    BorrowError, Element, PyArray1, PyArray2, PyArrayDyn, PyArrayMethods, PyReadonlyArray1,
    PyReadonlyArray2, PyReadwriteArray2, PyUntypedArray, PyUntypedArrayMethods, ToPyArray,
};
use pyo3::exceptions::{PyKeyError, PyMemoryError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use arguments::{Batch, LayerOptions, Training, to_read, written_elsewhere};
use custom::{CustomFunction, raised, unless_raised};
use lock::{FairLock, Reading, Writing};
use shutdown::attached;

use crate::error::check_shape;
use crate::machine::finite::first_non_finite_of_many;
use crate::machine::interrupt::asking;
use crate::machine::kernel::{Isa, fma_rate};
use crate::machine::memory;
use crate::machine::transpose::into_rows;
use crate::machine::{pool, random};
use crate::network::network::zeros;
use crate::step::train::{Position, Reason};
use crate::tables::registry::Setting;
use crate::tables::schedule::{Curve, Schedule, Watched};
use crate::{Activation, Cost, Error, Init, Options, Real, Rule, State, Sum, Trace};

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        let sentence = error.to_string();
        match error {
            Error::Memory { .. } => PyMemoryError::new_err(sentence),
            _ => PyValueError::new_err(sentence),
        }
    }
}

/// A network of either number type.
enum AnyNetwork {
    Single(crate::Network<f32>),
    Double(crate::Network<f64>),
}

/// Does `$body` with `$net`, whatever its number type.
macro_rules! with {
    ($either:expr, $net:ident => $body:expr) => {
        match $either {
            AnyNetwork::Single($net) => $body,
            AnyNetwork::Double($net) => $body,
        }
    };
}

/// The compiled twin of `backprop_rs.reference.Network`.
#[pyclass(frozen, module = "backprop_rs._core")]
struct Network {
    turns: FairLock<AnyNetwork>,
    names: Names,
}

/// What never changes in a network, and so needs no turn.
struct Names {
    sizes: Vec<usize>,
    activations: Vec<String>,
    cost: String,
    dtype: &'static str,
}

/// A snapshot of either number type.
enum AnySnapshot {
    Single(crate::Snapshot<f32>),
    Double(crate::Snapshot<f64>),
}

/// The state of one network at one moment.
#[pyclass(frozen, module = "backprop_rs._core")]
struct Snapshot(AnySnapshot);

#[pymethods]
impl Snapshot {
    fn is_finite(&self, py: Python) -> bool {
        match &self.0 {
            AnySnapshot::Single(kept) => py.detach(|| kept.is_finite()),
            AnySnapshot::Double(kept) => py.detach(|| kept.is_finite()),
        }
    }
}

type Arrays<'py> = Vec<Bound<'py, PyAny>>;

/// What layers with normalisation have.
type OfNorm<'py> = Vec<Option<Bound<'py, PyAny>>>;

/// C, z, a, δ, ∂C/∂W, ∂C/∂b, ∂C/∂gain and ∂C/∂shift.
type PyTrace<'py> = (
    f64,
    Arrays<'py>,
    Arrays<'py>,
    Arrays<'py>,
    Arrays<'py>,
    Arrays<'py>,
    OfNorm<'py>,
    OfNorm<'py>,
);

/// The costs of epochs, epoch, step, cost_sum, weight_sum, and why a training came back.
type PyOutcome<'py> = (Vec<f64>, u64, usize, f64, f64, Bound<'py, PyAny>);

/// C and the gradients of weights, biases, gains and shifts.
type PyGradient<'py> = (f64, Arrays<'py>, Arrays<'py>, OfNorm<'py>, OfNorm<'py>);

#[pymethods]
impl Network {
    #[new]
    #[pyo3(signature = (sizes, activations, cost, dtype, options=None))]
    fn new(
        sizes: Vec<usize>,
        activations: Vec<Bound<PyAny>>,
        cost: &Bound<PyAny>,
        dtype: &str,
        options: Option<Vec<LayerOptions>>,
    ) -> PyResult<Self> {
        let own: Vec<_> = activations.iter().map(CustomFunction::given).collect::<PyResult<_>>()?;
        let row = |given: &Bound<PyAny>| match CustomFunction::given(given)? {
            None => Ok(Activation::from_text(given.extract()?)?),
            Some(_) => PyResult::Ok(Activation::Identity),
        };
        let activations: Vec<Activation> = activations.iter().map(row).collect::<PyResult<_>>()?;
        let custom_cost = CustomFunction::given(cost)?;
        let cost =
            if custom_cost.is_none() { Cost::from_text(cost.extract()?)? } else { PLAIN_COST };
        let mut network = match dtype {
            "float32" => AnyNetwork::Single(network(&sizes, &activations, own, cost, custom_cost)?),
            "float64" => AnyNetwork::Double(network(&sizes, &activations, own, cost, custom_cost)?),
            _ => {
                let message = format!("dtype must be float32 or float64; got '{dtype}'");
                return Err(PyValueError::new_err(message));
            }
        };
        if let Some(options) = options {
            let options: Vec<Options> = options.iter().map(Options::from).collect();
            with!(&mut network, net => net.set_options(&options))?;
        }
        let names = with!(&network, net => Names {
            sizes: net.sizes(),
            activations: net.activation_names(),
            cost: net.cost_name(),
            dtype: match &network { AnyNetwork::Single(_) => f32::NAME, AnyNetwork::Double(_) => f64::NAME },
        });
        Ok(Self { turns: FairLock::new(network), names })
    }

    #[getter]
    fn sizes(&self) -> Vec<usize> {
        self.names.sizes.clone()
    }

    #[getter]
    fn activations(&self) -> Vec<String> {
        self.names.activations.clone()
    }

    #[getter]
    fn cost(&self) -> &str {
        &self.names.cost
    }

    #[getter]
    fn dtype(&self) -> &'static str {
        self.names.dtype
    }

    fn initialize(&self, py: Python, init: &str, seed: u64) -> PyResult<()> {
        with!(&mut *self.write(py)?, net => Ok(away(py, || net.initialize(init, seed))??))
    }

    fn weights<'py>(&self, py: Python<'py>) -> PyResult<Arrays<'py>> {
        Ok(with!(&*self.read(py)?, net => matrices(py, net.weights()?)))
    }

    fn biases<'py>(&self, py: Python<'py>) -> PyResult<Arrays<'py>> {
        Ok(with!(&*self.read(py)?, net => vectors(py, net.biases()?)))
    }

    fn is_finite(&self, py: Python) -> PyResult<bool> {
        Ok(with!(&*self.read(py)?, net => py.detach(|| net.is_finite())))
    }

    fn set_weights(&self, py: Python, weights: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        with!(&mut *self.write(py)?, net => {
            for (l, w) in weights.iter().enumerate() {
                net.set_weights(l, w.extract::<PyReadonlyArray2<_>>()?.as_array())?;
            }
            Ok(())
        })
    }

    fn set_biases(&self, py: Python, biases: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        with!(&mut *self.write(py)?, net => {
            for (l, b) in biases.iter().enumerate() {
                net.set_biases(l, b.extract::<PyReadonlyArray1<_>>()?.as_array())?;
            }
            Ok(())
        })
    }

    fn gains<'py>(&self, py: Python<'py>) -> PyResult<OfNorm<'py>> {
        Ok(with!(&*self.read(py)?, net => norm_vectors(py, net.gains()?)))
    }

    fn shifts<'py>(&self, py: Python<'py>) -> PyResult<OfNorm<'py>> {
        Ok(with!(&*self.read(py)?, net => norm_vectors(py, net.shifts()?)))
    }

    fn set_gains(&self, py: Python, gains: Vec<Option<Bound<'_, PyAny>>>) -> PyResult<()> {
        with!(&mut *self.write(py)?, net => {
            for (l, gains) in gains.iter().enumerate() {
                if let Some(gains) = gains {
                    net.set_gains(l, gains.extract::<PyReadonlyArray1<_>>()?.as_array())?;
                }
            }
            Ok(())
        })
    }

    fn set_shifts(&self, py: Python, shifts: Vec<Option<Bound<'_, PyAny>>>) -> PyResult<()> {
        with!(&mut *self.write(py)?, net => {
            for (l, shifts) in shifts.iter().enumerate() {
                if let Some(shifts) = shifts {
                    net.set_shifts(l, shifts.extract::<PyReadonlyArray1<_>>()?.as_array())?;
                }
            }
            Ok(())
        })
    }

    fn set_optimizer(&self, py: Python, rule: &str) -> PyResult<()> {
        let rule = Rule::from_text(rule)?;
        Ok(with!(&mut *self.write(py)?, net => net.set_optimizer(rule))?)
    }

    /// The output activations, or None where `X` or `out` is not just what the core works on.
    #[pyo3(signature = (X, out=None))]
    #[allow(non_snake_case)]
    fn predict<'py>(
        &self,
        X: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut failure = None;
        with!(&*self.read(X.py())?, net => {
            let result = predict(net, X, out, &mut failure);
            unless_raised(net, failure.map_or(Ok(result), Err))?
        })
    }

    #[allow(non_snake_case)]
    fn activations_of<'py>(&self, py: Python<'py>, X: &Bound<'py, PyAny>) -> PyResult<Arrays<'py>> {
        with!(&*self.read(py)?, net => {
            let x: PyReadonlyArray2<_> = to_read(X)?;
            let x = x.as_array();
            check_shape("X", &[x.nrows(), net.n_in()], x.shape())?;
            let activations = unless_raised(net, away(py, || net.activations_of(x)))???;
            Ok(matrices(py, activations))
        })
    }

    #[allow(non_snake_case)]
    #[pyo3(signature = (X, y, sample_weight=None))]
    fn backward<'py>(
        &self,
        py: Python<'py>,
        X: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
        sample_weight: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<PyTrace<'py>> {
        with!(&*self.read(py)?, net => {
            let batch = Batch::new(X, y, sample_weight)?;
            let samples = batch.samples(net)?;
            let Trace {
                cost,
                weighted_inputs,
                activations,
                deltas,
                weight_gradients,
                bias_gradients,
                gain_gradients,
                shift_gradients,
            } = unless_raised(net, away(py, || net.backward(&samples)))???;
            let [z, a, delta, grad_w] =
                [weighted_inputs, activations, deltas, weight_gradients].map(|list| matrices(py, list));
            let [gains, shifts] = [gain_gradients, shift_gradients].map(|list| norm_vectors(py, list));
            Ok((cost, z, a, delta, grad_w, vectors(py, bias_gradients), gains, shifts))
        })
    }

    /// C, ∂C/∂W, ∂C/∂b, ∂C/∂gain and ∂C/∂shift alone.
    #[allow(non_snake_case)]
    #[pyo3(signature = (X, y, sample_weight=None))]
    fn gradient<'py>(
        &self,
        py: Python<'py>,
        X: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
        sample_weight: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<PyGradient<'py>> {
        with!(&*self.read(py)?, net => {
            let batch = Batch::new(X, y, sample_weight)?;
            let samples = batch.samples(net)?;
            let trace = unless_raised(net, away(py, || net.gradient(&samples)))???;
            let (w, b) = (matrices(py, trace.weight_gradients), vectors(py, trace.bias_gradients));
            let [gains, shifts] =
                [trace.gain_gradients, trace.shift_gradients].map(|list| norm_vectors(py, list));
            Ok((trace.cost, w, b, gains, shifts))
        })
    }

    #[allow(non_snake_case)]
    fn costs<'py>(
        &self,
        py: Python<'py>,
        X: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray1<f64>>> {
        with!(&*self.read(py)?, net => {
            let batch = Batch::new(X, y, None)?;
            let samples = batch.samples(net)?;
            let costs = unless_raised(net, away(py, || net.costs(&samples)))???;
            let costs = memory::collect(costs.iter().map(|cost| cost.to_f64()), costs.len())?;
            Ok(PyArray1::from_vec(py, costs))
        })
    }

    #[allow(non_snake_case)]
    #[pyo3(signature = (X, y, sample_weight=None))]
    fn mean_cost(
        &self,
        py: Python,
        X: &Bound<PyAny>,
        y: &Bound<PyAny>,
        sample_weight: Option<&Bound<PyAny>>,
    ) -> PyResult<f64> {
        with!(&*self.read(py)?, net => {
            let batch = Batch::new(X, y, sample_weight)?;
            let samples = batch.samples(net)?;
            Ok(unless_raised(net, away(py, || net.mean_cost(&samples)))???)
        })
    }

    #[allow(non_snake_case)]
    #[pyo3(signature = (X, y, learning_rate, sample_weight=None))]
    fn step(
        &self,
        py: Python,
        X: &Bound<PyAny>,
        y: &Bound<PyAny>,
        learning_rate: f64,
        sample_weight: Option<&Bound<PyAny>>,
    ) -> PyResult<f64> {
        with!(&mut *self.write(py)?, net => {
            let batch = Batch::new(X, y, sample_weight)?;
            let samples = batch.samples(net)?;
            // A handler that ran in the midst could not have the network: `train` makes long steps.
            let cost = py.detach(|| net.step(&samples, learning_rate));
            Ok(unless_raised(net, cost)??)
        })
    }

    /// Trains from a position (epoch, step, cost_sum, weight_sum) on; the costs of the epochs that
    /// ended, the position, and why it came back: done, time, nonfinite, interrupted (by
    /// `interrupted` of the settings), or the exception of a signal handler or of a function of the
    /// user's own.
    #[allow(non_snake_case)]
    #[pyo3(signature = (X, y, settings, position, sample_weight=None))]
    fn train<'py>(
        &self,
        py: Python<'py>,
        X: &Bound<'py, PyAny>,
        y: &Bound<'py, PyAny>,
        settings: Training,
        position: (u64, usize, f64, f64),
        sample_weight: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<PyOutcome<'py>> {
        let (epoch, step, cost_sum, weight_sum) = position;
        let start = Position { epoch, step, cost_sum, weight_sum };
        let signal = Mutex::new(None);
        let asked = settings.interrupted.as_ref();
        let interrupted = || interrupted(asked, &signal);
        let outcome = with!(&mut *self.write(py)?, net => {
            let batch = Batch::new(X, y, sample_weight)?;
            let samples = batch.samples(net)?;
            let settings = settings.settings(samples.len(), &interrupted)?;
            if settings.window.is_some_and(|window| window.first_step > step) {
                return Err(PyValueError::new_err("position must lie in the window; it is before"));
            }
            let outcome = py.detach(|| net.train(&samples, &settings, start));
            if let Some(failure) = net.take_failure() {
                signal.lock().unwrap().get_or_insert(raised(failure));
            }
            outcome
        })?;
        let reason = match (signal.into_inner().unwrap(), outcome.reason) {
            (Some(error), _) => error.into_value(py).into_bound(py).into_any(),
            (None, Reason::Done) => PyString::new(py, "done").into_any(),
            (None, Reason::Time) => PyString::new(py, "time").into_any(),
            (None, Reason::NonFinite) => PyString::new(py, "nonfinite").into_any(),
            (None, Reason::Interrupted) => PyString::new(py, "interrupted").into_any(),
        };
        let end = outcome.end;
        Ok((outcome.costs, end.epoch, end.step, end.cost_sum, end.weight_sum, reason))
    }

    /// How many numbers the sum of the gradient of each layer has.
    fn sum_lengths(&self, py: Python) -> PyResult<Vec<usize>> {
        Ok(with!(&*self.read(py)?, net => net.sum_lengths()))
    }

    /// The sums of costs and of weights of consecutive parts of the samples; `ready(layer, sums)`
    /// gets those of the gradient, one row a part, as soon as a layer is through, the last first.
    #[allow(non_snake_case, clippy::too_many_arguments)]
    #[pyo3(signature = (X, y, settings, epoch, parts, ready, sample_weight=None))]
    fn sum_gradient(
        &self,
        py: Python,
        X: &Bound<PyAny>,
        y: &Bound<PyAny>,
        settings: Training,
        epoch: u64,
        parts: Vec<usize>,
        ready: Py<PyAny>,
        sample_weight: Option<&Bound<PyAny>>,
    ) -> PyResult<Vec<(f64, f64)>> {
        let mut failed = None;
        let sums = with!(&mut *self.write(py)?, net => {
            let batch = Batch::new(X, y, sample_weight)?;
            let samples = batch.samples(net)?;
            let settings = settings.settings(samples.len(), &|| false)?;
            let rows = parts.iter().try_fold(0_usize, |sum, rows| sum.checked_add(*rows));
            if parts.contains(&0) || rows.is_none_or(|rows| rows > samples.len()) {
                let message = "parts must be rows of X, at least 1 each; got others";
                return Err(PyValueError::new_err(message));
            }
            let lengths = net.sum_lengths();
            let rows = lengths.iter().map(|n| memory::with_capacity(n * parts.len()));
            let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
            let sums = py.detach(|| net.sum_gradient(&samples, &settings, epoch, &parts, |part, l, sum| {
                sum.iter().for_each(|numbers| rows[l].extend_from_slice(numbers));
                if part + 1 == parts.len() && failed.is_none() {
                    let numbers = std::mem::take(&mut rows[l]);
                    failed = attached(|py| {
                        let shape = (parts.len(), lengths[l]);
                        let sums = Array2::from_shape_vec(shape, numbers).expect("a row a part");
                        ready.call1(py, (l, PyArray2::from_owned_array(py, sums))).err()
                    }).flatten();
                }
            }));
            failed = net.take_failure().map(raised).or(failed);
            sums?
        });
        match failed {
            Some(error) => Err(error),
            None => Ok(sums.iter().map(|sum| (sum.cost, sum.weight)).collect()),
        }
    }

    /// The update of a step by the sums over all its samples, (cost, weight, samples), and those of
    /// the gradient of each layer; the sums of costs and weights, or None where they are not finite
    /// and nothing was done.
    #[pyo3(signature = (gradient, sums, settings, position, steps))]
    fn apply_gradient(
        &self,
        py: Python,
        gradient: Vec<Bound<'_, PyAny>>,
        sums: (f64, f64, usize),
        settings: Training,
        position: (u64, usize),
        steps: usize,
    ) -> PyResult<Option<(f64, f64)>> {
        let (cost, weight, rows) = sums;
        let (epoch, step) = position;
        let at = Position { epoch, step, ..Position::default() };
        with!(&mut *self.write(py)?, net => {
            let arrays = gradient.iter().map(|sum| sum.extract::<PyReadonlyArray1<_>>());
            let arrays = arrays.collect::<Result<Vec<_>, _>>()?;
            let slices = arrays.iter().map(|array| array.as_slice());
            let slices = slices.collect::<Result<Vec<_>, _>>()?;
            if slices.iter().map(|sum| sum.len()).ne(net.sum_lengths()) {
                return Err(PyValueError::new_err("gradient must have the lengths of sum_lengths()"));
            }
            let settings = settings.settings(rows, &|| false)?;
            let sum = Sum { cost, weight };
            let outcome = py.detach(|| net.apply_gradient(&slices, sum, rows, &settings, (at, steps)))?;
            Ok(outcome.ok().map(|Sum { cost, weight }| (cost, weight)))
        })
    }

    /// All that a training needs beside its settings and data.
    fn state<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        with!(&*self.read(py)?, net => {
            let state = net.state()?;
            for (name, array) in state.matrices {
                dict.set_item(name, PyArray2::from_owned_array(py, array))?;
            }
            for (name, array) in state.vectors {
                dict.set_item(name, array.to_pyarray(py))?;
            }
            dict.set_item("updates", state.updates)?;
            dict.set_item("momentum_product", state.momentum_product)?;
        });
        Ok(dict)
    }

    /// A copy of the state, for `go_back` of this network alone, that is quick to take; None where
    /// `interrupted` has said meanwhile that it is not needed.
    #[pyo3(signature = (interrupted=None))]
    fn snapshot(&self, py: Python, interrupted: Option<Py<PyAny>>) -> PyResult<Option<Snapshot>> {
        let signal = Mutex::new(None);
        let give_up = || self::interrupted(interrupted.as_ref(), &signal);
        let kept = match &*self.read(py)? {
            AnyNetwork::Single(net) => {
                py.detach(|| net.snapshot(&give_up))?.map(AnySnapshot::Single)
            }
            AnyNetwork::Double(net) => {
                py.detach(|| net.snapshot(&give_up))?.map(AnySnapshot::Double)
            }
        };
        match signal.into_inner().unwrap() {
            Some(error) => Err(error),
            None => Ok(kept.map(Snapshot)),
        }
    }

    /// Back to a snapshot of this network.
    fn go_back(&self, py: Python, snapshot: &Bound<Snapshot>) -> PyResult<()> {
        match (&mut *self.write(py)?, &snapshot.get().0) {
            (AnyNetwork::Single(net), AnySnapshot::Single(kept)) => {
                py.detach(|| net.go_back(kept))?
            }
            (AnyNetwork::Double(net), AnySnapshot::Double(kept)) => {
                py.detach(|| net.go_back(kept))?
            }
            _ => return Err(Error::State { name: "snapshot".into() }.into()),
        }
        Ok(())
    }

    /// Takes what `state` gave for a network and an optimizer like these.
    fn set_state(&self, py: Python, state: &Bound<PyDict>) -> PyResult<()> {
        let number =
            |name: &str| state.get_item(name)?.ok_or_else(|| PyKeyError::new_err(name.to_string()));
        with!(&mut *self.write(py)?, net => {
            let mut given = State { updates: number("updates")?.extract()?,
                momentum_product: number("momentum_product")?.extract()?, ..State::default() };
            for (name, value) in state.iter() {
                let name: String = name.extract()?;
                if let Ok(matrix) = value.extract::<PyReadonlyArray2<_>>() {
                    let (matrix, shape) = (matrix.as_array(), matrix.dims());
                    let numbers = memory::collect(matrix.iter().copied(), matrix.len())?;
                    let copied = Array2::from_shape_vec(shape, numbers).expect("the same shape");
                    given.matrices.insert(name, copied);
                } else if let Ok(vector) = value.extract::<PyReadonlyArray1<_>>() {
                    let vector = vector.as_array();
                    let copied = memory::collect(vector.iter().copied(), vector.len())?;
                    given.vectors.insert(name, copied.into());
                }
            }
            Ok(net.set_state(&given)?)
        })
    }
}

impl Network {
    /// The network in a turn to read.
    fn read(&self, py: Python) -> PyResult<Reading<'_, AnyNetwork>> {
        self.turns.read(py)
    }

    /// The network in a turn to read and write.
    fn write(&self, py: Python) -> PyResult<Writing<'_, AnyNetwork>> {
        self.turns.write(py)
    }
}

/// The cost that stands in the place of one of the user's own.
const PLAIN_COST: Cost = Cost::SquaredError { scale: 1.0 };

/// A network of rows of the tables and of what is the user's own.
fn network<T: Element + Real>(
    sizes: &[usize],
    activations: &[Activation],
    own: Vec<Option<CustomFunction>>,
    cost: Cost,
    custom_cost: Option<CustomFunction>,
) -> Result<crate::Network<T>, Error> {
    // With an output of the user's own it is that whose name the cost has to accept.
    let custom_output = own.last().is_some_and(Option::is_some);
    let first = if custom_output { PLAIN_COST } else { cost };
    let mut net = crate::Network::new(sizes, activations, first)?;
    net.cost = cost;
    if let Some(custom_cost) = custom_cost {
        net.use_cost(Box::new(custom_cost));
    }
    for (l, own) in own.into_iter().enumerate() {
        if let Some(own) = own {
            net.use_activation(l, Box::new(own))?;
        }
    }
    Ok(net)
}

fn predict<'py, T: Element + Real>(
    net: &crate::Network<T>,
    x: &Bound<'py, PyAny>,
    out: Option<&Bound<'py, PyAny>>,
    failure: &mut Option<PyErr>,
) -> Option<Bound<'py, PyAny>> {
    let (py, n_in, n_out) = (x.py(), net.n_in(), net.n_out());
    if !x.is_exact_instance_of::<PyUntypedArray>() {
        return None; // a masked array is more
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
            return None; // in one object or two: the caller gives a copy of X
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

/// Whether numbers that are read lie where an array is written, whoever owns the memory.
fn overlap<T: Element>(read: &[T], written: &Bound<PyArrayDyn<T>>) -> bool {
    let (read, start) = (read.as_ptr_range(), written.data().addr());
    let end = start + written.len() * size_of::<T>();
    start < read.end.addr() && read.start.addr() < end
}

/// Whether all samples are finite, or None after a failure.
fn predicted<T: Element + Real>(
    net: &crate::Network<T>,
    x: &[T],
    out: &mut [T],
    py: Python,
    failure: &mut Option<PyErr>,
) -> Option<bool> {
    let result = away(py, || net.predict_into(x, out)).and_then(|finite| Ok(finite?));
    result.map_err(|error| *failure = Some(error)).ok()
}

thread_local! {
    /// What a signal's handler has raised in the middle of a call.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Whether Ctrl-C or a function of the caller's ends a call; what a handler or that function has
/// raised goes to `signal`.
fn interrupted(asked: Option<&Py<PyAny>>, signal: &Mutex<Option<PyErr>>) -> bool {
    let ask = |py: Python| -> PyResult<bool> {
        py.check_signals()?;
        asked.map_or(Ok(false), |asked| asked.bind(py).call0()?.is_truthy())
    };
    let (pending, given_up) = match attached(ask) {
        Some(Ok(given_up)) => (None, given_up),
        Some(Err(error)) => (Some(error), true),
        None => (None, true),
    };
    *signal.lock().unwrap() = pending;
    given_up
}

/// Does `work` without the interpreter's lock, until it is done or a signal's handler raises.
fn away<R: Send>(py: Python, work: impl FnOnce() -> R + Send) -> PyResult<R> {
    fn ask() -> bool {
        let raised = attached(|py| py.check_signals().err()).flatten();
        let given_up = raised.is_some();
        RAISED.set(raised);
        given_up
    }
    let of_outer_call = RAISED.take();
    let result = py.detach(|| asking(ask, work));
    RAISED.replace(of_outer_call).map_or(Ok(result), Err)
}

fn matrices<T: Element>(py: Python<'_>, list: Vec<Array2<T>>) -> Arrays<'_> {
    list.into_iter().map(|array| PyArray2::from_owned_array(py, array).into_any()).collect()
}

fn vectors<T: Element>(py: Python<'_>, list: Vec<Array1<T>>) -> Arrays<'_> {
    list.iter().map(|array| array.to_pyarray(py).into_any()).collect()
}

fn norm_vectors<T: Element>(py: Python<'_>, list: Vec<Option<Array1<T>>>) -> OfNorm<'_> {
    let array = |array: Array1<T>| array.to_pyarray(py).into_any();
    list.into_iter().map(|one| one.map(array)).collect()
}

/// The row-major index of the first NaN or infinity in an array, or None.
#[pyfunction]
#[allow(non_snake_case)]
fn first_nonfinite(X: &Bound<PyAny>) -> PyResult<Option<usize>> {
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

/// Puts columns (m,) of a table into the rows of `out`, (m, n) and contiguous.
#[pyfunction]
fn rows_of_columns(columns: Vec<Bound<PyAny>>, out: &Bound<PyAny>) -> PyResult<()> {
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

/// The least and the largest target that a cost is defined for.
#[pyfunction]
fn target_range(cost: &str) -> PyResult<(f64, f64)> {
    Ok(Cost::from_text(cost)?.targets())
}

/// What a reactive schedule remembers after an epoch that ended with `value`: what the learning rate
/// is multiplied by, the best value, the epochs without progress, and those still to rest.
#[pyfunction]
#[pyo3(signature = (schedule, value, memory=None))]
fn observe(
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
fn is_reactive(schedule: &str) -> PyResult<bool> {
    Ok(Schedule::from_text(schedule)?.reactive().is_some())
}

/// What a schedule multiplies the learning rate by at epoch x of `total`.
#[pyfunction]
fn schedule_factor(schedule: &str, x: f64, total: f64) -> PyResult<f64> {
    Ok(Schedule::from_text(schedule)?.factor(x, total))
}

/// The rows 0..n in the order of a stream (epoch, a, b) of random numbers.
#[pyfunction]
fn shuffled(
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

/// Lets every later call use `n` threads.
#[pyfunction]
fn set_num_threads(n: usize) -> PyResult<()> {
    if n == 0 {
        return Err(PyValueError::new_err("n must be an integer >= 1; got 0"));
    }
    pool::set_threads(n);
    Ok(())
}

/// Lets later calls of this thread use it alone, or as many threads as others do; what held before.
#[pyfunction]
fn set_alone(alone: bool) -> bool {
    pool::set_alone(alone)
}

/// The threads that a call may use.
#[pyfunction]
fn get_num_threads() -> usize {
    pool::threads()
}

/// The instruction set that the kernels run with: avx512, avx2, neon or baseline.
#[pyfunction]
fn instruction_set() -> &'static str {
    Isa::best().name()
}

/// The measured rate of fused multiply-adds, in GFLOP/s: the machine's peak.
#[pyfunction]
fn fma_peak(py: Python, dtype: &str, threads: usize) -> PyResult<f64> {
    match dtype {
        "float32" => Ok(py.detach(|| fma_rate::<f32>(threads))),
        "float64" => Ok(py.detach(|| fma_rate::<f64>(threads))),
        _ => Err(PyValueError::new_err(format!("dtype must be float32 or float64; got '{dtype}'"))),
    }
}

/// (setting, default, accepted numbers in words).
type PySetting = (&'static str, f64, &'static str);

/// Every table by what the errors call its rows.
macro_rules! tables {
    ($($Table:ident),*) => {
        /// The rows of a table: names with their settings.
        #[pyfunction]
        fn table(kind: &str) -> PyResult<Vec<(&'static str, Vec<PySetting>)>> {
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
        fn canonical(kind: &str, text: &str) -> PyResult<String> {
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

#[pymodule(gil_used = false)]
mod _core {
    use pyo3::prelude::*;

    #[pymodule_export]
    use super::csv::{CsvParser, csv_find_row, csv_first_rows};
    #[pymodule_export]
    use super::{
        Network, Snapshot, canonical, first_nonfinite, fma_peak, get_num_threads, instruction_set,
        is_reactive, observe, rows_of_columns, schedule_factor, set_alone, set_num_threads,
        shuffled, table, target_range,
    };
    #[pymodule_export]
    #[allow(non_upper_case_globals)]
    const __version__: &str = env!("CARGO_PKG_VERSION");

    #[pymodule_init]
    fn init(module: &Bound<PyModule>) -> PyResult<()> {
        super::shutdown::register(module)
    }
}
