"""`python -m llmi_train`, and so `accelerate launch -m llmi_train`: the command `llmi-train`."""

from __future__ import annotations

import sys

from llmi_train.cli import main

if __name__ == "__main__":
    sys.exit(main())
