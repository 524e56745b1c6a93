//! Licences, banned crates and sources of what is built, by the rules in deny.toml. Takes a second, where cargo-deny takes
//! minutes to be installed; `make audit` runs that too where it is there (docs/decisions/0004-audit-without-cargo-deny.md).

use crate::Result;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The one place that crates may come from.
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What deny.toml says, as far as it is looked at here.
struct Rules {
    targets: Vec<String>,
    licences: BTreeSet<String>,
    banned: Vec<String>,
}

pub fn run(root: &Path) -> Result<()> {
    let rules = Rules::read(&std::fs::read_to_string(root.join("deny.toml"))?)?;
    let packages = packages(root, &rules.targets)?;
    let lock = std::fs::read_to_string(root.join("Cargo.lock"))?;
    let mut findings = judge(&rules, &packages);
    findings.extend(strangers(&lock));
    if packages.len() < 50 {
        findings.push(format!("only {} packages were found: is `cargo tree` read rightly?", packages.len()));
    }
    if findings.is_empty() {
        return Ok(());
    }
    Err(format!("{} packages are not allowed:\n  {}", findings.len(), findings.join("\n  ")).into())
}

impl Rules {
    fn read(text: &str) -> Result<Self> {
        let list = |key: &str| -> Result<&str> {
            let (_, rest) =
                text.split_once(&format!("\n{key} = [")).ok_or(format!("deny.toml lacks `{key}`"))?;
            Ok(rest.split_once("\n]").ok_or("deny.toml: a list has no end")?.0)
        };
        let quoted = |text: &str| text.split('"').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        let one_line = |key: &str| -> Result<Vec<String>> {
            let line = text.lines().find(|line| line.starts_with(&format!("{key} = [")));
            Ok(quoted(line.ok_or(format!("deny.toml lacks `{key}`"))?))
        };
        let banned =
            list("deny")?.lines().filter_map(|line| line.split_once("crate = \"")?.1.split('"').next());
        Ok(Self {
            targets: one_line("targets")?,
            licences: quoted(list("allow")?).into_iter().collect(),
            banned: banned.map(str::to_owned).collect(),
        })
    }
}

/// `name version` and the licence of everything that is built for these targets, tests included.
fn packages(root: &Path, targets: &[String]) -> Result<BTreeSet<(String, String)>> {
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
    let rows = text.lines().filter_map(|line| line.split_once('|'));
    Ok(rows.map(|(name, licence)| (name.to_owned(), licence.to_owned())).collect())
}

fn judge(rules: &Rules, packages: &BTreeSet<(String, String)>) -> Vec<String> {
    let mut findings = Vec::new();
    for (package, licence) in packages {
        let name = package.split(' ').next().unwrap_or_default();
        if rules.banned.iter().any(|banned| banned == name) {
            findings.push(format!("{package}: banned by deny.toml"));
        }
        if !allows(&rules.licences, licence) {
            findings.push(format!("{package}: licence `{licence}` is not allowed by deny.toml"));
        }
    }
    findings
}

/// Packages of the lock file that come from elsewhere than crates.io.
fn strangers(lock: &str) -> Vec<String> {
    let mut name = "";
    let mut findings = Vec::new();
    for line in lock.lines() {
        if let Some(text) = line.strip_prefix("name = ") {
            name = text;
        }
        if let Some(source) = line.strip_prefix("source = ")
            && source.trim_matches('"') != REGISTRY
        {
            findings.push(format!("{name}: comes from {source}"));
        }
    }
    findings
}

/// Whether an SPDX expression can be met with these licences. A slash is the old way to write OR.
fn allows(allowed: &BTreeSet<String>, expression: &str) -> bool {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    either(allowed, &words, &mut at) && at == words.len()
}

fn either(allowed: &BTreeSet<String>, words: &[&str], at: &mut usize) -> bool {
    let mut met = both(allowed, words, at);
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        met |= both(allowed, words, at);
    }
    met
}

fn both(allowed: &BTreeSet<String>, words: &[&str], at: &mut usize) -> bool {
    let mut met = single(allowed, words, at);
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        met &= single(allowed, words, at);
    }
    met
}

fn single(allowed: &BTreeSet<String>, words: &[&str], at: &mut usize) -> bool {
    let Some(word) = words.get(*at) else { return false };
    *at += 1;
    if *word == "(" {
        let met = either(allowed, words, at);
        let closed = words.get(*at) == Some(&")");
        *at += 1;
        return met && closed;
    }
    let mut licence = (*word).to_owned();
    if let (Some(&"WITH"), Some(exception)) = (words.get(*at), words.get(*at + 1)) {
        licence = format!("{licence} WITH {exception}");
        *at += 2;
    }
    allowed.contains(&licence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_is_met_by_its_licences_and_no_others() {
        let allowed: BTreeSet<String> =
            ["MIT", "ISC", "Apache-2.0 WITH LLVM-exception"].map(str::to_owned).into();
        for good in
            ["MIT", "GPL-3.0 OR MIT", "MIT/GPL-3.0", "(MIT OR X) AND ISC", "Apache-2.0 WITH LLVM-exception"]
        {
            assert!(allows(&allowed, good), "{good}");
        }
        for bad in [
            "",
            "GPL-3.0",
            "MIT AND GPL-3.0",
            "(MIT OR ISC) AND X",
            "(MIT",
            "MIT ISC",
            "Apache-2.0",
            "X WITH MIT",
        ] {
            assert!(!allows(&allowed, bad), "{bad}");
        }
    }

    #[test]
    fn a_banned_crate_a_wrong_licence_and_a_strange_source_are_named() {
        let text = "\n[graph]\ntargets = [\"a\", \"b\"]\nallow = [\n  \"MIT\",\n]\ndeny = [\n  { crate = \"ring\", reason = \"x\" },\n]\n";
        let rules = Rules::read(text).unwrap();
        assert_eq!(rules.targets, ["a", "b"]);
        let row = |name: &str, licence: &str| (name.to_owned(), licence.to_owned());
        let packages = [row("ring v1.0.0", "MIT"), row("good v1.0.0", "MIT"), row("bad v2.0.0", "GPL-3.0")];
        assert_eq!(
            judge(&rules, &packages.into()),
            ["bad v2.0.0: licence `GPL-3.0` is not allowed by deny.toml", "ring v1.0.0: banned by deny.toml"]
        );
        let lock = format!(
            "name = \"a\"\nsource = \"{REGISTRY}\"\nname = \"b\"\nsource = \"git+https://example.com/b\"\n"
        );
        assert_eq!(strangers(&lock), ["\"b\": comes from \"git+https://example.com/b\""]);
    }
}
