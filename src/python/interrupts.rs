//! Signal handlers during a call, and the release of the interpreter's lock.

use std::cell::RefCell;
use std::sync::Mutex;

use pyo3::prelude::*;

use crate::machine::interrupt::with_interrupt_check;
use crate::python::shutdown::attached;

thread_local! {
    /// The exception of a signal handler during a call.
    static RAISED: RefCell<Option<PyErr>> = const { RefCell::new(None) };
}

/// Return true if Ctrl-C or the caller's function ends a call; their exception is stored in
/// `signal`.
pub fn interrupted(asked: Option<&Py<PyAny>>, signal: &Mutex<Option<PyErr>>) -> bool {
    let ask = |py: Python| -> PyResult<bool> {
        py.check_signals()?;
        asked.map_or(Ok(false), |asked| asked.bind(py).call0()?.is_truthy())
    };
    let (pending, is_interrupted) = match attached(ask) {
        Some(Ok(is_interrupted)) => (None, is_interrupted),
        Some(Err(error)) => (Some(error), true),
        None => (None, true),
    };
    *signal.lock().unwrap() = pending;
    is_interrupted
}

/// Run `work` without the interpreter's lock, until it is done or a signal handler raises.
pub fn without_gil<R: Send>(py: Python, work: impl FnOnce() -> R + Send) -> PyResult<R> {
    fn ask() -> bool {
        let raised = attached(|py| py.check_signals().err()).flatten();
        let is_interrupted = raised.is_some();
        RAISED.set(raised);
        is_interrupted
    }
    let of_outer_call = RAISED.take();
    let result = py.detach(|| with_interrupt_check(ask, work));
    RAISED.replace(of_outer_call).map_or(Ok(result), Err)
}
