"""``btl consume`` on the topics of a load: ``python -m tests.benchmarks.consumer LOAD``.

Only the names of the topics differ from the product's, so that all loads can lie beside each other
on one broker.
"""

import sys

from below_the_line import catalogue


def read_load(name: str) -> None:
    """Give the catalogue's input topics, in this process, the names that they have for a load;
    before all other imports.
    """
    from tests.benchmarks.services import input_topics

    renamed = input_topics(name)
    catalogue.topics = lambda *_: renamed  # type: ignore[assignment]


def consume() -> None:
    """Run ``btl consume``, settings from the environment; does not return before SIGTERM."""
    sys.argv[1:] = ["consume"]
    from btl.cli.main import main

    main()


if __name__ == "__main__":
    read_load(sys.argv[1])
    consume()
