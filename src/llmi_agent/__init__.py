"""LLMI: an agent that writes illustrated documents.

This is what an embedding program imports; `llmi_agent.contract` is for authors of plugins, `llmi_agent.testing` for
tests, and the graphs come from `llmi_graphs`. Nothing is imported before it is used. `docs/embedding.md` goes through it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmi_agent.base.lazy import lazy

if TYPE_CHECKING:
    from llmi_agent.base.errors import (
        ConfigError as ConfigError,
        InputError as InputError,
        LlmiError as LlmiError,
        PluginError as PluginError,
        PolicyError as PolicyError,
        ResourceError as ResourceError,
        UnavailableError as UnavailableError,
    )
    from llmi_agent.base.logs import configure_logs as configure_logs
    from llmi_agent.config.load import Config as Config, load_config as load_config
    from llmi_agent.config.options import ModelPrice as ModelPrice, Options as Options
    from llmi_agent.contract.tool import Attachment as Attachment, Provenance as Provenance
    from llmi_agent.document.model import (
        Document as Document,
        Figure as Figure,
        Missing as Missing,
        TextBlock as TextBlock,
    )
    from llmi_agent.document.render import (
        load_document as load_document,
        render_html as render_html,
        render_markdown as render_markdown,
        write_document as write_document,
    )
    from llmi_agent.host.registry import (
        Registry as Registry,
        discover as discover,
        registry_of as registry_of,
    )
    from llmi_agent.records.costs import Costs as Costs
    from llmi_agent.records.journal import Journal as Journal, journal_beside as journal_beside
    from llmi_agent.runner.job import Failure as Failure, Job as Job, Written as Written
    from llmi_agent.runner.runner import Runner as Runner
    from llmi_agent.store.artifacts import ArtifactStore as ArtifactStore
    from llmi_agent.store.attachments import (
        attach_bytes as attach_bytes,
        attach_files as attach_files,
    )
    from llmi_agent.store.home import default_store as default_store

_ROOMS = {
    "base.errors": (
        "ConfigError",
        "InputError",
        "LlmiError",
        "PluginError",
        "PolicyError",
        "ResourceError",
        "UnavailableError",
    ),
    "base.logs": ("configure_logs",),
    "config.load": ("Config", "load_config"),
    "config.options": ("ModelPrice", "Options"),
    "contract.tool": ("Attachment", "Provenance"),
    "document.model": ("Document", "Figure", "Missing", "TextBlock"),
    "document.render": ("load_document", "render_html", "render_markdown", "write_document"),
    "host.registry": ("Registry", "discover", "registry_of"),
    "records.costs": ("Costs",),
    "records.journal": ("Journal", "journal_beside"),
    "runner.job": ("Failure", "Job", "Written"),
    "runner.runner": ("Runner",),
    "store.artifacts": ("ArtifactStore",),
    "store.attachments": ("attach_bytes", "attach_files"),
    "store.home": ("default_store",),
}

if not TYPE_CHECKING:  # a type checker would take it for a promise that every name exists
    __getattr__, __all__ = lazy(__name__, _ROOMS)
