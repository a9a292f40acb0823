//! Quantiles of a sketch lie within the metric's exact minimum and maximum, in every cell, of every metric,
//! at every granularity.

use dft_tests::{Row, data, run, table, trace, write};

use crate::common::DFT;

/// The numbers of checked quantiles, and of those of metrics with one value.
#[derive(Default)]
struct Seen {
    quantiles: u64,
    of_one_value: u64,
}

fn check(rows: &[Row]) -> Seen {
    let mut seen = Seen::default();
    for row in rows {
        let number = |column: &str| row.get(column).map(|text| text.parse::<f64>().expect("a number"));
        for (column, quantile) in row {
            let Some((metric, "p25" | "p50" | "p75" | "p90" | "p95" | "p99")) = column.rsplit_once('_') else {
                continue;
            };
            let quantile: f64 = quantile.parse().expect("a number");
            let (min, max) = (number(&format!("{metric}_min")), number(&format!("{metric}_max")));
            let (min, max) = (min.expect("a minimum"), max.expect("a maximum"));
            assert!(min <= quantile && quantile <= max, "{column} is {quantile}, not within {min} to {max}: {row:?}");
            seen.quantiles += 1;
            seen.of_one_value += u64::from(min == max);
        }
    }
    seen
}

#[test]
fn every_quantile_of_every_cell_is_within_the_extrema() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    write(path("made.pfw").as_ref(), trace(1, 5_000));
    // Integers and fractions of one metric, values far apart, zeros and negative values.
    let mut text = String::new();
    for (at, value) in
        ["1", "2.5", "-7", "0", "1e300", "-0.001", "9007199254740993", "12", "3", "0.5"].iter().enumerate()
    {
        for thread in 0..3 {
            text += &format!(
                "{{\"name\":\"step\",\"cat\":\"app\",\"pid\":1,\"tid\":{thread},\"ts\":{},\"dur\":{at},\"ph\":\"X\",\"args\":{{\"offset\":{},\"loss\":{value}}}}}\n",
                at * 400_000 * (thread + 1),
                (1_u64 << 53) + at as u64,
            );
        }
    }
    write(path("mixed.pfw").as_ref(), text);
    let traces = data("").display().to_string();
    let index = path("index");
    let given = [&traces, &path("made.pfw"), &path("mixed.pfw")];
    let words = ["index", "--index", &index, "--percentiles", "0.05", "--interval", "100ms"];
    let ran = run(DFT, words.into_iter().chain(given.map(String::as_str)));
    assert!(ran.code == 0 || ran.code == 3, "{}", ran.err);
    for granularity in ["100ms", "1s", "1h"] {
        let out = path(granularity);
        run(DFT, ["export", &index, "--out", &out, "--table", "aggregation", "--granularity", granularity]).exits(0);
        let seen = check(&table(&folder.path().join(granularity).join("aggregation.parquet")));
        assert!(seen.quantiles > 5_000 && seen.of_one_value > 0, "{granularity}: {}", seen.quantiles);
    }
}
