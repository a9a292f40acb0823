//! Layouts: the shapes of lines that a tracer writes, learnt as they come.
//!
//! A layout is the literal text between the values of a line, names and punctuation and all. Layouts
//! that begin alike share their beginning, so they make a trie: a node is a literal, the kind of the
//! value behind it, and what that value is of a record. Reading a line walks the trie; a literal is
//! one comparison of 16 bytes, mostly. Nothing is looked for that was seen before: no name is read,
//! no member is looked up.
//!
//! A line that ends elsewhere than its layout, or has another kind of value, is of another layout; a
//! value is read by the same rules as [`scan`](crate::scan) reads it. So where a layout matches, the
//! scanner gives the same record.

use std::ops::Range;

use crate::number::number_end;
use crate::record::{Arg, ArgKey, Phase, Record, Value};
use crate::scan::{members, plain_length};

/// Most nodes: a trace of ever new shapes is not to fill the memory.
const MOST_NODES: usize = 4096;

/// Most ways to go on from one node: past that, looking for the right one is no faster than scanning.
const MOST_BRANCHES: usize = 24;

/// Most lines that are looked at in vain, for they are of no shape that a layout can have.
const MOST_FAILURES: u32 = 10_000;

/// What a value is of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Name,
    Cat,
    Pid,
    Tid,
    Ts,
    Dur,
    Phase,
    Ignored,
    /// An arg, and where its name is in the literal.
    Arg(ArgKey, Range<usize>),
}

impl Target {
    fn of(name: &[u8]) -> Self {
        match name {
            b"name" => Self::Name,
            b"cat" => Self::Cat,
            b"pid" => Self::Pid,
            b"tid" => Self::Tid,
            b"ts" => Self::Ts,
            b"dur" => Self::Dur,
            b"ph" => Self::Phase,
            _ => Self::Ignored,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    /// No value: the line ends.
    End,
}

/// Text that is compared 16 bytes at a time.
#[derive(Clone, Debug)]
struct Literal {
    text: Box<[u8]>,
    head: u128,
    mask: u128,
}

impl Literal {
    fn new(text: &[u8]) -> Self {
        let short = text.len().min(16);
        let (mut head, mut mask) = ([0; 16], [0; 16]);
        head[..short].copy_from_slice(&text[..short]);
        mask[..short].fill(0xff);
        Self { text: text.into(), head: u128::from_le_bytes(head), mask: u128::from_le_bytes(mask) }
    }

    /// Whether `text` starts with the literal.
    #[inline]
    fn starts(&self, text: &[u8]) -> bool {
        match text.split_first_chunk() {
            Some((chunk, rest)) => {
                (u128::from_le_bytes(*chunk) ^ self.head) & self.mask == 0
                    && (self.text.len() <= 16 || rest.starts_with(&self.text[16..]))
            }
            None => text.starts_with(&self.text),
        }
    }
}

#[derive(Clone, Debug)]
struct Node {
    literal: Literal,
    kind: Kind,
    target: Target,
    next: Vec<u32>,
}

/// The layouts that were learnt.
#[derive(Clone, Debug)]
pub struct Layouts {
    /// The first is the root, which has no text.
    nodes: Vec<Node>,
    failures: u32,
}

impl Default for Layouts {
    fn default() -> Self {
        let root = Node { literal: Literal::new(b""), kind: Kind::End, target: Target::Ignored, next: Vec::new() };
        Self { nodes: vec![root], failures: 0 }
    }
}

impl Layouts {
    /// Reads `text` (a line's [payload](crate::payload)) into `record`, if it is of a layout that
    /// is known; else `record` holds anything.
    #[inline]
    pub fn read<'a>(&mut self, text: &'a [u8], record: &mut Record<'a>) -> bool {
        record.clear();
        let mut at = 0;
        let mut parent = 0;
        'next: loop {
            for branch in 0..self.nodes[parent].next.len() {
                let id = self.nodes[parent].next[branch] as usize;
                let node = &self.nodes[id];
                if !node.literal.starts(&text[at..]) {
                    continue;
                }
                let start = at + node.literal.text.len();
                let (value, end) = match node.kind {
                    Kind::Text => {
                        let end = start + plain_length(&text[start..]);
                        if text.get(end) != Some(&b'"') {
                            continue;
                        }
                        (Value::Text(&text[start..end]), end)
                    }
                    Kind::Number => match number_end(text, start) {
                        Some(end) => (Value::Number(&text[start..end]), end),
                        None => continue,
                    },
                    Kind::End if start == text.len() => return true,
                    Kind::End => continue,
                };
                match &node.target {
                    Target::Name => record.name = value,
                    Target::Cat => record.cat = value,
                    Target::Pid => record.pid = value,
                    Target::Tid => record.tid = value,
                    Target::Ts => record.ts = value,
                    Target::Dur => record.dur = value,
                    Target::Phase => record.phase = Phase::of(&value),
                    Target::Ignored => {}
                    Target::Arg(key, name) => {
                        record.args.push(Arg { key: *key, name: &text[at + name.start..at + name.end], value });
                    }
                }
                if branch > 0 {
                    // What was met now is met again soon.
                    self.nodes[parent].next.swap(branch, branch - 1);
                }
                parent = id;
                at = end;
                continue 'next;
            }
            return false;
        }
    }

    /// Learns the layout of `text`, which the scanner has read.
    pub fn learn(&mut self, text: &[u8]) {
        if self.failures >= MOST_FAILURES || self.nodes.len() >= MOST_NODES {
            return;
        }
        let Some(members) = members(text) else {
            self.failures += 1;
            return;
        };
        let mut parent = 0;
        let mut at = 0;
        for member in &members {
            let kind = if member.is_text { Kind::Text } else { Kind::Number };
            let name = &text[member.name.clone()];
            let target = match member.is_arg {
                true => Target::Arg(ArgKey::of(name), member.name.start - at..member.name.end - at),
                false => Target::of(name),
            };
            match self.step(parent, &text[at..member.value.start], kind, target) {
                Some(node) => parent = node,
                None => {
                    self.failures += 1;
                    return;
                }
            }
            at = member.value.end;
        }
        if self.step(parent, &text[at..], Kind::End, Target::Ignored).is_none() {
            self.failures += 1;
        }
    }

    /// The node that goes on from `parent` so: one that is there, or a new one.
    fn step(&mut self, parent: usize, literal: &[u8], kind: Kind, target: Target) -> Option<usize> {
        let same = |&&id: &&u32| {
            let node = &self.nodes[id as usize];
            *node.literal.text == *literal && node.kind == kind && node.target == target
        };
        if let Some(&id) = self.nodes[parent].next.iter().find(same) {
            return Some(id as usize);
        }
        if self.nodes[parent].next.len() >= MOST_BRANCHES {
            return None;
        }
        let id = self.nodes.len();
        self.nodes.push(Node { literal: Literal::new(literal), kind, target, next: Vec::new() });
        self.nodes[parent].next.push(id as u32);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::scan;

    const LINES: [&str; 6] = [
        r#"{"id":11,"name":"close","cat":"POSIX","pid":1,"tid":2,"ts":3,"dur":5,"ph":"X","args":{"hhash":"ab","ret":0}}"#,
        r#"{"id":12,"name":"open","cat":"POSIX","pid":1,"tid":2,"ts":3,"dur":5,"ph":"X","args":{"hhash":"ab","ret":"0"}}"#,
        r#"{"name": "x", "ph": 1, "args": {}, "ts": 3}"#,
        r#"{"name":"x","args":{"a":1},"ts":3 }"#,
        r#"{"name":"x","args":{"a":-1.5e3,"a_name_of_more_than_sixteen_bytes":"v"}}"#,
        r#"{"name":7}"#,
    ];

    #[test]
    fn a_layout_that_was_learnt_reads_what_the_scanner_reads() {
        let mut layouts = Layouts::default();
        let (mut fast, mut slow) = (Record::default(), Record::default());
        for round in 0..2 {
            for line in LINES {
                assert_eq!(layouts.read(line.as_bytes(), &mut fast), round > 0, "{line}");
                assert_eq!(scan(line.as_bytes(), &mut slow), Ok(()), "{line}");
                if round > 0 {
                    assert_eq!(fast, slow, "{line}");
                }
                layouts.learn(line.as_bytes());
            }
        }
    }

    #[test]
    fn a_line_that_goes_on_or_breaks_off_is_of_no_layout() {
        let mut layouts = Layouts::default();
        let mut record = Record::default();
        layouts.learn(LINES[0].as_bytes());
        for cut in 0..LINES[0].len() {
            assert!(!layouts.read(&LINES[0].as_bytes()[..cut], &mut record), "{cut}");
        }
        let longer = format!("{} ", LINES[0]);
        assert!(!layouts.read(longer.as_bytes(), &mut record));
    }

    #[test]
    fn what_a_layout_cannot_say_is_not_learnt() {
        let mut layouts = Layouts::default();
        for line in [r#"{"a":1,"a":2}"#, r#"{"args":{"x":1,"x":2}}"#, r#"{"a":true}"#, r#"{"args":7,"a":null}"#, "{}"] {
            layouts.learn(line.as_bytes());
        }
        assert_eq!(layouts.nodes.len(), 1);
    }

    #[test]
    fn ever_new_shapes_do_not_fill_the_memory() {
        let mut layouts = Layouts::default();
        for at in 0..20_000 {
            layouts.learn(format!(r#"{{"key{at}":1,"x{at}":2}}"#).as_bytes());
        }
        assert!(layouts.nodes.len() <= MOST_NODES + 100);
    }
}
