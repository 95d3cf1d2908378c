//! The time, in seconds since some moment.

#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub fn seconds() -> f64 {
    #[link(wasm_import_module = "page")]
    unsafe extern "C" {
        /// `performance.now()`, in milliseconds.
        safe fn now() -> f64;
    }
    now() / 1000.0
}

#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub fn seconds() -> f64 {
    use std::sync::OnceLock;
    use std::time::Instant;
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_secs_f64()
}
