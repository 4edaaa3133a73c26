"""How hard Hypothesis tries: in `make test` a little, and always the same; in `make prove` fifty times as much, ever anew."""

import os

from hypothesis import settings

_TIMES = 50 if os.environ.get("BTL_PROVE") == "1" else 1

settings.register_profile("test", deadline=None, derandomize=True, database=None)
settings.register_profile("prove", deadline=None, max_examples=100 * _TIMES, database=None, print_blob=True)
settings.load_profile("test" if _TIMES == 1 else "prove")


def examples(count: int) -> settings:
    """Settings of a test that tries so many examples in `make test`."""
    return settings(max_examples=count * _TIMES)
