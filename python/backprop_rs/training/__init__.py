"""Training: options, samples, the loop over the core, callbacks, checkpoints and metrics."""
