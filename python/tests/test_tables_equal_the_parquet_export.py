"""pandas, polars, duckdb and pyarrow read the same rows through the Arrow C stream as from the Parquet export."""

import duckdb
import polars
import pyarrow
import pyarrow.parquet
import pytest

TABLES = ["events", "profiles", "system", "preaggregated_system", "aggregation", "processes"]


@pytest.fixture(scope="module")
def exported(index_path, tmp_path_factory):
    import dft_utils

    out = tmp_path_factory.mktemp("tables")
    dft_utils.open(index_path).export(out, TABLES)
    return out


@pytest.mark.parametrize("name", TABLES)
def test_pyarrow_reads_the_exported_rows(index, exported, name):
    wanted = pyarrow.parquet.read_table(exported / f"{name}.parquet")
    got = pyarrow.table(index.table(name))
    assert got.schema.names == wanted.schema.names == index.table(name).columns
    assert got.num_rows > 0
    assert got.to_pylist() == wanted.to_pylist()


@pytest.mark.parametrize("name", TABLES[:3])
def test_totals_of_pandas_polars_and_duckdb(index, exported, name):
    wanted = duckdb.sql(f"select * from '{exported}/{name}.parquet'").df()
    numbers = [column for column in wanted.columns if wanted[column].dtype.kind in "iuf"]
    totals = wanted[numbers].sum()
    rows = index.table(name)
    frame = rows.to_pandas()
    polar = rows.to_polars()
    duck = duckdb.sql("select * from rows").df()
    assert len(frame) == polar.height == len(duck) == len(wanted) > 0
    for column in numbers:
        total = totals[column]
        assert frame[column].sum() == pytest.approx(total, rel=1e-12), column
        assert polar[column].sum() == pytest.approx(total, rel=1e-12), column
        assert duck[column].sum() == pytest.approx(total, rel=1e-12), column
    assert frame["count"].sum() == totals["count"] > 0


def test_a_table_can_be_read_repeatedly(index):
    table = index.table("events")
    assert polars.DataFrame(table).equals(polars.DataFrame(table))


def test_batches_need_no_arrow_library_and_are_consumed_once(index):
    batches = list(index.table("events", batch_rows=100).batches())
    assert [batch.num_rows for batch in batches[:-1]] == [100] * (len(batches) - 1)
    assert sum(map(len, batches)) == index.info().event_rows
    rows = pyarrow.Table.from_batches([pyarrow.record_batch(batch) for batch in batches])
    assert rows.to_pylist() == index.table("events").to_arrow().to_pylist()
    with pytest.raises(RuntimeError, match="already consumed"):
        pyarrow.record_batch(batches[0])


def test_a_stream_outlives_its_index(index_path):
    import dft_utils

    index = dft_utils.open(index_path)
    rows = index.info().event_rows
    reader = pyarrow.RecordBatchReader.from_stream(index.table("events"))
    index.close()
    assert reader.read_all().num_rows == rows
    with pytest.raises(ValueError, match="closed"):
        pyarrow.table(index.table("events"))


def test_a_stream_may_have_a_name_with_nul(tmp_path):
    import dft_utils

    args = '"args":{"a\\u0000b":1.5,"a":2.5}'
    lines = [
        '{"name":"cpu","cat":"sys","pid":1,"tid":1,"ts":5,"ph":"C",' + args + "}",
        '{"name":"f","cat":"app","pid":1,"tid":1,"ts":5,"dur":1,"ph":"X",' + args + "}",
    ]
    (tmp_path / "a.pfw").write_text("\n".join(lines) + "\n")
    dft_utils.build(tmp_path / "a.pfw", tmp_path / "index")
    with dft_utils.open(tmp_path / "index") as opened:
        system = pyarrow.table(opened.table("system")).to_pylist()
        assert [(row["a"], row["a\\u0000b"]) for row in system] == [(2.5, 1.5)]
        statistics = pyarrow.table(opened.table("aggregation")).to_pylist()
        assert [row["a\\u0000b_total"] for row in statistics] == [1.5]
