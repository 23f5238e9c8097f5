"""Our trigrams against PostgreSQL's own."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from include.events.similarity import similarity
from tests.support.databases import Database

WORDS = st.sampled_from(
    ["Seoul", "Spring", "Summit", "2030", "봄", "축제", "day", "1", "콘서트", "COEX", "-", "&", "Été"]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=st.lists(WORDS, max_size=5).map(" ".join), other=st.lists(WORDS, max_size=5).map(" ".join))
def test_agrees_with_pg_trgm(ops_db: Database, one: str, other: str) -> None:
    with ops_db.connect() as conn:
        row = conn.execute(
            "SELECT similarity(%s, %s) AS pg, (SELECT datctype FROM pg_database WHERE datname = current_database())"
            " AS ctype",
            (one, other),
        ).fetchone()
    assert row is not None
    if row["ctype"] == "C":
        pytest.skip("under the locale C pg_trgm sees ASCII letters only")
    assert similarity(one, other) == pytest.approx(row["pg"], abs=1e-6)
