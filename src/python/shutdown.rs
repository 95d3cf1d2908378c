//! The end of the interpreter while threads are still in the core.
//!
//! Before Python 3.14, a thread that runs Python code while the interpreter ends is unwound as by
//! `pthread_exit`, which must not unwind the frames of the core. So no thread may enter then.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst, fence};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::machine::pool;

/// The thread that ends the interpreter, after the end has begun.
static ENDING: OnceLock<ThreadId> = OnceLock::new();

/// Threads that run Python code from within the core.
static ATTACHED: AtomicUsize = AtomicUsize::new(0);

/// The longest time that the end of the interpreter waits for them.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Return true if the interpreter has begun to end.
pub fn is_shutting_down() -> bool {
    ENDING.get().is_some()
}

/// Run `work` with the interpreter; None if it is gone.
///
/// Threads that outlive the interpreter do not return from here.
pub fn attached<R>(work: impl FnOnce(Python) -> R) -> Option<R> {
    let guard = AttachedGuard::new();
    if ENDING.get().is_some_and(|main| *main != pool::caller()) {
        drop(guard);
        loop {
            thread::park();
        }
    }
    Python::try_attach(work)
}

struct AttachedGuard;

impl AttachedGuard {
    fn new() -> Self {
        ATTACHED.fetch_add(1, SeqCst);
        fence(SeqCst); // either `begin_shutdown` sees this thread, or this thread sees the end
        Self
    }
}

impl Drop for AttachedGuard {
    fn drop(&mut self) {
        ATTACHED.fetch_sub(1, SeqCst);
    }
}

/// Let no other thread run Python code from within the core; for `atexit`.
#[pyfunction]
fn begin_shutdown(py: Python) {
    if ENDING.set(thread::current().id()).is_err() {
        return;
    }
    fence(SeqCst);
    pool::set_threads(1); // helpers could no longer attach to the interpreter
    py.detach(|| {
        let begun = Instant::now();
        while ATTACHED.load(SeqCst) > 0 && begun.elapsed() < MAX_WAIT {
            thread::sleep(Duration::from_millis(1));
        }
    });
}

/// Register [`begin_shutdown`] to be called when the interpreter ends.
pub fn register(module: &Bound<PyModule>) -> PyResult<()> {
    let begin_shutdown = wrap_pyfunction!(begin_shutdown, module)?;
    module.py().import("atexit")?.call_method1("register", (begin_shutdown,))?;
    Ok(())
}
