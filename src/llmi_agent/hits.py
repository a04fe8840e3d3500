"""The former name of `llmi_agent.contract.image_search`."""

import warnings

from llmi_agent.contract.image_search import *  # noqa: F403

warnings.warn(
    "llmi_agent.hits is now llmi_agent.contract.image_search: import from there",
    DeprecationWarning,
    stacklevel=2,
)
