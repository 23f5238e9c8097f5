"""The reader of expressions that other tests rely on."""

import pytest

from tests.support.promql import metric_names, selectors


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("up == 0", ["up"]),
        ('up{job="a", instance=~"b.*"}', ['up{job="a",instance=~"b.*"}']),
        ("vector(1)", []),
        ("rate(a_total[5m]) / 2e3 > 0.05", ["a_total"]),
        ("sum by (job, instance) (rate(a[5m])) / sum(b) by (job)", ["a", "b"]),
        ("SUM WITHOUT (x) (a) or avg(b)", ["a", "b"]),
        ("a * on (x) group_left (y) b", ["a", "b"]),
        ("a * ignoring(x) group_right b", ["a", "b"]),
        ("histogram_quantile(0.95, sum by (le) (rate(a_bucket[5m])))", ["a_bucket"]),
        ('a{text="sum by (b) {c} [5m]"} unless b', ['a{text="sum by (b) {c} [5m]"}', "b"]),
        ("a{x='}'} and b", ["a{x='}'}", "b"]),
        ("a offset 1h30m > bool b", ["a", "b"]),
        ("max_over_time(rate(a[5m])[1h:1m]) # and not this", ["a"]),
        ("a @ start() + inf - NaN", ["a"]),
        ("job:a:rate5m > 1", ["job:a:rate5m"]),
        ("absent(up{job=\"engine\"} == 1)", ['up{job="engine"}']),
        ("topk(3, a) + count_values(\"v\", b)", ["a", "b"]),
        ("a\n  /\n  b", ["a", "b"]),
    ],
)  # fmt: skip
def test_selectors_are_found(expression: str, expected: list[str]) -> None:
    assert selectors(expression) == expected


def test_metrics_are_named_without_their_matchers() -> None:
    assert metric_names('a{x="y"} / a{x="z"} + b') == {"a", "b"}


def test_a_selector_without_a_name_is_refused() -> None:
    with pytest.raises(ValueError, match="without a metric name"):
        selectors('sum({job="a"})')
