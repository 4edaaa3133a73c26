-- Selected articles of all that any event named, in order of publication; of ids that are given,
-- also those that only have metrics, which should not be there. Parameters: ids (empty: all),
-- published_since and published_until (half-open; null: without bound), first and last (a range of
-- ids, both included; null: without bound). shards (the number of parts into which articles are
-- divided: by the week of their publication, because the rows of articles of one time lie together;
-- without one by a hash). Grain: one row per article, with its shard. Reads only.
select
    known.article_id,
    abs(
        case
            when closing_window.opens_at is null
                then mod(hashtext(known.article_id), %(shards)s)
            else mod(div(extract(epoch from closing_window.opens_at), 604800), %(shards)s)
        end
    )::integer as shard
from (
    select named.article_id
    from discussion.known_articles as named
    union
    select computed.article_id
    from metrics.article_engagement as computed
    where computed.article_id = any(%(ids)s::text[])
    union
    select abused.article_id
    from metrics.article_abuse as abused
    where abused.article_id = any(%(ids)s::text[])
    union
    select active.article_id
    from metrics.article_daily as active
    where active.article_id = any(%(ids)s::text[])
    union
    select active.article_id
    from metrics.article_hourly as active
    where active.article_id = any(%(ids)s::text[])
) as known
left join discussion.windows as closing_window on closing_window.article_id = known.article_id
where (cardinality(%(ids)s::text[]) = 0 or known.article_id = any(%(ids)s::text[]))
    and (%(first)s::text is null or known.article_id >= %(first)s::text)
    and (%(last)s::text is null or known.article_id <= %(last)s::text)
    and (
        %(published_since)s::timestamptz is null
        or closing_window.opens_at >= %(published_since)s::timestamptz
    )
    and (
        %(published_until)s::timestamptz is null
        or closing_window.opens_at < %(published_until)s::timestamptz
    )
order by closing_window.opens_at, known.article_id
