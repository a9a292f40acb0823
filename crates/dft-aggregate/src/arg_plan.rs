//! What the args of a record are, decided once for all records of a layout.

use dft_trace::{ArgKey, LayoutId, Record, Value};

use crate::config::Config;
use crate::intern::{Interner, Symbol};

/// The place of an arg among those of a record; past their end where the record has no such arg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArgIndex(u32);

impl ArgIndex {
    pub(crate) const NONE: Self = Self(u32::MAX);

    /// The value there; [`Value::Null`] where there is none.
    #[inline]
    pub(crate) fn of<'r, 'a>(self, record: &'r Record<'a>) -> &'r Value<'a> {
        record.args.get(self.0 as usize).map_or(&Value::Null, |arg| &arg.value)
    }
}

/// Where the args are that make a record's series and its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ArgPlan {
    pub(crate) hhash: ArgIndex,
    pub(crate) hostname: ArgIndex,
    pub(crate) fhash: ArgIndex,
    pub(crate) fname: ArgIndex,
    pub(crate) ret: ArgIndex,
    pub(crate) offset: ArgIndex,
    pub(crate) size: ArgIndex,
    /// The custom metrics of a call: a range of those that the plans have.
    customs: (u32, u32),
}

/// The plans of the layouts that one parser has learnt.
#[derive(Default)]
pub(crate) struct ArgPlans {
    parser: Option<u64>,
    /// By the number of the layout.
    plans: Vec<Option<ArgPlan>>,
    customs: Vec<(ArgIndex, Symbol)>,
    /// How many of the custom metrics belong to plans that stay.
    kept: usize,
}

impl ArgPlans {
    /// The plan of a record, which holds until the next is asked for.
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

    /// The places and names of the custom metrics of a call.
    #[inline]
    pub(crate) fn customs(&self, plan: &ArgPlan) -> &[(ArgIndex, Symbol)] {
        &self.customs[plan.customs.0 as usize..plan.customs.1 as usize]
    }

    #[cold]
    fn make(&mut self, record: &Record<'_>, config: &Config, interner: &mut Interner) -> ArgPlan {
        let parser = record.layout.map(|layout| layout.parser);
        if parser.is_some() && self.parser != parser {
            *self = Self { parser, ..Self::default() };
        }
        self.customs.truncate(self.kept);
        let start = self.customs.len() as u32;
        let none = ArgIndex::NONE;
        let mut plan = ArgPlan {
            hhash: none,
            hostname: none,
            fhash: none,
            fname: none,
            ret: none,
            offset: none,
            size: none,
            customs: (0, 0),
        };
        for (arg, at) in record.args.iter().zip(0..) {
            let place = ArgIndex(at);
            match arg.key {
                ArgKey::Hhash => plan.hhash = place,
                ArgKey::Hostname => plan.hostname = place,
                ArgKey::Fhash => plan.fhash = place,
                ArgKey::Fname => plan.fname = place,
                ArgKey::Ret => plan.ret = place,
                ArgKey::Offset => plan.offset = place,
                ArgKey::Size => plan.size = place,
                _ => {}
            }
            if arg.value.is_number() && !is_reserved(arg.key) && config.custom_metrics.takes(arg.name) {
                self.customs.push((place, interner.intern(arg.name)));
            }
        }
        plan.customs = (start, self.customs.len() as u32);
        if let Some(layout) = record.layout {
            let number = layout.number as usize;
            if self.plans.len() <= number {
                self.plans.resize(number + 1, None);
            }
            self.plans[number] = Some(plan);
            self.kept = self.customs.len();
        }
        plan
    }

    /// About how many bytes this takes.
    pub(crate) fn memory(&self) -> usize {
        self.plans.capacity() * size_of::<Option<ArgPlan>>() + self.customs.capacity() * size_of::<(ArgIndex, Symbol)>()
    }
}

/// Args that are no custom metrics, for they have a meaning of their own.
pub(crate) fn is_reserved(key: ArgKey) -> bool {
    use ArgKey::{Count, Fname, Hostname, Name, Other, Size, SizeMax, SizeMin, SizeSum, Value};
    !matches!(key, Other | Count | Name | Value | Hostname | Fname | Size | SizeSum | SizeMin | SizeMax)
}

#[cfg(test)]
mod tests {
    use dft_trace::{Clock, Line, Parser};

    use super::*;

    /// Parses a line so often that its layout is learnt, and hands a record that was read by it to `look`.
    fn parse(parser: &mut Parser, args: &str, mut look: impl FnMut(&Record<'_>)) {
        let line = format!("{{\"name\":\"x\",\"ts\":1,\"args\":{{{args}}}}}\n");
        let mut count = 0;
        parser.parse(line.repeat(4).as_bytes(), 1, Clock::default(), |line| {
            count += 1;
            // The first one teaches the layout, and the last ones have too little behind them.
            if let Line::Record { record, .. } = line
                && count == 2
            {
                look(record);
            }
        });
    }

    #[test]
    fn a_plan_is_of_the_record_at_hand_whichever_parser_read_it() {
        let config = Config::default();
        let (mut plans, mut interner) = (ArgPlans::default(), Interner::new());
        let lines = [
            (r#""ret":1,"fhash":"f","a":2"#, vec![("a", "2")], Some(1), "f"),
            (r#""fhash":"g","b":"text","ret":7"#, vec![], Some(7), "g"),
            (r#""c":1.5,"a":3,"count":4"#, vec![("c", "1.5"), ("a", "3"), ("count", "4")], None, ""),
        ];
        let mut parsers = [Parser::new(), Parser::new()];
        for round in 0..12 {
            // Each parser has its own order, so one number of a layout means several things.
            for (at, parser) in parsers.iter_mut().enumerate() {
                let (args, customs, ret, fhash) = &lines[(round + at) % lines.len()];
                parse(parser, args, |record| {
                    assert!(record.layout.is_some());
                    for layout in [record.layout, None] {
                        let record = Record { layout, ..record.clone() };
                        let plan = plans.of(&record, &config, &mut interner);
                        assert_eq!(plan.ret.of(&record).integer_literal(), *ret);
                        assert_eq!(&*plan.fhash.of(&record).text(), fhash.as_bytes());
                        let found = plans.customs(&plan).iter().map(|(place, name)| {
                            let value = place.of(&record).text().into_owned();
                            (interner.get(*name), String::from_utf8(value).expect("a number"))
                        });
                        let wanted = customs.iter().map(|&(name, value)| (name, value.to_owned()));
                        assert!(found.eq(wanted), "{args}");
                    }
                });
            }
        }
    }
}
