"""The layers between the policy's code and the machine, put on from inside the worker."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from llmi_sandbox.job import Job, Places

LIBRARIES = ("matplotlib", "numpy", "pandas", "seaborn", "scipy", "PIL")
NEEDED = ("network", "files")
"""Without these the code is not run, unless the user says so (`allow_unsandboxed`)."""

_FILE_BYTES = 64 * 1024 * 1024
_HANDLES = 256
_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"),
    *("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/zoneinfo", "/etc/localtime"),
    *("/dev/zero", "/dev/urandom", "/dev/random"),
)
_NULL = Path("/dev/null")


@dataclass(frozen=True)
class Layer:
    """One protection, and whether it is in force."""

    name: str
    """network, files, processes, privileges, system calls, resources."""
    on: bool
    how: str
    """By what means, or what is missing."""


@dataclass(frozen=True)
class Apart:
    """The namespaces that a run is in; a container or a hardened host often forbids them."""

    network: bool = False
    objects: bool = False
    """Of System V objects and POSIX queues."""
    processes: bool = False


def lock_down(job: Job, places: Places, apart: Apart) -> tuple[Layer, ...]:
    """Give up everything but Python, its libraries and the run's own folders; there is no way back.

    Returns the layers as they stand; never raises for one that the system lacks.
    """
    _limit(job)
    if sys.platform != "linux":
        how = f"{sys.platform} offers no means that llmi-sandbox knows"
        return Layer("network", on=False, how=how), Layer("files", on=False, how=how)
    from llmi_sandbox import landlock, linux, seccomp

    readable, writable = library_folders(), [places.work, places.out]
    shown = [*readable, _NULL]
    root = _tried("", "a root of its own", lambda: linux.change_root(places.top, shown, writable))
    privileges = _tried("privileges", "no capabilities", linux.give_up_privileges)
    fence = _tried(
        "files",
        f"Landlock {landlock.version() or ''}".strip(),
        lambda: landlock.restrict(readable, [*writable, _NULL]),
    )
    calls = _tried("system calls", "an allow-list (seccomp)", seccomp.restrict)
    seccomp_or = (calls.on, "seccomp")
    return (
        _network(apart, calls),
        _files(fence, calls, root),
        _either("processes", (apart.processes, "a namespace"), seccomp_or),
        _either("shared objects", (apart.objects, "a namespace"), seccomp_or),
        privileges,
        calls,
        Layer("resources", on=True, how="limits and a watch"),
    )


def missing(layers: Iterable[Layer]) -> list[str]:
    """What keeps the code from being run, in words; empty if nothing does."""
    return [
        f"{layer.name}: {layer.how}" for layer in layers if layer.name in NEEDED and not layer.on
    ]


@functools.cache
def library_folders() -> list[Path]:
    """Where Python, the plotting libraries and the fonts lie."""
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {str(Path(sys.base_prefix, "lib")), *library_roots()}
    own_fonts = (Path.home() / name for name in (".fonts", ".local/share/fonts"))
    return [*map(Path, sorted(paths)), *map(Path, _SYSTEM), *own_fonts]


@functools.cache
def library_roots(names: tuple[str, ...] = LIBRARIES) -> list[str]:
    """The `sys.path` entries that the libraries are imported from."""
    specs = (importlib.util.find_spec(name) for name in names)
    origins = (spec.origin for spec in specs if spec is not None and spec.origin)
    return sorted({str(Path(origin).parent.parent) for origin in origins})


def _network(apart: Apart, calls: Layer) -> Layer:
    """A namespace alone closes it not: Unix sockets lie among the files, and some families have no namespaces."""
    if not calls.on:
        return Layer("network", on=False, how=calls.how)
    return Layer("network", on=True, how="a namespace and seccomp" if apart.network else "seccomp")


def _files(fence: Layer, calls: Layer, root: Layer) -> Layer:
    """Landlock guards neither mode, owner and times nor, before its third version, truncation: seccomp does."""
    lacking = [layer.how for layer in (fence, calls) if not layer.on]
    if lacking:
        return Layer("files", on=False, how="; ".join(lacking))
    beyond = root.how if root.on else "though names and sizes outside can be learnt"
    return Layer("files", on=True, how=f"{fence.how} and seccomp, {beyond}")


def _either(name: str, *means: tuple[bool, str]) -> Layer:
    there = [how for on, how in means if on]
    neither = " nor ".join(how for _, how in means)
    return Layer(
        name, on=bool(there), how=" and ".join(there) or f"neither {neither} is allowed here"
    )


def _limit(job: Job) -> None:
    import resource  # here and below, so that the tool can say on Windows that it does not run there

    for what, most in (
        (resource.RLIMIT_AS, _mapped() + job.memory),
        (resource.RLIMIT_CPU, int(job.seconds) + 2),
        (resource.RLIMIT_FSIZE, _FILE_BYTES),
        (resource.RLIMIT_NOFILE, _HANDLES),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def _mapped() -> int:
    """Bytes of address space that this process has already."""
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        return pages * os.sysconf("SC_PAGE_SIZE")
    return 0


def _tried(name: str, how: str, put_on: Callable[[], None]) -> Layer:
    try:
        put_on()
    except OSError as error:
        return Layer(name, on=False, how=f"{how}: {error.strerror or error}")
    return Layer(name, on=True, how=how)
