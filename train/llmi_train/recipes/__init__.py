"""Recipes: what a training is run with, in small TOML files, and what they would come to. Without torch.

`reading.py` finds and reads one, `options.py` makes defaults of a command of it; `checkpoint.py`, `work.py` and `memory.py`
reckon, `launching.py` writes the commands, `checks.py` looks at what is there, and `planning.py` puts all of it together.
"""
