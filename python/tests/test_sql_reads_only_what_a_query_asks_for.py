"""SQL over tables: equal to DuckDB over the whole table, and with conditions passed to the index."""

import sys

import pytest
from conftest import call, write_trace

import dft_utils
from dft_utils import sql

duckdb = pytest.importorskip("duckdb")

CONDITIONS = [
    ("cat = 'posix'", 'cat == "posix"', None),
    ("cat = 'POSIX'", 'cat == "POSIX"', None),
    (
        "pid in (7, 8, 1000) and func_name in ('read', 'write')",
        'pid in [7, 8, 1000] and func_name in ["read", "write"]',
        None,
    ),
    ("pid <> 7 and tid >= 7", "pid != 7 and tid >= 7", None),
    ("proc_name = 'app#unknown#7#6' and io_cat = 1", 'proc_name == "app#unknown#7#6" and io_cat == 1', None),
    ("time_range = 3", "", (3_000_000, 4_000_000)),
    ("time_range between 1 and 2 and pid = 8", "pid == 8", (1_000_000, 3_000_000)),
    ("time_range > 2", "", (3_000_000, (sql.MOST + 1) * 1_000_000)),
    ("time_range < 0", "", None),
    # What the index cannot serve is not passed to it.
    ("size > 10", "", None),
    ("func_name like 'r%'", "", None),
    ("cat <> 'posix'", "", None),
    ("pid = 7 or size is null", "", None),
    ("func_name = 'it''s \"quoted\"'", "", None),
    ("func_name in ('a, b', 'read') and pid = 7", "pid == 7", None),
]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    work = tmp_path_factory.mktemp("sql")
    names = ("read", "write", "a, b", 'it\'s "quoted"', "x) and (y")
    lines = [
        call(at * 700_000, names[at % 5], pid=7 + at % 2, tid=6 + at % 3, args={"ret": at} if at % 4 else {})
        for at in range(40)
    ]
    dft_utils.build(write_trace(work / "a.pfw", lines), work / "index")
    with dft_utils.open(work / "index") as opened:
        yield opened


@pytest.fixture
def passed(monkeypatch):
    """Record the views that are read for a query."""
    views = []
    narrowed = sql.narrowed

    def record(table, condition):
        narrow = narrowed(table, condition)
        shown = narrow._view
        views.append(
            (shown.asked["query"], (shown.struct.start_us, shown.struct.end_us) if shown.struct.has_time else None)
        )
        return narrow

    monkeypatch.setattr(sql, "narrowed", record)
    return views


@pytest.mark.parametrize("condition, query, time", CONDITIONS, ids=[condition for condition, _, _ in CONDITIONS])
def test_conditions_give_the_rows_of_the_whole_table(index, passed, condition, query, time):
    asked = f"select func_name, pid, time_range, count, size from events where {condition} order by all"
    with duckdb.connect() as whole:
        whole.register("events", index.table().to_arrow())
        expected = whole.sql(asked).fetchall()
    assert index.table().sql(asked).fetchall() == expected
    # DuckDB may apply a condition itself.
    assert passed in ([(query, time)], []) or condition == "time_range < 0"
    assert passed or not query


def test_the_plan_shows_conditions_at_the_scan_and_the_index_reads_only_their_rows(index, passed):
    found = index.table("events").sql(
        "select sum(count) from events where cat = 'posix' and pid = 8 and time_range < 4"
    )
    plan = found.explain()
    scan = plan[plan.index("ARROW_SCAN") :]
    assert all(condition in scan for condition in ("\"cat\" = 'posix'", '"pid" = 8', '"time_range" < 4'))
    read = sum(
        index.table("events", query='cat == "posix" and pid == 8', time=(0, "4s")).to_arrow()["count"].to_pylist()
    )
    assert found.fetchall() == [(read,)] and 0 < read < 20
    assert passed[-1] == ('cat == "posix" and pid == 8', (0, 4_000_000))


def test_a_query_sees_only_the_view(index, passed):
    table = index.table("events", granularity="2s", pid=8, query="tid > 6", time=("2s", "8s"))
    assert table.sql("select count(*) from events").fetchall() == [(table.to_arrow().num_rows,)]
    assert table.to_arrow().num_rows > 0
    outside = table.sql("select count(*) from events where time_range = 0 and func_name = 'read'").fetchall()
    assert outside == [(0,)]
    within = table.sql("select count(*) from events where time_range = 1 and pid = 8").fetchall()
    assert within == [(table.to_arrow()["time_range"].to_pylist().count(1),)]
    assert passed[-1] == ("(tid > 6) and (pid == 8)", (2_000_000, 4_000_000))


def test_groups_can_be_queried(index):
    table = index.table("events", group_by=["pid", "time_range"])
    found = table.sql("select pid, sum(count) from events where pid = 8 group by pid").fetchall()
    assert found == [(8, 20)]


def test_tables_of_an_index_can_be_joined_and_a_result_outlives_the_call(index):
    assert index.sql("select count(*) from events", query="pid == 8", time=(0, "1s")).fetchall() == [(1,)]
    found = index.sql(
        "select p.pid, records, sum(e.count) from processes p join events e using (pid) where pid = $pid group by 1, 2",
        {"pid": 7},
    )
    assert found.columns == ["pid", "records", "sum(e.count)"]
    assert found.fetchall() == [(7, 20, 20)]
    assert found.pl().shape == (1, 3)
    with pytest.raises(duckdb.Error, match="nothing"):
        index.sql("select * from nothing")


def test_without_pyarrow_a_query_still_works(index, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert sql.dataset(index.table()) is None
    assert index.table().sql("select count(*) from events where pid = 8").fetchall() == [(20,)]


def test_without_duckdb_an_error_says_what_to_install(index, monkeypatch):
    monkeypatch.setitem(sys.modules, "duckdb", None)
    with pytest.raises(ImportError, match="pip install"):
        index.sql("select 1")


def test_conditions_are_split_at_the_top_level_only():
    assert sql.conjuncts('((a == "x) and (y") and ((b > 1) and (c < 2)))') == [
        '(a == "x) and (y")',
        "(b > 1)",
        "(c < 2)",
    ]
    assert sql.conjuncts('((a == "\\" and ") or (b > 1))') == ['((a == "\\" and ") or (b > 1))']
    assert sql.conjuncts("is_null(a)") == ["is_null(a)"]
