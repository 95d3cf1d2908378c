//! The clock of the machine, or one that a program without a clock is given.
//!
//! WebAssembly without an operating system has no clock of its own, and `std::time::Instant` panics
//! there.

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub use std::time::Instant;

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub use given::{Instant, set_clock};

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
mod given {
    use std::ops::Sub;
    use std::sync::OnceLock;
    use std::time::Duration;

    static CLOCK: OnceLock<fn() -> f64> = OnceLock::new();

    /// Set the clock, which returns seconds, once; without it, no time passes.
    pub fn set_clock(seconds: fn() -> f64) {
        let _ = CLOCK.set(seconds); // the first one stays
    }

    /// A moment, as the time since the clock began.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub struct Instant(Duration);

    impl Instant {
        pub fn now() -> Self {
            let seconds = CLOCK.get().map_or(0.0, |clock| clock());
            Self(Duration::try_from_secs_f64(seconds).unwrap_or_default())
        }

        pub fn elapsed(&self) -> Duration {
            Self::now() - *self
        }
    }

    impl Sub for Instant {
        type Output = Duration;

        fn sub(self, earlier: Self) -> Duration {
            self.0.saturating_sub(earlier.0)
        }
    }
}
