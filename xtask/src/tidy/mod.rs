//! Project rules that no compiler checks: sizes, leftovers, links, and names that must not appear.

mod decisions;
mod imports;
mod known;
mod rooms;
mod source;

pub use rooms::print_rooms;

use crate::Result;
use imports::{Crate, module_path};
use source::Source;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A longer file cannot be read in one sitting.
const LINES_MAX: usize = 500;
/// A test's name is a promise that fits on one line of a report.
const TEST_NAME_MAX: usize = 60;
/// Crates whose policy constants all belong in one module: that is where people look for a duration.
const TUNED_CRATES: [&str; 3] = ["crates/fleet", "crates/insta-scale", "crates/oci-client"];
const TUNING: &str = "tuning";
/// The map of the code; its paths start at the root or at `crates/`.
const MAP: &str = "ARCHITECTURE.md";
/// The page that names the test of each promise.
const PROMISES: &str = "docs/reliability.md";
/// A change that needs more crates than this deserves a discussion first.
const LOCKED_PACKAGES_MAX: usize = 450;
/// Written in two parts so that this file does not match.
const LEFTOVERS: [&str; 5] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("dbg", "!("),
    concat!("#[igno", "re"),
];

pub fn run(root: &Path) -> Result<()> {
    let mut findings = Vec::new();
    let mut code = String::new();
    let mut crates: BTreeMap<PathBuf, Crate> = BTreeMap::new();
    for file in tracked(root)? {
        let path = root.join(&file);
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let shown = file.display();
        if is(&file, "rs") || is(&file, "py") {
            code.push_str(&text);
        }
        if is(&file, "rs") && !in_folder(&file, "generated") {
            let lines = text.lines().count();
            if lines > LINES_MAX {
                findings.push(format!("{shown}: {lines} lines, more than {LINES_MAX}"));
            }
            for (number, line) in text.lines().enumerate() {
                if let Some(leftover) = LEFTOVERS.iter().find(|leftover| line.contains(**leftover)) {
                    findings.push(format!("{shown}:{}: {leftover}", number + 1));
                }
            }
            let source = Source::parse(&text).map_err(|error| format!("{shown}: {error}"))?;
            findings.extend(source.tests.iter().filter_map(|name| too_long(&shown, name)));
            if let Some((home, below)) = split_at_src(&file) {
                crates.entry(home).or_default().insert(module_path(&below), source);
            }
        }
        if is(&file, "py") {
            findings.extend(python_tests(&text).filter_map(|name| too_long(&shown, name)));
        }
        if is(&file, "md") {
            findings.extend(dead_links(root, &file, &text));
        }
    }
    let mut used = Exceptions::default();
    for (home, files) in &crates {
        findings.extend(untidy_crate(&home.display().to_string(), files, &mut used));
        findings.extend(rooms::without_layer(home, files));
    }
    findings.extend(used.stale());
    let promises = std::fs::read_to_string(root.join(PROMISES))?;
    findings
        .extend(missing_tests(&promises, &code).map(|name| format!("{PROMISES}: no test is called {name}")));
    findings.extend(decisions::untidy(root)?);
    let map = std::fs::read_to_string(root.join(MAP))?;
    findings.extend(missing_paths(root, &map).map(|path| format!("{MAP}: names {path}, which is not there")));
    let lock = std::fs::read_to_string(root.join("Cargo.lock"))?;
    let packages = lock.matches("[[package]]").count();
    if packages > LOCKED_PACKAGES_MAX {
        findings.push(format!("Cargo.lock: {packages} packages, more than {LOCKED_PACKAGES_MAX}"));
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(format!("{} untidy places:\n  {}", findings.len(), findings.join("\n  ")).into())
}

/// `crates/fleet/src/pace/mod.rs` → `crates/fleet` and `pace/mod.rs`.
fn split_at_src(file: &Path) -> Option<(PathBuf, PathBuf)> {
    let at = file.iter().position(|part| part == "src")?;
    Some((file.iter().take(at).collect(), file.iter().skip(at + 1).collect()))
}

fn too_long(file: &impl Display, name: &str) -> Option<String> {
    let length = name.len();
    (length > TEST_NAME_MAX).then(|| format!("{file}: test name of {length} characters: {name}"))
}

/// The tests of a Python file, without the prefix that pytest requires.
fn python_tests(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(|line| line.trim_start().strip_prefix("def test_")?.split_once('('))
        .map(|(name, _)| name)
}

/// The known exceptions that were encountered.
#[derive(Default)]
struct Exceptions {
    circles: BTreeSet<&'static str>,
    twins: BTreeSet<(&'static str, &'static str)>,
    durations: BTreeSet<(&'static str, &'static str)>,
}

impl Exceptions {
    fn has_circle(&mut self, files: &str) -> bool {
        let known = known::CIRCLES.iter().find(|known| **known == files);
        known.is_some_and(|known| {
            self.circles.insert(known);
            true
        })
    }

    fn has_twins(&mut self, home: &str, name: &str) -> bool {
        let known = known::TWINS.iter().find(|known| **known == (home, name));
        known.is_some_and(|known| {
            self.twins.insert(*known);
            true
        })
    }

    fn has_duration(&mut self, home: &str, name: &str) -> bool {
        let known = known::DURATIONS.iter().find(|known| **known == (home, name));
        known.is_some_and(|known| {
            self.durations.insert(*known);
            true
        })
    }

    /// Exceptions that are no longer needed.
    fn stale(&self) -> Vec<String> {
        let circles = known::CIRCLES.iter().filter(|known| !self.circles.contains(**known));
        let twins = known::TWINS.iter().filter(|known| !self.twins.contains(*known));
        let circles = circles.map(|files| format!("known.rs: no such import circle any more: {files}"));
        let twins = twins.map(|(home, name)| format!("known.rs: {home} has only one {name} now"));
        let durations = known::DURATIONS.iter().filter(|known| !self.durations.contains(*known));
        let durations = durations
            .map(|(home, name)| format!("known.rs: no {name} outside {home}/src/{TUNING}.rs any more"));
        circles.chain(twins).chain(durations).collect()
    }
}

/// Import circles, type names that a crate uses twice, and policy constants away from home.
fn untidy_crate(home: &str, files: &Crate, exceptions: &mut Exceptions) -> Vec<String> {
    let mut findings = Vec::new();
    for circle in imports::circles(files) {
        let files = circle.join(", ");
        if !exceptions.has_circle(&files) {
            findings.push(format!("{home}: these files import each other: {files}"));
        }
    }
    if TUNED_CRATES.contains(&home) {
        findings.extend(strayed_durations(home, files, exceptions));
    }
    let mut seen: BTreeMap<&str, String> = BTreeMap::new();
    for (module, source) in files {
        for name in &source.types {
            let here = module.join("::");
            // Two types of one name in one file are the same type for two platforms.
            if let Some(there) = seen.insert(name, here.clone())
                && there != here
                && !exceptions.has_twins(home, name)
            {
                findings.push(format!("{home}: two types are called {name}: in {there} and in {here}"));
            }
        }
    }
    findings
}

/// Policy constants outside the file that should contain them.
fn strayed_durations(home: &str, files: &Crate, exceptions: &mut Exceptions) -> Vec<String> {
    let mut findings = Vec::new();
    for (module, source) in files.iter().filter(|(module, _)| **module != [TUNING]) {
        for name in source.durations.iter().filter(|name| !exceptions.has_duration(home, name)) {
            let module = module.join("::");
            findings.push(format!("{home}: policy constant {name} of {module} belongs into src/{TUNING}.rs"));
        }
    }
    findings
}

fn tracked(root: &Path) -> Result<Vec<PathBuf>> {
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output()?;
    if !output.status.success() {
        return Err("git ls-files failed: tidy needs a checkout".into());
    }
    let names = String::from_utf8(output.stdout)?;
    Ok(names.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from).collect())
}

/// The paths in backticks that match no file or folder.
fn missing_paths<'a>(root: &'a Path, map: &'a str) -> impl Iterator<Item = &'a str> {
    let code = map.split('`').skip(1).step_by(2);
    let paths = code.filter(|text| text.contains('/') && !text.contains([' ', '*', '<', '=']));
    paths.filter(|path| !root.join(path).exists() && !root.join("crates").join(path).exists())
}

fn is(file: &Path, extension: &str) -> bool {
    file.extension().is_some_and(|found| found == extension)
}

fn in_folder(file: &Path, folder: &str) -> bool {
    file.components().any(|part| part.as_os_str() == folder)
}

/// Test names in a page (words in backticks with three underscores or more) that match no function.
fn missing_tests<'a>(page: &'a str, code: &'a str) -> impl Iterator<Item = &'a str> {
    let quoted = page.split('`').skip(1).step_by(2);
    let is_name = |word: &&str| {
        word.matches('_').count() > 2
            && word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
    };
    quoted.filter(is_name).filter(move |name| {
        let called = |keyword: &str| code.contains(&format!("{keyword} {name}("));
        !called("fn") && !called("def")
    })
}

/// Links of a page to files that do not exist in this checkout.
fn dead_links(root: &Path, page: &Path, text: &str) -> Vec<String> {
    let folder = root.join(page.parent().unwrap_or(Path::new("")));
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .filter(|target| {
            !target.contains("://") && !target.starts_with('#') && !target.starts_with("mailto:")
        })
        .filter_map(|target| {
            let file = target.split('#').next().unwrap_or(target);
            let missing = !folder.join(file).exists();
            missing.then(|| format!("{}: links to {target}, which is not there", page.display()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_whose_test_is_gone_is_found() {
        let page = "`a_test_of_mine` and `a_test_that_went` and `short_name` and `Not::a_b_c_d`";
        let code = "fn a_test_of_mine() {}";
        assert_eq!(missing_tests(page, code).collect::<Vec<_>>(), ["a_test_that_went"]);
    }

    #[test]
    fn a_policy_constant_away_from_home_is_found() {
        let file = |path: &str, text: &str| (module_path(Path::new(path)), Source::parse(text).unwrap());
        let text = "const WAIT: Duration = Duration::ZERO;";
        let files = Crate::from([file("tuning.rs", text), file("run.rs", text)]);
        let found = untidy_crate("crates/insta-scale", &files, &mut Exceptions::default());
        assert_eq!(found, ["crates/insta-scale: policy constant WAIT of run belongs into src/tuning.rs"]);
        assert!(untidy_crate("crates/lab", &files, &mut Exceptions::default()).is_empty());
    }

    #[test]
    fn a_path_that_the_map_invents_is_found() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let map = "`fleet/src/lib.rs` and `crates/lab/` and `fleet/src/nowhere.rs` and `a / b`";
        assert_eq!(missing_paths(root, map).collect::<Vec<_>>(), ["fleet/src/nowhere.rs"]);
    }

    #[test]
    fn a_dead_link_is_found_and_a_live_one_is_not() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let text = "[a](README.md#use) [b](nowhere.md) [c](https://example.com/x)";
        assert_eq!(
            dead_links(root, Path::new("README.md"), text),
            ["README.md: links to nowhere.md, which is not there"]
        );
    }
}
