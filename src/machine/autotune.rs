//! How many threads a step is worth: tried out, as no count of its operations can tell.
//!
//! How long two threads take to meet, and to hand over what one has written and the other reads,
//! differs from machine to machine, and on one machine with what else runs there. The bits do not
//! depend on threads, so a training changes their number whenever the other number is faster.

use std::ops::Range;
use std::time::Duration;

/// Floating-point operations of a step for which both are tried: with fewer, one thread is always
/// faster, and with more, all are.
pub const TRIED_WORK: Range<usize> = 300_000..30_000_000;

/// How long a try takes, and before it what counts for nothing: the first steps on another number of
/// threads find cold caches, and threads and processors that sleep.
const TRY: Duration = Duration::from_millis(1);

/// How many tries come first.
const FIRST_TRIES: usize = 2;

/// How long the faster number is kept before the other one is tried again.
const KEEP: Duration = Duration::from_millis(100);

/// What is known of the steps of one network: it tries, keeps the faster, tries the other again.
#[derive(Debug, Clone, Default)]
pub struct ThreadTuner {
    /// The rows of a batch and the number of all threads that it is known for.
    of: (usize, usize),
    /// Seconds a step, on one thread and on all.
    took: [f64; 2],
    tries: usize,
    /// Whether all threads are at work at present, for how long, and what they have done.
    all: bool,
    /// Whether what they do counts.
    warm: bool,
    lasts: Duration,
    spent: Duration,
    steps: usize,
}

impl ThreadTuner {
    /// Whether the next steps are for all threads, and for how long at most.
    pub fn next(&mut self, of: (usize, usize)) -> (bool, Duration) {
        if self.of != of {
            *self = Self { of, all: true, lasts: TRY, ..Self::default() };
        }
        (self.all, self.lasts - self.spent)
    }

    /// Takes note of some steps.
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
        self.took[usize::from(self.all)] = self.spent.as_secs_f64() / self.steps as f64;
        self.tries += 1;
        let again = self.tries < FIRST_TRIES || self.lasts == KEEP;
        let faster = self.took[1] <= self.took[0];
        (self.all, self.lasts) = if again { (!self.all, TRY) } else { (faster, KEEP) };
        self.warm = !again;
        (self.spent, self.steps) = (Duration::ZERO, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Calls of a training whose steps take so long on one thread and on all: the share of its time
    /// that it spends on all, where a call makes no more than so many steps.
    fn share_of_all(took: [u64; 2], most: u32) -> f64 {
        let (mut pace, mut spent) = (ThreadTuner::default(), [0.0; 2]);
        for _ in 0..20_000 {
            let (all, piece) = pace.next((200, 2));
            let step = Duration::from_micros(took[usize::from(all)]);
            let steps = (piece.as_micros().div_ceil(step.as_micros()) as u32).clamp(1, most);
            pace.note(steps as usize, step * steps);
            spent[usize::from(all)] += (step * steps).as_secs_f64();
        }
        spent[1] / (spent[0] + spent[1])
    }

    #[test]
    fn nearly_all_time_goes_to_the_faster_number() {
        for most in [1, 7, 1000] {
            assert!(share_of_all([200, 110], most) > 0.95);
            assert!(share_of_all([110, 200], most) < 0.05);
        }
    }

    #[test]
    fn what_comes_first_on_another_number_counts_for_nothing() {
        let mut pace = ThreadTuner::default();
        for (all, took) in [(true, 9), (true, 1), (false, 9), (false, 2)] {
            assert_eq!(pace.next((200, 2)), (all, TRY));
            pace.note(1, TRY * took);
        }
        assert_eq!(pace.next((200, 2)), (true, KEEP));
    }

    #[test]
    fn another_batch_is_tried_anew() {
        let mut pace = ThreadTuner::default();
        for all in [true, true, false, false] {
            assert_eq!(pace.next((200, 2)), (all, TRY));
            pace.note(if all { 1 } else { 9 }, TRY);
        }
        assert_eq!(pace.next((200, 2)), (false, KEEP));
        assert_eq!(pace.next((100, 2)), (true, TRY));
    }
}
