//! A record as pieces of JSON text, which can be changed in every way that a trace allows.

use crate::dialect::{Generation, Unit};
use crate::json::quoted;
use crate::process::Process;
use crate::rng::Rng;

/// What an oddity may read and change: the file's process, clock, unit and random stream.
pub(super) struct Scene<'a> {
    pub(super) process: &'a mut Process,
    pub(super) rng: &'a mut Rng,
    pub(super) now_us: u64,
    /// The number of very long strings that this file may still get.
    pub(super) long_left: &'a mut u32,
}

impl Scene<'_> {
    pub(super) fn generation(&self) -> Generation {
        self.process.dialect.generation
    }

    /// Converts a time to the file's current unit, with random nanoseconds if that is ns.
    pub(super) fn time(&mut self, us: u64) -> u64 {
        let below_us = if self.process.unit == Unit::Ns { self.rng.below(1000) } else { 0 };
        self.process.unit.of_us(us) + below_us
    }

    /// Converts a time to the file's current unit, without random nanoseconds.
    pub(super) fn exactly(&self, us: u64) -> u64 {
        self.process.unit.of_us(us)
    }

    /// Formats a number at the top level or of a transfer, which is text in generation 0.
    pub(super) fn number(&self, value: impl ToString) -> String {
        let value = value.to_string();
        if self.generation() == Generation::G0 { format!("\"{value}\"") } else { value }
    }

    /// Returns the hash of one of the process's files, as JSON.
    pub(super) fn file_hash(&mut self) -> String {
        let file = self.rng.below(self.process.files.number());
        self.process.files.get(file).hash.clone()
    }

    /// Returns a very long string while the file's budget lasts, then a moderately long one.
    pub(super) fn long_text(&mut self, letter: char) -> String {
        let length = if *self.long_left > 0 {
            *self.long_left -= 1;
            100_000
        } else {
            300
        };
        std::iter::repeat_n(letter, length).collect()
    }

    /// Returns a call of `name` on a file, in the spelling of the file's generation.
    pub(super) fn call_of(&mut self, cat: &str, name: &str) -> Loose {
        self.process.id += 1;
        let ts = self.time(self.now_us);
        let us = self.rng.within(1, 4000);
        let dur = self.time(us);
        let size = 512u64 << self.rng.below(8);
        let pid = self.process.pid;
        let tid = pid + self.rng.below(2);
        let offset = self.rng.below(1 << 20);
        let d = self.process.dialect;
        let mut out = Loose::new();
        out.set("id", self.number(self.process.id));
        out.set("name", quoted(name));
        out.set("cat", quoted(cat));
        if d.generation == Generation::G3 {
            out.set("type", "3");
        }
        out.set("pid", self.number(pid));
        out.set("tid", self.number(tid));
        out.set("ts", self.number(ts));
        out.set("dur", self.number(dur));
        out.set("ph", d.phases().0);
        out.set("args", "");
        out.arg(d.host_key(), self.process.host.hash.clone());
        let hash = self.file_hash();
        out.arg(d.file_key(), hash);
        out.arg("ret", self.number(size));
        out.arg("count", self.number(size));
        out.arg("offset", self.number(offset));
        out
    }

    pub(super) fn call(&mut self) -> Loose {
        let (cat, name) = self.rng.pick(&[
            ("POSIX", "read"),
            ("POSIX", "pread64"),
            ("POSIX", "write"),
            ("STDIO", "fread"),
            ("POSIX", "lseek64"),
            ("STDIO", "fclose"),
            ("compute", "TorchFramework.compute"),
        ]);
        self.call_of(cat, name)
    }

    /// Returns a counter or an aggregated call without statistics; `ph` is its phase in JSON.
    pub(super) fn counter(&mut self, ph: &str, cat: &str, name: &str, us: u64) -> Loose {
        let ts = self.exactly(us);
        let pid = self.process.pid;
        let mut out = Loose::new();
        out.set("name", quoted(name));
        out.set("cat", quoted(cat));
        out.set("ts", self.number(ts));
        out.set("ph", ph);
        out.set("pid", self.number(pid));
        out.set("tid", self.number(pid));
        out.set("args", "");
        out.arg(self.process.dialect.host_key(), self.process.host.hash.clone());
        out
    }

    /// Returns a metadata record.
    pub(super) fn metadata(&mut self, kind: &str, name: &str, value: &str) -> Loose {
        let pid = self.process.pid;
        let mut out = Loose::new();
        out.set("name", quoted(kind));
        out.set("cat", "\"dftracer\"");
        out.set("pid", self.number(pid));
        out.set("tid", self.number(pid));
        out.set("ph", self.process.dialect.phases().1);
        out.set("args", "");
        out.arg("hhash", self.process.host.hash.clone());
        out.arg("name", name);
        out.arg("value", value);
        out
    }
}

/// A record: keys (JSON text without quotes) and values (JSON text).
#[derive(Clone)]
pub(super) struct Loose {
    pub(super) top: Vec<(String, String)>,
    pub(super) args: Vec<(String, String)>,
    /// Replaces the args.
    pub(super) args_as: Option<String>,
    /// Goes around every token.
    pub(super) space: &'static str,
}

impl Loose {
    fn new() -> Self {
        Self { top: Vec::new(), args: Vec::new(), args_as: None, space: "" }
    }

    pub(super) fn set(&mut self, key: &str, value: impl Into<String>) {
        put(&mut self.top, key, value.into());
    }

    pub(super) fn arg(&mut self, key: &str, value: impl Into<String>) {
        put(&mut self.args, key, value.into());
    }

    pub(super) fn drop(&mut self, key: &str) {
        self.top.retain(|(k, _)| k != key);
    }

    pub(super) fn drop_arg(&mut self, key: &str) {
        self.args.retain(|(k, _)| k != key);
    }

    /// Renames a key or spells it differently.
    pub(super) fn rename(&mut self, key: &str, to: &str) {
        for (k, _) in self.top.iter_mut().chain(&mut self.args) {
            if k == key {
                *k = to.to_owned();
            }
        }
    }

    pub(super) fn text(&self) -> String {
        let args = match &self.args_as {
            Some(text) => text.clone(),
            None => object(&self.args, None, self.space),
        };
        object(&self.top, Some(&args), self.space)
    }

    /// Returns the record as the only line.
    pub(super) fn line(&self) -> Vec<String> {
        vec![self.text()]
    }
}

fn put(into: &mut Vec<(String, String)>, key: &str, value: String) {
    match into.iter_mut().find(|(k, _)| k == key) {
        Some((_, old)) => *old = value,
        None => into.push((key.to_owned(), value)),
    }
}

fn object(fields: &[(String, String)], args: Option<&str>, space: &str) -> String {
    let mut out = String::from("{");
    for (i, (key, value)) in fields.iter().enumerate() {
        if i > 0 {
            out.push(',');
        }
        let value = match args {
            Some(args) if key == "args" && value.is_empty() => args,
            _ => value,
        };
        for piece in [space, "\"", key, "\"", space, ":", space, value, space] {
            out.push_str(piece);
        }
    }
    out.push('}');
    out
}
