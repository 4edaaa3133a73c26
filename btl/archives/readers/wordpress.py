"""WordPress: its export (WXR 1.0 to 1.2), and Disqus' import format, which is made of it.

Comments stand in the item of their post or page, after all else of it.
"""

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar

from below_the_line.errors import BelowTheLineError
from btl.archives.article_urls import absolute_url, article_id_of
from btl.archives.formats import Format, Progress, ReadingOptions
from btl.archives.html_text import plain_text
from btl.archives.readers.wordpress_decisions import (
    BEFORE_TRASH,
    State,
    epoch_seconds,
    state_of,
    states_before_trash,
)
from btl.archives.records import (
    ArchiveRecord,
    Article,
    Comment,
    Moderation,
    Place,
    ReactionCount,
    Unpublication,
    Unreadable,
    UnreadableRowError,
)
from btl.archives.sources import ExportFile
from btl.archives.tally import Tally
from btl.archives.templates import decode_entities
from btl.archives.times import is_date
from btl.archives.xml_reading import XmlFile, id_of_content, read_files
from btl.archives.xml_stream import Item, XmlItems

_EXPORT = re.compile(r"https?://(?:www\.)?wordpress\.org/export/[\d.]+/?(excerpt/?)?")
_PREFIXES = {
    "": "",
    "http://purl.org/rss/1.0/modules/content/": "content",
    "http://purl.org/dc/elements/1.1/": "dc",
    "http://www.disqus.com/": "dsq",
}
_ROOT = re.compile(rb"<rss\s[^>]*wordpress\.org/export/")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_LIKES = re.compile(r's:4:"like";i:(\d+);')
_DISLIKES = re.compile(r's:7:"dislike";i:-?(\d+);')

_NEVER = "0000-00-00"
"""How the times begin that WordPress does not have."""
_BEFORE_CHRIST = " -0001 "
"""The year of such a time in a ``pubDate``."""
_ARTICLES = frozenset(("post", "page"))
_NOT_PUBLIC = {
    "draft": "drafts",
    "auto-draft": "drafts",
    "pending": "drafts",
    "private": "private posts",
}
"""What posts of these states are called: not everybody could read them."""
_WHY_NOT_PUBLIC = "not everybody could read them"
_READERS_COMMENTS = frozenset(("", "comment", "review", "wpdiscuz_sticky"))
_KINDS = {
    "pingback": ("pingbacks", "another page linked to the article: nobody wrote a comment"),
    "trackback": ("trackbacks", "another page linked to the article: nobody wrote a comment"),
    "note": ("editors' notes", "they were never meant for readers"),
    "order_note": ("notes on orders", "they belong to a shop's orders"),
}
"""What each type of comments that is not of readers is called, and why it is left out."""
_MAX_TYPES = 100
_COUNTS = {
    "cld_like_count": "like",
    "cld_dislike_count": "dislike",
    "_commentliked": "like",
    "_commentdisliked": "dislike",
}
"""What plugins call the numbers of reactions to a comment."""
_WHY_PRIVATE = "no event has a place for it"


def _recognises(file: ExportFile) -> bool:
    return _ROOT.search(file.head) is not None


def _read(
    files: Sequence[ExportFile], options: ReadingOptions, progress: Progress
) -> Iterator[ArchiveRecord | Unreadable]:
    site, tally = _Site(), Tally()
    yield from read_files(files, lambda file: _Export(file, site, options, tally), tally, progress)


class _Site:
    """What the files of one site say before their items."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        """The shown names of authors, by their logins."""
        self.ids: dict[str, str] = {}
        """The ids of authors, by their logins."""
        self.staff: set[str] = set()
        """The ids of authors."""
        self._types: set[str] = set()
        self._address: tuple[str, str] | None = None
        """The address of the first file's site, and that file's name."""

    def add_author(self, item: Item) -> None:
        """Add someone who writes articles."""
        login, user_id = item.text("wp:author_login"), item.text("wp:author_id")
        if user_id is not None:
            self.staff.add(user_id)
        if login is not None:
            if user_id is not None:
                self.ids[login] = user_id
            if name := item.text("wp:author_display_name"):
                self.names[login] = decode_entities(name)

    def type_name(self, kind: str) -> str:
        """Return what to call a type of items or comments; of very many types, only the first
        ones by their names.
        """
        if kind not in self._types and len(self._types) >= _MAX_TYPES:
            return "other types"
        self._types.add(kind)
        return f"the type {kind}"

    def check_address(self, address: str, file: str) -> None:
        """Raises BelowTheLineError if this file is of another site than those before it."""
        if self._address is None:
            self._address = address, file
        first, first_file = self._address
        if address != first:
            raise BelowTheLineError(
                f"{first_file} is of the site {first}, but {file} of {address}: both number their"
                " articles and comments from 1.",
                "Import one site's files at a time, and one of them with --id-prefix.",
            )


class _Post:
    """The item that is being read."""

    def __init__(self, item: Item, place: Place) -> None:
        self.item = item
        self.place = place
        self.is_yielded = False
        """Whether its article was."""
        self._before_trash: dict[str, str] | None = None

    @property
    def article_id(self) -> str | None:
        """The post's number; in Disqus' import format, the thread's id."""
        found = self.item.text("wp:post_id") or self.item.text("dsq:thread_identifier")
        if found is None:
            found = self.item.text("link") or self.item.text("guid")
        return None if found is None else article_id_of(found)

    @property
    def is_in_trash(self) -> bool:
        """Whether somebody threw it away."""
        return (self.item.text("wp:status") or "").lower() == "trash"

    @property
    def not_public(self) -> str | None:
        """What such posts are called, if not everybody could read it, and not before it came into
        the trash either.
        """
        status = self.item.text("wp:status") or ""
        if self.is_in_trash:
            status = self.meta("_wp_trash_meta_status") or ""
        if self.item.text("wp:post_password"):
            return _NOT_PUBLIC.get(status.lower(), "posts with a password")
        return _NOT_PUBLIC.get(status.lower())

    def meta(self, key: str) -> str | None:
        """Return a value of the post's metadata."""
        for part in self.item.parts.get("wp:postmeta", ()):
            if part.text("wp:meta_key") == key:
                return part.text("wp:meta_value")
        return None

    def state_before_trash(self, comment: Item) -> str | None:
        """Return the state of a comment before the post went into the trash, if that is noted."""
        if comment.text("wp:comment_approved") != BEFORE_TRASH:
            return None
        if self._before_trash is None:
            noted = self.meta("_wp_trash_meta_comments_status")
            self._before_trash = states_before_trash(noted or "")
        return self._before_trash.get(comment.text("wp:comment_id") or "")

    @property
    def language(self) -> str | None:
        """Its own language, where a plugin keeps one."""
        for part in self.item.parts.get("category", ()):
            if part.text("@domain") == "language":
                return _language(part.text("@nicename"))
        return None

    def terms(self, *domains: str) -> list[str]:
        """Return the names of its categories, tags or others, without repetitions."""
        parts = self.item.parts.get("category", ())
        found = (part.text("") for part in parts if part.text("@domain") in domains)
        return list(dict.fromkeys(decode_entities(name) for name in found if name))

    def categories(self) -> list[str]:
        """Return its categories, without the one for posts that have none."""
        parts = self.item.parts.get("category", ())
        named = [part for part in parts if part.text("@domain") == "category"]
        # Version 1.0 has each of them a second time, without a domain; some programs only so.
        found = named or [part for part in parts if part.text("@domain") is None]
        names = (part.text("") for part in found if part.text("@nicename") != "uncategorized")
        return list(dict.fromkeys(decode_entities(name) for name in names if name))


class _Export(XmlFile):
    """One file of a site's export."""

    ids: ClassVar = {
        "item": ("item", "wp:post_id"),
        "wp:comment": ("comment", "wp:comment_id"),
    }

    def __init__(
        self, file: ExportFile, site: _Site, options: ReadingOptions, tally: Tally
    ) -> None:
        super().__init__(file)
        self._site = site
        self._options = options
        self._tally = tally
        self._language: str | None = None
        self._post: _Post | None = None

    def items(self) -> XmlItems:
        return XmlItems(
            self._file,
            prefix=_prefix,
            items=("item", "language", "wp:author", "wp:base_blog_url"),
            inner=("wp:comment",),
            parts=("category", "wp:commentmeta", "wp:postmeta"),
            ignored=("content:encoded", "description"),
        )

    def place(self, item: Item) -> Place:
        return self._post_of(item).place if item.name == "item" else super().place(item)

    def records(self, place: Place, item: Item) -> Iterator[ArchiveRecord]:
        if item.name == "wp:comment" and item.parent is not None:
            yield from self._comment(place, item, self._post_of(item.parent))
        elif item.name == "item":
            yield from self._end_of_post(self._post_of(item))
        elif item.name == "wp:author":
            self._site.add_author(item)
        elif item.name == "language":
            self._language = _language(item.text(""))
        elif item.name == "wp:base_blog_url" and (address := item.text("")):
            self._site.check_address(address, self._file.name)

    def _post_of(self, item: Item) -> _Post:
        if self._post is None or self._post.item is not item:
            self._post = _Post(item, super().place(item))
        return self._post

    def _comment(self, place: Place, item: Item, post: _Post) -> Iterator[ArchiveRecord]:
        kind = (item.text("wp:comment_type") or "").lower()
        if kind not in _READERS_COMMENTS:
            self._leave_out_comment(place, kind)
            return
        if not_public := post.not_public:
            self._tally.add(place, f"comments on {not_public}", _WHY_NOT_PUBLIC)
            return
        article_id = post.article_id
        if article_id is None:
            raise UnreadableRowError("belongs to an item without an id")
        state = state_of(item, post.state_before_trash(item), self._site.ids)
        posted_at = self._time(item, "wp:comment_date_gmt", "wp:comment_date", date_will_do=False)
        # Only now, because a comment that cannot be read makes no article.
        if not post.is_yielded:
            yield self._article(post, article_id)
            post.is_yielded = True
        yield from self._records_of_comment(place, item, article_id, state, posted_at)
        self._count_left_out(place, item)

    def _records_of_comment(
        self, place: Place, item: Item, article_id: str, state: State, posted_at: datetime | None
    ) -> Iterator[ArchiveRecord]:
        comment_id = item.text("wp:comment_id") or _digest(item, article_id)
        user_id = item.text("wp:comment_user_id") or item.text("dsq:remote/dsq:id")
        if user_id == "0":
            user_id = None
        name = item.text("wp:comment_author")
        parent = item.text("wp:comment_parent")
        yield Comment(
            place,
            article_id,
            comment_id,
            user_id,
            None if name is None else decode_entities(name),
            plain_text(item.texts.get("wp:comment_content", ""), line_breaks=True) or None,
            posted_at,
            None if parent == "0" else parent,
            is_staff=user_id in self._site.staff,
            held=state.held,
            email=item.text("wp:comment_author_email"),
        )
        if "wp:commentmeta" in item.parts:
            for reaction, number in self._reactions(place, item):
                yield ReactionCount(place, article_id, comment_id, reaction, number)
        for decided in state.decisions:
            yield Moderation(place, article_id, comment_id, *decided)

    def _reactions(self, place: Place, item: Item) -> Iterator[tuple[str, int]]:
        meta = {
            part.text("wp:meta_key"): part.text("wp:meta_value") or ""
            for part in item.parts["wp:commentmeta"]
        }
        for key, reaction in _COUNTS.items():
            number = meta.get(key, "")
            if number.isascii() and number.isdigit() and len(number) < 10 and int(number):
                yield reaction, int(number)
        # wpDiscuz has the likes and the dislikes by themselves only in its newer versions, and with
        # this spelling.
        apart = meta.get("wpdiscuz_votes_seperate")
        if apart is not None:
            for reaction, pattern in (("like", _LIKES), ("dislike", _DISLIKES)):
                found = pattern.search(apart)
                if found is not None and len(found[1]) < 10 and int(found[1]):
                    yield reaction, int(found[1])
        elif meta.get("wpdiscuz_votes", "0") != "0":
            self._tally.add(place, "sums of votes", "votes for and against are in one number")
        if "rating" in meta:
            self._tally.add(place, "ratings", _WHY_PRIVATE)

    def _count_left_out(self, place: Place, item: Item) -> None:
        if item.text("wp:comment_author_IP"):
            self._tally.add(place, "network addresses of authors", _WHY_PRIVATE)
        if item.text("wp:comment_author_url"):
            self._tally.add(place, "websites of authors", _WHY_PRIVATE)

    def _leave_out_comment(self, place: Place, kind: str) -> None:
        unknown = f"comments of {self._site.type_name(kind)}", "readers did not write them"
        what, why = _KINDS.get(kind, unknown)
        self._tally.add(place, what, why)

    def _end_of_post(self, post: _Post) -> Iterator[ArchiveRecord]:
        item, article_id = post.item, post.article_id
        kind = (item.text("wp:post_type") or "post").lower()
        if not post.is_yielded:
            if not_public := post.not_public:
                self._tally.add(post.place, not_public, _WHY_NOT_PUBLIC)
                return
            if kind not in _ARTICLES:
                what = f"items of {self._site.type_name(kind)}"
                self._tally.add(post.place, what, "they are not articles, and nobody commented")
                return
            if article_id is None:
                raise UnreadableRowError("has neither a post_id nor a link")
            yield self._article(post, article_id)
        if post.is_in_trash and article_id is not None:
            at = epoch_seconds(post.meta("_wp_trash_meta_time"))
            yield Unpublication(post.place, article_id, "in WordPress' trash", at)

    def _article(self, post: _Post, article_id: str) -> Article:
        item = post.item
        published_at = self._time(item, "wp:post_date_gmt", "wp:post_date", "pubDate")
        updated_at = self._time(item, "wp:post_modified_gmt", "wp:post_modified")
        categories = post.categories()
        open_or_closed = (item.text("wp:comment_status") or "").lower()
        return Article(
            post.place,
            article_id,
            self._address(item.text("link")) or self._address(item.text("guid")),
            " ".join(plain_text(item.text("title") or "").split()) or None,
            published_at,
            updated_at if published_at and updated_at and updated_at > published_at else None,
            section=categories[0] if categories else None,
            topics=[*categories[1:], *post.terms("post_tag", "tag")] or None,
            bylines=self._bylines(post) or None,
            language=post.language or self._language,
            accepts_comments={"open": True, "registered_only": True, "closed": False}.get(
                open_or_closed
            ),
        )

    def _address(self, text: str | None) -> str | None:
        """Return an address with its host; None if it has none, and --base-url names none."""
        if text is None or text.startswith(("http://", "https://")):
            return text
        base_url = self._options.base_url
        is_path = text.startswith("/") and not text.startswith("//")
        return absolute_url(base_url, text, self._file.name) if base_url and is_path else None

    def _bylines(self, post: _Post) -> list[str]:
        # Of several authors, a plugin keeps a list.
        logins = post.terms("author") or [post.item.text("dc:creator") or ""]
        return [self._site.names.get(login, login) for login in logins if login]

    def _time(self, item: Item, *paths: str, date_will_do: bool = True) -> datetime | None:
        """Return the first of these times that the item has, in UTC; of a date alone, if that will
        do, its first instant.

        Raises UnreadableRowError for a text that is not a time.
        """
        for path in paths:
            text = item.text(path)
            if text is None or text.startswith(_NEVER) or _BEFORE_CHRIST in text:
                continue
            try:
                found = self._moment(text, is_local=not path.endswith("_gmt"))
            except (ValueError, OverflowError):
                raise UnreadableRowError(
                    f"has a {path} that is not a time: {text[:80]!r}"
                ) from None
            if is_date(text) and not date_will_do:
                raise UnreadableRowError(
                    f"has a {path} that is a date without a time of day: {text!r}"
                )
            return found
        return None

    def _moment(self, text: str, *, is_local: bool) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = parsedate_to_datetime(text)
        if moment.tzinfo is None:
            # Of an hour that comes twice the earlier one; an hour that is skipped is moved forward.
            moment = moment.replace(tzinfo=self._options.time_zone if is_local else UTC)
        return moment.astimezone(UTC)


def _prefix(namespace: str) -> str | None:
    match = _EXPORT.fullmatch(namespace)
    if match is not None:
        return None if match[1] else "wp"
    return _PREFIXES.get(namespace)


def _language(text: str | None) -> str | None:
    tag = (text or "").replace("_", "-")
    return tag if _LANGUAGE.fullmatch(tag) else None


def _digest(item: Item, article_id: str) -> str:
    paths = ("wp:comment_date_gmt", "wp:comment_date", "wp:comment_author", "wp:comment_content")
    return id_of_content("comment", (article_id, *map(item.text, paths)))


FORMATS = (
    Format(
        name="wordpress",
        title="WordPress export (WXR)",
        how_to_export="WordPress, Tools, Export, All content; or `wp export`.",
        recognises=_recognises,
        read=_read,
        has_paths=True,
    ),
)
