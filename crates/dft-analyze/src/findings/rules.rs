//! The rules of findings, from TOML.

use std::collections::{BTreeMap, BTreeSet};

use dft_export::Query;
use serde::Deserialize;

use super::expression::Expression;
use super::facts::{Facts, Unit};
use super::finding::{Evidence, Finding, Findings, FineFinding, UnknownFinding};
use crate::error::AnalyzeError;

const BUILT_IN: &str = include_str!("../../findings.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesText {
    calls: BTreeMap<String, String>,
    finding: Vec<RuleText>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleText {
    id: String,
    title: String,
    when: String,
    number: String,
    unit: Unit,
    text: String,
    place: Option<String>,
    source: String,
    advice: String,
}

/// Rules, and the calls that their facts are about.
pub(crate) struct Rules {
    names: Vec<String>,
    queries: Vec<Query>,
    rules: Vec<Rule>,
}

struct Rule {
    text: RuleText,
    when: Expression,
    number: Expression,
}

impl Rules {
    /// Returns the built-in rules.
    pub(crate) fn built_in() -> Result<Self, AnalyzeError> {
        Self::parse(BUILT_IN).map_err(|reason| AnalyzeError::Preset { name: "findings".to_owned(), reason })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let text: RulesText = toml::from_str(text).map_err(|error| error.to_string())?;
        let mut rules = Self { names: Vec::new(), queries: Vec::new(), rules: Vec::new() };
        for (name, query) in text.calls {
            rules.queries.push(query.parse().map_err(|error| format!("calls.{name}: {error}"))?);
            rules.names.push(name);
        }
        for rule in text.finding {
            let parse = |text: &str| Expression::parse(text).map_err(|reason| format!("finding {}: {reason}", rule.id));
            rules.rules.push(Rule { when: parse(&rule.when)?, number: parse(&rule.number)?, text: rule });
        }
        Ok(rules)
    }

    /// Returns the calls that facts are about. Each has a layer of its own.
    pub(crate) fn queries(&self) -> &[Query] {
        &self.queries
    }

    /// Returns the number of the calls of this name.
    pub(super) fn calls(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known == name)
    }

    /// Returns the findings whose condition holds, those that are fine, and those that cannot be judged.
    pub(super) fn judge(&self, facts: &Facts) -> Findings {
        let value = |name: &str| facts.number(name);
        let mut findings = Findings::default();
        for Rule { text: rule, when, number } in &self.rules {
            let mut names = BTreeSet::new();
            when.facts(&mut names);
            match (when.value(&value), number.value(&value)) {
                (Some(0.0), _) => {
                    findings.fine.push(FineFinding { id: rule.id.clone(), title: rule.title.clone() });
                }
                (Some(_), Some(number)) => {
                    let evidence = names
                        .iter()
                        .filter_map(|name| value(name).map(|value| Evidence { name: (*name).to_owned(), value }));
                    findings.found.push(Finding {
                        id: rule.id.clone(),
                        title: rule.title.clone(),
                        text: filled(&rule.text, |name| match name {
                            "number" => Some(rule.unit.shown(number)),
                            _ => facts.shown(name),
                        }),
                        number,
                        unit: rule.unit.name().to_owned(),
                        place: rule.place.as_deref().and_then(|place| facts.place(place)),
                        advice: rule.advice.clone(),
                        source: rule.source.clone(),
                        condition: rule.when.clone(),
                        evidence: evidence.collect(),
                    });
                }
                _ => {
                    let unknown = names.iter().find_map(|name| facts.why_unknown(name));
                    // A fact without a reason is a division by nothing: there are no such calls.
                    if let Some(reason) = unknown {
                        let (id, title) = (rule.id.clone(), rule.title.clone());
                        findings.unknown.push(UnknownFinding { id, title, reason });
                    }
                }
            }
        }
        findings
    }
}

/// Replaces `{name}` by what `value` returns for it.
fn filled(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, after)| after.split_once('}').map(|split| (before, split)))
    {
        filled.push_str(before);
        filled.push_str(&value(name).unwrap_or_else(|| "?".to_owned()));
        rest = after;
    }
    filled + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_a_built_in_rule_is_a_fact() {
        let rules = Rules::parse(BUILT_IN).expect("rules");
        for Rule { text, when, number } in &rules.rules {
            let mut names = BTreeSet::new();
            when.facts(&mut names);
            number.facts(&mut names);
            for name in names {
                assert!(Facts::NUMBERS.iter().any(|(known, _)| *known == name), "{}: {name}", text.id);
            }
            for name in text.text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name) {
                let known = name == "number" || Facts::NUMBERS.iter().any(|(known, _)| *known == name);
                assert!(known, "{}: {name}", text.id);
            }
            assert!(text.place.iter().all(|place| Facts::PLACES.contains(&place.as_str())), "{}", text.id);
        }
        assert!(rules.calls("io").is_some() && rules.calls("stdio").is_some());
    }
}
