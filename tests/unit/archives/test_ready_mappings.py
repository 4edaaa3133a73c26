"""The mappings that come with the software, over made-up rows in the form of their data sets."""

from pathlib import Path
from typing import Any

import pytest

from below_the_line.errors import BelowTheLineError
from btl.archives.formats import ReadingOptions
from btl.archives.mapping import load_mapping, ready_mappings
from btl.archives.readers.tables import read
from btl.archives.records import (
    Article,
    Comment,
    Deletion,
    Moderation,
    Place,
    ReactionCount,
    ReportCount,
)
from btl.archives.sources import files_of
from tests.unit.archives.readers.tables import utc


def records(folder: Path, name: str, files: dict[str, str]) -> list[Any]:
    for file, content in files.items():
        (folder / file).write_text(content, encoding="utf-8")
    found = files_of(folder / file for file in files)
    return list(read(found, ReadingOptions(mapping=Path(name)), lambda _: None))


def test_all_mappings_that_come_with_the_software_are_valid() -> None:
    assert ready_mappings() == (
        "derstandard-2019",
        "new-york-times-2017",
        "one-million-posts",
        "socc",
    )
    assert len({load_mapping(Path(name)).source for name in ready_mappings()}) == 4
    with pytest.raises(BelowTheLineError) as caught:
        load_mapping(Path("nowhere"))
    assert "derstandard-2019, new-york-times-2017" in (caught.value.hint or "")


def test_new_york_times_2017(tmp_path: Path) -> None:
    found = records(
        tmp_path,
        "new-york-times-2017",
        {
            "ArticlesJan2017.csv": (
                "abstract,articleID,articleWordCount,byline,documentType,headline,keywords,"
                "multimedia,newDesk,printPage,pubDate,sectionName,snippet,source,typeOfMaterial,"
                "webURL\n"
                ",58691a5795d0e039260788b9,1129.0,By HERON,article,Ferries &amp; Fog,"
                "\"['Ferries', 'Fog']\",1,Metro,1,2017-01-01 15:28:49,Unknown,x,x,News,"
                "https://news.example/2017/ferries.html\n"
            ),
            "CommentsJan2017.csv": (
                "approveDate,articleID,commentBody,commentID,commentTitle,commentType,createDate,"
                "depth,editorsSelection,parentID,recommendations,reportAbuseFlag,status,"
                "updateDate,userDisplayName,userID\n"
                "1483455908,58691a5795d0e039260788b9,One.<br/>Two.,20969730.0,<br/>,comment,"
                "1483426105.0,1.0,0,0.0,5.0,,approved,1483455908,Otter,46006296.0\n"
                "1483455910,58691a5795d0e039260788b9,Thanks,20969731.0,,reporterReply,"
                "1483426110.0,2.0,1,20969730.0,0.0,,approved,1483455910,Kingfisher,17.0\n"
            ),
        },
    )
    article_id = "58691a5795d0e039260788b9"
    places = [Place("CommentsJan2017.csv", f"line {number}") for number in (2, 3)]
    assert found == [
        Article(
            Place("ArticlesJan2017.csv", "line 2"),
            article_id,
            "https://news.example/2017/ferries.html",
            "Ferries & Fog",
            utc("2017-01-01T15:28:49"),
            section="Metro",
            topics=["Ferries", "Fog"],
            bylines=["By HERON"],
            language="en",
        ),
        Comment(
            places[0],
            article_id,
            "20969730",
            "46006296",
            "Otter",
            "One.\nTwo.",
            utc("2017-01-03T06:48:25"),
            held=True,
        ),
        ReactionCount(places[0], article_id, "20969730", "like", 5),
        Moderation(
            places[0], article_id, "20969730", "approved", decided_at=utc("2017-01-03T15:05:08")
        ),
        Comment(
            places[1],
            article_id,
            "20969731",
            "17",
            "Kingfisher",
            "Thanks",
            utc("2017-01-03T06:48:30"),
            "20969730",
            is_staff=True,
            held=True,
        ),
        Moderation(
            places[1], article_id, "20969731", "approved", decided_at=utc("2017-01-03T15:05:10")
        ),
    ]


def test_socc(tmp_path: Path) -> None:
    found = records(
        tmp_path,
        "socc",
        {
            "gnm_articles.csv": (
                "article_id,title,article_url,author,published_date,ncomments,"
                "ntop_level_comments,article_text\n"
                "26691065,Fog,http://opinion.example/fog/article26691065/,Heron,2015-10-16 EDT,3,"
                "2,<p>Fog</p>\n"
            ),
            "gnm_comments.csv": (
                "article_id,comment_counter,comment_author,timestamp,post_time,comment_text,"
                "TotalVotes,posVotes,negVotes,vote,reactions,replies,comment_id,parentID,"
                "threadID,edited,isModerator,flagCount,data_type,is_empty,status\n"
                "26691065.0,source1_26691065_0,otter,1445006493000,,First,4,3.0,1.0,,,,x1,,,,"
                "False,2,comment,,published\n"
                "26691065.0,source1_26691065_0_0,newt,1445006494000,,,0,0,0,,,,x2,x1,,,,0,"
                "comment,,deleted\n"
                '26691065,source2_26691065_0,crane,,"Dec 13, 2016",Second,0,,,,,,,,,,,,,,\n'
            ),
        },
    )
    places = [Place("gnm_comments.csv", f"line {number}") for number in (2, 3, 4)]
    assert found == [
        Article(
            Place("gnm_articles.csv", "line 2"),
            "26691065",
            "http://opinion.example/fog/article26691065/",
            "Fog",
            utc("2015-10-16T04:00"),
            bylines=["Heron"],
            language="en",
        ),
        Comment(
            places[0],
            "26691065",
            "source1_26691065_0",
            None,
            "otter",
            "First",
            utc("2015-10-16T14:41:33"),
            held=None,
        ),
        ReactionCount(places[0], "26691065", "source1_26691065_0", "like", 3),
        ReactionCount(places[0], "26691065", "source1_26691065_0", "dislike", 1),
        ReportCount(places[0], "26691065", "source1_26691065_0", "other", 2),
        Comment(
            places[1],
            "26691065",
            "source1_26691065_0_0",
            None,
            "newt",
            " ",
            utc("2015-10-16T14:41:34"),
            "source1_26691065_0",
            is_staff=None,
            held=None,
        ),
        Deletion(places[1], "26691065", "source1_26691065_0_0"),
        Comment(
            places[2],
            "26691065",
            "source2_26691065_0",
            None,
            "crane",
            "Second",
            utc("2016-12-13T17:00"),
            is_staff=None,
            held=None,
        ),
    ]


def test_one_million_posts(tmp_path: Path) -> None:
    found = records(
        tmp_path,
        "one-million-posts",
        {
            "Articles.csv": (
                "ID_Article,Path,publishingDate,Title,Body\n"
                "1,Newsroom/Wetter,2015-06-01 11:41:44.513,Nebel &amp; Kälte,<p>Text</p>\n"
            ),
            "Posts.csv": (
                "ID_Post,ID_Parent_Post,ID_Article,ID_User,CreatedAt,Status,Headline,Body,"
                "PositiveVotes,NegativeVotes\n"
                "3326,,1,9089,2015-06-01 13:00:00.25,online,Oben,Unten,2,0\n"
                "3327,3326,1,7,2015-06-01 13:01:00,deleted,,Nein,0,1\n"
            ),
            "Newspaper_Staff.csv": "ID_User\n7\n",
        },
    )
    places = [Place("Posts.csv", f"line {number}") for number in (2, 3)]
    assert found == [
        Article(
            Place("Articles.csv", "line 2"),
            "1",
            "https://example.org/story/1",
            "Nebel & Kälte",
            utc("2015-06-01T09:41:44.513"),
            topics=["Newsroom", "Wetter"],
            language="de",
        ),
        Comment(
            places[0],
            "1",
            "3326",
            "9089",
            "9089",
            "Oben\n\nUnten",
            utc("2015-06-01T11:00:00.25"),
            held=None,
        ),
        ReactionCount(places[0], "1", "3326", "like", 2),
        Comment(
            places[1],
            "1",
            "3327",
            "7",
            "7",
            "Nein",
            utc("2015-06-01T11:01:00"),
            "3326",
            is_staff=True,
            held=None,
        ),
        ReactionCount(places[1], "1", "3327", "dislike", 1),
        Moderation(places[1], "1", "3327", "rejected"),
    ]
