"""What the machine has run out of, whoever noticed: it is nobody's mistake but the machine's, and no retry helps."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator

from llmi_agent.base.errors import ResourceError

_RUN_OUT: dict[int, str] = {
    errno.EMFILE: "too many files are open in this process; raise the limit (ulimit -n) or run fewer documents at once",
    errno.ENFILE: "too many files are open on this machine; close other programs or raise fs.file-max",
    errno.ENOSPC: "the disk is full; free some space",
    errno.ENOMEM: "there is no memory left; run fewer documents at once",
} | {
    getattr(errno, name): "the disk quota is used up; free some space"
    for name in ("EDQUOT",)
    if hasattr(errno, name)
}
_NO_THREAD = "can't start new thread"
_MOST_CAUSES = 32


def exhausted(error: BaseException) -> ResourceError | None:
    """The error in the machine's own words, if it, or what led to it, is that something has run out."""
    for cause in _causes(error):
        if isinstance(cause, ResourceError):
            return cause
        if words := _words(cause):
            return ResourceError(words)
    return None


def _words(error: BaseException) -> str:
    if isinstance(error, OSError):
        return _RUN_OUT.get(error.errno or 0, "")
    if isinstance(error, MemoryError):
        return _RUN_OUT[errno.ENOMEM]
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        return "this process may have no more threads; run fewer documents at once"
    if isinstance(error, sqlite3.Error):
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        return {
            sqlite3.SQLITE_FULL: _RUN_OUT[errno.ENOSPC],
            sqlite3.SQLITE_NOMEM: _RUN_OUT[errno.ENOMEM],
        }.get(code, "")
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what led to it, nearest first; of a group, each of its errors."""
    waiting, seen = [error], set[int]()
    while waiting and len(seen) < _MOST_CAUSES:
        each = waiting.pop(0)
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        if isinstance(each, BaseExceptionGroup):
            waiting.extend(each.exceptions)
        if led := each.__cause__ or (None if each.__suppress_context__ else each.__context__):
            waiting.append(led)
