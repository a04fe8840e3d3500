"""Licences of pictures: what they are called, where their text is, and what they allow.

Known are Creative Commons' (https://creativecommons.org/licenses/), with CC0 and the Public Domain Mark, and "Public
domain" as Wikimedia Commons says it: their names, addresses and terms are written here, so that no answer can bend
them. Any other licence keeps its words, and is taken to allow nothing in particular.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from llmi_openverse.settings import Wanted
from llmi_openverse.text import plain, web_address

MOST_NAME = 80
"""Characters."""
_SPDX_VERSIONS = ("1.0", "2.0", "2.5", "3.0", "4.0")
_SPDX_PORTED = frozenset(
    """
    CC-BY-2.5-AU CC-BY-3.0-AT CC-BY-3.0-AU CC-BY-3.0-DE CC-BY-3.0-IGO CC-BY-3.0-NL CC-BY-3.0-US
    CC-BY-NC-3.0-DE CC-BY-NC-ND-3.0-DE CC-BY-NC-ND-3.0-IGO CC-BY-NC-SA-2.0-DE CC-BY-NC-SA-2.0-FR
    CC-BY-NC-SA-2.0-UK CC-BY-NC-SA-3.0-DE CC-BY-NC-SA-3.0-IGO CC-BY-ND-3.0-DE CC-BY-SA-2.0-UK
    CC-BY-SA-2.1-JP CC-BY-SA-3.0-AT CC-BY-SA-3.0-DE CC-BY-SA-3.0-IGO
    """.split()
)
"""The licences for one country that SPDX lists (3.27); it lists the international ones in every version."""
_CC = re.compile(
    r"CC[ -](?P<terms>BY(?:-NC)?(?:-ND|-SA)?)(?:[ -](?P<version>\d\.\d)(?:[ -](?P<place>[A-Z]{2,3}))?)?"
)
_CC0 = re.compile(r"(CC )?CC[- ]?(0|ZERO)( 1\.0)?")
_PDM = re.compile(r"(CC )?(PDM|PUBLIC DOMAIN MARK)( 1\.0)?")
_PLACE = re.compile(r"https?://creativecommons\.org/licenses/[a-z-]+/\d\.\d/([a-z]{2,3})(?:/|$)")

Freedom = Literal["commercial", "modification", "public-domain"]
_FREE: frozenset[Freedom] = frozenset({"commercial", "modification", "public-domain"})


@dataclass(frozen=True)
class Licence:
    """The licence of a picture."""

    name: str
    """An SPDX identifier where there is one, else words."""
    url: str | None = None
    """Where its text is."""
    allows: frozenset[Freedom] = frozenset()
    """What it is known to allow."""

    def grants(self, wanted: Wanted) -> bool:
        """Whether it is known to allow all that is wanted."""
        return wanted == "any" or set(wanted.split(",")) <= self.allows

    @property
    def words(self) -> str:
        """For people: "CC BY 4.0"."""
        if match := re.fullmatch(r"CC-(BY[A-Z-]*)-(.+)", self.name):
            return f"CC {match[1]} {match[2].replace('-', ' ')}"
        return self.name.replace("CC0-", "CC0 ")


CC0 = Licence("CC0-1.0", "https://creativecommons.org/publicdomain/zero/1.0/", _FREE)
MARKED = Licence(
    "Public Domain Mark 1.0", "https://creativecommons.org/publicdomain/mark/1.0/", _FREE
)


def from_code(code: str, version: str, url: str) -> Licence | None:
    """Openverse's `license`, `license_version` and `license_url`: "by-sa", "4.0"; None if there is no licence."""
    code = code.strip()
    return from_name(f"CC {code} {version}" if code else "", url)


def from_name(name: str, url: str) -> Licence | None:
    """A name that people use: "CC BY-SA 3.0 de", "CC0", "Public domain"; None if there is none."""
    name, address = plain(name, MOST_NAME), web_address(url)
    upper = name.upper()
    if _CC0.fullmatch(upper):
        return CC0
    if _PDM.fullmatch(upper):
        return MARKED
    if upper == "PUBLIC DOMAIN":
        return Licence(name, address, _FREE)
    if match := _CC.fullmatch(upper):
        return _creative_commons(match, address)
    return Licence(name, address) if name else None


def _creative_commons(match: re.Match[str], url: str | None) -> Licence:
    terms, version, place = match["terms"], match["version"] or "", match["place"] or _place(url)
    allows: set[Freedom] = set()
    if "NC" not in terms:
        allows.add("commercial")
    if "ND" not in terms:
        allows.add("modification")
    parts = list(filter(None, ("CC", terms, version, place)))
    spdx, path = "-".join(parts), "/".join(parts[1:]).lower()
    known = spdx in _SPDX_PORTED if place else version in _SPDX_VERSIONS
    return Licence(
        spdx if known else " ".join(parts),
        f"https://creativecommons.org/licenses/{path}/" if known else url,
        frozenset(allows),
    )


def _place(url: str | None) -> str:
    """The country of a licence that was made for one, which Openverse tells in the address only."""
    match = _PLACE.match(url or "")
    return match[1].upper() if match else ""
