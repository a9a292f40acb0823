//! The tree of directories.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::data::Directory;
use crate::error::ReportError;
use crate::sums::Sums;
use crate::text::shortened;

/// The most directories and files that a page shows.
const MOST_NODES: usize = 600;

/// The longest name of a directory, in characters.
const LONGEST_NAME: usize = 120;

/// A directory, or a file, in the list of all.
#[derive(Debug, Default)]
struct Node<'n> {
    name: &'n str,
    files: u64,
    sums: Sums,
    children: BTreeMap<&'n str, usize>,
}

/// Makes a tree of files with distinct names. A chain of directories with one child each is one node.
pub(crate) fn tree<'n>(files: impl Iterator<Item = (&'n str, &'n Sums)>) -> Result<Directory, ReportError> {
    let mut nodes = vec![Node::default()];
    for (name, sums) in files {
        let mut at = 0;
        nodes[0].files += 1;
        nodes[0].sums.add(sums);
        for part in parts(name) {
            let next = nodes.len();
            at = *nodes[at].children.entry(part).or_insert(next);
            if at == next {
                nodes.push(Node { name: part, ..Node::default() });
            }
            nodes[at].files += 1;
            nodes[at].sums.add(sums);
        }
    }
    // The nodes with the most time are shown, and all nodes above them.
    let mut shown = vec![false; nodes.len()];
    let mut next = BinaryHeap::from([(i128::MAX, Reverse(0_usize))]);
    for _ in 0..MOST_NODES {
        let Some((_, Reverse(number))) = next.pop() else { break };
        shown[number] = true;
        next.extend(nodes[number].children.values().map(|&child| (nodes[child].sums.time_us, Reverse(child))));
    }
    directory(&nodes, &shown, 0)
}

/// Returns the parts of a name, each with the slash in front of it.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    let mut rest = name;
    std::iter::from_fn(move || {
        let slashes = rest.len() - rest.trim_start_matches('/').len();
        let end = rest[slashes..].find('/').map_or(rest.len(), |end| slashes + end);
        let part;
        (part, rest) = rest.split_at(end);
        (!part.is_empty()).then_some(part)
    })
}

fn directory(nodes: &[Node<'_>], shown: &[bool], number: usize) -> Result<Directory, ReportError> {
    let (mut node, mut name) = (&nodes[number], nodes[number].name.to_owned());
    // The root stays, so that there is one.
    while let (true, 1, Some(&child)) = (number > 0, node.children.len(), node.children.values().next()) {
        if nodes[child].files < node.files {
            break;
        }
        node = &nodes[child];
        name.push_str(node.name);
    }
    let mut children: Vec<usize> = node.children.values().copied().filter(|&child| shown[child]).collect();
    children.sort_by_key(|&child| (Reverse(nodes[child].sums.time_us), nodes[child].name));
    Ok(Directory {
        name: shortened(&name, LONGEST_NAME),
        files: node.files,
        totals: node.sums.totals("calls on files of a directory")?,
        children: children.into_iter().map(|child| directory(nodes, shown, child)).collect::<Result<_, _>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sums(time_us: i128) -> Sums {
        Sums { calls: 1, time_us, ..Sums::default() }
    }

    #[test]
    fn directories_have_the_totals_of_their_files() {
        let files = [("/p/data/a", sums(1)), ("/p/data/b", sums(5)), ("/q/x/y/c", sums(3)), ("d", sums(1))];
        let tree = tree(files.iter().map(|(name, sums)| (*name, sums))).expect("sums fit");
        assert_eq!((tree.files, tree.totals.time_us), (4, 10));
        let names: Vec<_> = tree.children.iter().map(|child| (child.name.as_str(), child.files)).collect();
        assert_eq!(names, [("/p/data", 2), ("/q/x/y/c", 1), ("d", 1)]);
        let names: Vec<_> = tree.children[0].children.iter().map(|child| child.name.as_str()).collect();
        assert_eq!(names, ["/b", "/a"]);
    }

    #[test]
    fn a_directory_that_is_also_a_file_keeps_both() {
        let files = [("/p", sums(1)), ("/p/a", sums(2)), ("//p", sums(4)), ("/p/", sums(8))];
        let tree = tree(files.iter().map(|(name, sums)| (*name, sums))).expect("sums fit");
        assert_eq!((tree.files, tree.totals.time_us), (4, 15));
    }

    #[test]
    fn a_tree_is_bounded() {
        let names: Vec<String> = (0..5000).map(|file| format!("/d{}/f{file}", file % 50)).collect();
        let all: Vec<(String, Sums)> = names.into_iter().zip((0..).map(sums)).collect();
        let tree = tree(all.iter().map(|(name, sums)| (name.as_str(), sums))).expect("sums fit");
        fn count(directory: &Directory) -> usize {
            1 + directory.children.iter().map(count).sum::<usize>()
        }
        assert_eq!(count(&tree), MOST_NODES);
        assert_eq!(tree.files, 5000);
        // Deep names do not exhaust the stack.
        let deep = "/a".repeat(200_000);
        let sums = sums(1);
        assert_eq!(super::tree([(deep.as_str(), &sums)].into_iter()).expect("sums fit").files, 1);
    }
}
