//! What the args of a record are, decided once for all records of a layout.

use dft_trace::{ArgKey, LayoutId, Record, Value};

use crate::config::Config;
use crate::intern::{Interner, Symbol};

/// The place of an arg among those of a record; past their end where the record has no such arg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place(u32);

impl Place {
    const NONE: Self = Self(u32::MAX);

    /// The value there; [`Value::Null`] where there is none.
    #[inline]
    pub(crate) fn of<'r, 'a>(self, record: &'r Record<'a>) -> &'r Value<'a> {
        record.args.get(self.0 as usize).map_or(&Value::Null, |arg| &arg.value)
    }
}

/// Where the args are that make a record's series and its metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plan {
    pub(crate) hhash: Place,
    pub(crate) hostname: Place,
    pub(crate) fhash: Place,
    pub(crate) fname: Place,
    pub(crate) ret: Place,
    pub(crate) offset: Place,
    /// The custom metrics of a call: a range of those that the plans have.
    customs: (u32, u32),
}

/// The plans of the layouts that one parser has learnt.
#[derive(Default)]
pub(crate) struct Plans {
    parser: Option<u64>,
    /// By the number of the layout.
    plans: Vec<Option<Plan>>,
    customs: Vec<(Place, Symbol)>,
    /// How many of the custom metrics belong to plans that stay.
    kept: usize,
}

impl Plans {
    /// The plan of a record, which holds until the next is asked for.
    #[inline]
    pub(crate) fn of(&mut self, record: &Record<'_>, config: &Config, interner: &mut Interner) -> Plan {
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
    pub(crate) fn customs(&self, plan: &Plan) -> &[(Place, Symbol)] {
        &self.customs[plan.customs.0 as usize..plan.customs.1 as usize]
    }

    #[cold]
    fn make(&mut self, record: &Record<'_>, config: &Config, interner: &mut Interner) -> Plan {
        let parser = record.layout.map(|layout| layout.parser);
        if parser.is_some() && self.parser != parser {
            *self = Self { parser, ..Self::default() };
        }
        self.customs.truncate(self.kept);
        let start = self.customs.len() as u32;
        let none = Place::NONE;
        let mut plan =
            Plan { hhash: none, hostname: none, fhash: none, fname: none, ret: none, offset: none, customs: (0, 0) };
        for (arg, at) in record.args.iter().zip(0..) {
            let place = Place(at);
            match arg.key {
                ArgKey::Hhash => plan.hhash = place,
                ArgKey::Hostname => plan.hostname = place,
                ArgKey::Fhash => plan.fhash = place,
                ArgKey::Fname => plan.fname = place,
                ArgKey::Ret => plan.ret = place,
                ArgKey::Offset => plan.offset = place,
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
        self.plans.capacity() * size_of::<Option<Plan>>() + self.customs.capacity() * size_of::<(Place, Symbol)>()
    }
}

/// Args that are no custom metrics, for they have a meaning of their own.
pub(crate) fn is_reserved(key: ArgKey) -> bool {
    !matches!(key, ArgKey::Other | ArgKey::Count | ArgKey::Name | ArgKey::Value | ArgKey::Hostname | ArgKey::Fname)
}
