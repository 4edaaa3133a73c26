"""The discussions that metrics are measured with: skewed as real ones are, and written in the order
in which they would have arrived.

A hundred comments an article on average; half of them are under a tenth of the articles. The rows
are the same in every database of a size.
"""

from collections.abc import Callable

import psycopg

from below_the_line.database.migrations import migrate
from tests.databases import on_server, with_database

PER_ARTICLE = 100

# A discussion's size falls with its rank; readers who write much write most.
FILL = (
    "select setseed(0.5)",
    """
    insert into discussion.articles (article_id, site, section, headline, url, content_version)
    select
        'article-' || number, 'daily', 'section-' || mod(number, 20), 'Headline ' || number,
        'https://news.example/', '1'
    from generate_series(1, %(articles)s) as number
    """,
    """
    insert into discussion.windows (
        article_id, opens_at, closes_at, reactions_close_at, site, section, state, closed_at,
        reason, has_gaps
    )
    select
        'article-' || number, opened.at, opened.at + interval '14 days',
        opened.at + interval '21 days', 'daily',
        'section-' || mod(number, 20), 'closed', opened.at + interval '14 days', 'rule', false
    from generate_series(1, %(articles)s) as number
    cross join lateral (
        select '2025-01-01'::timestamptz + number * interval '365 days' / %(articles)s as at
    ) as opened
    """,
    # The text is added after sorting.
    """
    insert into discussion.comments (
        article_id, comment_id, user_id, role, parent_comment_id, posted_at, held, posted_version,
        display_name, first_body
    )
    select
        posted.*,
        'Reader',
        'A text of usual length, which no metric looks at, but which takes its room in the table: '
        || repeat('x', 160)
    from (
        select
            placed.article_id,
            'c' || place,
            'user-' || floor(%(articles)s * random() * random())::integer,
            case when random() < 0.01 then 'staff' else 'reader' end,
            case when place > 1 and random() < 0.55
            then 'c' || 1 + floor(random() * (place - 1))::integer end,
            placed.opens_at - ln(1 - random()) * interval '18 hours' * least(place, 20) / 10
            as posted_at,
            random() < 0.02,
            int8send(place)
        from (
            select
                known.article_id,
                known.opens_at,
                greatest(
                    1,
                    round(
                        %(comments)s
                        * power(row_number() over (order by md5(known.article_id)), -0.45)
                        / sum(power(number, -0.45)) over ()
                    )
                )::integer as size
            from discussion.windows as known
            inner join generate_series(1, %(articles)s) as number
            on known.article_id = 'article-' || number
        ) as placed
        cross join lateral generate_series(1, placed.size) as place
        order by posted_at
    ) as posted
    """,
    """
    insert into discussion.reports (
        article_id, comment_id, report_id, reporter_user_id, reason, reported_at, reported_version
    )
    select
        comment.article_id, comment.comment_id, 'r' || comment.comment_id,
        'user-' || floor(%(articles)s * random() * random())::integer,
        (array['spam', 'off_topic', 'harassment', 'hate_speech',
        'threat_violence'])[1 + floor(random() * 5)::integer],
        comment.posted_at + random() * interval '1 day', '1'
    from discussion.comments as comment
    where random() < 0.02
    """,
    """
    insert into discussion.report_decisions (
        article_id, source, event_id, digest, occurred_at, version, comment_id, report_id,
        decision, decided_by, decided_at
    )
    select
        report.article_id, '/bench', report.comment_id || report.report_id, '1',
        report.reported_at, '1', report.comment_id,
        report.report_id, case when random() < 0.3 then 'upheld' else 'dismissed' end, 'moderator',
        report.reported_at + random() * interval '1 day'
    from discussion.reports as report
    where random() < 0.9
    """,
    """
    insert into discussion.reactions (
        article_id, comment_id, user_id, reaction, is_on, state_version, first_added_at
    )
    select
        comment.article_id, comment.comment_id,
        'user-' || floor(%(articles)s * random())::integer, 'like', true, '1',
        comment.posted_at + random() * interval '1 day'
    from discussion.comments as comment
    where random() < 0.3
    """,
    "vacuum (analyze)",
)
NEW_COMMENTS = """
with posted as (
    insert into discussion.comments (
        article_id, comment_id, user_id, display_name, role, posted_at, held, first_body,
        posted_version
    )
    select
        discussed.article_id,
        'new-' || %(number)s,
        'user-' || floor(%(articles)s * random() * random())::integer,
        'Reader',
        'reader',
        discussed.opens_at + random() * interval '1 day',
        false,
        'A text of usual length, which no metric looks at.',
        '1'
    from discussion.windows as discussed
    where {where}
    returning article_id
)

insert into ingest.dirty_articles (article_id)
select posted.article_id from posted
"""
"""One comment more in each of these articles, of a reader who may have written there before, and
the marks that a consumer sets.
"""


def filled(server: str, comments: int, say: Callable[[str], None]) -> str:
    """The name of the database of this size; it is filled if it is not there.

    A database that was filled by older code is as good: what is made from it is migrated.
    """
    name = f"filled_{comments}"
    with psycopg.connect(server, autocommit=True) as connection:
        # Only a database that was filled to the end is a template.
        found = connection.execute(
            "select datistemplate from pg_database where datname = %s", [name]
        ).fetchone()
        if found == (True,):
            return name
        connection.execute(f"drop database if exists {name}")
        connection.execute(f"create database {name}")
    articles = comments // PER_ARTICLE
    say(f"Writing {comments:,} comments under {articles:,} articles …")
    url = with_database(server, name)
    migrate(url)
    with psycopg.connect(url, options="-c timezone=UTC", autocommit=True) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute("set work_mem = '512MB'")
        # Random numbers are the same only if one process draws them.
        connection.execute("set max_parallel_workers_per_gather = 0")
        for statement in FILL:
            connection.execute(
                statement.encode(),
                {"articles": articles, "comments": comments} if "%(" in statement else None,
            )
    on_server(server, "alter database {} is_template true", name)
    return name


def copied(server: str, template: str, name: str) -> str:
    """Make a migrated copy of a filled database; return its URL."""
    on_server(server, "create database {} template {} strategy file_copy", name, template)
    url = with_database(server, name)
    migrate(url)
    with psycopg.connect(url, autocommit=True) as connection:
        # What migrations that came later marked.
        connection.execute(
            "truncate ingest.dirty_articles, ingest.dirty_days, ingest.dirty_reporters"
        )
    return url
