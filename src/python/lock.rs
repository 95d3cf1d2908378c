//! A fair lock: calls use a network one after the other.
//!
//! A call that holds a network may run foreign code: signal handlers, finalizers and custom
//! functions. Such code may ask for the same network. It gets read access if the call only reads,
//! and an error otherwise, because waiting would be a deadlock.

use std::cell::Cell;
use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
};
use std::thread::ThreadId;
use std::time::Duration;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use crate::machine::pool;
use crate::python::shutdown::is_shutting_down;

/// Time between two checks for signals of a waiting call.
const CHECK_INTERVAL: Duration = Duration::from_millis(30);

/// Checks after which a call no longer waits for threads that ended with the interpreter.
const CHECKS_AT_EXIT: usize = 30;

/// Nested calls of one thread that may read: a custom function that predicts with its own network
/// would otherwise recurse until the stack overflows.
const MAX_NESTED: usize = 8;

thread_local! {
    /// Calls of this thread that hold a network within another call that holds it.
    static NESTED: Cell<usize> = const { Cell::new(0) };
}

/// A value that threads use one after the other, in the order of their requests.
pub struct FairLock<T> {
    value: RwLock<T>,
    queue: Arc<Queue>,
}

/// The holder of the lock, and the calls that wait for it.
#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    holder: Option<ThreadId>,
    writes: bool,
    /// Nested calls of the holder.
    calls: usize,
    waiting: VecDeque<u64>,
    next_ticket: u64,
}

/// The threads that wait for a lock, to detect deadlocks.
static WAITING: Mutex<Vec<(ThreadId, Weak<Queue>)>> = Mutex::new(Vec::new());

impl<T> FairLock<T> {
    pub fn new(value: T) -> Self {
        Self { value: RwLock::new(value), queue: Arc::default() }
    }

    /// Wait for read access.
    pub fn read(&self, py: Python) -> PyResult<ReadGuard<'_, T>> {
        let turn = self.queue.take(py, false)?;
        let value = self.value.try_read();
        match value {
            Ok(value) => Ok(ReadGuard { value, _turn: turn }),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => {
                Ok(ReadGuard { value: poisoned.into_inner(), _turn: turn })
            }
            Err(std::sync::TryLockError::WouldBlock) => Err(in_use("read")),
        }
    }

    /// Wait for read and write access.
    pub fn write(&self, py: Python) -> PyResult<WriteGuard<'_, T>> {
        let turn = self.queue.take(py, true)?;
        let value = self.value.try_write();
        match value {
            Ok(value) => Ok(WriteGuard { value, _turn: turn }),
            // A panic of an earlier call leaves the parameters valid.
            Err(std::sync::TryLockError::Poisoned(poisoned)) => {
                Ok(WriteGuard { value: poisoned.into_inner(), _turn: turn })
            }
            Err(std::sync::TryLockError::WouldBlock) => Err(in_use("changed")),
        }
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(self: &Arc<Self>, py: Python, writes: bool) -> PyResult<Turn<'_>> {
        let me = pool::caller();
        let mut state = self.state();
        if state.holder == Some(me) {
            if state.writes || writes || NESTED.get() == MAX_NESTED {
                return Err(in_use(if writes { "changed" } else { "read" }));
            }
            state.calls += 1;
            NESTED.set(NESTED.get() + 1);
            return Ok(Turn { queue: self, nested: true });
        }
        if state.holder.is_some() || !state.waiting.is_empty() {
            drop(state);
            self.wait(py, me, writes)?;
        } else {
            state.begin(me, writes);
        }
        Ok(Turn { queue: self, nested: false })
    }

    /// Wait without the interpreter, which the holder may need, and check for signals meanwhile.
    fn wait(self: &Arc<Self>, py: Python, me: ThreadId, writes: bool) -> PyResult<()> {
        let mut state = self.state();
        let ticket = state.next_ticket;
        state.next_ticket += 1;
        state.waiting.push_back(ticket);
        drop(state);
        let mut checks = 0;
        while !py.detach(|| self.wait_for(ticket, me, writes)) {
            // A handler may request this network too: it must not wait behind this call.
            self.state().waiting.retain(|waiting| *waiting != ticket);
            self.ended.notify_all();
            py.check_signals()?;
            if self.would_deadlock(me) {
                return Err(in_use(if writes { "changed" } else { "read" }));
            }
            checks += 1;
            if is_shutting_down() && checks >= CHECKS_AT_EXIT {
                let sentence = "this network is in use by a thread that ended with the interpreter";
                return Err(PyRuntimeError::new_err(sentence));
            }
            self.state().waiting.push_front(ticket);
        }
        Ok(())
    }

    /// Acquire the lock if it becomes free before the next check for signals.
    fn wait_for(self: &Arc<Self>, ticket: u64, me: ThreadId, writes: bool) -> bool {
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push((me, Arc::downgrade(self)));
        drop(waiting);
        let others = |state: &mut State| {
            state.holder.is_some() || state.waiting.front().is_some_and(|first| *first != ticket)
        };
        let waited = self.ended.wait_timeout_while(self.state(), CHECK_INTERVAL, others);
        let (mut state, late) = waited.unwrap_or_else(PoisonError::into_inner);
        let taken = !late.timed_out();
        if taken {
            state.waiting.pop_front();
            state.begin(me, writes);
        }
        drop(state);
        let mut waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        let is_mine = |entry: &(ThreadId, Weak<Queue>)| {
            entry.0 == me && std::ptr::eq(entry.1.as_ptr(), Arc::as_ptr(self))
        };
        if let Some(place) = waiting.iter().position(is_mine) {
            waiting.swap_remove(place);
        }
        taken
    }

    /// Return true if the holder waits, directly or through others, for a network that `me` holds.
    fn would_deadlock(&self, me: ThreadId) -> bool {
        let waiting = WAITING.lock().unwrap_or_else(PoisonError::into_inner);
        let mut holder = self.state().holder;
        for _ in 0..=waiting.len() {
            let Some(other) = holder else { return false };
            if other == me {
                return true;
            }
            let next = waiting.iter().find(|entry| entry.0 == other);
            let Some(queue) = next.and_then(|entry| entry.1.upgrade()) else { return false };
            holder = queue.state().holder;
        }
        false
    }
}

impl State {
    fn begin(&mut self, me: ThreadId, writes: bool) {
        (self.holder, self.writes, self.calls) = (Some(me), writes, 1);
    }
}

/// One hold of the lock; dropping it releases the lock.
struct Turn<'a> {
    queue: &'a Queue,
    nested: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let mut state = self.queue.state();
        state.calls -= 1;
        if state.calls == 0 {
            state.holder = None;
            // Waiting calls have a ticket; notifying nobody would still be a system call.
            if !state.waiting.is_empty() {
                self.queue.ended.notify_all();
            }
        }
        if self.nested {
            NESTED.set(NESTED.get() - 1);
        }
    }
}

/// The value to read; the fields are dropped in this order.
pub struct ReadGuard<'a, T> {
    value: RwLockReadGuard<'a, T>,
    _turn: Turn<'a>,
}

impl<T> Deref for ReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// The value to read and write; the fields are dropped in this order.
pub struct WriteGuard<'a, T> {
    value: RwLockWriteGuard<'a, T>,
    _turn: Turn<'a>,
}

impl<T> Deref for WriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for WriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

/// Return the error for foreign code within a call; `_internal/locked.py` has the same sentence.
fn in_use(what: &str) -> PyErr {
    PyRuntimeError::new_err(format!(
        "this network must not be {what} here: the call that runs this signal handler, finalizer \
         or function is using it; its sizes and names can be read"
    ))
}
