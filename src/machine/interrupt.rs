//! Ctrl-C during a long pass: the calling thread is asked whether to stop.

use std::cell::Cell;
use std::time::{Duration, Instant};

/// Time between two questions.
const ASK_EVERY: Duration = Duration::from_millis(30);

/// The function to ask.
type Ask = fn() -> bool;

thread_local! {
    static ASK: Cell<Option<Ask>> = const { Cell::new(None) };
    static ASKED: Cell<Option<Instant>> = const { Cell::new(None) };
    static GIVEN_UP: Cell<bool> = const { Cell::new(false) };
}

/// Run `work`, which stops early once `ask` returns true; its result is then undefined.
///
/// Calls may nest: `ask`, or a custom function, may call the core again.
pub fn asking<R>(ask: Ask, work: impl FnOnce() -> R) -> R {
    let _outer = Outer(ASK.replace(Some(ask)), ASKED.replace(None), GIVEN_UP.replace(false));
    work()
}

/// The state of a call, restored after a call within it.
struct Outer(Option<Ask>, Option<Instant>, bool);

impl Drop for Outer {
    fn drop(&mut self) {
        ASK.set(self.0);
        ASKED.set(self.1);
        GIVEN_UP.set(self.2);
    }
}

/// Return true if this thread should stop its work.
pub fn given_up() -> bool {
    let Some(ask) = ASK.get() else { return false };
    if GIVEN_UP.get() {
        return true;
    }
    let now = Instant::now();
    let due = ASKED.get().is_none_or(|asked| now - asked >= ASK_EVERY);
    if due {
        ASKED.set(Some(now));
        GIVEN_UP.set(ask());
    }
    GIVEN_UP.get()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_goes_on_until_it_is_given_up() {
        assert!(!given_up());
        assert!(!asking(|| false, given_up));
        let [first, second] = asking(|| true, || [given_up(), given_up()]);
        assert!(first && second);
        assert!(!given_up());
    }

    #[test]
    fn work_within_work_leaves_the_outer_as_it_was() {
        let both = asking(
            || true,
            || {
                let inner = asking(|| false, given_up);
                [inner, given_up()]
            },
        );
        assert_eq!(both, [false, true]);
        let both = asking(
            || false,
            || {
                let inner = asking(|| true, given_up);
                [inner, given_up()]
            },
        );
        assert_eq!(both, [true, false]);
        let panicked = std::panic::catch_unwind(|| asking(|| true, || panic!("as planned")));
        assert!(panicked.is_err() && !given_up());
    }
}
