//! docs/fidelity.md names a test for each behaviour of the service that it lists.

use std::collections::BTreeSet;
use std::path::Path;

/// The names of all functions that are tests in the sources below a folder.
fn tests_below(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_below(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            // Attributes and `async` may stand between `#[test]` and the name.
            for after in text.split("test]").skip(1).chain(text.split("test(").skip(1)) {
                let name = after.split("fn ").nth(1).and_then(|rest| rest.split('(').next());
                found.extend(name.map(str::to_owned));
            }
        }
    }
}

#[test]
fn every_behaviour_of_the_page_has_a_test() {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut tests = BTreeSet::new();
    tests_below(&own.join("src"), &mut tests);
    tests_below(&own.join("tests"), &mut tests);
    let page = std::fs::read_to_string(own.join("../../docs/fidelity.md")).unwrap();
    let mut named = BTreeSet::new();
    let rows =
        page.lines().filter(|line| line.matches(" | ").count() == 5 && !line.starts_with("| behaviour"));
    for row in rows.filter(|row| !row.starts_with("| ---")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [behaviour, source, mark, region, test, _] = cells.as_slice() else { panic!("{row}") };
        assert!(!behaviour.is_empty() && !source.is_empty() && !region.is_empty(), "{row}");
        assert!(["sure", "likely"].contains(mark), "{row}");
        let name = test.trim_matches('`');
        assert!(tests.contains(name), "there is no test {name} for: {behaviour}");
        assert!(named.insert(name.to_owned()), "{name} is named twice");
    }
    assert!(named.len() >= 40, "{} behaviours", named.len());
    let told = page.split_whitespace().find_map(|word| word.parse::<usize>().ok());
    assert_eq!(told, Some(named.len()), "the page counts its rows");
}
