//! Conditions on the difference of runs, for checks of workloads.

use std::str::FromStr;

use dft_export::Query;
use dft_store::Index;
use serde::Serialize;

use crate::analysis::{AnalyzeOptions, analyze};
use crate::error::AnalyzeError;
use crate::preset::Preset;
use crate::report::Analysis;

/// A condition on the difference of runs, such as `time > 1.2x where cat = posix`. It is parsed from text:
///
/// ```text
/// condition  = metric ( ">" | ">=" | "<" | "<=" ) number "x" [ "where" query ]
/// metric     = "time" | "busy" | "calls" | "bytes" | "bandwidth" | "mean" | "job"
/// ```
///
/// The condition compares the metric of a run with the number times that of the first run. `time` is the sum of
/// durations, `busy` the time in which any process is busy, `bandwidth` the bytes per second of busy time, `mean` the
/// mean duration, and `job` the time from the first call to the last. The query is a [`Query`], and
/// may also be written as `field = word`, without quotes.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    text: String,
    metric: Metric,
    operator: Operator,
    times: f64,
    query: Option<Query>,
}

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ConditionResult {
    /// The condition.
    pub condition: String,
    /// Whether it holds for any run after the first.
    pub holds: bool,
    /// The number of each run.
    pub values: Vec<f64>,
    /// How many calls of each run the condition is about. If it is about none, the query may have an error.
    pub calls: Vec<u128>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Metric {
    Time,
    Busy,
    Calls,
    Bytes,
    Bandwidth,
    Mean,
    Job,
}

const METRICS: [(&str, Metric); 7] = [
    ("time", Metric::Time),
    ("busy", Metric::Busy),
    ("calls", Metric::Calls),
    ("bytes", Metric::Bytes),
    ("bandwidth", Metric::Bandwidth),
    ("mean", Metric::Mean),
    ("job", Metric::Job),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Greater,
    AtLeast,
    Less,
    AtMost,
}

impl FromStr for Condition {
    type Err = AnalyzeError;

    fn from_str(text: &str) -> Result<Self, AnalyzeError> {
        let wrong = |reason: &str| AnalyzeError::Condition { text: text.to_owned(), reason: reason.to_owned() };
        let (comparison, query) = match text.split_once(" where ") {
            Some((comparison, query)) => (comparison, Some(query)),
            None => (text, None),
        };
        let at = comparison.find(['>', '<']).ok_or_else(|| {
            wrong("compare a metric with a number of times, such as 'time > 1.2x where cat == \"posix\"'")
        })?;
        let (name, rest) = comparison.split_at(at);
        let name = name.trim();
        let (_, metric) = METRICS
            .iter()
            .find(|(known, _)| *known == name)
            .ok_or_else(|| wrong(&format!("{name:?} is none of {}", METRICS.map(|(name, _)| name).join(", "))))?;
        let (operator, number) = match rest.as_bytes() {
            [b'>', b'=', ..] => (Operator::AtLeast, &rest[2..]),
            [b'<', b'=', ..] => (Operator::AtMost, &rest[2..]),
            [b'>', ..] => (Operator::Greater, &rest[1..]),
            _ => (Operator::Less, &rest[1..]),
        };
        let times = number.trim().strip_suffix(['x', 'X']).and_then(|number| number.trim().parse::<f64>().ok());
        let times = times
            .filter(|times| times.is_finite() && *times >= 0.0)
            .ok_or_else(|| wrong(&format!("{:?} is not a number with x, such as 1.2x", number.trim())))?;
        let query = query.map(|query| parse_query(query).map_err(|reason| wrong(&reason))).transpose()?;
        Ok(Self { text: text.to_owned(), metric: *metric, operator, times, query })
    }
}

/// Parses a query, also one of words without quotes: `cat = posix and name = read`.
fn parse_query(text: &str) -> Result<Query, String> {
    let error = match text.parse::<Query>() {
        Ok(query) => return Ok(query),
        Err(error) => error,
    };
    let plain = |test: &str| {
        let (field, word) = test.split_once('=')?;
        let (field, word) = (field.trim(), word.trim());
        let is_word =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "_-./*:".contains(c));
        (is_word(field) && is_word(word)).then(|| match word.parse::<i64>() {
            Ok(number) => format!("{field} == {number}"),
            Err(_) => format!("{field} == \"{word}\""),
        })
    };
    let tests: Option<Vec<String>> = text.split(" and ").map(plain).collect();
    tests.and_then(|tests| tests.join(" and ").parse().ok()).ok_or_else(|| error.to_string())
}

impl Condition {
    /// Judges the runs.
    pub(super) fn judge(
        &self,
        runs: &[(&str, &Index)],
        analyses: &[Analysis],
        options: &AnalyzeOptions,
    ) -> Result<ConditionResult, AnalyzeError> {
        let (mut values, mut calls) = (Vec::new(), Vec::new());
        for ((name, index), analysis) in runs.iter().zip(analyses) {
            let narrowed = self.query.as_ref().map(|query| self.narrowed(index, query, options)).transpose()?;
            let judged = narrowed.as_ref().unwrap_or(analysis);
            calls.push(judged.job.calls);
            values.push(self.value(judged).ok_or_else(|| AnalyzeError::Condition {
                text: self.text.clone(),
                reason: format!(
                    "it cannot be judged, because {name} does not have the number: {}",
                    judged.job.unknown_because.as_deref().unwrap_or("there are no such calls, or they move no bytes")
                ),
            })?);
        }
        let (first, others) = values.split_first().ok_or(AnalyzeError::OneRun)?;
        let limit = first * self.times;
        let holds = others.iter().any(|value| match self.operator {
            Operator::Greater => *value > limit,
            Operator::AtLeast => *value >= limit,
            Operator::Less => *value < limit,
            Operator::AtMost => *value <= limit,
        });
        Ok(ConditionResult { condition: self.text.clone(), holds, values, calls })
    }

    /// Analyzes the calls that the condition is about.
    fn narrowed(&self, index: &Index, query: &Query, options: &AnalyzeOptions) -> Result<Analysis, AnalyzeError> {
        let mut options = options.clone();
        options.by = None;
        // Layers do not matter for totals.
        options.preset = Preset::built_in("posix", &Default::default())?.into();
        options.filter.query = match options.filter.query.take() {
            None => Some(query.clone()),
            Some(both) => {
                let text = format!("({both}) and ({query})");
                Some(text.parse().map_err(AnalyzeError::Export)?)
            }
        };
        analyze(index, &options)
    }

    fn value(&self, analysis: &Analysis) -> Option<f64> {
        let job = &analysis.job;
        let known = |value: Option<u64>| match (value, job.unknown_calls) {
            (_, 0) if job.calls == 0 => Some(0.0),
            (Some(value), 0) => Some(value as f64),
            _ => None,
        };
        match self.metric {
            Metric::Time => Some(job.time_of_calls_us as f64),
            Metric::Busy => known(job.busy_us),
            Metric::Calls => Some(job.calls as f64),
            Metric::Bytes => Some(job.bytes.unwrap_or(0) as f64),
            Metric::Bandwidth => {
                let busy = known(job.busy_us).filter(|busy| *busy > 0.0)?;
                job.bytes.map(|bytes| bytes as f64 / (busy / 1e6))
            }
            Metric::Mean => (job.calls > 0).then(|| job.time_of_calls_us as f64 / job.calls as f64),
            Metric::Job => Some(job.time_us as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_a_metric_a_number_of_times_and_a_query() {
        let parse = |text: &str| text.parse::<Condition>();
        let condition = parse("time > 1.2x where cat = posix").expect("a condition");
        assert_eq!((condition.metric, condition.operator, condition.times), (Metric::Time, Operator::Greater, 1.2));
        let query = condition.query.expect("a query");
        assert_eq!(query, "cat == \"posix\"".parse().expect("a query"));
        let condition = parse("bandwidth <= 0.9x where cat == \"posix\" and name = read");
        assert!(condition.is_err(), "two ways to write a query are not mixed");
        assert!(parse("bandwidth<=0.9x where cat = posix and pid = 7").is_ok());
        for (text, word) in [
            ("time", "compare a metric"),
            ("tim > 1x", "none of time"),
            ("time > 1", "not a number with x"),
            ("time > fastx", "not a number with x"),
            ("time > 1x where cat is", "cat is"),
        ] {
            let error = parse(text).expect_err(text).to_string();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
