//! The fused micro-kernels, and the memory that they work on.
//!
//! All matrices lie in **panels**: columns in groups as wide as a cache line, each group stored row
//! after row. A product reads a panel of weights in order, and a gradient writes it in order. A
//! panel of activations feeds the next layer as it is, so nothing is packed between two layers.
//!
//! Every element of a product is one chain of fused multiply-adds in ascending k, whatever the
//! tile, the lane width or the blocking: a blocked k stores its sums and loads them again. A sum
//! over the rows of a batch is a pairwise tree over shards of [`SHARD`] rows, each shard one
//! ascending chain. That is why the bits do not depend on threads or instruction sets.
//!
//! The kernels are plain Rust on small arrays, compiled once for each instruction set by
//! [`Isa::run`]. They need `unsafe` because the workers of one step write disjoint parts of shared
//! buffers, which slices cannot express. The parts come from
//! [`Share`](crate::machine::pool::Share), which gives every row and every tile to one worker only.

mod buffer;
mod isa;
mod outer;
mod panels;
mod peak;
mod product;
mod tile;

pub use buffer::Buffer;
pub use isa::{Isa, Kernel, Portable, Simd};
pub use outer::{Outer, Sums};
pub use panels::{Packed, Panels, Rows, transpose};
pub use peak::fma_rate;
pub use product::Product;
pub use tile::{LINE_MAX, PANELS_MAX, SHARD, first, map_line};
pub(crate) use tile::{unroll, with_line, with_narrow_width, with_width};

#[cfg(all(test, not(mutants)))] // mutants change nothing here, so they need not run these
mod tests;
