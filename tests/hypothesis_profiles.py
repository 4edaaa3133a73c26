"""How hard Hypothesis tries: in `make test` a little, and always the same; in `make prove` fifty
times as much, with new seeds.
"""

import os

from hypothesis import Phase, settings

_TIMES = 50 if os.environ.get("BTL_PROVE") == "1" else 1

settings.register_profile("test", deadline=None, derandomize=True, database=None)
# Who only wants to know whether something fails has no use for the simplest example.
settings.register_profile(
    "quick", settings.get_profile("test"), phases=(Phase.explicit, Phase.generate)
)
settings.register_profile(
    "prove", deadline=None, max_examples=100 * _TIMES, database=None, print_blob=True
)
settings.load_profile(
    "prove" if _TIMES > 1 else "quick" if os.environ.get("BTL_PROVE") == "red" else "test"
)


def examples(count: int, *, in_prove: int | None = None) -> settings:
    """Return settings for a test that tries ``count`` examples in `make test`, and ``in_prove``
    with BTL_PROVE=1 (by default fifty times as many).
    """
    if _TIMES > 1 and in_prove is not None:
        return settings(max_examples=in_prove)
    return settings(max_examples=count * _TIMES)
