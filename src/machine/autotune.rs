//! Chooses the thread count of a step by timing both choices; operation counts do not predict it.
//!
//! The time that two threads need to synchronize, and to pass data from one core to the other,
//! differs between machines and with the load of a machine. The bits do not depend on threads, so a
//! training changes their number whenever the other number is faster.

use std::ops::Range;
use std::time::Duration;

/// Floating-point operations of a step for which both are timed: below, one thread is always
/// faster; above, all threads are.
pub const TIMED_WORK: Range<usize> = 300_000..30_000_000;

/// The duration of a trial, and of the warm-up before it, which is not counted: the first steps on
/// another number of threads meet cold caches and sleeping threads and processors.
const TRIAL: Duration = Duration::from_millis(1);

/// The trials at the beginning.
const INITIAL_TRIALS: usize = 2;

/// The time for which the faster number is kept before the other one is tried again.
const KEEP_TIME: Duration = Duration::from_millis(100);

/// The timings of the steps of one network: tries both numbers, keeps the faster, tries again
/// later.
#[derive(Debug, Clone, Default)]
pub struct ThreadTuner {
    /// The rows of a batch and the number of all threads that the timings belong to.
    batch: (usize, usize),
    /// Seconds per step, on one thread and on all.
    seconds: [f64; 2],
    trials: usize,
    /// True if all threads are in use now, for at most `lasts`; `spent` and `steps` count so far.
    all: bool,
    /// True after the warm-up.
    warm: bool,
    lasts: Duration,
    spent: Duration,
    steps: usize,
}

impl ThreadTuner {
    /// Return true if the next steps use all threads, and for how long at most.
    pub fn next(&mut self, batch: (usize, usize)) -> (bool, Duration) {
        if self.batch != batch {
            *self = Self { batch, all: true, lasts: TRIAL, ..Self::default() };
        }
        (self.all, self.lasts - self.spent)
    }

    /// Record the time of some steps.
    pub fn note(&mut self, steps: usize, spent: Duration) {
        self.steps += steps;
        self.spent += spent;
        if self.spent < self.lasts || self.steps == 0 {
            self.spent = self.spent.min(self.lasts);
            return;
        }
        if !self.warm {
            (self.warm, self.spent, self.steps) = (true, Duration::ZERO, 0);
            return;
        }
        self.seconds[usize::from(self.all)] = self.spent.as_secs_f64() / self.steps as f64;
        self.trials += 1;
        let again = self.trials < INITIAL_TRIALS || self.lasts == KEEP_TIME;
        let faster = self.seconds[1] <= self.seconds[0];
        (self.all, self.lasts) = if again { (!self.all, TRIAL) } else { (faster, KEEP_TIME) };
        self.warm = !again;
        (self.spent, self.steps) = (Duration::ZERO, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Simulate a training whose steps take these times on one thread and on all, with at most
    /// `most` steps for each call; return the share of its time on all threads.
    fn share_of_all(seconds: [u64; 2], max_steps: u32) -> f64 {
        let (mut tuner, mut spent) = (ThreadTuner::default(), [0.0; 2]);
        for _ in 0..20_000 {
            let (all, piece) = tuner.next((200, 2));
            let step = Duration::from_micros(seconds[usize::from(all)]);
            let steps = (piece.as_micros().div_ceil(step.as_micros()) as u32).clamp(1, max_steps);
            tuner.note(steps as usize, step * steps);
            spent[usize::from(all)] += (step * steps).as_secs_f64();
        }
        spent[1] / (spent[0] + spent[1])
    }

    #[test]
    fn nearly_all_time_goes_to_the_faster_number() {
        for max_steps in [1, 7, 1000] {
            assert!(share_of_all([200, 110], max_steps) > 0.95);
            assert!(share_of_all([110, 200], max_steps) < 0.05);
        }
    }

    #[test]
    fn the_warm_up_after_a_change_is_not_counted() {
        let mut tuner = ThreadTuner::default();
        for (all, seconds) in [(true, 9), (true, 1), (false, 9), (false, 2)] {
            assert_eq!(tuner.next((200, 2)), (all, TRIAL));
            tuner.note(1, TRIAL * seconds);
        }
        assert_eq!(tuner.next((200, 2)), (true, KEEP_TIME));
    }

    #[test]
    fn another_batch_is_timed_again() {
        let mut tuner = ThreadTuner::default();
        for all in [true, true, false, false] {
            assert_eq!(tuner.next((200, 2)), (all, TRIAL));
            tuner.note(if all { 1 } else { 9 }, TRIAL);
        }
        assert_eq!(tuner.next((200, 2)), (false, KEEP_TIME));
        assert_eq!(tuner.next((100, 2)), (true, TRIAL));
    }
}
