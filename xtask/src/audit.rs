//! Checks the licences, banned crates and sources of everything that is built against deny.toml. It takes a second, whereas
//! installing cargo-deny takes minutes; `make audit` also runs cargo-deny if it is installed
//! (docs/decisions/0004-audit-without-cargo-deny.md).

use crate::Result;
use serde::Deserialize;
use spdx::{Expression, ParseMode};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The only allowed source of crates.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";
/// Fewer packages than this mean that the output of `cargo tree` was misread.
pub const PACKAGES_MIN: usize = 50;

/// The part of deny.toml that is checked here.
#[derive(Deserialize)]
struct Rules {
    graph: Graph,
    licenses: Licences,
    bans: Bans,
}

#[derive(Deserialize)]
struct Graph {
    targets: Vec<String>,
}

#[derive(Deserialize)]
struct Licences {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    #[serde(rename = "crate")]
    name: String,
    reason: String,
}

/// The part of Cargo.lock that is checked here.
#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    /// Absent for packages of this workspace.
    source: Option<String>,
}

/// A package that is built, as `name version`, and its declared licence.
type Package = (String, String);

pub fn run(root: &Path) -> Result<()> {
    let rules: Rules = toml::from_str(&std::fs::read_to_string(root.join("deny.toml"))?)?;
    let lock: Lock = toml::from_str(&std::fs::read_to_string(root.join("Cargo.lock"))?)?;
    let packages = packages(root, &rules.graph.targets)?;
    let mut findings = judge(&rules, &packages);
    findings.extend(foreign_sources(&lock));
    if packages.len() < PACKAGES_MIN {
        findings
            .push(format!("only {} packages found: has the format of `cargo tree` changed?", packages.len()));
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(format!("{} packages break the rules of deny.toml:\n  {}", findings.len(), findings.join("\n  "))
        .into())
}

/// Every package that is built for these targets, including for tests.
fn packages(root: &Path, targets: &[String]) -> Result<BTreeSet<Package>> {
    let mut command = Command::new("cargo");
    command.args(["tree", "--workspace", "--locked", "--edges", "normal,build,dev", "--prefix", "none"]);
    command.args(["--no-dedupe", "--format", "{p}|{l}"]).current_dir(root);
    for target in targets {
        command.args(["--target", target]);
    }
    let output = command.output()?;
    if !output.status.success() {
        return Err(format!("cargo tree failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().filter_map(package).collect())
}

/// Parses a row of `cargo tree`. Even with `--no-dedupe`, the output marks a package that depends on itself through its tests.
fn package(row: &str) -> Option<Package> {
    let (name, licence) = row.strip_suffix(" (*)").unwrap_or(row).split_once('|')?;
    Some((name.to_owned(), licence.to_owned()))
}

fn judge(rules: &Rules, packages: &BTreeSet<Package>) -> Vec<String> {
    let mut findings = Vec::new();
    for (package, licence) in packages {
        let name = package.split(' ').next().unwrap_or_default();
        if let Some(ban) = rules.bans.deny.iter().find(|ban| ban.name == name) {
            findings.push(format!("{package}: banned: {}", ban.reason));
        }
        if !allows(&rules.licenses.allow, licence) {
            findings.push(format!("{package}: licence `{licence}` is not allowed"));
        }
    }
    findings
}

/// Packages that do not come from crates.io.
fn foreign_sources(lock: &Lock) -> impl Iterator<Item = String> {
    lock.package.iter().filter_map(|Locked { name, version, source }| {
        let source = source.as_deref().filter(|source| *source != REGISTRY)?;
        Some(format!("{name} {version}: comes from {source}"))
    })
}

/// Whether the allowed licences satisfy an SPDX expression. The lax mode reads the slash of old packages as OR.
fn allows(allowed: &BTreeSet<String>, expression: &str) -> bool {
    let Ok(expression) = Expression::parse_mode(expression, ParseMode::LAX) else { return false };
    expression.evaluate(|requirement| allowed.contains(&requirement.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_that_its_tests_depend_on_keeps_its_licence() {
        let plain = package("fleet v0.1.0|Apache-2.0");
        assert_eq!(plain, Some(("fleet v0.1.0".to_owned(), "Apache-2.0".to_owned())));
        assert_eq!(package("fleet v0.1.0|Apache-2.0 (*)"), plain);
    }

    #[test]
    fn an_expression_is_met_by_its_licences_and_no_others() {
        let allowed: BTreeSet<String> =
            ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
        for good in [
            "MIT",
            "GPL-3.0 OR MIT",
            "MIT/GPL-3.0",
            "(MIT OR Zlib) AND ISC",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert!(allows(&allowed, good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR ISC) AND Zlib",
            "(MIT",
            "MIT ISC",
            "Apache-2.0",
            "Not-A-Licence",
        ] {
            assert!(!allows(&allowed, bad), "{bad}");
        }
    }

    #[test]
    fn banned_crates_licences_and_sources_are_reported() {
        let rules: Rules = toml::from_str(
            r#"
            graph.targets = ["a", "b"]
            licenses.allow = ["MIT"]
            bans.deny = [{ crate = "ring", reason = "one crypto library" }]
            "#,
        )
        .unwrap();
        assert_eq!(rules.graph.targets, ["a", "b"]);
        let row = |name: &str, licence: &str| (name.to_owned(), licence.to_owned());
        let packages = [row("ring v1.0.0", "MIT"), row("good v1.0.0", "MIT"), row("bad v2.0.0", "GPL-3.0")];
        assert_eq!(
            judge(&rules, &packages.into()),
            ["bad v2.0.0: licence `GPL-3.0` is not allowed", "ring v1.0.0: banned: one crypto library"]
        );
        let lock: Lock = toml::from_str(&format!(
            "[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"{REGISTRY}\"\n\
             [[package]]\nname = \"b\"\nversion = \"2.0.0\"\nsource = \"git+https://example.com/b\"\n\
             [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n"
        ))
        .unwrap();
        let foreign: Vec<String> = foreign_sources(&lock).collect();
        assert_eq!(foreign, ["b 2.0.0: comes from git+https://example.com/b"]);
    }
}
