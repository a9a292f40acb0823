//! Cuts traces into pieces, for several machines to stage.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use dft_trace::{Cutter, Discovered, Unreadable};

use crate::error::BuildError;
use crate::listing::list;

/// How many bytes after the wanted place a cut is searched for.
const SEARCH: u64 = 32 << 20;

/// After how many failed searches in a row the rest of a file is left whole.
const FAILURES: u32 = 2;

/// A piece of a trace: a range of the file's bytes on disk.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Piece {
    /// The trace.
    pub path: PathBuf,
    /// The first byte.
    pub start: u64,
    /// The byte after the last.
    pub end: u64,
    /// The size that the file had when it was cut.
    pub file_size: u64,
}

impl Piece {
    /// Returns all of a file as one piece, which is empty if the file cannot be examined; reading it reports why.
    pub fn whole(path: PathBuf) -> Self {
        Self::examine(path).0
    }

    /// Returns all of a file as one piece, and the reason if the file cannot be examined.
    fn examine(path: PathBuf) -> (Self, Option<io::Error>) {
        let (file_size, error) = match fs::metadata(&path) {
            Ok(metadata) => (if metadata.is_file() { metadata.len() } else { 0 }, None),
            Err(error) => (0, Some(error)),
        };
        (Self { path, start: 0, end: file_size, file_size }, error)
    }

    /// Returns whether the piece is the whole file.
    pub(crate) fn is_whole(&self) -> bool {
        self.start == 0 && self.end == self.file_size
    }

    /// The range of its bytes.
    pub(crate) fn range(&self) -> Range<u64> {
        self.start..self.end
    }
}

/// How large pieces are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PieceSize {
    /// About this many bytes on disk each.
    Bytes(u64),
    /// About this many pieces of all traces together.
    Count(u64),
}

/// Cuts traces (files, directories, globs) into pieces of about one size, by path and place. A file that is not much
/// larger is one piece, and a file that cannot be cut too, such as a gzip file of a single member.
///
/// The function reads a little of each file near the cuts, and inflates next to nothing. That a gzip member starts at a
/// cut is a guess. An ingest checks it, with what was staged, before it adds any of the pieces.
///
/// # Errors
///
/// Returns a [`BuildError`] if the traces cannot be listed, or there are none. A file that cannot be read is one piece;
/// staging it reports why. A file that is [not read](dft_trace::NotRead) is in no piece; a build reports it.
pub fn plan_pieces(traces: &[PathBuf], size: PieceSize) -> Result<Vec<Piece>, BuildError> {
    let Discovered { mut files, unreadable, .. } = list(traces)?;
    files.extend(unreadable.into_iter().map(|found| found.path));
    files.sort();
    Ok(cut_files(files, size).0)
}

/// Cuts files into pieces. Also returns the files that cannot be examined, which are one piece each.
pub(crate) fn cut_files(files: Vec<PathBuf>, size: PieceSize) -> (Vec<Piece>, Vec<Unreadable>) {
    let mut failed = Vec::new();
    let mut whole = |path: PathBuf| {
        let (piece, error) = Piece::examine(path);
        failed.extend(error.map(|error| Unreadable { path: piece.path.clone(), error }));
        piece
    };
    let wholes: Vec<Piece> = files.into_iter().map(&mut whole).collect();
    let bytes = match size {
        PieceSize::Bytes(bytes) => bytes,
        PieceSize::Count(pieces) => wholes.iter().map(|piece| piece.end).sum::<u64>().div_ceil(pieces.max(1)),
    };
    let cut = |whole: Piece| {
        let cuts = match cuts(&whole.path, whole.file_size, bytes.max(1)) {
            Ok(cuts) => cuts,
            Err(error) => {
                failed.push(Unreadable { path: whole.path.clone(), error });
                return vec![whole];
            }
        };
        let froms = [0].into_iter().chain(cuts.iter().copied());
        let tos = cuts.iter().copied().chain([whole.file_size]);
        let piece = |(start, end)| Piece { path: whole.path.clone(), start, end, file_size: whole.file_size };
        froms.zip(tos).map(piece).collect()
    };
    let pieces = wholes.into_iter().flat_map(cut).collect();
    (pieces, failed)
}

/// Returns where to cut a file of `size` bytes into pieces of about `bytes`.
fn cuts(path: &Path, size: u64, bytes: u64) -> io::Result<Vec<u64>> {
    let pieces = size.saturating_add(bytes / 2) / bytes;
    let mut cuts = Vec::new();
    if pieces < 2 {
        return Ok(cuts);
    }
    let mut cutter = Cutter::open(path)?;
    let scaled = |number: u64, from: u64, to: u64| (u128::from(number) * u128::from(to) / u128::from(from)) as u64;
    let (mut piece, mut failures) = (1, 0);
    while piece < pieces && failures < FAILURES {
        let from = scaled(piece, pieces, size).max(cuts.last().map_or(1, |cut| cut + 1));
        let to = size.min(from.saturating_add(SEARCH));
        // The next search starts at the first wanted place that leaves a piece of at least half the size.
        let reached = match cutter.find(from..to)? {
            Some(cut) => {
                failures = 0;
                cuts.push(cut);
                cut + size / pieces / 2
            }
            None => {
                failures += 1;
                to
            }
        };
        piece = scaled(reached, size, pieces) + 1;
    }
    Ok(cuts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(at: usize) -> String {
        format!("{{\"name\":\"f\",\"ts\":{at},\"ph\":1}}\n")
    }

    #[test]
    fn a_file_that_cannot_be_examined_is_one_piece_and_returned_as_failed() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("canonical");
        fs::write(root.join("a.pfw"), line(100).repeat(9)).expect("written");
        let files: Vec<PathBuf> = ["a.pfw", "gone.pfw"].map(|name| root.join(name)).to_vec();
        let (pieces, failed) = cut_files(files.clone(), PieceSize::Bytes(40));
        let gone = Piece { path: files[1].clone(), start: 0, end: 0, file_size: 0 };
        assert!(pieces.len() > 2 && pieces[pieces.len() - 1] == gone);
        assert_eq!(failed.into_iter().map(|found| found.path).collect::<Vec<_>>(), files[1..]);
    }

    #[test]
    fn a_file_is_cut_at_lines_into_about_equal_pieces() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = fs::canonicalize(folder.path()).expect("canonical");
        let text: String = (100..200).map(line).collect();
        fs::write(root.join("a.pfw"), &text).expect("written");
        fs::write(root.join("b.pfw"), line(100)).expect("written");
        fs::write(root.join("c.pfw"), "").expect("written");
        let size = text.len() as u64;
        for wanted in [1, 2, 3, 8] {
            let pieces = plan_pieces(std::slice::from_ref(&root), PieceSize::Bytes(size / wanted)).expect("planned");
            assert_eq!(pieces.len() as u64, wanted + 2);
            let (cut, whole) = pieces.split_at(wanted as usize);
            assert!(whole.iter().all(Piece::is_whole));
            assert!(cut[0].start == 0 && cut[cut.len() - 1].end == size);
            for pair in cut.windows(2) {
                assert_eq!(pair[0].end, pair[1].start);
                assert!(text[..pair[0].end as usize].ends_with('\n'));
            }
            assert!(cut.iter().all(|piece| piece.file_size == size && piece.end - piece.start <= size / wanted + 60));
        }
        let pieces = plan_pieces(&[root.join("a.pfw")], PieceSize::Count(5)).expect("planned");
        assert_eq!(pieces.len(), 5);
        // A piece has at least one line.
        assert_eq!(plan_pieces(&[root.join("a.pfw")], PieceSize::Bytes(1)).expect("planned").len(), 100);
        assert!(matches!(plan_pieces(&[], PieceSize::Bytes(1)), Err(BuildError::NoTraces(_))));
    }

    #[test]
    fn a_file_without_a_line_end_is_one_piece() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("a.pfw");
        fs::write(&path, "x".repeat(1000)).expect("written");
        let (pieces, _) = cut_files(vec![path.clone(), folder.path().join("none.pfw")], PieceSize::Bytes(10));
        assert_eq!(pieces.len(), 2);
        assert!(pieces.iter().all(Piece::is_whole));
    }
}
