"""Addresses of articles, compared as people mean them."""

import pytest

from btl.archives.addresses import address_key

STORY = "https://example.org/news/rain"


@pytest.mark.parametrize(
    "other",
    [
        "http://example.org/news/rain",
        "https://www.example.org/news/rain",
        "https://EXAMPLE.org/news/rain/",
        "https://example.org:443/news/rain",
        "https://example.org/news/rain?utm_source=mail",
        "https://example.org/news/rain?page=2#comments",
        "https://example.org/news/%72ain",
        " https://example.org/news/rain\n",
    ],
)
def test_what_does_not_tell_articles_apart_does_not_count(other: str) -> None:
    assert address_key(other) == address_key(STORY)


def test_letters_are_equal_in_every_normal_form_and_escaped_or_not() -> None:
    forms = ["caf\u00e9", "cafe\u0301", "caf%C3%A9", "cafe%CC%81"]
    assert len({address_key(f"https://example.org/{form}") for form in forms}) == 1


@pytest.mark.parametrize(
    "other",
    [
        "https://example.org/news/Rain",
        "https://example.org/news",
        "https://blog.example.org/news/rain",
        "https://example.org:8080/news/rain",
    ],
)
def test_what_tells_articles_apart_counts(other: str) -> None:
    assert address_key(other) != address_key(STORY)


@pytest.mark.parametrize("page", ["https://example.org/", "https://example.org/story.php"])
def test_a_query_counts_where_it_says_which_article_it_is(page: str) -> None:
    assert address_key(f"{page}?id=12") != address_key(f"{page}?id=13")
    assert address_key(f"{page}?id=12&utm_medium=a") == address_key(f"{page}?ref=b&id=12#top")
    assert address_key(f"{page}?b=1&a=2") == address_key(f"{page}?a=2&b=1")


def test_what_makes_no_address_is_only_equal_to_itself() -> None:
    assert address_key("http://[half") == "http://[half"
