//! Writes records as each tracer generation spells them. The order of fields is that of the real tracers.

use crate::json;
use crate::rng;
use clap::ValueEnum;

/// A tracer generation, as the specification numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Generation {
    /// 2023: numbers as text, hosts and files by name, no metadata.
    #[value(name = "0")]
    G0,
    /// 2024–25: JSON numbers, hashes are JSON integers.
    #[value(name = "1")]
    G1,
    /// 2025–26: hashes are hex text; letter `C` for telemetry and for aggregated counters.
    #[value(name = "2")]
    G2,
    /// 2026: integer phases and types.
    #[value(name = "3")]
    G3,
}

/// The unit of the times in a trace file, announced by a `CM` record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Unit {
    Ns,
    Us,
    Ms,
    Sec,
}

impl Unit {
    /// Converts microseconds to this unit, rounded down.
    pub(crate) fn of_us(self, us: u64) -> u64 {
        match self {
            Self::Ns => us * 1000,
            Self::Us => us,
            Self::Ms => us / 1000,
            Self::Sec => us / 1_000_000,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Ns => "NS",
            Self::Us => "US",
            Self::Ms => "MS",
            Self::Sec => "SEC",
        }
    }
}

/// A host, file or string: its name and its hash as the trace spells it (a JSON value).
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) hash: String,
}

/// The spelling of one generation, for one process.
#[derive(Clone, Copy)]
pub(crate) struct Dialect {
    pub(crate) generation: Generation,
    /// Whether hashes have 16 bits, as in early tracers of generation 1.
    pub(crate) short_hashes: bool,
}

/// The identity fields that every record of a process begins with.
#[derive(Clone, Copy)]
pub(crate) struct Who<'a> {
    pub(crate) name: &'a str,
    pub(crate) cat: &'a str,
    pub(crate) pid: u64,
    pub(crate) tid: u64,
}

impl Dialect {
    pub(crate) fn named(self, name: String) -> Named {
        let mut hash = String::new();
        self.spell_hash(&name, rng::hash(&name), &mut hash);
        Named { name, hash }
    }

    /// Writes the hash of a name as a JSON value.
    pub(crate) fn spell_hash(self, name: &str, hash: u64, out: &mut String) {
        match self.generation {
            Generation::G0 => out.push_str(&json::quoted(name)),
            Generation::G1 if self.short_hashes => out.push_str(&(hash & 0xffff).to_string()),
            Generation::G1 => out.push_str(&hash.to_string()),
            Generation::G2 | Generation::G3 => {
                out.push('"');
                json::hexadecimal(out, hash);
                out.push('"');
            }
        }
    }

    pub(crate) fn host_key(self) -> &'static str {
        if self.generation == Generation::G0 { "hostname" } else { "hhash" }
    }

    pub(crate) fn file_key(self) -> &'static str {
        if self.generation == Generation::G0 { "fname" } else { "fhash" }
    }

    /// Returns the phase of complete calls or of metadata, as this generation writes it.
    pub(crate) fn phases(self) -> (&'static str, &'static str) {
        if self.generation == Generation::G3 { ("1", "4") } else { ("\"X\"", "\"M\"") }
    }

    /// Whether the generation has metadata records.
    pub(crate) fn has_metadata(self) -> bool {
        self.generation != Generation::G0
    }

    /// Writes `,"type":n` for the generation that has it.
    fn kind(self, out: &mut Vec<u8>, cat: &str) {
        if self.generation == Generation::G3 {
            out.extend_from_slice(b",\"type\":");
            out.push(match cat {
                "dftracer" => b'1',
                "POSIX" => b'3',
                "STDIO" => b'4',
                "sys" | "io" | "net" => b'7',
                _ => b'6',
            });
        }
    }

    fn args(self, out: &mut Vec<u8>, host: &Named) {
        out.extend_from_slice(b",\"args\":{\"");
        text(out, self.host_key());
        out.extend_from_slice(b"\":");
        text(out, &host.hash);
    }

    /// Writes a metadata record of `kind` (`FH`, `HH`, …), which names the hash `value`.
    pub(crate) fn metadata(self, out: &mut Vec<u8>, who: Who<'_>, host: &Named, name: &str, value: &str) {
        out.extend_from_slice(b"{\"name\":\"");
        text(out, who.name);
        out.extend_from_slice(b"\",\"cat\":\"");
        text(out, who.cat);
        out.push(b'"');
        self.kind(out, who.cat);
        pair(out, ",\"pid\":", who.pid);
        pair(out, ",\"tid\":", who.tid);
        out.extend_from_slice(b",\"ph\":");
        text(out, self.phases().1);
        self.args(out, host);
        out.extend_from_slice(b",\"name\":");
        json::string(out, name);
        out.extend_from_slice(b",\"value\":");
        text(out, value);
        out.extend_from_slice(b"}}");
    }

    /// Writes a complete call up to and including its host; arguments and [`close`] follow.
    pub(crate) fn call(self, out: &mut Vec<u8>, id: u64, who: Who<'_>, host: &Named, ts: u64, dur: u64) {
        let plain = self.generation != Generation::G0;
        let number = |out: &mut Vec<u8>, key: &str, value: u64| {
            text(out, key);
            if plain {
                json::unsigned(out, value);
            } else {
                out.push(b'"');
                json::unsigned(out, value);
                out.push(b'"');
            }
        };
        number(out, "{\"id\":", id);
        out.extend_from_slice(b",\"name\":\"");
        text(out, who.name);
        out.extend_from_slice(b"\",\"cat\":\"");
        text(out, who.cat);
        out.push(b'"');
        self.kind(out, who.cat);
        number(out, ",\"pid\":", who.pid);
        number(out, ",\"tid\":", who.tid);
        number(out, ",\"ts\":", ts);
        number(out, ",\"dur\":", dur);
        out.extend_from_slice(b",\"ph\":");
        text(out, self.phases().0);
        self.args(out, host);
    }

    /// Writes `ret`, `offset` or `count`, which are text in generation 0.
    pub(crate) fn transfer(self, out: &mut Vec<u8>, key: &str, value: i64) {
        text(out, key);
        if self.generation == Generation::G0 {
            out.push(b'"');
            json::signed(out, value);
            out.push(b'"');
        } else {
            json::signed(out, value);
        }
    }

    pub(crate) fn file(self, out: &mut Vec<u8>, file: &Named) {
        out.extend_from_slice(b",\"");
        text(out, self.file_key());
        out.extend_from_slice(b"\":");
        text(out, &file.hash);
    }

    /// Writes telemetry (phase `2`) or an aggregated call (phase `3`), both `C` in generation 2, without a duration;
    /// arguments and [`close`] follow.
    pub(crate) fn counter(self, out: &mut Vec<u8>, who: Who<'_>, host: &Named, ts: u64, aggregated: bool) {
        out.extend_from_slice(b"{\"name\":\"");
        text(out, who.name);
        out.extend_from_slice(b"\",\"cat\":\"");
        text(out, who.cat);
        out.push(b'"');
        self.kind(out, who.cat);
        pair(out, ",\"ts\":", ts);
        out.extend_from_slice(match (self.generation, aggregated) {
            (Generation::G3, true) => b",\"ph\":3".as_slice(),
            (Generation::G3, false) => b",\"ph\":2",
            _ => b",\"ph\":\"C\"",
        });
        pair(out, ",\"pid\":", who.pid);
        pair(out, ",\"tid\":", who.tid);
        self.args(out, host);
    }
}

/// Writes an arg that is a number in every generation. `key` includes its comma, quotes and colon.
pub(crate) fn pair(out: &mut Vec<u8>, key: &str, value: u64) {
    text(out, key);
    json::unsigned(out, value);
}

pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Ends the args and the record.
pub(crate) fn close(out: &mut Vec<u8>) {
    out.extend_from_slice(b"}}");
}
