"""`python -m backprop_rs` is the command `backprop-rs`."""

from .cli import main

if __name__ == "__main__":
    raise SystemExit(main())
