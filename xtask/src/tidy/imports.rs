//! Finds import circles between the files of a crate. Files that import each other cannot be read, tested or moved alone.

use super::source::{Import, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The files of one crate by module path: `[]` is lib.rs, `["pace", "ticket"]` is pace/ticket.rs.
pub type Crate = BTreeMap<Vec<String>, Source>;

/// The module path of a file below `src/`.
pub fn module_path(below_src: &Path) -> Vec<String> {
    let mut path: Vec<String> =
        below_src.with_extension("").iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if path.last().is_some_and(|last| matches!(last.as_str(), "mod" | "lib" | "main")) {
        path.pop();
    }
    path
}

/// Groups of files that can reach each other by imports, as module paths; each group and the list are sorted.
pub fn circles(files: &Crate) -> Vec<Vec<String>> {
    let modules: Vec<&Vec<String>> = files.keys().collect();
    let reachable: Vec<BTreeSet<usize>> = {
        let at = |path: &[String]| modules.iter().position(|module| module.as_slice() == path);
        let edges: Vec<Vec<usize>> = files
            .iter()
            .map(|(module, source)| {
                let own = source.imports.iter().filter_map(|import| target(files, module, import));
                own.filter(|target| target != module).filter_map(|target| at(&target)).collect()
            })
            .collect();
        (0..modules.len()).map(|from| reach(&edges, from)).collect()
    };
    let mut groups = BTreeSet::new();
    for from in 0..modules.len() {
        let group: BTreeSet<String> = reachable[from]
            .iter()
            .filter(|to| reachable[**to].contains(&from))
            .map(|to| modules[*to].join("::"))
            .collect();
        if group.len() > 1 {
            groups.insert(group.into_iter().collect::<Vec<_>>());
        }
    }
    groups.into_iter().collect()
}

/// The imports between rooms: pairs of top-level modules of a crate, one for each `use` in the first that refers to the second.
pub fn room_arrows(files: &Crate) -> BTreeSet<(String, String)> {
    let mut arrows = BTreeSet::new();
    for (module, source) in files {
        let Some(from) = module.first() else { continue };
        for import in &source.imports {
            let Some(file) = target(files, module, import) else { continue };
            if let Some(to) = file.first().filter(|to| *to != from) {
                arrows.insert((from.clone(), to.clone()));
            }
        }
    }
    arrows
}

/// All files that one file imports, directly or through others.
fn reach(edges: &[Vec<usize>], from: usize) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut waiting = edges[from].clone();
    while let Some(next) = waiting.pop() {
        if found.insert(next) {
            waiting.extend(&edges[next]);
        }
    }
    found
}

/// The file that defines an imported item; `None` for another crate. A public re-export of a module's own child is followed, so
/// that a `mod.rs` that only re-exports does not form a circle. Such a re-export is not itself an import.
fn target(files: &Crate, module: &[String], import: &Import) -> Option<Vec<String>> {
    let path = absolute(files, module, &import.path)?;
    if import.public && path.starts_with(module) {
        return None;
    }
    Some(defining_file(files, path))
}

fn defining_file(files: &Crate, mut path: Vec<String>) -> Vec<String> {
    // Each step follows one re-export; no real chain is longer.
    for _ in 0..8 {
        if files.contains_key(&path) {
            break;
        }
        let file = (0..=path.len()).rev().map(|end| &path[..end]).find(|prefix| files.contains_key(*prefix));
        let Some(file) = file.map(<[String]>::to_vec) else { break };
        let Some(item) = path.get(file.len()) else { break };
        let onward = files[&file].imports.iter().find(|import| import.public && import.name == *item);
        match onward.and_then(|import| absolute(files, &file, &import.path)) {
            Some(next) => path = [next, path[file.len() + 1..].to_vec()].concat(),
            None => return file,
        }
    }
    (0..=path.len())
        .rev()
        .map(|end| path[..end].to_vec())
        .find(|file| files.contains_key(file))
        .unwrap_or_default()
}

/// A path from the root of the crate; `None` if it leads out of the crate.
fn absolute(files: &Crate, module: &[String], path: &[String]) -> Option<Vec<String>> {
    let first = path.first()?;
    let mut base = match first.as_str() {
        "crate" => Vec::new(),
        "self" => module.to_vec(),
        "super" => module[..module.len().checked_sub(1)?].to_vec(),
        child => {
            let child = [module, &[child.to_owned()]].concat();
            return files.contains_key(&child).then(|| [child, path[1..].to_vec()].concat());
        }
    };
    let mut rest = &path[1..];
    while let Some(("super", after)) = rest.split_first().map(|(first, after)| (first.as_str(), after)) {
        base.pop();
        rest = after;
    }
    Some([base, rest.to_vec()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn krate(files: &[(&str, &str)]) -> Crate {
        files
            .iter()
            .map(|(path, text)| (module_path(Path::new(path)), Source::parse(text).unwrap()))
            .collect()
    }

    #[test]
    fn files_that_import_each_other_are_a_circle() {
        let files = krate(&[
            ("lib.rs", "mod a; mod b; mod c;"),
            ("a.rs", "use crate::b::B; pub struct A;"),
            ("b.rs", "use super::c::C; pub struct B;"),
            ("c.rs", "fn f() { use crate::a::A; } pub struct C;"),
        ]);
        assert_eq!(circles(&files), [["a", "b", "c"]]);
    }

    #[test]
    fn a_folder_that_reexports_its_files_is_no_circle() {
        let files = krate(&[
            ("lib.rs", "pub mod pace; mod user;"),
            ("pace/mod.rs", "mod line; mod ticket; pub use line::Line; pub use ticket::Ticket;"),
            ("pace/line.rs", "use super::Ticket; pub struct Line;"),
            ("pace/ticket.rs", "pub struct Ticket;"),
            ("user.rs", "use crate::pace::{Line, Ticket};"),
        ]);
        assert_eq!(circles(&files), Vec::<Vec<String>>::new());
    }

    #[test]
    fn rooms_are_joined_by_what_their_files_import() {
        let files = krate(&[
            ("lib.rs", "pub mod pace; mod user; pub use pace::Line;"),
            ("pace/mod.rs", "mod line; pub use line::Line;"),
            ("pace/line.rs", "use super::Ticket; pub struct Line;"),
            ("user/mod.rs", "mod one; mod two;"),
            ("user/one.rs", "use crate::pace::Line; use super::two::Two;"),
            ("user/two.rs", "use crate::Line; pub struct Two;"),
        ]);
        let arrows: Vec<_> = room_arrows(&files).into_iter().collect();
        assert_eq!(arrows, [("user".to_owned(), "pace".to_owned())]);
    }

    #[test]
    fn a_child_that_needs_its_parent_which_needs_it_is_a_circle() {
        let files = krate(&[
            ("lib.rs", "mod plan;"),
            ("plan.rs", "mod resolve; use resolve::Resolved; pub struct Plan;"),
            ("plan/resolve.rs", "use super::Plan; pub struct Resolved;"),
        ]);
        assert_eq!(circles(&files), [["plan", "plan::resolve"]]);
    }
}
