-- A moderator decides about comments and reports, and must see what was written and decided before:
-- texts and their edits, reports with their notes, and all decisions. To read why a discussion is
-- open or closed, moderators also need the timeline and where ingest stands. Dead letters stay
-- closed to them: a rejected record may hold anything.
grant select on
discussion.articles,
discussion.article_versions,
discussion.discussion_overrides,
discussion.comments,
discussion.comment_edits,
discussion.moderation_decisions,
discussion.reports,
discussion.report_decisions,
discussion.reactions,
discussion.closing_rules,
discussion.windows,
discussion.window_intervals
to btl_moderator;

grant usage on schema ingest to btl_moderator;
grant select on
ingest.barriers,
ingest.batches,
ingest.dirty_windows,
ingest.partition_offsets
to btl_moderator;
