"""llmi-transformers: local checkpoints as policies that say what they have sampled."""
