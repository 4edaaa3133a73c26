-- Closing, metrics and quality count; they need no text that people wrote, no name, and no record
-- that was rejected. A column that is added later is readable for btl_scheduler once it is granted.
revoke select on
discussion.comments,
discussion.comment_edits,
discussion.reports,
discussion.report_decisions,
ingest.dead_letters
from btl_scheduler;

grant select (
    article_id, comment_id, user_id, role, parent_comment_id, posted_at, held, posted_version,
    edited_at, edited_version, deleted_at, deleted_version, decision, decision_reason,
    decision_automated, decided_by, decided_at, decision_version
) on discussion.comments to btl_scheduler;

grant select (
    article_id, comment_id, source, event_id, digest, occurred_at, version, edited_at
) on discussion.comment_edits to btl_scheduler;

grant select (
    article_id, comment_id, report_id, reporter_user_id, reporter_anonymous_id, reason, reported_at,
    reported_version, withdrawn_at, withdrawn_version
) on discussion.reports to btl_scheduler;

grant select (
    article_id, comment_id, report_id, source, event_id, digest, occurred_at, version, decision,
    decided_by, decided_at
) on discussion.report_decisions to btl_scheduler;

grant select (
    topic, topic_id, partition, record_offset, record_timestamp, stage, code, schema_version,
    software_version, attempts, status, dead_lettered_at, status_changed_at, judged_at, source,
    event_type, event_id
) on ingest.dead_letters to btl_scheduler;
