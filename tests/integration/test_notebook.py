"""The notebook runs from its first cell to its last, for a role that sees metrics only. Its plots
have something in them.
"""

import json
import os
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from btl.stack.stack import Stack
from tests.conftest import ROOT
from tests.sql.newsroom import Newsroom

pytestmark = pytest.mark.stack

NOTEBOOK = json.loads((ROOT / "docs" / "asking.ipynb").read_text(encoding="utf-8"))
CELLS = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


@pytest.fixture
def plt() -> Iterator[Any]:
    """Matplotlib, whose figures are kept, not shown; and gone afterwards."""
    import matplotlib
    from matplotlib import pyplot

    matplotlib.use("agg")
    pyplot.close("all")
    yield pyplot
    pyplot.close("all")


@pytest.fixture
def as_reader(
    connection: psycopg.Connection, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two articles with comments and a report, and the analyst's settings."""
    newsroom = Newsroom(connection)
    for article, site in (("a", "daily"), ("b", "weekly")):
        newsroom.publish("05-01 10:00", article=article, site=site)
        newsroom.article_as_published(article)
        newsroom.comment("c1", "05-01 12:00", article=article)
        newsroom.comment("c2", "05-02 13:00", article=article, user="u2")
        newsroom.report("p1", "05-02 14:00", article=article)
    newsroom.close("05-03 00:00")
    newsroom.compute()
    url = urlsplit(Stack(ROOT / os.environ["BTL_TEST_HOME"]).database_url("btl_reader"))
    database = str(conninfo_to_dict(database_url)["dbname"])
    monkeypatch.setenv("BTL_READER_DATABASE_URL", url._replace(path=f"/{database}").geturl())


@pytest.mark.usefixtures("as_reader")
def test_every_cell_runs_and_draws_what_the_tables_have(
    plt: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plt, "show", lambda: None)
    names: dict[str, object] = {}
    for cell in CELLS:
        exec(cell, names)
    figures = [plt.figure(number) for number in plt.get_fignums()]
    assert len(figures) == sum("plt.show()" in cell for cell in CELLS) > 4
    for figure in figures:
        for axis in figure.axes:
            assert axis.has_data()


@pytest.mark.usefixtures("as_reader")
def test_the_page_s_own_plot_has_a_line_for_each_site(plt: Any) -> None:
    page = (ROOT / "docs" / "asking.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"^```python\n(.+?)^```", page, re.DOTALL | re.MULTILINE)
    exec(snippet, {})
    (axis,) = plt.gcf().axes
    lines = axis.get_lines()
    assert [line.get_label() for line in lines] == ["daily", "weekly"]
    assert [list(line.get_ydata()) for line in lines] == [[1, 1], [1, 1]]


def test_nothing_that_somebody_saw_is_kept_in_it() -> None:
    for cell in NOTEBOOK["cells"]:
        assert not cell.get("outputs"), "clear the outputs: they may hold what readers wrote"
