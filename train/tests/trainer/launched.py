"""What `accelerate launch` starts in a test: a training, of which its argument says what."""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from worker import work  # type: ignore[import-not-found]

if __name__ == "__main__":
    work(**json.loads(sys.argv[1]))
