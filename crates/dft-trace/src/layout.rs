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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Name,
    Cat,
    Pid,
    Tid,
    Ts,
    Dur,
    Phase,
    Ignored,
    /// An arg, and where in the literal its name starts and ends.
    Arg(ArgKey, u16, u16),
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

    /// Puts a value where it belongs; `text` starts with the literal before it.
    #[inline(always)]
    fn set<'a>(self, record: &mut Record<'a>, text: &'a [u8], value: Value<'a>) {
        match self {
            Self::Name => record.name = value,
            Self::Cat => record.cat = value,
            Self::Pid => record.pid = value,
            Self::Tid => record.tid = value,
            Self::Ts => record.ts = value,
            Self::Dur => record.dur = value,
            Self::Phase => record.phase = Phase::of(&value),
            Self::Ignored => {}
            Self::Arg(key, start, end) => {
                record.args.push(Arg { key, name: &text[usize::from(start)..usize::from(end)], value });
            }
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

/// Up to 16 bytes, compared at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Short {
    bytes: u128,
    mask: u128,
}

impl Short {
    fn new(text: &[u8]) -> Self {
        let length = text.len().min(16);
        let (mut bytes, mut mask) = ([0; 16], [0; 16]);
        bytes[..length].copy_from_slice(&text[..length]);
        mask[..length].fill(0xff);
        Self { bytes: u128::from_le_bytes(bytes), mask: u128::from_le_bytes(mask) }
    }

    #[inline]
    fn starts(&self, text: [u8; 16]) -> bool {
        (u128::from_le_bytes(text) ^ self.bytes) & self.mask == 0
    }
}

/// No node.
const NONE: u32 = 0;

#[derive(Clone, Copy, Debug)]
struct Node {
    /// The first 16 bytes of the literal.
    head: Short,
    /// The last text that was here, of those of at most 16 bytes.
    last: Short,
    /// Its length; more than 16 where there was none.
    last_length: u8,
    kind: Kind,
    target: Target,
    length: u32,
    /// The node behind it that was met last; the others are its siblings.
    child: u32,
    sibling: u32,
}

/// The layouts that were learnt.
#[derive(Clone, Debug)]
pub struct Layouts {
    /// The first is the root, which has no text.
    nodes: Vec<Node>,
    /// The literals of the nodes, whole.
    literals: Vec<Box<[u8]>>,
    failures: u32,
}

impl Default for Layouts {
    fn default() -> Self {
        let mut layouts = Self { nodes: Vec::new(), literals: Vec::new(), failures: 0 };
        layouts.add(b"", Kind::End, Target::Ignored);
        layouts
    }
}

impl Layouts {
    /// Reads `text` (a line's [payload](crate::payload)) into `record`, if it is of a layout that
    /// is known; else `record` holds anything.
    #[inline]
    pub fn read<'a>(&mut self, text: &'a [u8], record: &mut Record<'a>) -> bool {
        record.clear();
        let mut rest = text;
        let mut parent = 0;
        'next: loop {
            let mut before = NONE;
            let mut id = self.nodes[parent].child;
            while id != NONE {
                let node = &mut self.nodes[id as usize];
                if let Some((value, behind)) = node.value(rest, &self.literals[id as usize]) {
                    // By kind first, so that a value is written once, to where it stays.
                    match node.kind {
                        Kind::Text => node.target.set(record, rest, Value::Text(value)),
                        Kind::Number => node.target.set(record, rest, Value::Number(value)),
                        Kind::End => return true,
                    }
                    if before != NONE {
                        // What was met now is met again soon.
                        let first = std::mem::replace(&mut self.nodes[parent].child, id);
                        let sibling = std::mem::replace(&mut self.nodes[id as usize].sibling, first);
                        self.nodes[before as usize].sibling = sibling;
                    }
                    parent = id as usize;
                    rest = behind;
                    continue 'next;
                }
                before = id;
                id = node.sibling;
            }
            return false;
        }
    }

    /// Learns the layout of `text`, which the scanner has read.
    pub fn learn(&mut self, text: &[u8]) {
        if self.failures >= MOST_FAILURES || self.nodes.len() >= MOST_NODES {
            return;
        }
        if self.try_learn(text).is_none() {
            self.failures += 1;
        }
    }

    fn try_learn(&mut self, text: &[u8]) -> Option<()> {
        let mut parent = 0;
        let mut at = 0;
        for member in &members(text)? {
            let kind = if member.is_text { Kind::Text } else { Kind::Number };
            let name = &text[member.name.clone()];
            let offset = |place: usize| u16::try_from(place - at).ok();
            let target = match member.is_arg {
                true => Target::Arg(ArgKey::of(name), offset(member.name.start)?, offset(member.name.end)?),
                false => Target::of(name),
            };
            parent = self.step(parent, &text[at..member.value.start], kind, target)?;
            at = member.value.end;
        }
        self.step(parent, &text[at..], Kind::End, Target::Ignored)?;
        Some(())
    }

    /// The node that goes on from `parent` so: one that is there, or a new one.
    fn step(&mut self, parent: usize, literal: &[u8], kind: Kind, target: Target) -> Option<usize> {
        let mut branches = 0;
        let mut id = self.nodes[parent].child;
        while id != NONE {
            let node = &self.nodes[id as usize];
            if *self.literals[id as usize] == *literal && node.kind == kind && node.target == target {
                return Some(id as usize);
            }
            branches += 1;
            id = node.sibling;
        }
        if branches >= MOST_BRANCHES {
            return None;
        }
        let id = self.add(literal, kind, target);
        self.nodes[id].sibling = self.nodes[parent].child;
        self.nodes[parent].child = id as u32;
        Some(id)
    }

    fn add(&mut self, literal: &[u8], kind: Kind, target: Target) -> usize {
        self.nodes.push(Node {
            head: Short::new(literal),
            last: Short::new(b""),
            last_length: u8::MAX,
            kind,
            target,
            length: literal.len() as u32,
            child: NONE,
            sibling: NONE,
        });
        self.literals.push(literal.into());
        self.nodes.len() - 1
    }
}

impl Node {
    /// The value behind the literal, and the text behind that, where `text` starts so.
    #[inline]
    fn value<'a>(&mut self, text: &'a [u8], literal: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
        let starts = match text.first_chunk() {
            Some(chunk) => {
                self.head.starts(*chunk) && (self.length <= 16 || text.get(16..)?.starts_with(&literal[16..]))
            }
            None => text.starts_with(literal),
        };
        if !starts {
            return None;
        }
        let text = &text[self.length as usize..];
        match self.kind {
            Kind::Text => {
                let length = match text.first_chunk() {
                    Some(chunk) if self.is_last(chunk, text) => usize::from(self.last_length),
                    _ => self.new_text(text),
                };
                let (value, behind) = text.split_at_checked(length)?;
                (behind.first() == Some(&b'"')).then_some((value, behind))
            }
            Kind::Number => {
                let end = number_end(text, 0)?;
                text.split_at_checked(end)
            }
            Kind::End => text.is_empty().then_some((text, text)),
        }
    }

    /// Whether the text is the one that was here last.
    #[inline]
    fn is_last(&self, chunk: &[u8; 16], text: &[u8]) -> bool {
        let length = usize::from(self.last_length);
        length <= 16 && self.last.starts(*chunk) && text.get(length) == Some(&b'"')
    }

    /// The length of a text that is not the one that was here last.
    #[inline]
    fn new_text(&mut self, text: &[u8]) -> usize {
        let length = plain_length(text);
        if length <= 16 {
            self.last = Short::new(&text[..length]);
            self.last_length = length as u8;
        }
        length
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
