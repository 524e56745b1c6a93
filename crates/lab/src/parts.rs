//! Parses the table that divan prints, because divan writes no machine-readable file.

use std::collections::BTreeMap;

/// One row of the table, in seconds for one iteration.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// The fastest sample, which is the least disturbed.
    pub fastest_s: f64,
    /// The median sample.
    pub median_s: f64,
}

/// The rows by name; those of a module are named `module.row`. Other lines are ignored.
pub fn read(table: &str) -> BTreeMap<String, Part> {
    let mut parts = BTreeMap::new();
    let mut module = String::new();
    for line in table.lines() {
        let is_inner = line.starts_with([' ', '│']);
        let row = line.trim_start_matches(['│', ' ', '├', '╰', '─']);
        let Some((name, numbers)) = row.split_once(' ') else { continue };
        let columns: Vec<&str> = numbers.split('│').map(str::trim).collect();
        match (seconds(&columns, 0), seconds(&columns, 2)) {
            (Some(fastest_s), Some(median_s)) => {
                let name = if is_inner { format!("{module}.{name}") } else { name.to_owned() };
                parts.insert(name, Part { fastest_s, median_s });
            }
            _ if !is_inner && line.starts_with(['├', '╰']) => name.clone_into(&mut module),
            _ => {}
        }
    }
    parts
}

/// `2.345 µs`.
fn seconds(columns: &[&str], index: usize) -> Option<f64> {
    let (number, unit) = columns.get(index)?.split_once(' ')?;
    let of_a_second = match unit.trim() {
        "ps" => 1e-12,
        "ns" => 1e-9,
        "µs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * of_a_second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_and_throughputs_are_not() {
        let table = "\
parts              fastest       │ slowest       │ median        │ mean          │ samples │ iters
├─ ledger_100      2.5 ms        │ 9.1 ms        │ 3 ms          │ 3.2 ms        │ 30      │ 30
│                  40 Kitem/s    │ 11 Kitem/s    │ 33 Kitem/s    │ 31 Kitem/s    │         │
╰─ world                         │               │               │               │         │
   ├─ get          800 ns        │ 2 µs          │ 900 ns        │ 910 ns        │ 100     │ 400
   ╰─ launch       20.5 µs       │ 80 µs         │ 22 µs         │ 23 µs         │ 100     │ 100
";
        let parts = read(table);
        assert_eq!(parts.keys().collect::<Vec<_>>(), ["ledger_100", "world.get", "world.launch"]);
        assert!((parts["ledger_100"].fastest_s - 0.0025).abs() < 1e-12);
        assert!((parts["world.get"].median_s - 9e-7).abs() < 1e-15);
    }
}
