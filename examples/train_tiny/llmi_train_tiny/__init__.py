"""A policy of a million parameters that learns to illustrate: its language, its reward, and the stages of its training."""
