//! Chains pieces to a whole file.

use std::collections::HashMap;
use std::ops::Range;

use dft_codec::{FileEntry, PieceEntry, Unchained};

/// The result of chaining pieces of one state of a file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Chain {
    /// These pieces, by their positions in the input, make the file in this order.
    Whole(Vec<usize>, Box<FileEntry>),
    /// These bytes of the file are in no piece.
    Waiting(Vec<Range<u64>>),
    /// The pieces can never make the file.
    Broken(Unchained),
}

/// Chains pieces of one file. The pieces may come from several plans; those of one plan, or some of several, may make
/// the file.
pub(crate) fn chain(pieces: &[&PieceEntry]) -> Chain {
    let mut order: Vec<usize> = (0..pieces.len()).collect();
    order.sort_by_key(|&at| (pieces[at].range.start, pieces[at].range.end));
    // From last to first: by start, the pieces from which the file's end can be reached; and the next piece of each.
    let mut reaching: HashMap<u64, Vec<usize>> = HashMap::new();
    let mut next: HashMap<usize, usize> = HashMap::new();
    for &at in order.iter().rev() {
        let piece = pieces[at];
        if !piece.is_last() {
            let candidates = reaching.get(&piece.range.end).into_iter().flatten();
            match candidates.copied().find(|&following| piece.chains(pieces[following]).is_ok()) {
                Some(following) => next.insert(at, following),
                None => continue,
            };
        }
        reaching.entry(piece.range.start).or_default().push(at);
    }
    for &first in reaching.get(&0).into_iter().flatten() {
        let chain: Vec<usize> = std::iter::successors(Some(first), |at| next.get(at).copied()).collect();
        let parts: Vec<&PieceEntry> = chain.iter().map(|&at| pieces[at]).collect();
        if let Ok(entry) = PieceEntry::join(&parts) {
            return Chain::Whole(chain, Box::new(entry));
        }
    }
    let mut order: Vec<&PieceEntry> = order.into_iter().map(|at| pieces[at]).collect();
    order.dedup_by_key(|piece| piece.range.clone());
    match (broken(&order), missing(&order)) {
        (Some(broken), _) => Chain::Broken(broken),
        (None, missing) if !missing.is_empty() => Chain::Waiting(missing),
        (None, _) => {
            let starts = |byte: u64| order.iter().any(|piece| piece.range.start == byte);
            let overlap = order.iter().map(|piece| piece.range.end).find(|&end| !starts(end));
            Chain::Broken(Unchained { byte: overlap.unwrap_or(0), why: "the pieces there overlap" })
        }
    }
}

/// Returns the first place at which pieces, sorted by start, show that the file cannot be cut there.
fn broken(pieces: &[&PieceEntry]) -> Option<Unchained> {
    let mut starts: HashMap<u64, Vec<&PieceEntry>> = HashMap::new();
    for piece in pieces {
        starts.entry(piece.range.start).or_default().push(piece);
    }
    let failed = pieces.iter().flat_map(|piece| {
        let following = starts.get(&piece.range.end).into_iter().flatten();
        let pairs = following.filter_map(|following| piece.chains(following).err());
        piece.check().err().into_iter().chain(pairs).collect::<Vec<_>>()
    });
    failed.min_by_key(|unchained| unchained.byte)
}

/// Returns the bytes of the file that are in no piece. The pieces are sorted by start.
fn missing(pieces: &[&PieceEntry]) -> Vec<Range<u64>> {
    let size = pieces.first().map_or(0, |piece| piece.entry.size);
    let mut missing = Vec::new();
    let mut covered = 0;
    for range in pieces.iter().map(|piece| piece.range.clone()).chain(std::iter::once(size..size)) {
        if range.start > covered {
            missing.push(covered..range.start);
        }
        covered = covered.max(range.end);
    }
    missing
}

#[cfg(test)]
mod tests {
    use dft_codec::FileCounts;
    use dft_trace::{Clock, Consumed, OpenEnd, TimeUnit};

    use super::*;

    fn piece(range: Range<u64>) -> PieceEntry {
        let consumed = Consumed { text: 40, offset: range.end, line: 5, ..Consumed::NOTHING };
        let counts = FileCounts { events: 4, ..FileCounts::default() };
        let entry = FileEntry {
            size: 30,
            modified_ns: 7,
            fingerprint: 1,
            consumed,
            counts,
            fault: None,
            time_fault: None,
            processes: Default::default(),
            identity: Default::default(),
        };
        PieceEntry { range, clock: Clock::default(), open_end: None, entry }
    }

    fn chained(pieces: &[PieceEntry]) -> Chain {
        chain(&pieces.iter().collect::<Vec<_>>())
    }

    fn in_order(pieces: &[PieceEntry]) -> Option<Vec<Range<u64>>> {
        match chained(pieces) {
            Chain::Whole(order, _) => Some(order.into_iter().map(|at| pieces[at].range.clone()).collect()),
            _ => None,
        }
    }

    #[test]
    fn pieces_of_any_order_and_of_several_plans_make_the_file() {
        let mut pieces = vec![piece(20..30), piece(0..10), piece(10..20)];
        assert_eq!(in_order(&pieces), Some(vec![0..10, 10..20, 20..30]));
        // Pieces that lead nowhere, or not as far, do not matter.
        let mut within = piece(10..15);
        within.open_end = Some(OpenEnd::Member);
        pieces.splice(0..0, [piece(0..5), piece(0..20), within, piece(20..25), piece(10..20)]);
        let order = in_order(&pieces).expect("the file");
        assert!(order.windows(2).all(|pair| pair[0].end == pair[1].start) && order[0].start == 0, "{order:?}");
    }

    #[test]
    fn missing_bytes_are_reported() {
        let missing = |pieces: &[PieceEntry]| match chained(pieces) {
            Chain::Waiting(missing) => missing.iter().map(|range| (range.start, range.end)).collect::<Vec<_>>(),
            other => panic!("{other:?}"),
        };
        assert_eq!(missing(&[piece(10..20)]), [(0, 10), (20, 30)]);
        assert_eq!(missing(&[piece(0..10), piece(0..15), piece(12..20)]), [(20, 30)]);
        assert_eq!(missing(&[piece(20..30), piece(0..10)]), [(10, 20)]);
    }

    #[test]
    fn pieces_that_never_chain_are_reported_even_if_others_are_missing() {
        let byte = |pieces: &[PieceEntry]| match chained(pieces) {
            Chain::Broken(Unchained { byte, .. }) => byte,
            other => panic!("{other:?}"),
        };
        let mut open = piece(10..20);
        open.open_end = Some(OpenEnd::Line);
        assert_eq!(byte(&[piece(0..10), open.clone(), piece(20..30)]), 20);
        assert_eq!(byte(&[open]), 20);
        let mut other_unit = piece(20..30);
        other_unit.clock.unit = TimeUnit::Ms;
        assert_eq!(byte(&[piece(10..20), other_unit]), 20);
        assert_eq!(byte(&[piece(0..10), piece(5..20), piece(20..30)]), 10);
    }
}
