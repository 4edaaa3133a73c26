-- People of whom the export has only a name, and who wrote more than one comment: they may be
-- several people.
-- Parameters: none.
-- Grain: one row per name, those with the most comments first. Reads only.
select person.named_by, person.comments, comment.file, comment.within
from people as person
inner join comments as comment on comment.rowid = person.comment_row
where person.named_by is not null and person.comments > 1
order by person.comments desc, person.named_by
