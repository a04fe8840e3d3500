"""What is erased, what is not, and what is said of it."""

from __future__ import annotations

import json
from base64 import b64encode
from urllib.parse import quote

import pytest
from hypothesis import given, strategies as st

from llmi_agent.base import secrets as module
from llmi_agent.base.ordinary import is_ordinary
from llmi_agent.base.secrets import Redactor, secret_values, secrets_in, warnings_of

KEY = 'p+/"s\\s ä-0123'
LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
LINES = [(LETTERS[n:] + LETTERS[:n]) for n in range(3)]
PEM = "\n".join(["-----BEGIN PRIVATE KEY-----", *LINES, "-----END PRIVATE KEY-----", ""])


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_told", set())


def test_which_variables_are_secret() -> None:
    environ = {
        "OPENAI_API_KEY": "aaaaaaaa",
        "REPLICATE_API_TOKEN": "bbbbbbbb",
        "DB_PASSWORD": "cccccccc",
        "DATABASE_URL": "postgres://me:dddddddd@host/db",
        "HOME": "/home/me",
        "KEYBOARD": "qwertyui",
        "EMPTY_TOKEN": "",
        "HOMEPAGE": "https://example.org/@me",
    }
    assert secret_values(environ) == [
        "aaaaaaaa",
        "bbbbbbbb",
        "cccccccc",
        "postgres://me:dddddddd@host/db",
    ]


@given(st.text(), st.lists(st.text("0123456789xkz", min_size=16), max_size=4))
def test_no_secret_survives_redaction(text: str, secrets: list[str]) -> None:
    redacted = Redactor(secrets).text(text.join(["", *secrets, ""]))
    assert not any(secret in redacted for secret in secrets if not is_ordinary(secret))


@pytest.mark.parametrize(
    "value",
    ["postgres", "search", "diffusion", "password", "changeme", "Localhost", "DEVELOPMENT", "contraseña",
     "Password123", "img_index", "wind power", "created_at", "123456789012", "2026-11-28", "1.50",
     "/run/secrets/key", "~/.ssh/id_rsa", "C:\\keys\\my key.pem", "true", "disabled", "a1!", "sk-a1b2",
     "http://localhost:5432/db", "https://api.example.org/v1", "localhost:8080", "127.0.0.1:5432"],
)  # fmt: skip
def test_what_any_text_may_say_is_not_erased(value: str) -> None:
    text = f"Charts of {value} and {json.dumps({'query': value})}"
    assert Redactor([value, f" {value}\n"]).text(text) == text
    assert Redactor([value]).unfinished(text) == 0


@pytest.mark.parametrize(
    "value",
    ["sk-canary-123", "bad-key-0123", "hunter2hunter2", "abcdefghijklmnop", "xkqzvbnm", "aB3xK9mQ",
     "correct-horse-battery-staple", "8f14e45fceea167a", "/9j/4AAQSkZJRgABAQEB", "0123456789012345",
     "https://me:xkqz-vbnm@host/", "https://host/a?sig=xkqzvbnm", "https://h/B0/T9XXXXabcdef12"],
)  # fmt: skip
def test_what_no_text_says_by_chance_is_erased(value: str) -> None:
    assert Redactor([value]).text(f"It is {value}.") == "It is [secret]."


def test_text_that_only_looks_like_a_key_stays() -> None:
    text = "Put `sk-proj-0123456789abcdef` or `AKIAIOSFODNN7EXAMPLE` into the variable API_KEY=..."
    assert Redactor(["ghp_other0123456789"]).text(text) == text


@pytest.mark.parametrize(
    "form",
    [KEY, quote(KEY, safe=""), json.dumps(KEY)[1:-1], b64encode(KEY.encode()).decode().rstrip("=")],
)
def test_a_secret_is_erased_however_it_is_written(form: str) -> None:
    assert Redactor([KEY]).text(f"a {form} b") == "a [secret] b"
    assert Redactor([KEY]).data({"k": [form, ("x", form)], "n": 1}) == {
        "k": ["[secret]", ("x", "[secret]")],
        "n": 1,
    }


@pytest.mark.parametrize("cut", range(1, len(KEY)))
def test_the_beginning_of_a_secret_is_held_back(cut: int) -> None:
    assert Redactor([KEY]).unfinished(f"words {KEY[:cut]}") == cut


def test_each_line_of_a_key_is_a_secret() -> None:
    redactor = Redactor([PEM])
    assert redactor.text(f"a {PEM.strip()} b {LINES[1]}") == "a [secret] b [secret]"
    assert redactor.text("-----BEGIN PRIVATE KEY-----") == "-----BEGIN PRIVATE KEY-----"


def test_an_account_in_json_is_erased_by_its_secret_fields() -> None:
    account = {
        "type": "service_account",
        "project_id": "wind-atlas-77",
        "private_key": PEM,
        "token_uri": "https://oauth2.example.com/token",
        "deeper": {"client_secret": "GOCSPX-0123456789"},
    }
    redactor = Redactor([json.dumps(account, indent=1)])
    words = f"wind-atlas-77 {LINES[2]} GOCSPX-0123456789 https://oauth2.example.com/token"
    assert redactor.text(words) == (
        "wind-atlas-77 [secret] [secret] https://oauth2.example.com/token"
    )
    assert redactor.text(json.dumps(account, indent=1)) == "[secret]"


def test_the_password_in_an_address_is_a_secret() -> None:
    redactor = Redactor(secret_values({"DATABASE_URL": "postgres://me:xk%2Fqz-0123@host/db"}))
    assert redactor.text("for user me: xk/qz-0123") == "for user me: [secret]"


def test_what_is_not_erased_is_warned_of_once_by_name() -> None:
    environ = {
        "POSTGRES_PASSWORD": "postgres",
        "SHORT_KEY": "k9!",
        "OPENAI_API_KEY": "sk-canary-0123",
        "SSH_KEY": "/home/me/.ssh/id_rsa",
        "USE_TOKEN": "true",
        "BLANK_TOKEN": " ",
    }
    told = warnings_of(secrets_in(environ))
    assert [sentence.split()[0] for sentence in told] == ["POSTGRES_PASSWORD", "SHORT_KEY"]
    assert not any("postgres" in sentence or "k9!" in sentence for sentence in told)
    (another,) = warnings_of(secrets_in({**environ, "NEW_PASS": "changeme"}))
    assert another.startswith("NEW_PASS ")
