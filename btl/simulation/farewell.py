"""One reader who writes a comment in the morning, and asks to be forgotten in the evening."""

import random

from btl.simulation.arrivals import ACCOUNTS, Arrival, Writer, stamp
from btl.simulation.moderation import Readers
from btl.simulation.plan import HOUR, MINUTE, ArticlePlan

RECORDS = 3


def farewell(
    rng: random.Random, plan: ArticlePlan, day_start: int, day_end: int, reader: int
) -> list[Arrival]:
    """Return the RECORDS records in the order of sending: a comment below this article, its edit,
    and the erasure. The reader, by number, does nothing else on the day.
    """
    writer = Writer(rng, day_start, day_end, repeats=0)
    user_id, comment_id = f"u{reader:06d}", f"c{plan.number:04d}{reader:06d}"
    keys = {"article_id": plan.article_id, "comment_id": comment_id}
    body = "I live two doors from there, so let me be short. The bakery was never closed."
    posted_at = day_start + 10 * HOUR + int(rng.random() * 90 * MINUTE) // 1000 * 1000
    comment = {
        **keys,
        "author": {"user_id": user_id, "display_name": Readers.name(reader)},
        "body": body,
        "posted_at": stamp(posted_at),
    }
    writer.write("comment.posted.v1", comment_id, comment, posted_at)
    edited_at = posted_at + 6 * MINUTE
    edit = {**keys, "body": f"{body} (Edited.)", "edited_at": stamp(edited_at)}
    writer.write("comment.edited.v1", comment_id, edit, edited_at)
    erased_at = day_start + 22 * HOUR + int(rng.random() * 60 * MINUTE) // 1000 * 1000
    erasure = {"user_id": user_id, "erased_at": stamp(erased_at)}
    writer.write("commenter.erased.v1", user_id, erasure, erased_at, ACCOUNTS, key=user_id)
    return sorted(writer.arrivals, key=lambda arrival: arrival.arrives_at)
