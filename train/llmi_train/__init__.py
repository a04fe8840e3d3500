"""LLMI for trainers: prompts to train on, rewards, and training from traces.

Nothing here imports torch before training itself begins: the extra `grpo` brings it.
"""
