"""Every error that LLMI raises on purpose.

    LlmiError                 one clear sentence; the CLI prints it and exits with `exit_code`
    ├── InputError            a file or an argument that cannot be used            exit code 2
    ├── UnavailableError      no tool, key or model for what is needed             exit code 3
    ├── ConfigError           a setting that cannot be read or does not exist      exit code 2
    ├── ResourceError         the machine is out of handles, disk or memory        exit code 1
    ├── PolicyError           the language model gave no usable answer             exit code 1
    └── PluginError           a plugin that breaks the contract (LLMI_STRICT=1)    exit code 1

A tool that fails raises none of these: its failure is data (`llmi_agent.contract.tool.Failed`).

All are RuntimeErrors: LangGraph repeats no node for these by itself, and a LangGraph server tells its client their words,
where it says "An internal error occurred" of an exception that it does not know.
"""

from __future__ import annotations

from typing import ClassVar


class LlmiError(RuntimeError):
    """Base of the tree. The message names the culprit, what exists, and the next step."""

    exit_code: ClassVar[int] = 1


class InputError(LlmiError):
    """The user's input cannot be used: a file that is not what it says, an empty table."""

    exit_code = 2


class ConfigError(LlmiError):
    """A setting in llmi.toml, the environment or a flag cannot be read."""

    exit_code = 2


class UnavailableError(LlmiError):
    """What the run needs is not there: a tool, a key, a model, an attachment."""

    exit_code = 3


class PluginError(LlmiError):
    """A plugin breaks the contract, and LLMI_STRICT=1 asked for an error rather than a report."""


class PolicyError(LlmiError):
    """The language model gave no usable answer: refused, unreachable, empty."""

    hopeless: bool = False
    """It will answer nothing else either: its key, its name or its address is wrong, or its account is empty."""


class ResourceError(LlmiError):
    """The machine has run out of what the run needs: file handles, disk, memory, or the use of its own records."""
