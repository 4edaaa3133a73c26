-- Up to when everything is counted. Columns: sql/metrics/freshness. A barrier counts once windows
-- were applied behind it: until then, comments can be in time that a window leaves out.
create or replace view metrics.freshness as
select
    (
        select max(barrier.taken_at)
        from ingest.barriers as barrier
        where barrier.applied_at is not null
    ) as watermark,
    (
        select mark.marked_at
        from ingest.dirty_articles as mark
        order by mark.mark_id
        limit 1
    ) as articles_wait_since,
    (select min(mark.mark_id) from ingest.dirty_days as mark) is not null as days_wait,
    (select min(mark.mark_id) from ingest.dirty_reporters as mark) is not null as reporters_wait,
    (
        select mark.marked_at
        from ingest.dirty_windows as mark
        order by mark.mark_id
        limit 1
    ) as windows_wait_since;

grant select on metrics.freshness to btl_reader, btl_moderator;
