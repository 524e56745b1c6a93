//! Lines for `/etc/hosts` (hosts(5)): an address, then names; `#` begins a comment.

use super::alias::{Alphabet, aliases};
use super::{ExportOptions, Exported};
use fleet::select::Machine;
use std::fmt::Write as _;

pub(super) fn write(machines: &[Machine], options: &ExportOptions) -> Exported {
    let mut text = String::new();
    let mut left_out = Vec::new();
    for (machine, alias) in machines.iter().zip(aliases(machines, Alphabet::Host)) {
        match options.address_of(machine) {
            Some(address) => {
                let _ = writeln!(text, "{address:<15} {alias}");
            }
            None => left_out.push(options.without_address(machine)),
        }
    }
    Exported { text, left_out }
}
