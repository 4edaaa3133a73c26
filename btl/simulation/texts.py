"""Made-up words for a made-up newsroom. All places, names and quarrels are invented.

Insults are mild.
"""

from itertools import product
from typing import NamedTuple


class Section(NamedTuple):
    """A section of the site, and how its readers behave."""

    name: str
    weight: int
    """Share of the articles."""
    popularity: float
    abuse: float
    """Share of the comments that break the rules."""
    subjects: tuple[str, ...]
    topics: tuple[str, ...]


SECTIONS = (
    Section(
        "local",
        22,
        1.0,
        0.03,
        (
            "the harbour ferry",
            "the night bus",
            "the market hall",
            "the swimming pool",
            "the ring road",
            "the old bridge",
        ),
        ("transport", "city council", "housing"),
    ),
    Section(
        "politics",
        18,
        2.2,
        0.07,
        (
            "the budget vote",
            "the coalition talks",
            "the tax reform",
            "the pension bill",
            "the water act",
            "the census",
        ),
        ("parliament", "elections", "budget"),
    ),
    Section(
        "world",
        16,
        1.3,
        0.05,
        (
            "the border talks",
            "the grain treaty",
            "the summit",
            "the fishing dispute",
            "the rail link",
            "the sanctions",
        ),
        ("diplomacy", "trade", "security"),
    ),
    Section(
        "business",
        14,
        0.8,
        0.02,
        (
            "the merger",
            "the rate decision",
            "the strike",
            "the chip plant",
            "the fare increase",
            "the bank's results",
        ),
        ("markets", "labour", "energy"),
    ),
    Section(
        "sport",
        14,
        1.5,
        0.05,
        (
            "the cup draw",
            "the penalty",
            "the transfer",
            "the relay final",
            "the new stadium",
            "the referee's report",
        ),
        ("football", "athletics", "cycling"),
    ),
    Section(
        "culture",
        9,
        0.6,
        0.015,
        (
            "the festival line-up",
            "the museum's new wing",
            "the remake",
            "the opera season",
            "the book prize",
            "the finale",
        ),
        ("film", "music", "books"),
    ),
    Section(
        "science",
        7,
        0.7,
        0.02,
        (
            "the moon probe",
            "the heat record",
            "the vaccine trial",
            "the fossil find",
            "the reactor test",
            "the bee census",
        ),
        ("climate", "health", "space"),
    ),
)

_PLACES = (
    "Northmere",
    "Alderbrook",
    "Saltcote",
    "Wexbridge",
    "Upper Finch",
    "Drayholm",
    "Quillport",
    "Marrowby",
)
_HEADLINES = (
    "{place} reconsiders {subject}",
    "{place} seeks guarantees over {subject}",
    "What {subject} means for {place}",
    "{place} divided over {subject}",
    "Explainer: how {subject} came about in {place}",
    "Analysis: {place} and {subject}",
    "{place} delays {subject} again",
    "Live: {subject}, as {place} decides",
)

_OPENINGS = (
    "I have followed {subject} for years, and",
    "With respect to {subject},",
    "Nobody asked us about {subject}, so",
    "As somebody who lives nearby,",
    "Reading about {subject} once more,",
    "To be fair to both sides of {subject},",
)
_CLAIMS = (
    "this was decided long before the meeting.",
    "the figures in the piece do not add up for me.",
    "I would like to see the contract first.",
    "it is the first sensible step in a decade.",
    "the people who pay for it were not heard.",
    "we had the same promise five years ago.",
    "I changed my mind after reading the annex.",
    "somebody should publish the minutes.",
    "waiting another year would cost more.",
    "the photograph says more than the text.",
)
GENERAL = (
    "Thank you for explaining it so calmly.",
    "Is there a source for the second paragraph?",
    "My neighbour worked there and tells it differently.",
    "We will see in spring.",
    "The map in the article helped a lot.",
    "It was not better before, we only forget.",
    "Could the editors add the numbers for last year?",
    "I wrote to my councillor and got an answer within a day.",
    "Good reporting, weak headline.",
    "The comments are better than the article today.",
    "Not everything that is late is a scandal.",
    "Please read to the end before you comment.",
    "I stopped counting the delays.",
    "A fair summary, apart from the last sentence.",
    "Naïve or brave? Time will tell – perhaps both.",
    "¿Por qué no los dos? 🙂",
)
REPLIES = (
    "I see that differently.",
    "Exactly my point.",
    "Do you have a source for that?",
    "That is not what the article says.",
    "You are right about the costs, wrong about the rest.",
    "Thanks, I had missed that.",
    "We have been through this yesterday.",
    "That would be news to me.",
    "Agreed, and it applies to the other side too.",
    "No. Read the third paragraph again.",
)
ABUSE = (
    "You absolute turnip, go and bother somebody else.",
    "Only a complete walnut could write such drivel.",
    "People like you should be banned from every keyboard in the country, you soggy biscuit.",
    "Shut up, you pompous doorknob. I know where you park your tricycle.",
    "Go back under your bridge, you muttering goblin!!!",
    "What a nest of nincompoops. All of you. ALL OF YOU.",
)
SPAM = (
    "Earn 900 crowns a day from home, see w-w-w dot example dot com",
    "Best umbrellas, cheapest umbrellas, write to umbrellas@example.com",
    "I got rich with one simple trick, click my profile",
)
REPORT_NOTES = (
    "This is the third time today.",
    "Please have a look at the last sentence.",
    "Copied from another site.",
    "This is about my own family.",
    "Goes on like this in every thread.",
)
LAWS = ("Press Act, section 12", "Criminal Code, section 188", "Equal Treatment Act, section 4")
EXPLANATIONS = (
    "Breaks rule 2: attack the argument, not the person.",
    "Within the rules, if only just.",
    "Already decided on an earlier report.",
    "Disagreement is not a reason for a report.",
)
_ADJECTIVES = (
    "quiet",
    "amber",
    "brisk",
    "candid",
    "dapper",
    "early",
    "foggy",
    "gentle",
    "humble",
    "idle",
    "jolly",
    "keen",
    "lucid",
    "mellow",
    "nimble",
    "odd",
)
_ANIMALS = (
    "otter",
    "heron",
    "badger",
    "lynx",
    "magpie",
    "newt",
    "owl",
    "puffin",
    "quail",
    "raven",
    "stoat",
    "tern",
    "vole",
    "wren",
    "ibis",
    "yak",
)
NAMES = tuple(f"{adjective}_{animal}" for adjective, animal in product(_ADJECTIVES, _ANIMALS))
STAFF = ("Forum desk", "Community team", "Reader editor")
BYLINES = (
    "City desk",
    "Politics desk",
    "Foreign desk",
    "Business desk",
    "Sports desk",
    "Culture desk",
    "Science desk",
)


def headlines(section: Section) -> tuple[str, ...]:
    """Return all headlines that the section can have."""
    return tuple(
        _capitalised(pattern.format(place=place, subject=subject))
        for pattern, place, subject in product(_HEADLINES, _PLACES, section.subjects)
    )


def sentences(section: Section) -> tuple[str, ...]:
    """Return what readers write below an article of the section, one sentence each."""
    made = (
        f"{opening.format(subject=subject)} {claim}"
        for opening, subject, claim in product(_OPENINGS, section.subjects, _CLAIMS)
    )
    # The general ones several times: about a third of what is picked.
    return (*made, *(GENERAL * 9))


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]


HEADLINES = {section.name: headlines(section) for section in SECTIONS}
SENTENCES = {section.name: sentences(section) for section in SECTIONS}
