//! Ctrl-C during a long pass: the calling thread is asked whether to stop.

use std::cell::Cell;
use std::time::Duration;

use crate::machine::clock::Instant;

/// Time between two questions.
const ASK_EVERY: Duration = Duration::from_millis(30);

/// The function to ask.
type Ask = fn() -> bool;

thread_local! {
    static ASK: Cell<Option<Ask>> = const { Cell::new(None) };
    static ASKED: Cell<Option<Instant>> = const { Cell::new(None) };
    static INTERRUPTED: Cell<bool> = const { Cell::new(false) };
}

/// Run `work`, which stops early once `ask` returns true; its result is then undefined.
///
/// Calls may nest: `ask`, or a custom function, may call the core again.
pub fn with_interrupt_check<R>(ask: Ask, work: impl FnOnce() -> R) -> R {
    let _outer = Outer(ASK.replace(Some(ask)), ASKED.replace(None), INTERRUPTED.replace(false));
    work()
}

/// The state of a call, restored after a call within it.
struct Outer(Option<Ask>, Option<Instant>, bool);

impl Drop for Outer {
    fn drop(&mut self) {
        ASK.set(self.0);
        ASKED.set(self.1);
        INTERRUPTED.set(self.2);
    }
}

/// Return true if this thread should stop its work.
pub fn is_interrupted() -> bool {
    let Some(ask) = ASK.get() else { return false };
    if INTERRUPTED.get() {
        return true;
    }
    let now = Instant::now();
    let due = ASKED.get().is_none_or(|asked| now - asked >= ASK_EVERY);
    if due {
        ASKED.set(Some(now));
        INTERRUPTED.set(ask());
    }
    INTERRUPTED.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_continues_until_it_is_interrupted() {
        assert!(!is_interrupted());
        assert!(!with_interrupt_check(|| false, is_interrupted));
        let [first, second] =
            with_interrupt_check(|| true, || [is_interrupted(), is_interrupted()]);
        assert!(first && second);
        assert!(!is_interrupted());
    }

    #[test]
    fn nested_work_does_not_change_the_outer_state() {
        let both = with_interrupt_check(
            || true,
            || {
                let inner = with_interrupt_check(|| false, is_interrupted);
                [inner, is_interrupted()]
            },
        );
        assert_eq!(both, [false, true]);
        let both = with_interrupt_check(
            || false,
            || {
                let inner = with_interrupt_check(|| true, is_interrupted);
                [inner, is_interrupted()]
            },
        );
        assert_eq!(both, [true, false]);
        let panicked =
            std::panic::catch_unwind(|| with_interrupt_check(|| true, || panic!("as planned")));
        assert!(panicked.is_err() && !is_interrupted());
    }
}
