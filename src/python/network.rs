//! The classes `Network` and `Snapshot` of `backprop_rs._core`.

use std::sync::Mutex;

use ndarray::Array2;
use numpy::{PyArray1, PyArray2, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2, ToPyArray};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use crate::error::{Error, check_shape};
use crate::machine::memory;
use crate::machine::real::Real;
use crate::network::embeddings::Embeddings;
use crate::network::layer::Options;
use crate::network::state::State;
use crate::python::any_network::{AnyNetwork, AnySnapshot, PLAIN_COST, new_network, with};
use crate::python::arguments::{Batch, LayerOptions, Training, to_read};
use crate::python::arrays::{
    Arrays, NormArrays, PyGradient, PyOutcome, PyTrace, matrices, matrix, norm_vectors, vector,
    vectors,
};
use crate::python::custom::{CustomFunction, raised, unless_raised};
use crate::python::interrupts::{self, without_gil};
use crate::python::lock::{FairLock, ReadGuard, WriteGuard};
use crate::python::predict;
use crate::python::shutdown::attached;
use crate::step::settings::{Position, Reason, Sum};
use crate::step::trace::Trace;
use crate::tables::activation::Activation;
use crate::tables::cost::Cost;
use crate::tables::optimizer::Rule;

/// The compiled twin of `backprop_rs.reference.Network`.
#[pyclass(frozen, module = "backprop_rs._core")]
pub struct Network {
    lock: FairLock<AnyNetwork>,
    properties: Properties,
}

/// The properties that never change, which can be read without the lock.
struct Properties {
    sizes: Vec<usize>,
    activations: Vec<String>,
    cost: String,
    dtype: &'static str,
}

/// The state of a network at one moment.
#[pyclass(frozen, module = "backprop_rs._core")]
pub struct Snapshot(AnySnapshot);

#[pymethods]
impl Snapshot {
    fn is_finite(&self, py: Python) -> bool {
        match &self.0 {
            AnySnapshot::Single(snapshot) => py.detach(|| snapshot.is_finite()),
            AnySnapshot::Double(snapshot) => py.detach(|| snapshot.is_finite()),
        }
    }
}

#[pymethods]
impl Network {
    #[new]
    #[pyo3(signature = (
        sizes, activations, cost, dtype, options=None, input_scale=false, embeddings=None
    ))]
    #[allow(clippy::too_many_arguments)] // as the twin
    fn new(
        mut sizes: Vec<usize>,
        activations: Vec<Bound<PyAny>>,
        cost: &Bound<PyAny>,
        dtype: &str,
        options: Option<Vec<LayerOptions>>,
        input_scale: bool,
        embeddings: Option<Vec<(usize, String, Vec<f64>)>>,
    ) -> PyResult<Self> {
        let features = sizes.first().copied().unwrap_or_default();
        if let (Some(given), Some(first)) = (&embeddings, sizes.first_mut()) {
            *first = Embeddings::<f64>::new(features, given)?.n_out();
        }
        let own: Vec<_> =
            activations.iter().map(CustomFunction::from_object).collect::<PyResult<_>>()?;
        let row = |given: &Bound<PyAny>| match CustomFunction::from_object(given)? {
            None => Ok(Activation::from_text(given.extract()?)?),
            Some(_) => PyResult::Ok(Activation::Identity),
        };
        let activations: Vec<Activation> = activations.iter().map(row).collect::<PyResult<_>>()?;
        let custom_cost = CustomFunction::from_object(cost)?;
        let cost =
            if custom_cost.is_none() { Cost::from_text(cost.extract()?)? } else { PLAIN_COST };
        let mut network = match dtype {
            "float32" => {
                AnyNetwork::Single(new_network(&sizes, &activations, own, cost, custom_cost)?)
            }
            "float64" => {
                AnyNetwork::Double(new_network(&sizes, &activations, own, cost, custom_cost)?)
            }
            _ => {
                let message = format!("dtype must be float32 or float64; got '{dtype}'");
                return Err(PyValueError::new_err(message));
            }
        };
        if let Some(options) = options {
            let options: Vec<Options> = options.iter().map(Options::from).collect();
            with!(&mut network, net => net.set_options(&options))?;
        }
        if let Some(given) = embeddings {
            with!(&mut network, net => net.set_embeddings(Embeddings::new(features, &given)?))?;
        }
        if input_scale {
            with!(&mut network, net => net.set_input_scale(true))?;
        }
        let properties = with!(&network, net => Properties {
            sizes: net.sizes(),
            activations: net.activation_names(),
            cost: net.cost_name(),
            dtype: match &network { AnyNetwork::Single(_) => f32::NAME, AnyNetwork::Double(_) => f64::NAME },
        });
        Ok(Self { lock: FairLock::new(network), properties })
    }

    #[getter]
    fn sizes(&self) -> Vec<usize> {
        self.properties.sizes.clone()
    }

    #[getter]
    fn activations(&self) -> Vec<String> {
        self.properties.activations.clone()
    }

    #[getter]
    fn cost(&self) -> &str {
        &self.properties.cost
    }

    #[getter]
    fn dtype(&self) -> &'static str {
        self.properties.dtype
    }

    fn initialize(&self, py: Python, init: &str, seed: u64) -> PyResult<()> {
        with!(&mut *self.write(py)?, net => Ok(without_gil(py, || net.initialize(init, seed))??))
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

    fn gains<'py>(&self, py: Python<'py>) -> PyResult<NormArrays<'py>> {
        Ok(with!(&*self.read(py)?, net => norm_vectors(py, net.gains()?)))
    }

    fn shifts<'py>(&self, py: Python<'py>) -> PyResult<NormArrays<'py>> {
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

    fn alphas<'py>(&self, py: Python<'py>) -> PyResult<NormArrays<'py>> {
        Ok(with!(&*self.read(py)?, net => norm_vectors(py, net.alphas()?)))
    }

    fn set_alphas(&self, py: Python, alphas: Vec<Option<Bound<'_, PyAny>>>) -> PyResult<()> {
        with!(&mut *self.write(py)?, net => {
            for (l, alphas) in alphas.iter().enumerate() {
                if let Some(alphas) = alphas {
                    net.set_alphas(l, alphas.extract::<PyReadonlyArray1<_>>()?.as_array())?;
                }
            }
            Ok(())
        })
    }

    fn scales<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(with!(&*self.read(py)?, net => net.scales()?.map(|scales| vector(py, scales))))
    }

    fn set_scales(&self, py: Python, scales: &Bound<'_, PyAny>) -> PyResult<()> {
        with!(&mut *self.write(py)?, net => {
            Ok(net.set_scales(scales.extract::<PyReadonlyArray1<_>>()?.as_array())?)
        })
    }

    fn embeddings<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        with!(&*self.read(py)?, net => {
            Ok(net.embedding_parameters()?.map(|parameters| vector(py, parameters)))
        })
    }

    fn set_embeddings(&self, py: Python, embeddings: &Bound<'_, PyAny>) -> PyResult<()> {
        with!(&mut *self.write(py)?, net => {
            let given = embeddings.extract::<PyReadonlyArray1<_>>()?;
            Ok(net.set_embedding_parameters(given.as_array())?)
        })
    }

    fn set_optimizer(&self, py: Python, rule: &str) -> PyResult<()> {
        let rule = Rule::from_text(rule)?;
        Ok(with!(&mut *self.write(py)?, net => net.set_optimizer(rule))?)
    }

    /// Return the output activations, or None if `X` or `out` is not an array that the core
    /// supports.
    #[pyo3(signature = (X, out=None))]
    #[allow(non_snake_case)]
    fn predict<'py>(
        &self,
        X: &Bound<'py, PyAny>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let mut failure = None;
        with!(&*self.read(X.py())?, net => {
            let result = predict::predict(net, X, out, &mut failure);
            unless_raised(net, failure.map_or(Ok(result), Err))?
        })
    }

    #[allow(non_snake_case)]
    fn activations_of<'py>(&self, py: Python<'py>, X: &Bound<'py, PyAny>) -> PyResult<Arrays<'py>> {
        with!(&*self.read(py)?, net => {
            let x: PyReadonlyArray2<_> = to_read(X)?;
            let x = x.as_array();
            check_shape("X", &[x.nrows(), net.n_in()], x.shape())?;
            let activations = unless_raised(net, without_gil(py, || net.activations_of(x)))???;
            Ok(matrices(py, activations))
        })
    }

    /// Return the inputs of the first layer before their factors.
    #[allow(non_snake_case)]
    fn embedded<'py>(&self, py: Python<'py>, X: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        with!(&*self.read(py)?, net => {
            let x: PyReadonlyArray2<_> = to_read(X)?;
            let x = x.as_array();
            check_shape("X", &[x.nrows(), net.n_in()], x.shape())?;
            let embedded = unless_raised(net, without_gil(py, || net.embedded(x)))???;
            Ok(matrix(py, embedded))
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
                alpha_gradients,
                embedded_inputs,
                scaled_inputs,
                input_deltas,
                scale_gradients,
                embedding_gradients,
            } = unless_raised(net, without_gil(py, || net.backward(&samples)))???;
            let [z, a, delta, grad_w] =
                [weighted_inputs, activations, deltas, weight_gradients].map(|list| matrices(py, list));
            let [gains, shifts, alphas] = [gain_gradients, shift_gradients, alpha_gradients]
                .map(|list| norm_vectors(py, list));
            let [embedded, scaled, input_deltas] = [embedded_inputs, scaled_inputs, input_deltas]
                .map(|given| given.map(|array| matrix(py, array)));
            let [scales, of_embeddings] = [scale_gradients, embedding_gradients]
                .map(|given| given.map(|array| vector(py, array)));
            let b = vectors(py, bias_gradients);
            let inputs = (embedded, scaled, input_deltas, scales, of_embeddings);
            Ok((cost, z, a, delta, grad_w, b, gains, shifts, alphas, inputs))
        })
    }

    /// Return C, ∂C/∂W, ∂C/∂b, ∂C/∂gain, ∂C/∂shift, ∂C/∂alpha, ∂C/∂scale and the gradient of the embeddings.
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
            let trace = unless_raised(net, without_gil(py, || net.gradient(&samples)))???;
            let (w, b) = (matrices(py, trace.weight_gradients), vectors(py, trace.bias_gradients));
            let [gains, shifts, alphas] =
                [trace.gain_gradients, trace.shift_gradients, trace.alpha_gradients]
                    .map(|list| norm_vectors(py, list));
            let [scales, embeddings] = [trace.scale_gradients, trace.embedding_gradients]
                .map(|given| given.map(|array| vector(py, array)));
            Ok((trace.cost, w, b, gains, shifts, alphas, scales, embeddings))
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
            let costs = unless_raised(net, without_gil(py, || net.costs(&samples)))???;
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
            Ok(unless_raised(net, without_gil(py, || net.mean_cost(&samples)))???)
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
            // A handler that ran during this call could not use the network: `train` makes long
            // steps.
            let cost = py.detach(|| net.step(&samples, learning_rate));
            Ok(unless_raised(net, cost)??)
        })
    }

    /// Train from a position (epoch, step, cost_sum, weight_sum) on. Return the costs of the
    /// completed epochs, the position, and the reason: done, time, nonfinite, interrupted (by
    /// `interrupted` of the settings), or the exception of a signal handler or of a custom
    /// function.
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
        let interrupted = || interrupts::interrupted(asked, &signal);
        let outcome = with!(&mut *self.write(py)?, net => {
            let batch = Batch::new(X, y, sample_weight)?;
            let samples = batch.samples(net)?;
            let factors = settings.factors(net.sizes().len() - 1)?;
            let settings = settings.settings(samples.len(), factors.as_deref(), &interrupted)?;
            if settings.window.is_some_and(|window| window.first_step > step) {
                return Err(PyValueError::new_err("position must not lie before the window"));
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

    /// Return the length of the summed gradient of each layer.
    fn sum_lengths(&self, py: Python) -> PyResult<Vec<usize>> {
        Ok(with!(&*self.read(py)?, net => net.sum_lengths()))
    }

    /// Return the sums of costs and of weights of consecutive parts of the samples; `ready(layer,
    /// sums)` gets those of the gradient, one row for each part, as soon as a layer is done, the
    /// last layer first. `position` is (epoch, step), in an epoch of `steps` steps.
    #[allow(non_snake_case, clippy::too_many_arguments)]
    #[pyo3(signature = (X, y, settings, position, steps, parts, ready, sample_weight=None))]
    fn sum_gradient(
        &self,
        py: Python,
        X: &Bound<PyAny>,
        y: &Bound<PyAny>,
        settings: Training,
        position: (u64, usize),
        steps: usize,
        parts: Vec<usize>,
        ready: Py<PyAny>,
        sample_weight: Option<&Bound<PyAny>>,
    ) -> PyResult<Vec<(f64, f64)>> {
        let mut failed = None;
        let (epoch, step) = position;
        let at = Position { epoch, step, ..Position::default() };
        let sums = with!(&mut *self.write(py)?, net => {
            let batch = Batch::new(X, y, sample_weight)?;
            let samples = batch.samples(net)?;
            let factors = settings.factors(net.sizes().len() - 1)?;
            let settings = settings.settings(samples.len(), factors.as_deref(), &|| false)?;
            let rows = parts.iter().try_fold(0_usize, |sum, rows| sum.checked_add(*rows));
            if parts.contains(&0) || rows.is_none_or(|rows| rows > samples.len()) {
                let message = "parts must be rows of X, at least 1 each; got others";
                return Err(PyValueError::new_err(message));
            }
            let lengths = net.sum_lengths();
            let rows = lengths.iter().map(|n| memory::with_capacity(n * parts.len()));
            let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
            let sums = py.detach(|| net.sum_gradient(&samples, &settings, (&at, steps), &parts, |part, l, sum| {
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

    /// Update by the sums over all samples of a step, (cost, weight, samples), and those of the
    /// gradient of each layer. Return the sums of costs and weights, or None if they are not finite
    /// and no update was made.
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
            let factors = settings.factors(net.sizes().len() - 1)?;
            let settings = settings.settings(rows, factors.as_deref(), &|| false)?;
            let sum = Sum { cost, weight };
            let outcome = py.detach(|| net.apply_gradient(&slices, sum, rows, &settings, at, steps))?;
            Ok(outcome.ok().map(|Sum { cost, weight }| (cost, weight)))
        })
    }

    /// Return the state of the training besides its settings and data.
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

    /// Copy the state for `go_back` of this network; None if `interrupted` says that it is no
    /// longer needed.
    #[pyo3(signature = (interrupted=None))]
    fn snapshot(&self, py: Python, interrupted: Option<Py<PyAny>>) -> PyResult<Option<Snapshot>> {
        let signal = Mutex::new(None);
        let should_stop = || interrupts::interrupted(interrupted.as_ref(), &signal);
        let snapshot = match &*self.read(py)? {
            AnyNetwork::Single(net) => {
                py.detach(|| net.snapshot(&should_stop))?.map(AnySnapshot::Single)
            }
            AnyNetwork::Double(net) => {
                py.detach(|| net.snapshot(&should_stop))?.map(AnySnapshot::Double)
            }
        };
        match signal.into_inner().unwrap() {
            Some(error) => Err(error),
            None => Ok(snapshot.map(Snapshot)),
        }
    }

    /// Restore a snapshot of this network.
    fn go_back(&self, py: Python, snapshot: &Bound<Snapshot>) -> PyResult<()> {
        match (&mut *self.write(py)?, &snapshot.get().0) {
            (AnyNetwork::Single(net), AnySnapshot::Single(snapshot)) => {
                py.detach(|| net.restore(snapshot))?
            }
            (AnyNetwork::Double(net), AnySnapshot::Double(snapshot)) => {
                py.detach(|| net.restore(snapshot))?
            }
            _ => return Err(Error::State { name: "snapshot".into() }.into()),
        }
        Ok(())
    }

    /// Restore what `state` returned for a network and an optimizer like these.
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
    /// Lock the network to read.
    fn read(&self, py: Python) -> PyResult<ReadGuard<'_, AnyNetwork>> {
        self.lock.read(py)
    }

    /// Lock the network to read and write.
    fn write(&self, py: Python) -> PyResult<WriteGuard<'_, AnyNetwork>> {
        self.lock.write(py)
    }
}
