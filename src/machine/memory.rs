//! Memory of a size that the caller controls: if the system refuses it, that is an [`Error`].

use std::alloc::{Layout, alloc_zeroed};

use crate::error::Error;
use crate::machine::real::Real;

/// Return `length` zeros, or an error if the system has no memory for them.
pub fn zeros<T: Real>(length: usize) -> Result<Vec<T>, Error> {
    let refused = Error::Memory { bytes: length.saturating_mul(size_of::<T>()) };
    let Ok(layout) = Layout::array::<T>(length) else { return Err(refused) };
    if layout.size() == 0 {
        return Ok(Vec::new());
    }
    // SAFETY: the layout is not empty. The zeros come from the system, which writes them on first
    // use.
    let start = unsafe { alloc_zeroed(layout) }.cast::<T>();
    if start.is_null() {
        return Err(refused);
    }
    // SAFETY: this allocator has just returned memory for `length` numbers, and zero bytes are the
    // number 0.
    Ok(unsafe { Vec::from_raw_parts(start, length, length) })
}

/// Return an empty vector with memory for `length` items.
pub fn with_capacity<V>(length: usize) -> Result<Vec<V>, Error> {
    let mut items = Vec::new();
    reserve(&mut items, length)?;
    Ok(items)
}

/// Reserve memory for `more` items of a vector.
pub fn reserve<V>(items: &mut Vec<V>, more: usize) -> Result<(), Error> {
    let bytes = more.saturating_mul(size_of::<V>());
    items.try_reserve_exact(more).map_err(|_| Error::Memory { bytes })
}

/// Collect `length` items into memory that is reserved first.
pub fn collect<V>(items: impl Iterator<Item = V>, length: usize) -> Result<Vec<V>, Error> {
    let mut collected = with_capacity(length)?;
    collected.extend(items.take(length));
    Ok(collected)
}

/// Return a copy of these items.
pub fn copy<V: Copy>(items: &[V]) -> Result<Vec<V>, Error> {
    let mut copied = with_capacity(items.len())?;
    copied.extend_from_slice(items);
    Ok(copied)
}

#[cfg(test)]
mod tests {
    use std::hint::black_box;

    use super::*;

    #[test]
    fn zeros_are_zero_and_too_many_are_refused() {
        assert_eq!(zeros::<f64>(3).unwrap(), [0.0; 3]);
        assert!(zeros::<f32>(0).unwrap().is_empty());
        let max = usize::MAX;
        assert_eq!(zeros::<f32>(max).err(), Some(Error::Memory { bytes: max }));
        let bytes = max / 4;
        // The compiler removes an allocation that is not used, which then never fails.
        let refused = black_box(zeros::<f32>(bytes / 4));
        assert_eq!(refused.err(), Some(Error::Memory { bytes: bytes / 4 * 4 }));
    }

    #[test]
    fn items_are_collected_if_there_is_memory() {
        assert_eq!(collect(0.., 3).unwrap(), [0, 1, 2]);
        assert_eq!(copy(&[1, 2]).unwrap(), [1, 2]);
        assert!(collect(0_u64.., usize::MAX).is_err());
    }
}
