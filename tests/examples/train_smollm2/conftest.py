"""The example need not be installed to be tested: what its plugin names is imported from its folder."""

import sys
from pathlib import Path

PACKAGE = Path(__file__).parents[3] / "examples" / "train_smollm2"
if str(PACKAGE) not in sys.path:
    sys.path.insert(0, str(PACKAGE))
