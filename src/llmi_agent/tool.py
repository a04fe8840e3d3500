"""The former name of `llmi_agent.contract`."""

import warnings

from llmi_agent.contract.spec import ToolSpec  # noqa: F401
from llmi_agent.contract.tool import *  # noqa: F403

warnings.warn(
    "llmi_agent.tool is now llmi_agent.contract: import from there",
    DeprecationWarning,
    stacklevel=2,
)
