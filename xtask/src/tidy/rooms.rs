//! The rooms of `fleet` and the arrows between them, which show how far the crate is from strict layers.

use super::imports::{Crate, module_path, room_arrows};
use super::source::Source;
use super::{split_at_src, tracked};
use crate::Result;
use std::collections::BTreeSet;
use std::path::Path;

/// The rooms of `fleet`, lowest first. A room may use those before it; ARCHITECTURE.md describes each.
const LAYERS: &[&str] = &[
    "tuning",
    "pace",
    "plan",
    "price",
    "engine",
    "reservation",
    "query",
    "pool",
    "action",
    "network",
    "cleanup",
    "launch",
    "costs",
    "history",
    "fleets",
    "report",
];
const HOME: &str = "crates/fleet";

/// Prints the number of rooms and arrows, and every arrow that points upward.
///
/// # Errors
/// When a source cannot be read.
#[expect(clippy::print_stdout, reason = "the figures are what the command is for")]
pub fn print_rooms(root: &Path) -> Result<()> {
    let files = fleet(root)?;
    let rooms: BTreeSet<&String> = files.keys().filter_map(|module| module.first()).collect();
    let arrows = room_arrows(&files);
    let upward: Vec<_> = arrows.iter().filter(|(from, to)| is_upward(from, to)).collect();
    println!("rooms {}, arrows {}, upward {}", rooms.len(), arrows.len(), upward.len());
    for (from, to) in upward {
        println!("  upward: {from} -> {to}");
    }
    Ok(())
}

/// A finding for each room that has no layer: its arrows cannot be judged.
pub fn without_layer(home: &Path, files: &Crate) -> Vec<String> {
    if home != Path::new(HOME) {
        return Vec::new();
    }
    let rooms: BTreeSet<&str> =
        files.keys().filter_map(|module| module.first()).map(String::as_str).collect();
    let unlisted = rooms.into_iter().filter(|room| !LAYERS.contains(room));
    unlisted.map(|room| format!("{HOME}: the room {room} has no layer in xtask/src/tidy/rooms.rs")).collect()
}

fn fleet(root: &Path) -> Result<Crate> {
    let mut files = Crate::default();
    for file in tracked(root)? {
        let Some((home, below)) = split_at_src(&file) else { continue };
        if home != Path::new(HOME) || below.extension().is_none_or(|found| found != "rs") {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(root.join(&file)) else { continue };
        let source = Source::parse(&text).map_err(|error| format!("{}: {error}", file.display()))?;
        files.insert(module_path(&below), source);
    }
    Ok(files)
}

/// Whether an arrow points to a room of the same or a higher layer. An unlisted room is above all others.
fn is_upward(from: &str, to: &str) -> bool {
    let layer = |room: &str| LAYERS.iter().position(|known| *known == room).unwrap_or(usize::MAX);
    layer(to) >= layer(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrow_to_a_later_room_leads_upward() {
        assert!(is_upward("plan", "launch") && is_upward("pace", "unlisted"));
        assert!(!is_upward("launch", "plan"));
    }

    #[test]
    fn a_room_without_a_layer_is_found() {
        let files: Crate = ["pace", "cellar"]
            .map(|room| (vec![room.to_owned()], Source::parse("pub struct A;").unwrap()))
            .into_iter()
            .collect();
        let found = without_layer(Path::new(HOME), &files);
        assert_eq!(found, ["crates/fleet: the room cellar has no layer in xtask/src/tidy/rooms.rs"]);
        assert!(without_layer(Path::new("crates/ledger"), &files).is_empty());
    }
}
