-- Makes the index by which ids of one normal form are found.
-- Parameters: none.
-- Safe to re-run: only on a new file of facts.
create index other_forms_by_normal_text on other_forms (what, article_id, normal_text, text)
