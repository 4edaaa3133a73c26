-- Every article that any event named, in order. Parameters: none. Grain: one row per article. Reads only.
select known.article_id
from discussion.known_articles as known
order by known.article_id
