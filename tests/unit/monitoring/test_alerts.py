"""The alert rules ask for figures and labels that there are: a rule with a typing error is silent
for ever.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import promql_parser
import pytest
import yaml
from prometheus_client import CollectorRegistry

from below_the_line.partitions import PartitionLog
from consumers.core.batch import Partition
from consumers.core.health import MAX_TURN_SECONDS
from consumers.core.observer import Cause, Halt, Step
from consumers.monitoring.consumer_metrics import ConsumerMetrics

ALERTS = Path(__file__).resolve().parents[3] / "deploy" / "prometheus" / "alerts.yml"
RULES = [
    rule
    for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
# What Prometheus itself adds to every sample.
OF_THE_SCRAPE = {"instance", "job"}


@pytest.fixture(scope="module")
def exposed() -> dict[str, set[str]]:
    """The labels of each sample that a consumer can expose."""
    metrics = ConsumerMetrics()
    zero, one = Partition("articles", 0), Partition("articles", 1)
    metrics.waiting(Cause.GROUP, "joining")
    metrics.reading({zero: 0}, {one: Halt("tripped", "decide", 0)})
    metrics.ends(
        {
            zero: PartitionLog(UUID(int=1), 0, 1, open_transaction=0),
            one: PartitionLog(UUID(int=1), 0, 1),
        }
    )
    metrics.step(Step.POLLED, 0.1)
    metrics.tripped(zero, "all bad")
    metrics._dead_letters.labels("decode", "not_json")
    metrics._skew.labels("/articles")
    metrics._by_source.labels("/articles", "article.published.v1", "not_json")
    metrics._unexpected.labels("/articles", "article.published.v1")
    return samples(metrics.registry)


def samples(registry: CollectorRegistry) -> dict[str, set[str]]:
    return {
        sample.name: {*sample.labels} for metric in registry.collect() for sample in metric.samples
    }


def selectors(expression: Any) -> Iterator[Any]:
    """The vector selectors of a PromQL expression."""
    match type(expression).__name__:
        case "VectorSelector":
            yield expression
        case "MatrixSelector":
            yield expression.vector_selector
        case "BinaryExpr":
            yield from selectors(expression.lhs)
            yield from selectors(expression.rhs)
        case "AggregateExpr" | "ParenExpr":
            yield from selectors(expression.expr)
        case "Call":
            for argument in expression.args:
                yield from selectors(argument)
        case "NumberLiteral":
            return
        case other:
            raise AssertionError(f"{other} is not looked into")


def aggregated(expression: Any) -> Iterator[tuple[set[str], Any]]:
    """The labels that aggregations go by, and over what."""
    match type(expression).__name__:
        case "AggregateExpr":
            if expression.modifier is not None:
                yield {*expression.modifier.labels}, expression.expr
        case "BinaryExpr":
            yield from aggregated(expression.lhs)
            yield from aggregated(expression.rhs)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_asks_for_what_there_is(rule: dict[str, Any], exposed: dict[str, set[str]]) -> None:
    expression = promql_parser.parse(rule["expr"])
    found = [*selectors(expression)]
    assert found
    for selector in found:
        assert selector.name in exposed
        assert {matcher.name for matcher in selector.matchers.matchers} <= exposed[selector.name]
    for labels, over in aggregated(expression):
        for selector in selectors(over):
            assert labels <= exposed[selector.name] | OF_THE_SCRAPE


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_a_rule_says_how_urgent_it_is_and_what_happened(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "warn")
    assert rule["annotations"]["summary"]


def test_the_rule_for_a_hanging_loop_agrees_with_healthz() -> None:
    (rule,) = (rule for rule in RULES if rule["alert"] == "ConsumerHangs")
    expression: Any = promql_parser.parse(rule["expr"])
    assert float(expression.rhs.val) == MAX_TURN_SECONDS
