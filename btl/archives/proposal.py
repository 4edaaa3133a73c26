"""A mapping to begin with, guessed from the names of columns and from the first rows of tables."""

import re
import shlex
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import PurePath
from unicodedata import normalize

from below_the_line.errors import BelowTheLineError
from btl.archives.assignment import columns_used
from btl.archives.identifiers import read_id
from btl.archives.mapping import load_ready, ready_mappings
from btl.archives.sources import ExportFile
from btl.archives.tables import Layout, looks_like_table, marked_encoding, open_table

_SAMPLED_ROWS = 200

_ARTICLE_ID = (
    "articleid storyid assetid idarticle docid threadid discussionid pageid"
    " artikelid artikelnr beitragsid idartikel articulo idarticulo articuloid"
)
_ARTICLES = {
    "article_id": f"{_ARTICLE_ID} id guid nr no number nummer numero num",
    "url": "url weburl articleurl storyurl permalink link href webaddress adresse enlace lien",
    "headline": "headline title articletitle storytitle subject name titel uberschrift titre titulo"
    " titular",
    "published_at": "publishedat published pubdate publishdate publicationdate publishingdate"
    " publisheddate datepublished storydate postdategmt postdate createdat created date timestamp"
    " time veroffentlicht veroffentlichtam erschienen datum publiele datepublication"
    " datedepublication publicado fechapublicacion fecha",
    "updated_at": "updatedat updated modifiedat modified lastmodified datemodified changed geandert"
    " modifiele modificado",
    "section": "section sectionname desk newdesk channel category department ressort rubrik"
    " rubrique seccion",
    "topics": "topics tags keywords schlagworte motscles etiquetas",
    "bylines": "byline bylines author authors creator autor autoren auteur auteurs autores",
    "language": "language lang locale sprache langue idioma",
    "discussion.closes_at": "closesat closeat commentscloseat closedat",
    "accepts_comments": "acceptscomments commentsopen commentstatus",
}
_COMMENTS = {
    "article_id": f"{_ARTICLE_ID} article story asset page postid commentpostid artikel beitrag",
    "comment_id": "commentid idpost cid commentcounter commentnumber commentno kommentarid"
    " idkommentar commentaireid idcommentaire comentarioid idcomentario id nr no number"
    " nummer numero num",
    "parent_comment_id": "parentcommentid parentid parent inreplyto replyto idparentpost"
    " commentparent antwortauf reponsea respuestaa",
    "author.user_id": "userid authorid iduser commenterid memberid uid user benutzerid nutzerid"
    " utilisateurid usuarioid",
    "author.display_name": "displayname userdisplayname username authorname commentauthor"
    " nickname nick author name benutzer benutzername nutzer nutzername autor auteur pseudo"
    " utilisateur usuario nombre",
    "author.email": "email authoremail commentauthoremail mail courriel correo",
    "body": "body commentbody text commenttext comment content commentcontent message kommentar"
    " inhalt texte commentaire contenu texto comentario mensaje",
    "posted_at": "postedat posted createdat created createdate commentdategmt commentdate date"
    " timestamp posttime time when datum zeit zeitpunkt erstellt erstelltam publiele fecha creado",
    "edited_at": "editedat edited updatedat modifiedat geandert",
    "deleted_at": "deletedat deleted geloscht",
    "status": "status state approved commentapproved moderationstatus zustand statut estado",
    "likes": "likes likecount upvotes positivevotes posvotes recommendations ups score daumenhoch",
    "dislikes": "dislikes dislikecount downvotes negativevotes negvotes downs daumenrunter",
    "flags": "flags flagcount reportcount abusereports",
}
"""What columns are called in English, German, French and Spanish: small letters without accents."""
_FORMATS = ("%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S")
_MEANINGS = {
    "approved": "approved 1 published publish online visible accepted",
    "pending": "pending 0 hold held waiting unapproved premod unmoderated",
    "spam": "spam junk",
    "rejected": "rejected trash refused hidden blocked",
    "deleted": "deleted removed",
}
_HTML = re.compile(r"<(?:p|br|a|b|i|em|strong|blockquote|div)\b[^>]*>", re.IGNORECASE)
_REFERENCE = re.compile(r"&(?:#\d+|[a-z]+);")


@dataclass(frozen=True)
class _Sample:
    """The columns of a file and the cells of its first rows."""

    file: ExportFile
    cells: Mapping[str, Sequence[str]]
    """The cells of a column that are not empty."""
    fields: Mapping[str, Mapping[str, str]]
    """By table, the column that looks like a field."""
    encoding: str


def proposal(files: Sequence[ExportFile]) -> str:
    """Return the text of a mapping for these files, with comments on what is not certain.

    Raises BelowTheLineError for a file that is not a table.
    """
    samples = [_sample(file) for file in files]
    if name := _ready_for(samples):
        return (
            f"# These are the columns of a data set whose mapping comes with the software:\n"
            f"#   --mapping {name}\n"
        )
    comments = max(samples, key=_likeness)
    others = [sample for sample in samples if sample is not comments]
    articles = max(others, key=lambda sample: len(sample.fields["articles"]), default=None)
    if articles is None and (both := _of_both(comments)):
        articles, comments = both
    used = [sample for sample in (articles, comments) if sample is not None]
    names = " ".join(dict.fromkeys(shlex.quote(sample.file.path.name) for sample in used))
    lines = [
        "# A mapping, guessed from the names of columns and from the first rows. Look it through:",
        "# docs/archives.md explains each key. Then try it, nothing is sent:",
        f"#   btl archive import {names} --mapping site.toml --dry-run",
        "",
        'source = "https://example.org/archive"  # Yours. Do not change it after an import.',
        'time_zone = "UTC"  # Of times without an offset, such as "Europe/Vienna".',
    ]
    if any(_has_float_ids(sample, table) for sample in samples for table in sample.fields):
        lines.append('ids = "spreadsheet"  # 26691034.0 is 26691034.')
    lines += _table("articles", articles, _ARTICLES, comments)
    lines += _table("comments", comments, _COMMENTS)
    for sample in others:
        if sample is not articles:
            lines += _left(sample)
    return "\n".join(lines) + "\n"


def _of_both(sample: _Sample) -> tuple[_Sample, _Sample] | None:
    """Return what a file has of articles and what of comments, if its rows have both.

    A column is the article's if comments have nothing like it and it has the name of the field, or
    one that begins with the article.
    """
    own = sample.fields["comments"]
    found = {
        name: column
        for name, column in sample.fields["articles"].items()
        if column not in own.values()
        and (
            name in ("url", "headline", "section")
            or _plain(column) == _plain(name)
            or _plain(column).startswith(("article", "story"))
        )
    }
    article_id = own.get("article_id", found.get("url"))
    if article_id is None or not found:
        return None
    articles = {"article_id": article_id, **found}
    comments = {"article_id": article_id, **own}
    of_articles = {column: sample.cells[column] for column in articles.values()}
    of_comments = {
        column: cells for column, cells in sample.cells.items() if column not in found.values()
    } | {article_id: sample.cells[article_id]}
    return (
        replace(sample, cells=of_articles, fields={"articles": articles}),
        replace(sample, cells=of_comments, fields={"comments": comments}),
    )


def _sample(file: ExportFile) -> _Sample:
    inside = PurePath(file.member or file.path.name)
    if not looks_like_table(file) and not {".csv", ".tsv"} & set(inside.suffixes):
        raise BelowTheLineError(
            f"{file.name} does not look like a table.",
            "Name CSV, TSV, JSON lines or Parquet.",
        )
    with open_table(file, Layout(_encoding(file))) as table:
        names = list(table.columns.names or table.sample)
        for name in names:
            table.columns.index(name, "")
        rows = [row.cells for row in islice(table.rows(), _SAMPLED_ROWS) if row.fault is None]
    cells = {
        name: [cell for row in rows if (cell := row[place])] for place, name in enumerate(names)
    }
    fields = {"articles": _guessed(names, _ARTICLES), "comments": _guessed(names, _COMMENTS)}
    return _Sample(file, cells, fields, _encoding(file))


def _encoding(file: ExportFile) -> str:
    """Return utf-8, or cp1252 if the beginning of a text is not that."""
    if file.head.startswith(b"PAR1") or marked_encoding(file.head):
        return "utf-8"
    try:
        getincrementaldecoder("utf-8")().decode(file.head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _guessed(names: Sequence[str], aliases: Mapping[str, str]) -> dict[str, str]:
    """Return the column of each field that has one, the likeliest first; each column once."""
    plain = {_plain(name): name for name in names}
    whole = {_letters(name): name for name in names}
    found: dict[str, str] = {}
    for each, known in aliases.items():
        for alias in known.split():
            column = whole.get(alias) or plain.get(alias)
            if column is not None and column not in found.values():
                found[each] = column
                break
    return found


def _plain(name: str) -> str:
    return _letters(name.rpartition(".")[2])


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", normalize("NFKD", name.lower()))


def _likeness(sample: _Sample) -> int:
    """Return how much a file looks like comments rather than articles."""
    comments, articles = sample.fields["comments"], sample.fields["articles"]
    signs = ("body", "parent_comment_id", "article_id", "author.user_id", "author.display_name")
    return sum(name in comments for name in signs) - ("url" in articles) - ("headline" in articles)


def ready_for(files: Sequence[ExportFile]) -> str | None:
    """Return the name of the mapping that comes with the software for such columns, if any."""
    return _ready_for([_sample(file) for file in files])


def _ready_for(samples: Sequence[_Sample]) -> str | None:
    """Return the name of the mapping that comes with the software and uses only such columns."""
    for name in ready_mappings():
        tables = load_ready(name).tables()
        if all(
            any(set(columns_used(each, table)) <= set(sample.cells) for sample in samples)
            for each, table in tables.items()
        ):
            return name
    return None


def _table(
    name: str, sample: _Sample | None, aliases: Mapping[str, str], other: _Sample | None = None
) -> Iterator[str]:
    """Yield the lines of a table; ``other`` is the file that may have its columns too."""
    yield from ("", f"[{name}]")
    if sample is None:
        yield f'files = ["{name}.csv"]  # No file looks like it: name it here.'
        if other is not None:
            yield f"# If each row of {_file(other)} repeats its article, name {_file(other)} here."
        found: Mapping[str, str] = {}
    else:
        yield f'files = ["{_file(sample)}"]'
        if sample.encoding != "utf-8":
            yield f'encoding = "{sample.encoding}"  # {_file(sample)} is not UTF-8.'
        found = sample.fields[name]
        yield from _hints(name, sample, found)
    yield from ("", f"[{name}.fields]")
    required = ("article_id", "url", "comment_id", "body", "posted_at")
    for each in aliases:
        if each in found:
            yield _field(each, found[each])
        elif each == "url" and "article_id" in found:
            column = found["article_id"]
            yield f'url = "https://example.org/{{{column}}}"  # No column looks like an address.'
        elif each in required:
            yield f'{each} = ""  # No column looks like it.'
    if sample is not None:
        rest = [column for column in sample.cells if column not in found.values()]
        if rest:
            yield f"# Not used: {', '.join(rest)}."
        yield from _values(name, sample, found)


def _field(name: str, column: str) -> str:
    if name == "topics":
        return f'topics = {{ split = "{{{column}}}", by = "," }}'
    if name == "bylines":
        return f'bylines = ["{{{column}}}"]'
    if name == "body":
        return f'body = ["{{{column}}}", " "]'
    return f'{name} = "{{{column}}}"'


def _hints(name: str, sample: _Sample, found: Mapping[str, str]) -> Iterator[str]:
    """Yield what the first rows say of how cells are written."""
    texts = [found[each] for each in ("headline", "body") if each in found]
    html = [column for column in texts if _any(sample, column, _HTML.search)]
    decoded = [
        column for column in texts if column not in html and _any(sample, column, _REFERENCE.search)
    ]
    if html:
        yield f"html = [{_quoted(html)}]  # Markup becomes text."
    if decoded:
        yield f"html_columns = [{_quoted(decoded)}]  # &amp; becomes &."
    formats = {
        column: known
        for each, column in found.items()
        if each.endswith("_at") and (known := _time_format(sample.cells[column]))
    }
    parent = found.get("parent_comment_id")
    if parent and _any(sample, parent, lambda cell: cell in ("0", "0.0")):
        yield from ("", f"[{name}.null]", f'{_key(parent)} = ["0"]  # At the top level.')
    if formats:
        yield from ("", f"[{name}.time_formats]")
        yield from (f'{_key(column)} = "{known}"' for column, known in formats.items())


def _values(name: str, sample: _Sample, found: Mapping[str, str]) -> Iterator[str]:
    if "status" not in found:
        return
    meanings = {word: meaning for meaning, words in _MEANINGS.items() for word in words.split()}
    seen = sorted(set(sample.cells[found["status"]]))[:20]
    pairs = ", ".join(f'{_key(value)} = "{meanings.get(value.lower(), "")}"' for value in seen)
    yield from (
        "",
        "# What each status means: approved, pending, rejected, spam, deleted, or nothing.",
        f"[{name}.values]",
        f"status = {{ {pairs} }}",
    )


def _file(sample: _Sample) -> str:
    return PurePath(sample.file.member or sample.file.path.name).name


def _left(sample: _Sample) -> Iterator[str]:
    file = _file(sample)
    columns = list(sample.cells)
    key = columns[0] if columns else "id"
    yield from (
        "",
        f"# {file} is not used. Join it, if comments refer to its rows: {{other.COLUMN}}.",
        "# [comments.joins.other]",
        f'# files = ["{file}"]',
        *([f'# encoding = "{sample.encoding}"'] if sample.encoding != "utf-8" else []),
        f'# key = "{key}"',
        f'# equals = "{{{key}}}"',
        f"# Its columns: {', '.join(columns)}.",
    )


def _time_format(cells: Sequence[str]) -> str | None:
    """Return the format of times that are not ISO 8601, if it is one of the usual ones."""
    if not cells:
        return None
    if all(re.fullmatch(r"\d{9,10}(\.\d+)?", cell) for cell in cells):
        return "unix"
    if all(re.fullmatch(r"\d{12,13}(\.\d+)?", cell) for cell in cells):
        return "unix_milliseconds"
    return next((each for each in _FORMATS if all(_fits(cell, each) for cell in cells)), None)


def _fits(cell: str, time_format: str) -> bool:
    try:
        datetime.strptime(cell, time_format)  # noqa: DTZ007
    except ValueError:
        return False
    return True


def _has_float_ids(sample: _Sample, table: str) -> bool:
    ids = ("article_id", "comment_id", "parent_comment_id", "author.user_id")
    columns = [column for each, column in sample.fields[table].items() if each in ids]
    return any(_any(sample, column, _is_float) for column in columns)


def _is_float(cell: str) -> bool:
    try:
        read_id(cell, "strict")
    except ValueError:
        return True
    return False


def _any(sample: _Sample, column: str, test: Callable[[str], object]) -> bool:
    return any(test(cell) for cell in sample.cells[column])


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _key(text: str) -> str:
    """Return a text as a key of TOML."""
    if re.fullmatch(r"[A-Za-z0-9_-]+", text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
