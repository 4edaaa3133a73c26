"""Ids of an export's articles that the database has for other pages."""

from collections.abc import Iterable, Mapping
from itertools import islice

import psycopg

from below_the_line.plurals import counted
from below_the_line.resources import sql
from btl.archives.addresses import address_key
from btl.archives.facts import Facts
from btl.archives.survey import Example, Finding

_BUNDLE = 5_000


def taken_ids(facts: Facts, connection: psycopg.Connection) -> list[Finding]:
    """Return what is to be said of ids that the database has at another address or site.

    Call it after everything was added to the facts. It only reads.
    """
    found = Finding("ids_of_other_articles")
    articles = facts.connection.execute(sql("archives/survey/addresses.sql").decode())
    while bundle := list(islice(articles, _BUNDLE)):
        there = _there(connection, (article_id for article_id, *_ in bundle))
        for article_id, url, site, address, *place in bundle:
            if article_id not in there:
                continue
            other_url, other_site = there[article_id]
            if (address, site) != (address_key(other_url), other_site):
                what = f"article {article_id}: {url} ({site}), there {other_url} ({other_site})"
                found.add(Example(what, *place))
    one = found.number == 1
    found.said = (
        f"{counted(found.number, 'article')} {'has an id' if one else 'have ids'} that the database"
        " has for another address or site: the import would make one article of both. --id-prefix"
        " keeps the articles of two sites apart."
    )
    return [found] if found.number else []


def _there(connection: psycopg.Connection, ids: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    rows = connection.execute(sql("archives/articles_by_id.sql"), {"article_ids": list(ids)})
    return {article_id: (url, site) for article_id, url, site in rows}
