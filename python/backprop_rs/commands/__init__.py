"""The commands of `backprop-rs`; `cli` parses their options."""
