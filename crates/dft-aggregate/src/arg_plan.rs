//! Arg plans: where the args of a record are, found once for all records of a layout.

use dft_trace::{ArgKey, LayoutId, Record};

use crate::arg_index::ArgIndex;
use crate::config::Config;
use crate::intern::{Interner, Symbol};
use crate::rules::CallArgs;
use crate::table::MetricPart;

/// The indexes of the args that a record's series and metrics come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArgPlan {
    pub(crate) hhash: ArgIndex,
    pub(crate) hostname: ArgIndex,
    pub(crate) fhash: ArgIndex,
    pub(crate) fname: ArgIndex,
    pub(crate) ret: ArgIndex,
    pub(crate) offset: ArgIndex,
    pub(crate) size: ArgIndex,
    /// The custom metrics of a call: a range of [`ArgPlans::custom_metrics`].
    custom_metrics: (u32, u32),
}

/// The plans of the layouts of one parser.
#[derive(Default)]
pub(crate) struct ArgPlans {
    parser: Option<u64>,
    /// By layout number.
    plans: Vec<Option<ArgPlan>>,
    custom_metrics: Vec<(ArgIndex, Symbol)>,
    /// The number of custom metrics that belong to stored plans.
    kept: usize,
    /// What is known of aggregated calls, by layout number.
    aggregated: Vec<Option<AggregatedPlan>>,
    /// The bytes of parts that were kept, at most.
    parts_bytes: usize,
}

/// A part of a metric of an aggregated call: the metric, the part, and the index of its arg.
pub(crate) type Part = (Symbol, MetricPart, usize);

/// What the parts of custom metrics depend on, apart from the layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PartRules {
    /// Whether `count` is the number of calls, not a metric.
    pub(crate) count_is_plain: bool,
    /// Whether the function counts items, so that the size of an item is not a metric.
    pub(crate) items: bool,
}

/// Where the args of aggregated calls of one layout are.
struct AggregatedPlan {
    args: CallArgs,
    parts: Option<KeptParts>,
}

/// The parts of custom metrics, and by which rules they were found.
struct KeptParts {
    rules: PartRules,
    parts: Box<[Part]>,
}

impl ArgPlans {
    /// Returns the plan of a record. It is valid until the next call.
    #[inline]
    pub(crate) fn of(&mut self, record: &Record<'_>, config: &Config, interner: &mut Interner) -> ArgPlan {
        if let Some(LayoutId { parser, number }) = record.layout
            && self.parser == Some(parser)
            && let Some(Some(plan)) = self.plans.get(number as usize)
        {
            return *plan;
        }
        self.make(record, config, interner)
    }

    /// Returns where the args of an aggregated call are.
    pub(crate) fn call_args(&mut self, record: &Record<'_>) -> CallArgs {
        let Some(LayoutId { parser, number }) = record.layout else { return CallArgs::of(record) };
        if self.parser != Some(parser) {
            *self = Self { parser: Some(parser), ..Self::default() };
        }
        let number = number as usize;
        if self.aggregated.len() <= number {
            self.aggregated.resize_with(number + 1, || None);
        }
        self.aggregated[number].get_or_insert_with(|| AggregatedPlan { args: CallArgs::of(record), parts: None }).args
    }

    fn aggregated_plan(&mut self, record: &Record<'_>) -> Option<&mut AggregatedPlan> {
        let LayoutId { parser, number } = record.layout?;
        if self.parser != Some(parser) {
            return None;
        }
        self.aggregated.get_mut(number as usize)?.as_mut()
    }

    /// Returns the parts of a record's custom metrics, if those of its layout were [kept](Self::keep_parts).
    pub(crate) fn parts(&mut self, record: &Record<'_>, rules: PartRules) -> Option<&[Part]> {
        let kept = self.aggregated_plan(record)?.parts.as_ref()?;
        (kept.rules == rules).then_some(&kept.parts)
    }

    /// Keeps the parts of a record's custom metrics for records of the same layout, whose args have the same names and
    /// kinds of values.
    pub(crate) fn keep_parts(&mut self, record: &Record<'_>, rules: PartRules, parts: &[Part]) {
        if let Some(plan) = self.aggregated_plan(record) {
            plan.parts = Some(KeptParts { rules, parts: parts.into() });
            self.parts_bytes += size_of_val(parts);
        }
    }

    /// Returns the indexes and names of the custom metrics of a call.
    #[inline]
    pub(crate) fn custom_metrics(&self, plan: &ArgPlan) -> &[(ArgIndex, Symbol)] {
        &self.custom_metrics[plan.custom_metrics.0 as usize..plan.custom_metrics.1 as usize]
    }

    #[cold]
    fn make(&mut self, record: &Record<'_>, config: &Config, interner: &mut Interner) -> ArgPlan {
        let parser = record.layout.map(|layout| layout.parser);
        if parser.is_some() && self.parser != parser {
            *self = Self { parser, ..Self::default() };
        }
        self.custom_metrics.truncate(self.kept);
        let start = self.custom_metrics.len() as u32;
        let none = ArgIndex::NONE;
        let mut plan = ArgPlan {
            hhash: none,
            hostname: none,
            fhash: none,
            fname: none,
            ret: none,
            offset: none,
            size: none,
            custom_metrics: (0, 0),
        };
        for (arg, at) in record.args.iter().zip(0..) {
            let index = ArgIndex(at);
            match arg.key {
                ArgKey::Hhash => plan.hhash = index,
                ArgKey::Hostname => plan.hostname = index,
                ArgKey::Fhash => plan.fhash = index,
                ArgKey::Fname => plan.fname = index,
                ArgKey::Ret => plan.ret = index,
                ArgKey::Offset => plan.offset = index,
                ArgKey::Size => plan.size = index,
                _ => {}
            }
            if arg.value.is_number() && !is_reserved(arg.key) && config.custom_metrics.takes(arg.name) {
                self.custom_metrics.push((index, interner.intern(arg.name)));
            }
        }
        plan.custom_metrics = (start, self.custom_metrics.len() as u32);
        if let Some(layout) = record.layout {
            let number = layout.number as usize;
            if self.plans.len() <= number {
                self.plans.resize(number + 1, None);
            }
            self.plans[number] = Some(plan);
            self.kept = self.custom_metrics.len();
        }
        plan
    }

    /// Returns the approximate memory in bytes.
    pub(crate) fn memory(&self) -> usize {
        self.plans.capacity() * size_of::<Option<ArgPlan>>()
            + self.custom_metrics.capacity() * size_of::<(ArgIndex, Symbol)>()
            + self.aggregated.capacity() * size_of::<Option<AggregatedPlan>>()
            + self.parts_bytes
    }
}

/// Tells whether an arg has a meaning in the index, so that it is not a custom metric.
pub(crate) fn is_reserved(key: ArgKey) -> bool {
    use ArgKey::{Count, Fname, Hostname, Name, Other, Size, SizeMax, SizeMin, SizeSum, Value};
    !matches!(key, Other | Count | Name | Value | Hostname | Fname | Size | SizeSum | SizeMin | SizeMax)
}

#[cfg(test)]
mod tests {
    use dft_trace::{Clock, Line, Parser};

    use super::*;

    /// Parses a line often enough for its layout to be learnt, and passes a record that was read by layout to `look`.
    fn parse(parser: &mut Parser, args: &str, mut look: impl FnMut(&Record<'_>)) {
        let line = format!("{{\"name\":\"x\",\"ts\":1,\"args\":{{{args}}}}}\n");
        let mut count = 0;
        parser.parse(line.repeat(4).as_bytes(), 1, Clock::default(), |line| {
            count += 1;
            // The parser learns the layout from the first line, and too few bytes follow the last lines.
            if let Line::Record { record, .. } = line
                && count == 2
            {
                look(record);
            }
        });
    }

    #[test]
    fn every_record_gets_its_own_plan_whichever_parser_read_it() {
        let config = Config::default();
        let (mut plans, mut interner) = (ArgPlans::default(), Interner::new());
        let lines = [
            (r#""ret":1,"fhash":"f","a":2"#, vec![("a", "2")], Some(1), "f"),
            (r#""fhash":"g","b":"text","ret":7"#, vec![], Some(7), "g"),
            (r#""c":1.5,"a":3,"count":4"#, vec![("c", "1.5"), ("a", "3"), ("count", "4")], None, ""),
        ];
        let mut parsers = [Parser::new(), Parser::new()];
        for round in 0..12 {
            // Each parser sees the lines in another order, so layout numbers differ between parsers.
            for (at, parser) in parsers.iter_mut().enumerate() {
                let (args, custom_metrics, ret, fhash) = &lines[(round + at) % lines.len()];
                parse(parser, args, |record| {
                    assert!(record.layout.is_some());
                    for layout in [record.layout, None] {
                        let record = Record { layout, ..record.clone() };
                        let plan = plans.of(&record, &config, &mut interner);
                        assert_eq!(plan.ret.of(&record).integer_literal(), *ret);
                        assert_eq!(&*plan.fhash.of(&record).text(), fhash.as_bytes());
                        let found = plans.custom_metrics(&plan).iter().map(|(place, name)| {
                            let value = place.of(&record).text().into_owned();
                            (interner.get(*name), String::from_utf8(value).expect("a number"))
                        });
                        let wanted = custom_metrics.iter().map(|&(name, value)| (name, value.to_owned()));
                        assert!(found.eq(wanted), "{args}");
                    }
                });
            }
        }
    }
}
