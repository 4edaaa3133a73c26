-- Whether any article of a rule's site and section is known, to notice a misspelled name.
-- Parameters: site, section (null: any). Grain: one row. Reads only.
select exists(
    select
    from discussion.article_versions as article
    where (%(site)s::text is null or article.site = %(site)s::text)
        and (%(section)s::text is null or article.section = %(section)s::text)
)
