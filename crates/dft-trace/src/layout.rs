//! Learns the layouts of the lines that a tracer writes, and reads lines by them.
//!
//! A layout is the literal text between the values of a line, including names and punctuation. Layouts
//! with a common start share it, so they form a trie: a node is a literal, the kind of the value after
//! it, and the field of a record that the value is for. Reading a line walks the trie; most literals
//! take one comparison of 32 bytes. A line of a known layout needs no parsing of names.
//!
//! A line that ends elsewhere than its layout, or has another kind of value, has another layout. Values
//! are read by the same rules as in [`scan`](crate::scan). So if a layout matches, the scanner gives
//! the same record.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::literal::{Length, Literal};
use crate::number::{NOT_FINITE, not_finite_end, number_end, usual_fraction, usual_integer};
use crate::record::{Arg, ArgKey, LayoutId, Phase, Record, Value};
use crate::scan::{members, plain_length};
#[cfg(target_arch = "x86_64")]
use crate::window::Wide;
use crate::window::{Chunks, Lanes, WINDOW, Window};

/// How many bytes must follow a line so that it can be read.
pub const LOOKAHEAD: usize = 2 * WINDOW;

/// The most nodes, so that a trace with ever new layouts does not fill the memory.
const MOST_NODES: usize = 4096;

/// The most branches of a node: with more, finding the right one is no faster than scanning the line.
const MOST_BRANCHES: usize = 24;

/// The most failed attempts to learn a line, because it has no shape that a layout can have.
const MOST_FAILURES: u32 = 10_000;

/// Which part of a record a value is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Target {
    /// The index in [`FIELDS`], or [`ARG`] for an arg.
    place: u8,
    /// The key of an arg.
    key: ArgKey,
    /// How many bytes before its value the name of an arg starts.
    back: u16,
    /// The length of the name of an arg.
    length: u16,
}

/// The fields of a record, and an entry for members that are ignored.
const FIELDS: [&[u8]; 8] = [b"name", b"cat", b"pid", b"tid", b"ts", b"dur", b"ph", b""];

const PH: usize = 6;
const IGNORED: u8 = FIELDS.len() as u8 - 1;
const ARG: u8 = FIELDS.len() as u8;

impl Target {
    const IGNORED: Self = Self { place: IGNORED, key: ArgKey::Other, back: 0, length: 0 };

    fn field(name: &[u8]) -> Self {
        let field = FIELDS[..usize::from(IGNORED)].iter().zip(0..).find(|(field, _)| **field == name);
        Self { place: field.map_or(IGNORED, |(_, at)| at), ..Self::IGNORED }
    }
}

/// Where the values of a line are stored.
struct Places<'r, 'a> {
    fields: [&'r mut Value<'a>; FIELDS.len()],
    args: &'r mut Vec<Arg<'a>>,
}

impl<'a> Places<'_, 'a> {
    /// Stores the value that starts at `start`.
    #[inline(always)]
    fn put(&mut self, target: &Target, text: &'a [u8], start: usize, value: Value<'a>) -> Option<()> {
        if target.place == ARG {
            let from = start - usize::from(target.back);
            let name = text.get(from..from + usize::from(target.length))?;
            self.args.push(Arg { key: target.key, name, value });
        } else {
            *self.fields[usize::from(target.place) % FIELDS.len()] = value;
        }
        Some(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Number,
    /// No value: the literal continues.
    More,
    /// No value: the line ends.
    End,
}

/// Where a line continues after a node, or where it ended.
enum Step {
    To(usize),
    Ended(usize),
}

/// No node.
const NONE: u32 = 0;

/// A cache line: half of it the literal.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Node {
    literal: Literal,
    /// The length of the literal.
    length: u8,
    kind: Kind,
    target: Target,
    last: Length,
    /// The child that matched last; the other children are its siblings.
    child: u32,
    sibling: u32,
}

const _: () = assert!(size_of::<Node>() == 64);

/// The layouts learnt so far.
#[derive(Debug)]
pub struct Layouts {
    /// A number that is unique to the ids of these layouts.
    number: u64,
    /// The first node is the root, which has no text.
    nodes: Vec<Node>,
    failures: u32,
    #[cfg(target_arch = "x86_64")]
    wide: Option<Wide>,
}

impl Default for Layouts {
    fn default() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut layouts = Self {
            number,
            nodes: Vec::new(),
            failures: 0,
            #[cfg(target_arch = "x86_64")]
            wide: Wide::detect(),
        };
        layouts.add(Literal::new(b""), Kind::End, Target::IGNORED);
        layouts
    }
}

impl Layouts {
    /// Returns layouts that use only what every processor of this architecture has, to compare with those that use more.
    pub fn portable() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            wide: None,
            ..Self::default()
        }
    }

    /// Reads the first `length` bytes of `text` (the [payload](crate::payload) of a line) into `record`, and returns
    /// whether their layout is known; if not, the content of `record` is unspecified.
    ///
    /// This may access the bytes after the line. It does not read a line followed by fewer than [`LOOKAHEAD`] bytes.
    pub fn read<'a>(&mut self, text: &'a [u8], length: usize, record: &mut Record<'a>) -> bool {
        record.clear();
        text.len() >= length.saturating_add(LOOKAHEAD) && self.walk(text, Some(length), record).is_some()
    }

    /// Reads the first line of `text` into `record`, if it is a [payload](crate::payload) of a known layout, optionally
    /// followed by a comma. Returns the start of the next line, so that the caller need not search for it; if `None`,
    /// the content of `record` is unspecified.
    #[inline]
    pub(crate) fn read_line<'a>(&mut self, text: &'a [u8], record: &mut Record<'a>) -> Option<usize> {
        record.clear();
        let end = self.walk(text, None, record)?;
        Some(end + if text[end] == b',' { 2 } else { 1 })
    }

    /// Reads a payload of `length` bytes, or to the end of the line, by its layout. Returns where it ends.
    #[inline]
    fn walk<'a>(&mut self, text: &'a [u8], length: Option<usize>, record: &mut Record<'a>) -> Option<usize> {
        #[cfg(target_arch = "x86_64")]
        if let Some(wide) = self.wide {
            // SAFETY: a `Wide` exists only if the processor has the features that this is compiled for.
            return unsafe { self.walk_wide(wide, text, length, record) };
        }
        self.walk_chunks(text, length, record)
    }

    #[cfg(target_arch = "x86_64")]
    #[inline(never)]
    #[target_feature(enable = "avx2,bmi1,bmi2")]
    fn walk_wide<'a>(
        &mut self,
        wide: Wide,
        text: &'a [u8],
        length: Option<usize>,
        record: &mut Record<'a>,
    ) -> Option<usize> {
        self.walk_with(wide, text, length, record)
    }

    #[inline(never)]
    fn walk_chunks<'a>(&mut self, text: &'a [u8], length: Option<usize>, record: &mut Record<'a>) -> Option<usize> {
        self.walk_with(Chunks, text, length, record)
    }

    #[inline(always)]
    fn walk_with<'a>(
        &mut self,
        lanes: impl Lanes,
        text: &'a [u8],
        length: Option<usize>,
        record: &mut Record<'a>,
    ) -> Option<usize> {
        let ends = |at: usize| match length {
            Some(length) => at == length,
            None => matches!(text.get(at..), Some([b'\n', ..] | [b',', b'\n', ..])),
        };
        let Record { name, cat, pid, tid, ts, dur, ph, args, .. } = record;
        let mut ignored = Value::Null;
        let fields = [name, cat, pid, tid, ts, dur, ph, &mut ignored];
        let mut places = Places { fields, args };
        let nodes = &mut self.nodes[..];
        let mut at = 0;
        let (mut parent, mut before, mut id) = (NONE, NONE, nodes.first()?.child);
        while id != NONE {
            let window = text.get(at..)?.first_chunk()?;
            let node = nodes.get_mut(id as usize)?;
            match node.read(lanes, window, text, at, &ends, &mut places) {
                Some(Step::To(end)) => {
                    let child = node.child;
                    if before != NONE {
                        put_first(nodes, parent, before, id);
                    }
                    at = end;
                    (parent, before, id) = (id, NONE, child);
                }
                Some(Step::Ended(end)) => {
                    record.phase = Phase::of(places.fields[PH]);
                    record.layout = Some(LayoutId { parser: self.number, number: id });
                    return Some(end);
                }
                None => (before, id) = (id, node.sibling),
            }
        }
        None
    }

    /// Learns the layout of `text`, which the scanner must have read.
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
            let target = match member.is_arg {
                true => {
                    let back = u16::try_from(member.value.start - member.name.start).ok()?;
                    Target { place: ARG, key: ArgKey::of(name), back, length: u16::try_from(name.len()).ok()? }
                }
                false => Target::field(name),
            };
            parent = self.step(parent, &text[at..member.value.start], kind, target)?;
            at = member.value.end;
        }
        self.step(parent, &text[at..], Kind::End, Target::IGNORED)?;
        Some(())
    }

    /// Returns the node for this step from `parent`: an existing one, or a new one.
    fn step(&mut self, mut parent: usize, mut literal: &[u8], kind: Kind, target: Target) -> Option<usize> {
        while let Some((piece, rest)) = literal.split_at_checked(WINDOW)
            && !rest.is_empty()
        {
            parent = self.short_step(parent, Literal::new(piece), Kind::More, Target::IGNORED)?;
            literal = rest;
        }
        self.short_step(parent, Literal::new(literal), kind, target)
    }

    fn short_step(&mut self, parent: usize, literal: Literal, kind: Kind, target: Target) -> Option<usize> {
        let mut branches = 0;
        let mut id = self.nodes[parent].child;
        while id != NONE {
            let node = &self.nodes[id as usize];
            if node.literal == literal && node.kind == kind && node.target == target {
                return Some(id as usize);
            }
            branches += 1;
            id = node.sibling;
        }
        if branches >= MOST_BRANCHES || self.nodes.len() >= MOST_NODES {
            return None;
        }
        let id = self.add(literal, kind, target);
        self.nodes[id].sibling = self.nodes[parent].child;
        self.nodes[parent].child = id as u32;
        Some(id)
    }

    fn add(&mut self, literal: Literal, kind: Kind, target: Target) -> usize {
        let length = literal.length() as u8;
        self.nodes.push(Node { literal, length, kind, target, last: Length::new(0), child: NONE, sibling: NONE });
        self.nodes.len() - 1
    }
}

impl Node {
    /// Compares the literal at `at`, where the window starts, and stores the value after it. Returns `None` if the line
    /// continues differently, or does not end where it should.
    #[inline(always)]
    fn read<'a>(
        &mut self,
        lanes: impl Lanes,
        window: &[u8; 2 * WINDOW],
        text: &'a [u8],
        at: usize,
        ends: &impl Fn(usize) -> bool,
        places: &mut Places<'_, 'a>,
    ) -> Option<Step> {
        if !self.literal.starts(window.first_chunk()?, lanes) {
            return None;
        }
        let length = usize::from(self.length);
        let start = at + length;
        let window: &Window = window.get(length..length + WINDOW)?.first_chunk()?;
        match self.kind {
            Kind::Text => {
                let end = start + self.text_length(lanes, window, text, start);
                if text.get(end) != Some(&b'"') {
                    return None;
                }
                places.put(&self.target, text, start, Value::Text(text.get(start..end)?))?;
                Some(Step::To(end))
            }
            Kind::Number => {
                if let Some((value, length)) = usual_integer(window, |others| self.last.of(others)) {
                    places.put(&self.target, text, start, Value::Integer(value))?;
                    return Some(Step::To(start + length));
                }
                let (value, end) = other_number(text, start)?;
                places.put(&self.target, text, start, value)?;
                Some(Step::To(end))
            }
            Kind::More => Some(Step::To(start)),
            Kind::End => ends(start).then_some(Step::Ended(start)),
        }
    }

    /// Returns the length of a text that starts at `start`, where the window starts.
    #[inline(always)]
    fn text_length(&mut self, lanes: impl Lanes, window: &Window, text: &[u8], start: usize) -> usize {
        match self.last.of(lanes.specials(window)) {
            WINDOW => WINDOW + long_text_length(&text[start + WINDOW..]),
            length => length,
        }
    }
}

// The unusual cases are separate functions, so that the usual ones have all registers.

#[inline(never)]
fn other_number(text: &[u8], start: usize) -> Option<(Value<'_>, usize)> {
    match text.get(start..)?.first_chunk().and_then(usual_fraction) {
        Some(length) => Some((Value::Number(text.get(start..start + length)?), start + length)),
        None => unusual_number(text, start),
    }
}

#[cold]
#[inline(never)]
fn unusual_number(text: &[u8], start: usize) -> Option<(Value<'_>, usize)> {
    match number_end(text, start) {
        Some(end) => Some((Value::number(text.get(start..end)?), end)),
        None => Some((Value::Number(NOT_FINITE), not_finite_end(text, start)?)),
    }
}

/// Makes `id`, the sibling after `before`, the first child of its parent, because it is likely to match again soon.
#[inline(never)]
fn put_first(nodes: &mut [Node], parent: u32, before: u32, id: u32) {
    let first = std::mem::replace(&mut nodes[parent as usize].child, id);
    let sibling = std::mem::replace(&mut nodes[id as usize].sibling, first);
    nodes[before as usize].sibling = sibling;
}

#[cold]
#[inline(never)]
fn long_text_length(text: &[u8]) -> usize {
    plain_length(text)
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

    /// Returns a line followed by another.
    fn with_ahead(line: &str) -> Vec<u8> {
        format!("{line}\n{{\"name\":\"the next line, which is as long as it has to be\",\"ts\":1}}").into_bytes()
    }

    #[test]
    fn a_length_does_not_depend_on_the_last_one() {
        let mut length = Length::new(0);
        for last in 0..=WINDOW as u32 {
            for next in 0..=WINDOW as u32 {
                for later in [0, u32::MAX] {
                    let ends = |at: u32| 1_u32.checked_shl(at).map_or(0, |end| end | later & !(end - 1));
                    assert_eq!(length.of(ends(last)), last as usize);
                    assert_eq!(length.of(ends(next)), next as usize);
                }
            }
        }
    }

    /// Returns layouts that use the features of this processor, and layouts that use those of every processor.
    fn all_layouts() -> [Layouts; 2] {
        [Layouts::default(), Layouts::portable()]
    }

    #[test]
    fn a_learnt_layout_gives_the_same_record_as_the_scanner() {
        let texts = LINES.map(with_ahead);
        let (mut fast, mut slow) = (Record::default(), Record::default());
        for mut layouts in all_layouts() {
            for round in 0..2 {
                for (line, text) in LINES.iter().zip(&texts) {
                    assert_eq!(layouts.read(text, line.len(), &mut fast), round > 0, "{line}");
                    assert_eq!(scan(line.as_bytes(), &mut slow), Ok(()), "{line}");
                    if round > 0 {
                        assert_eq!(fast, slow, "{line}");
                    }
                    layouts.learn(line.as_bytes());
                }
            }
        }
    }

    #[test]
    fn literals_of_every_length_are_read() {
        for length in 1..4 * WINDOW {
            for mut layouts in all_layouts() {
                for value in ["7", "-1.5", "\"text\"", "\"\""] {
                    let line = format!(r#"{{"name":"x","args":{{"{}":{value}}},"ts":3}}"#, "n".repeat(length));
                    let text = with_ahead(&line);
                    layouts.learn(line.as_bytes());
                    let (mut fast, mut slow) = (Record::default(), Record::default());
                    assert!(layouts.read(&text, line.len(), &mut fast), "{line}");
                    assert_eq!(scan(line.as_bytes(), &mut slow), Ok(()), "{line}");
                    assert_eq!(fast, slow);
                }
            }
        }
    }

    #[test]
    fn a_longer_or_shorter_line_does_not_match_a_layout() {
        let mut layouts = Layouts::default();
        let mut record = Record::default();
        let line = LINES[0];
        layouts.learn(line.as_bytes());
        let whole = with_ahead(line);
        for cut in 0..line.len() {
            assert!(!layouts.read(&whole, cut, &mut record), "{cut}");
            let text = with_ahead(&line[..cut]);
            assert!(!layouts.read(&text, cut, &mut Record::default()), "{cut}");
        }
        let longer = with_ahead(&format!("{line} "));
        assert!(!layouts.read(&longer, line.len() + 1, &mut record));
        assert!(layouts.read(&longer, line.len(), &mut record));
    }

    #[test]
    fn a_line_without_enough_bytes_after_it_is_not_read() {
        let mut layouts = Layouts::default();
        let line = LINES[0];
        layouts.learn(line.as_bytes());
        for more in 0..2 * LOOKAHEAD {
            let text = format!("{line}{}", "x".repeat(more));
            assert_eq!(layouts.read(text.as_bytes(), line.len(), &mut Record::default()), more >= LOOKAHEAD);
        }
    }

    #[test]
    fn lines_that_no_layout_can_express_are_not_learnt() {
        let mut layouts = Layouts::default();
        for line in [r#"{"a":1,"a":2}"#, r#"{"args":{"x":1,"x":2}}"#, r#"{"a":true}"#, r#"{"args":7,"a":null}"#, "{}"] {
            layouts.learn(line.as_bytes());
        }
        assert_eq!(layouts.nodes.len(), 1);
    }

    #[test]
    fn ever_new_layouts_do_not_fill_the_memory() {
        let mut layouts = Layouts::default();
        for at in 0..20_000 {
            layouts.learn(format!(r#"{{"key{at}":1,"x{at}":2}}"#).as_bytes());
        }
        assert!(layouts.nodes.len() <= MOST_NODES);
    }
}
