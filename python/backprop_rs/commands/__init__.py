"""What the commands of `backprop-rs` do; `cli` holds their options."""
