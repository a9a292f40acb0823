//! What findings are.

use serde::Serialize;

/// What stands out in a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Findings {
    /// What was found.
    pub found: Vec<Finding>,
    /// What could not be judged.
    pub unknown: Vec<UnknownFinding>,
    /// What was looked at and is fine.
    pub fine: Vec<FineFinding>,
}

/// Something that stands out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The name of the rule, which is stable.
    pub id: String,
    /// What it is, for people.
    pub title: String,
    /// A sentence with the numbers.
    pub text: String,
    /// The number that the rule is about.
    pub number: f64,
    /// What the number is: `share`, `factor`, `count`, `bytes` or `time` (in µs).
    pub unit: String,
    /// Where: the process, function or file that has most of it.
    pub place: Option<String>,
    /// What people do about it.
    pub advice: String,
    /// Where the threshold comes from.
    pub source: String,
    /// The condition.
    pub condition: String,
    /// The facts of the condition, by name.
    pub evidence: Vec<Evidence>,
}

/// A fact.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Evidence {
    /// Its name.
    pub name: String,
    /// Its value: a count, or a number of bytes or µs.
    pub value: f64,
}

/// A finding that could not be judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct UnknownFinding {
    /// The name of the rule.
    pub id: String,
    /// What it is about, for people.
    pub title: String,
    /// Why it could not be judged.
    pub reason: String,
}

/// Something that was looked at and does not stand out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct FineFinding {
    /// The name of the rule.
    pub id: String,
    /// What it is about, for people.
    pub title: String,
}
