"""Links of Markdown files: from where the file lies in the repository to where the site has it."""

import os.path
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from below_the_line.errors import BelowTheLineError

_LINK = re.compile(r"(?<!!)\[(?P<text>[^\]\[]*)\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^(```.*?^```)", re.MULTILINE | re.DOTALL)


def moved(
    text: str, source: str, page: str, pages: Mapping[str, str], files: frozenset[str]
) -> str:
    """Return a Markdown text with links that work on the site.

    ``source`` is the text's path in the repository, ``page`` its path on the site, ``pages`` maps
    paths of the repository to paths on the site, ``files`` are all files and folders of the
    repository. A link to a file that is not on the site becomes the path in code type. Raises
    BelowTheLineError for a link to a file that does not exist.
    """

    def link(match: re.Match[str]) -> str:
        label, target = match["text"], match["target"]
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            return match[0]
        path, _, anchor = target.partition("#")
        there = os.path.normpath(PurePosixPath(source).parent / path)
        if there in pages:
            relative = os.path.relpath(pages[there], PurePosixPath(page).parent)
            return f"[{label}]({relative}{'#' + anchor if anchor else ''})"
        if there not in files:
            raise BelowTheLineError(
                f"{source} links to {target}, and there is no such file.", "Correct the link."
            )
        return label if there in label.replace("`", "") else f"{label} (`{there}`)"

    parts = _FENCE.split(text)
    return "".join(part if part.startswith("```") else _LINK.sub(link, part) for part in parts)
