import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.article_urls import absolute_url, article_id_of


@pytest.mark.parametrize(
    ("base_url", "address", "url"),
    [
        ("https://news.example", "/a/", "https://news.example/a/"),
        ("https://news.example/", "/a?b=1", "https://news.example/a?b=1"),
        ("https://news.example/blog/", "a", "https://news.example/blog/a"),
        ("https://news.example", "http://other.example/a", "http://other.example/a"),
        (None, "https://other.example/a", "https://other.example/a"),
    ],
)
def test_a_path_comes_after_the_base_url(base_url: str | None, address: str, url: str) -> None:
    assert absolute_url(base_url, address, "comments.db") == url


def test_a_path_alone_is_not_enough() -> None:
    with pytest.raises(BelowTheLineError, match=r"^comments\.db has paths such as '/a/' and no"):
        absolute_url(None, "/a/", "comments.db")


def test_an_address_is_an_id_and_a_long_one_its_beginning_with_a_digest() -> None:
    assert article_id_of("/a/") == "/a/"
    assert article_id_of("/" + "a" * 199) == "/" + "a" * 199
    long = [article_id_of("/" + "é" * 100 + end) for end in ("a", "b")]
    assert long[0] != long[1]
    assert [len(found.encode()) for found in long] == [200, 200]
    assert long[0].startswith("/" + "é" * 91 + "~")
