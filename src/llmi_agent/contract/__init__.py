"""The contract: everything that a plugin sees of LLMI, in one import. `docs/plugins.md` goes through it.

Authors of search tools find more in `llmi_agent.contract.image_search`.
"""

from llmi_agent.contract.hooks import ENTRY_POINTS, Hooks, ModelContext, ModelRequest, hookimpl
from llmi_agent.contract.kinds import (
    WELL_KNOWN,
    CodeParams,
    DiffusionParams,
    EditParams,
    Kind,
    Params,
    SearchParams,
    Words,
)
from llmi_agent.contract.policy import (
    ATTACHMENTS,
    PROMPT,
    PolicyFailed,
    PolicyModel,
    PolicyRequest,
    PolicySpec,
)
from llmi_agent.contract.preview import Preview, TableCopy
from llmi_agent.contract.spec import ToolSpec
from llmi_agent.contract.tool import (
    REASONS,
    ArtifactReader,
    Attachment,
    BaseTool,
    Download,
    Failed,
    Health,
    Image,
    Produced,
    Provenance,
    Reason,
    Tool,
    ToolCall,
    ToolContext,
    ToolFailed,
    ToolResult,
    ToolRetry,
)
from llmi_agent.contract.vendor import (
    MOST_DETAIL,
    read_settings,
    retry_after,
    secret_of,
    status_failure,
)

__all__ = [
    "ATTACHMENTS",
    "ENTRY_POINTS",
    "MOST_DETAIL",
    "PROMPT",
    "REASONS",
    "WELL_KNOWN",
    "ArtifactReader",
    "Attachment",
    "BaseTool",
    "CodeParams",
    "DiffusionParams",
    "Download",
    "EditParams",
    "Failed",
    "Health",
    "Hooks",
    "Image",
    "Kind",
    "ModelContext",
    "ModelRequest",
    "Params",
    "PolicyFailed",
    "PolicyModel",
    "PolicyRequest",
    "PolicySpec",
    "Preview",
    "Produced",
    "Provenance",
    "Reason",
    "SearchParams",
    "TableCopy",
    "Tool",
    "ToolCall",
    "ToolContext",
    "ToolFailed",
    "ToolResult",
    "ToolRetry",
    "ToolSpec",
    "Words",
    "hookimpl",
    "read_settings",
    "retry_after",
    "secret_of",
    "status_failure",
]
