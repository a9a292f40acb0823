//! Extracts with a library, through serde, the same fields of a record as the project's parsers.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// A line of a trace.
#[derive(Deserialize)]
#[expect(dead_code, reason = "it is extracted, and thrown away")]
pub(crate) struct Extracted<'a> {
    #[serde(borrow, default)]
    name: Scalar<'a>,
    #[serde(borrow, default)]
    cat: Scalar<'a>,
    #[serde(borrow, default)]
    pid: Scalar<'a>,
    #[serde(borrow, default)]
    tid: Scalar<'a>,
    #[serde(borrow, default)]
    ts: Scalar<'a>,
    #[serde(borrow, default)]
    dur: Scalar<'a>,
    #[serde(borrow, default)]
    ph: Scalar<'a>,
    #[serde(borrow, default)]
    args: Args<'a>,
}

/// A value; nested values are ignored.
#[derive(Default)]
#[expect(dead_code, reason = "it is extracted, and thrown away")]
pub(crate) enum Scalar<'a> {
    #[default]
    Other,
    Integer(i64),
    Float(f64),
    Text(Cow<'a, str>),
}

/// The args, in the order of the trace.
#[derive(Default)]
#[expect(dead_code, reason = "they are extracted, and thrown away")]
pub(crate) struct Args<'a>(Vec<(Cow<'a, str>, Scalar<'a>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Scalars;
        impl<'de> Visitor<'de> for Scalars {
            type Value = Scalar<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_i64<E>(self, value: i64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Integer(value))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Scalar<'de>, E> {
                Ok(i64::try_from(value).map_or(Scalar::Float(value as f64), Scalar::Integer))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Float(value))
            }

            fn visit_borrowed_str<E>(self, value: &'de str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Borrowed(value)))
            }

            fn visit_str<E>(self, value: &str) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Text(Cow::Owned(value.to_owned())))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Other)
            }

            fn visit_unit<E>(self) -> Result<Scalar<'de>, E> {
                Ok(Scalar::Other)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Scalar<'de>, A::Error> {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Scalar<'de>, A::Error> {
                while items.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(Scalar::Other)
            }
        }
        deserializer.deserialize_any(Scalars)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Args<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// A key, borrowed if it has no escapes.
        #[derive(Deserialize)]
        struct Key<'k>(#[serde(borrow)] Cow<'k, str>);

        struct Objects;
        impl<'de> Visitor<'de> for Objects {
            type Value = Args<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Args<'de>, A::Error> {
                let mut args = Vec::with_capacity(8);
                while let Some((Key(key), value)) = items.next_entry()? {
                    args.push((key, value));
                }
                Ok(Args(args))
            }
        }
        deserializer.deserialize_map(Objects)
    }
}
