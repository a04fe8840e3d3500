"""The layers between the policy's code and the machine, put on from inside the child process."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import sysconfig
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

LIBRARIES = ("matplotlib", "numpy", "pandas", "seaborn", "scipy", "PIL", "llmi_sandbox")
NEEDED = ("network", "files")
"""Without these the code is not run, unless the user says so (`allow_unsandboxed`)."""

_SYSTEM = (
    *("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib"),
    *("/usr/share/fonts", "/usr/local/share/fonts", "/usr/share/zoneinfo", "/etc/localtime"),
    *("/dev/zero", "/dev/urandom", "/dev/random"),
)


@dataclass(frozen=True)
class Layer:
    """One protection, and whether it is in force."""

    name: str
    """network, files, processes, privileges, system calls, resources."""
    on: bool
    how: str
    """By what means, or what is missing."""


@dataclass(frozen=True)
class Limits:
    """What one run may use."""

    memory: int
    """Bytes of address space."""
    cpu: int
    """Seconds of processor time."""
    file: int = 64 * 1024 * 1024
    """Bytes of one file."""
    handles: int = 256


def lock_down(
    readable: Iterable[Path], writable: Iterable[Path], limits: Limits, *, apart: bool
) -> tuple[Layer, ...]:
    """Give up everything but the given folders; there is no way back.

    `apart`: this process already lives in namespaces of its own. Returns the layers as they stand;
    never raises for one that the system lacks.
    """
    _limit(limits)
    if sys.platform != "linux":
        return (
            Layer(
                "network", on=False, how=f"{sys.platform} offers no means that llmi-sandbox knows"
            ),
            Layer("files", on=False, how=f"{sys.platform} offers no means that llmi-sandbox knows"),
        )
    from llmi_sandbox import landlock, linux, seccomp

    privileges = _tried("privileges", "no capabilities", linux.give_up_privileges)
    files = _tried("files", "Landlock", lambda: landlock.restrict(readable, writable))
    calls = _tried("system calls", "seccomp", seccomp.restrict)
    fences = [*(["namespace"] if apart else []), *(["seccomp"] if calls.on else [])]
    how = " and ".join(fences) or "neither a network namespace nor seccomp is allowed here"
    network = Layer("network", on=bool(fences), how=how)
    processes = Layer("processes", on=bool(fences), how=how)
    return network, files, processes, privileges, calls, Layer("resources", on=True, how="rlimits")


def missing(layers: Iterable[Layer]) -> list[str]:
    """What keeps the code from being run, in words; empty if nothing does."""
    return [
        f"{layer.name}: {layer.how}" for layer in layers if layer.name in NEEDED and not layer.on
    ]


def library_folders() -> list[Path]:
    """Where Python and the plotting libraries lie."""
    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {str(Path(sys.base_prefix, "lib")), *library_roots()}
    return [Path(path) for path in (*sorted(paths), *_SYSTEM)]


def library_roots() -> list[str]:
    """The `sys.path` entries that the libraries are imported from."""
    specs = (importlib.util.find_spec(name) for name in LIBRARIES)
    origins = (spec.origin for spec in specs if spec is not None and spec.origin)
    return sorted({str(Path(origin).parent.parent) for origin in origins})


def _limit(limits: Limits) -> None:
    import resource

    for what, most in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CPU, limits.cpu),
        (resource.RLIMIT_FSIZE, limits.file),
        (resource.RLIMIT_NOFILE, limits.handles),
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (most, most))


def _tried(name: str, how: str, put_on: Callable[[], None]) -> Layer:
    try:
        put_on()
    except OSError as error:
        return Layer(name, on=False, how=f"{how}: {error.strerror or error}")
    return Layer(name, on=True, how=how)
