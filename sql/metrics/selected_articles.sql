-- Selected articles of all that any event named, in order. Parameters: ids (empty: all), published_since and published_until
-- (half-open; null: without bound), first and last (a range of ids, both included; null: without bound).
-- shards: into so many parts articles are divided, by hash. Grain: one row per article, with its shard. Reads only.
select
    known.article_id,
    abs(mod(hashtext(known.article_id), %(shards)s)) as shard
from discussion.known_articles as known
left join discussion.windows as closing_window on closing_window.article_id = known.article_id
where (cardinality(%(ids)s::text[]) = 0 or known.article_id = any(%(ids)s::text[]))
    and (%(first)s::text is null or known.article_id >= %(first)s::text)
    and (%(last)s::text is null or known.article_id <= %(last)s::text)
    and (%(published_since)s::timestamptz is null or closing_window.opens_at >= %(published_since)s::timestamptz)
    and (%(published_until)s::timestamptz is null or closing_window.opens_at < %(published_until)s::timestamptz)
order by known.article_id
