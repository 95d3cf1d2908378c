//! Custom activations and costs.
//!
//! They act on blocks of whole rows between the fused kernels of a layer, which then ends with z
//! and starts again with a. A failure of a function ends the pass, before any update.

use std::error::Error as StdError;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use ndarray::{Array, Array1, Array2, ArrayView2, Dimension};

use crate::error::check_shape;
use crate::machine::kernel::{Buffer, Panels};
use crate::machine::pool::Share;
use crate::machine::real::Real;
use crate::tables::activation::softmax_prime;

/// The error of a function.
pub type Failure = Box<dyn StdError + Send + Sync>;

/// σ and σ' on blocks of rows, `(rows, n)`.
///
/// Both must be elementwise; a batch may be passed in several blocks.
pub trait CustomActivation<T>: Send + Sync {
    /// Return the name.
    fn name(&self) -> &str;

    /// Compute a = σ(z).
    fn sigma(&self, z: ArrayView2<T>) -> Result<Array2<T>, Failure>;

    /// Compute σ'(z, a), the derivative ∂a/∂z.
    fn sigma_prime(&self, z: ArrayView2<T>, a: ArrayView2<T>) -> Result<Array2<T>, Failure>;
}

/// C_i and ∂C/∂a of blocks of rows; the rows are independent.
pub trait CustomCost<T>: Send + Sync {
    /// Return the name.
    fn name(&self) -> &str;

    /// Compute C_i, `(rows,)`.
    fn costs(&self, a: ArrayView2<T>, y: ArrayView2<T>) -> Result<Array1<T>, Failure>;

    /// Compute ∂C_i/∂a, `(rows, n_L)`.
    fn slope(&self, a: ArrayView2<T>, y: ArrayView2<T>) -> Result<Array2<T>, Failure>;
}

/// The first failure since the last call of `take`.
#[derive(Default)]
pub(crate) struct Failures {
    met: AtomicBool,
    first: Mutex<Option<Failure>>,
}

impl Failures {
    pub fn any(&self) -> bool {
        self.met.load(Relaxed)
    }

    pub fn take(&self) -> Option<Failure> {
        self.met.store(false, Relaxed);
        self.first.lock().unwrap().take()
    }

    /// Record a failure; the first one counts.
    #[cold]
    pub fn record(&self, failure: impl Into<Failure>) {
        self.first.lock().unwrap().get_or_insert(failure.into());
        self.met.store(true, Relaxed);
    }

    /// Return the computed array, or record its failure or wrong shape.
    fn checked<T, D: Dimension>(
        &self,
        computed: Result<Array<T, D>, Failure>,
        what: &'static str,
        shape: &[usize],
    ) -> Option<Array<T, D>> {
        let checked = computed.and_then(|array| {
            check_shape(what, shape, array.shape())?;
            Ok(array)
        });
        checked.map_err(|failure| self.record(failure)).ok()
    }
}

/// A function, and the place for its failures.
pub(crate) struct Custom<F: ?Sized> {
    pub function: Box<F>,
    pub failures: Arc<Failures>,
}

impl<T: Real> Custom<dyn CustomActivation<T>> {
    /// Compute a = σ(z) for the rows of one share.
    pub fn sigma(&self, z: &Panels<T>, a: &Panels<T>, rows: &Share) {
        if self.failures.any() {
            return;
        }
        let computed = self.function.sigma(block(z, rows).view());
        let shape = [rows.len(), a.n];
        if let Some(values) = self.failures.checked(computed, "a of a custom activation", &shape) {
            put(&values, a, rows);
        }
    }

    /// Compute δ ⊙ σ'(z, a) for the rows of one share.
    pub fn slope(&self, z: &Panels<T>, a: &Panels<T>, delta: &Panels<T>, rows: &Share) {
        if self.failures.any() {
            return;
        }
        let computed = self.function.sigma_prime(block(z, rows).view(), block(a, rows).view());
        let (what, shape) = ("the derivative of a custom activation", [rows.len(), delta.n]);
        if let Some(slope) = self.failures.checked(computed, what, &shape) {
            put(&(block(delta, rows) * slope), delta, rows);
        }
    }
}

impl<T: Real> Custom<dyn CustomCost<T>> {
    /// Compute C_i, and ∂C/∂a in the place of δ, for the rows of one share; after softmax δ itself.
    pub fn output(
        &self,
        [a, y, delta]: [&Panels<T>; 3],
        costs: &Buffer<T>,
        softmax: bool,
        rows: &Share,
    ) {
        if self.failures.any() {
            return;
        }
        let (a, y) = (block(a, rows), block(y, rows));
        let computed = self.function.costs(a.view(), y.view());
        let values = self.failures.checked(computed, "a custom cost", &[rows.len()]);
        let Some(values) = values else { return };
        // SAFETY: this worker's rows.
        let to = unsafe { costs.slice_mut_unchecked(rows.start(), rows.len()) };
        to.iter_mut().zip(&values).for_each(|(to, cost)| *to = *cost);
        let (what, shape) = ("the derivative of a custom cost", [rows.len(), delta.n]);
        let slope = self.failures.checked(self.function.slope(a.view(), y.view()), what, &shape);
        let Some(slope) = slope else { return };
        let mut slope = slope.as_standard_layout().into_owned();
        if softmax {
            for (a, mut slope) in a.rows().into_iter().zip(slope.rows_mut()) {
                let a = a.to_slice().expect("standard layout").as_chunks::<1>().0;
                let slope = slope.as_slice_mut().expect("standard layout");
                softmax_prime(a, slope.as_chunks_mut().0);
            }
        }
        put(&slope, delta, rows);
    }
}

/// Return some rows as an array.
fn block<T: Real>(panels: &Panels<T>, rows: &Share) -> Array2<T> {
    let mut block = Array2::from_elem((rows.len(), panels.n), T::ZERO);
    for (row, mut to) in rows.range().zip(block.rows_mut()) {
        panels.copy_row(row, to.as_slice_mut().expect("standard layout"));
    }
    block
}

/// Write rows back to their panels.
fn put<T: Real>(block: &Array2<T>, panels: &Panels<T>, rows: &Share) {
    let block = block.as_standard_layout();
    for (row, from) in rows.range().zip(block.rows()) {
        // SAFETY: a row that this worker owns.
        unsafe { panels.put_row(row, from.to_slice().expect("standard layout")) };
    }
}
