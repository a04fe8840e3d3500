"""Prompts to train on: one value, read from and written to files, split so that nothing leaks, and checked."""
