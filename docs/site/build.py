"""Build the documentation site into build/site: `make docs`, or `python -m docs.site.build`.

The Markdown files of docs/ and of the repository's top, and the pages that are generated from
schemas/, are put together in build/docs. Zensical then renders them with mkdocs.yml; a broken link,
a missing anchor or a page that the navigation lacks is an error.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from below_the_line.errors import BelowTheLineError
from docs.site import asyncapi, contracts, links

ROOT = Path(__file__).resolve().parents[2]
TARGET = ROOT / "build"
_ELSEWHERE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "schemas/README.md": "contracts/index.md",
    "findings/README.md": "findings.md",
    "docs/adr/README.md": "adr/index.md",
    "docs/adr": "adr/index.md",
    "schemas": "contracts/index.md",
    "schemas/asyncapi.yaml": "contracts/asyncapi.md",
}
"""Pages that lie elsewhere on the site than in docs/. README.md is the front page of the
repository, docs/index.md that of the site.
"""
_OTHER_HOST = re.compile(
    r"""<(?:script|img|iframe|source)\b[^>]*\bsrc=["']?(?:https?:)?//"""
    r"""|<link\b(?=[^>]*\brel=["']?(?:stylesheet|preconnect|icon|preload))"""
    r"""[^>]*\bhref=["']?(?:https?:)?//"""
)


def sources(root: Path = ROOT) -> dict[str, str]:
    """Return the Markdown files of the repository that the site shows, each with its page."""
    pages = {
        str(path.relative_to(root)): str(path.relative_to(root / "docs"))
        for path in sorted((root / "docs").rglob("*.md"))
    }
    return pages | _ELSEWHERE


def decisions(root: Path = ROOT) -> list[tuple[str, str]]:
    """Return the architecture decision records: file name and title, by number."""
    return [
        (path.name, path.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# "))
        for path in sorted((root / "docs" / "adr").glob("[0-9]*.md"))
    ]


def texts(root: Path = ROOT) -> dict[str, str]:
    """Return all pages of the site by their path on it, as Markdown.

    Raises BelowTheLineError for a link to a file that does not exist.
    """
    pages = sources(root)
    files = _files(root)
    made = {}
    for source, page in pages.items():
        if source.endswith(".md") and source != "README.md":
            text = (root / source).read_text(encoding="utf-8")
            made[page] = links.moved(text, source, page, pages, files)
    made["contracts/index.md"] += "\n" + contracts.overview(root / "schemas")
    made |= {f"contracts/{name}.md": text for name, text in contracts.pages(root / "schemas")}
    document = (root / "schemas" / "asyncapi.yaml").read_text(encoding="utf-8")
    made["contracts/asyncapi.md"] = asyncapi.page(asyncapi.read(document))
    return made


def configuration(root: Path = ROOT) -> dict[str, Any]:
    """Return mkdocs.yml as data, its navigation completed by the generated pages and the ADRs."""
    document: dict[str, Any] = yaml.safe_load((root / "mkdocs.yml").read_text(encoding="utf-8"))
    for section in document["nav"]:
        if "Contracts" in section:
            section["Contracts"] += [
                {name: f"contracts/{name}.md"} for name, _ in contracts.pages(root / "schemas")
            ]
        if "Decisions" in section:
            section["Decisions"] += [{title: f"adr/{name}"} for name, title in decisions(root)]
    return document


def navigated(nav: Any) -> list[str]:
    """Return the pages that a navigation names."""
    if isinstance(nav, str):
        return [nav]
    members = nav.values() if isinstance(nav, dict) else nav
    return [page for member in members for page in navigated(member)]


def build(root: Path = ROOT, target: Path = TARGET) -> None:
    """Build the site of ``root`` into ``target``/site.

    Raises BelowTheLineError for a broken link, a page without a place in the navigation, or an
    asset from another host.
    """
    made, settings = texts(root), configuration(root)
    folder = target / "docs"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.rmtree(target / "site", ignore_errors=True)
    for page, text in made.items():
        (folder / page).parent.mkdir(parents=True, exist_ok=True)
        (folder / page).write_text(text, encoding="utf-8")
    if lost := set(made) ^ set(navigated(settings["nav"])):
        raise BelowTheLineError(
            f"The navigation and the pages differ: {', '.join(sorted(lost))}.",
            "Name each page once under nav in mkdocs.yml.",
        )
    file = target / "mkdocs.yml"
    file.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    command = ["zensical", "build", "--strict", "--clean", "--config-file", str(file)]
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=target, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BelowTheLineError(
            f"The site does not build:\n{done.stdout}{done.stderr}", "Correct the page."
        )
    for path in sorted((target / "site").rglob("*.html")):
        if found := loads_from_another_host(path.read_text(encoding="utf-8")):
            raise BelowTheLineError(
                f"{path.relative_to(target)} loads from another host: {found}.",
                "Keep assets in docs/, so that the site can be read offline.",
            )


def loads_from_another_host(html: str) -> str | None:
    """Return the first tag of a page that loads an asset from another host, or None."""
    found = _OTHER_HOST.search(html)
    return found[0] if found else None


def _files(root: Path) -> frozenset[str]:
    """Return all files that git would keep, and their folders, as paths below ``root``."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    folders = {str(folder) for name in listed for folder in Path(name).parents}
    return frozenset(listed) | folders


def main() -> int:
    """Return the exit status; print where the site is, or what is wrong."""
    try:
        build()
    except BelowTheLineError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{TARGET / 'site' / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
