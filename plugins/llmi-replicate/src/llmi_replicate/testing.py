"""Replicate on loopback, for tests: predictions that take their time, and pictures that it serves itself.

with FakeReplicate() as fake:
    settings = {"replicate_flux_schnell": fake.settings}
    options = Options(download_allow=(fake.host,))  # its pictures lie on loopback, which is private
    fake.plan = Plan(polls=2)  # what becomes of the next predictions
    ...
    assert fake.running == []  # whatever happens, nothing may go on and cost money
"""

from __future__ import annotations

import re
import time
import uuid
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from llmi_agent.testing import Reply, Seen, Server, json_reply, random_png

Status = Literal["starting", "queued", "processing", "succeeded", "failed", "canceled", "aborted"]

_FLUX = {"prompt", "seed", "aspect_ratio", "output_format"}
_SIZED = {"prompt", "size", "aspect_ratio", "width", "height", "max_images", "image_input"}
OFFICIAL: Mapping[str, frozenset[str]] = {
    "black-forest-labs/flux-schnell": frozenset(_FLUX | {"num_outputs", "go_fast"}),
    "black-forest-labs/flux-dev": frozenset(_FLUX | {"num_outputs", "guidance", "image"}),
    "black-forest-labs/flux-1.1-pro": frozenset(_FLUX | {"width", "height", "safety_tolerance"}),
    "black-forest-labs/flux-kontext-pro": frozenset(_FLUX | {"input_image", "safety_tolerance"}),
    "qwen/qwen-image": frozenset(_FLUX | {"guidance", "negative_prompt", "go_fast"}),
    "qwen/qwen-image-edit": frozenset(_FLUX | {"image", "go_fast", "output_quality"}),
    "bytedance/seedream-4": frozenset(_SIZED | {"sequential_image_generation"}),
}
"""The inputs that each model takes; anything else is refused, as a typing error would be."""
_ONE_PICTURE = ("black-forest-labs/flux-1.1-pro", "black-forest-labs/flux-kontext-pro")
"""Their output is an address; the others' is a list."""
_PICTURES = ("image", "input_image", "picture", "image_input")


_RUNNING = ("starting", "queued", "processing")


@dataclass(frozen=True)
class Plan:
    """What becomes of a prediction."""

    polls: int = 0
    """How often it says that it is under way before it has ended."""
    seconds: float = 0.0
    """How long it takes at least."""
    status: Status = "succeeded"
    error: str | None = None
    first_status: Status = "starting"
    """"queued" is none of the API's; a client should live with what is added to it."""
    output: Any = ...
    """What it puts out; by default, the address of a picture, or a list of one, as the model does."""


@dataclass
class FakePrediction:
    """A prediction that somebody has made."""

    id: str
    model: str
    """`owner/name`, or a version."""
    input: Mapping[str, Any]
    plan: Plan
    version: str = "hidden"
    status: Status = "starting"
    polls: int = 0
    """How often it was asked for."""
    born: float = field(default_factory=time.monotonic)


class FakeReplicate(Server):
    """key: the one token that is accepted."""

    def __init__(self, *, key: str = "r8_a-token-for-tests") -> None:
        super().__init__()
        self.key = key
        self.plan = Plan()
        """For predictions from now on."""
        self.models: dict[str, frozenset[str]] = dict(OFFICIAL)
        """The inputs of the official models. Add to it."""
        self.versions: dict[str, frozenset[str]] = {}
        """The same for models that are not official, by version."""
        self.predictions: dict[str, FakePrediction] = {}
        """By id, in the order of their creation."""
        self.cancelled: list[str] = []
        """The ids that somebody asked to cancel."""
        self.downloads: list[Seen] = []
        """The requests for pictures."""

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that lead a tool here."""
        return {"api_base": self.url}

    @property
    def created(self) -> list[FakePrediction]:
        """Every prediction, in order."""
        return list(self.predictions.values())

    @property
    def running(self) -> list[FakePrediction]:
        """The predictions that still run up a bill."""
        return [each for each in self.created if each.status in _RUNNING]

    @property
    def told_the_token(self) -> bool:
        """Whether a request for a picture has brought the token along, which must never be."""
        return any(self.key in repr(request) for request in self.downloads)

    def add(self, plan: Plan, model: str = "black-forest-labs/flux-schnell") -> FakePrediction:
        """A prediction that is there already, as an earlier life of a run has made it."""
        prediction = FakePrediction(uuid.uuid4().hex[:26], model, {"prompt": "earlier"}, plan)
        self.predictions[prediction.id] = prediction
        return prediction

    def answer(self, request: Seen) -> Reply:
        """The real service's answer, as far as it is documented."""
        parts = request.path.strip("/").split("/")
        if parts[0] == "outputs":
            return self._picture(request)
        if request.headers.get("authorization") != f"Bearer {self.key}":
            return _problem(401, "Unauthenticated", "You did not pass a valid token")
        return self._api(request, parts)

    def _api(self, request: Seen, parts: list[str]) -> Reply:
        match request.method, parts:
            case "GET", ["v1", "account"]:
                return json_reply({"type": "user", "username": "tester", "name": "A Tester"})
            case "POST", ["v1", "models", owner, name, "predictions"]:
                return self._created(request, f"{owner}/{name}", self.models.get(f"{owner}/{name}"))
            case "POST", ["v1", "predictions"]:
                version = request.json.get("version", "")
                return self._created(request, version, self.versions.get(version))
            case _, ["v1", "predictions", name, *_] if name in self.predictions:
                return self._asked(request.method, parts[3:], self.predictions[name])
        return _NOT_FOUND

    def _asked(self, method: str, rest: list[str], prediction: FakePrediction) -> Reply:
        match method, rest:
            case "GET", []:
                return json_reply(self._polled(prediction))
            case "POST", ["cancel"]:
                return json_reply(self._cancelled(prediction))
        return _NOT_FOUND

    def _created(self, request: Seen, model: str, known: frozenset[str] | None) -> Reply:
        if known is None:
            return _NOT_FOUND
        inputs = request.json.get("input")
        if trouble := _trouble(inputs, known):
            return _problem(422, "Input validation failed", trouble)
        prediction = FakePrediction(uuid.uuid4().hex[:26], model, inputs, self.plan)
        prediction.status = self.plan.first_status
        self.predictions[prediction.id] = prediction
        held = min(_wait(request), prediction.plan.seconds)
        if _wait(request) >= prediction.plan.seconds and not prediction.plan.polls:
            _end(prediction)
        return replace(json_reply(self._shown(prediction), 201), pause=held)

    def _polled(self, prediction: FakePrediction) -> dict[str, Any]:
        if prediction in self.running:
            prediction.polls += 1
            prediction.status = "processing"
            old_enough = time.monotonic() >= prediction.born + prediction.plan.seconds
            if prediction.polls > prediction.plan.polls and old_enough:
                _end(prediction)
        return self._shown(prediction)

    def _cancelled(self, prediction: FakePrediction) -> dict[str, Any]:
        self.cancelled.append(prediction.id)
        if prediction in self.running:
            prediction.status = "canceled"
        return self._shown(prediction)

    def _shown(self, prediction: FakePrediction) -> dict[str, Any]:
        address = f"{self.url}/v1/predictions/{prediction.id}"
        ended_well = prediction.status == "succeeded"
        return {
            "id": prediction.id,
            "model": prediction.model,
            "version": prediction.version,
            "input": {"prompt": prediction.input.get("prompt")},
            "logs": "",
            "output": self._output(prediction) if ended_well else None,
            "data_removed": False,
            "error": prediction.plan.error if prediction.status == "failed" else None,
            "source": "api",
            "status": prediction.status,
            "created_at": "2026-01-01T00:00:00.000Z",
            "urls": {"get": address, "cancel": f"{address}/cancel"},
        }

    def _output(self, prediction: FakePrediction) -> Any:
        if prediction.plan.output is not ...:
            return prediction.plan.output
        address = f"{self.url}/outputs/{prediction.id}/out-0.png"
        return address if prediction.model in _ONE_PICTURE else [address]

    def _picture(self, request: Seen) -> Reply:
        self.downloads.append(request)
        name = request.path.split("/")[2]
        if name not in self.predictions:
            return Reply(404, b"gone", "text/plain")
        return Reply(body=picture_of(name), media_type="image/png")


def picture_of(prediction: str) -> bytes:
    """What the prediction with this id draws."""
    return random_png(320, 240, seed=zlib.crc32(prediction.encode()))


def _end(prediction: FakePrediction) -> None:
    prediction.status = prediction.plan.status


def _wait(request: Seen) -> float:
    """Seconds that the client wants the answer held back for the result."""
    found = re.fullmatch(r"wait(?:=(\d+))?", request.headers.get("prefer", ""))
    return float(found[1] or 60) if found else -1.0


def _trouble(inputs: Any, known: frozenset[str]) -> str:
    """What the service does not accept about the inputs, in its words; empty if all is well."""
    if not isinstance(inputs, dict):
        return "- input is required"
    unknown = sorted(set(inputs) - known)
    wrong = [f"- input: Additional property {name} is not allowed" for name in unknown]
    if "prompt" in known and not inputs.get("prompt"):
        wrong.append("- input: prompt is required")
    if not isinstance(inputs.get("seed", 0), int):
        wrong.append("- input.seed: Invalid type. Expected: integer")
    for name in _PICTURES:
        given = inputs.get(name, [])
        addresses = given if isinstance(given, list) else [given]
        if not all(str(each).startswith(("data:image/", "https://")) for each in addresses):
            wrong.append(f"- input.{name}: Does not match format 'uri'")
    return "\n".join(wrong)


def _problem(status: int, title: str, detail: str) -> Reply:
    return json_reply({"title": title, "detail": detail, "status": status}, status)


_NOT_FOUND = _problem(404, "Not found", "The requested resource could not be found.")
