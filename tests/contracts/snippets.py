"""The snippets of docs/producers.md."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any

from tests.stacks import ROOT

PAGE = ROOT / "docs" / "producers.md"
_JAVASCRIPT = Path(__file__).with_name("javascript_message.json")


def snippet(language: str, title: str) -> str:
    """The code of a block by its language and title."""
    pattern = rf'^```{language} title="{title}"\n(.*?)^```$'
    (found,) = re.findall(pattern, PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert isinstance(found, str)
    return found


def javascript_message() -> dict[str, Any]:
    """What the page's JavaScript made when it was last run: key, value and headers.

    Fails if the page has changed since.
    """
    kept: dict[str, Any] = json.loads(_JAVASCRIPT.read_text(encoding="utf-8"))
    now = sha256(snippet("javascript", "message").encode()).hexdigest()
    assert kept.pop("snippet_sha256") == now, "run tests/contracts/capture_javascript.sh"
    return kept
