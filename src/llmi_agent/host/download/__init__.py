"""The one safe downloader: `addresses` says where it may go, `fetch` goes there."""

from llmi_agent.host.download.addresses import is_public, look_up
from llmi_agent.host.download.fetch import PORTS, Downloader

__all__ = ["PORTS", "Downloader", "is_public", "look_up"]
