//! What the program is made of, as a CycloneDX document: every crate that is built into it, with its licence and the checksum that
//! Cargo.lock has of it. The document depends on nothing but Cargo.lock, so that it can be made again.

use crate::Result;
use crate::audit::PACKAGES_MIN;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

const PROGRAM: &str = "insta-scale";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    /// None for a crate of this workspace.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Deserialize)]
struct DependencyKind {
    /// `dev`, `build`, or none for what is linked.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Checksums {
    package: Vec<KnownCrate>,
}

#[derive(Deserialize)]
struct KnownCrate {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// Prints the document.
pub fn print(root: &Path) -> Result<()> {
    let asked = ["metadata", "--format-version", "1", "--locked"];
    let answer = Command::new(env!("CARGO"))
        .args(asked)
        .args(["--filter-platform", &host()?])
        .current_dir(root)
        .output()?;
    if !answer.status.success() {
        return Err(String::from_utf8_lossy(&answer.stderr).into());
    }
    let mut metadata: Metadata = serde_json::from_slice(&answer.stdout)?;
    let built = built(root)?;
    metadata.packages.retain(|package| built.contains(&(package.name.clone(), package.version.clone())));
    let lock: Checksums = toml::from_str(&std::fs::read_to_string(root.join("Cargo.lock"))?)?;
    let checksums: BTreeMap<(String, String), String> = lock
        .package
        .into_iter()
        .filter_map(|locked| Some(((locked.name, locked.version), locked.checksum?)))
        .collect();
    println!("{}", serde_json::to_string_pretty(&document(&metadata, &checksums)?)?);
    Ok(())
}

/// Name and version of every crate of the program. The metadata of cargo also has crates that only features nobody asked for need.
fn built(root: &Path) -> Result<BTreeSet<(String, String)>> {
    let asked = ["tree", "--locked", "--package", PROGRAM, "--edges", "normal", "--prefix", "none"];
    let answer = Command::new(env!("CARGO")).args(asked).current_dir(root).output()?;
    if !answer.status.success() {
        return Err(String::from_utf8_lossy(&answer.stderr).into());
    }
    let text = String::from_utf8(answer.stdout)?;
    let built: BTreeSet<(String, String)> = text
        .lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
        })
        .collect();
    if built.len() < PACKAGES_MIN {
        return Err(
            format!("only {} packages found: has the format of `cargo tree` changed?", built.len()).into()
        );
    }
    Ok(built)
}

/// The platform that the program is built for here. Crates for other platforms are no part of it.
fn host() -> Result<String> {
    let said = Command::new("rustc").arg("-vV").output()?;
    let text = String::from_utf8(said.stdout)?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.ok_or("rustc names no host")?.to_owned())
}

fn document(metadata: &Metadata, checksums: &BTreeMap<(String, String), String>) -> Result<Value> {
    let by_id: BTreeMap<&str, &Package> =
        metadata.packages.iter().map(|package| (package.id.as_str(), package)).collect();
    let nodes: BTreeMap<&str, &Node> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
    let program = metadata.packages.iter().find(|package| package.name == PROGRAM);
    let program = program.ok_or("the workspace has no package insta-scale")?;

    let mut linked = BTreeSet::from([program.id.as_str()]);
    let mut open = vec![program.id.as_str()];
    while let Some(id) = open.pop() {
        for next in nodes.get(id).into_iter().flat_map(|node| linked_from(node)) {
            if linked.insert(next) {
                open.push(next);
            }
        }
    }
    let packages = linked.iter().filter_map(|id| by_id.get(id)).filter(|package| package.id != program.id);
    let components: Vec<Value> = packages.map(|package| component(package, checksums)).collect();
    let dependencies: Vec<Value> = linked
        .iter()
        .filter_map(|id| Some((by_id.get(id)?, nodes.get(id)?)))
        .map(|(package, node)| {
            let mut needs: Vec<String> =
                linked_from(node).filter_map(|id| by_id.get(id)).map(|package| purl(package)).collect();
            needs.sort_unstable();
            json!({"ref": purl(package), "dependsOn": needs})
        })
        .collect();
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {
            "type": "application",
            "bom-ref": purl(program),
            "name": "oci-insta-scale",
            "version": program.version,
            "purl": purl(program),
            "licenses": licences(program),
        }},
        "components": components,
        "dependencies": dependencies,
    }))
}

/// The crates that a crate is linked with. What only its tests or its build script need is no part of the program.
fn linked_from(node: &Node) -> impl Iterator<Item = &str> {
    let is_linked = |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
    node.deps.iter().filter(is_linked).map(|dependency| dependency.pkg.as_str())
}

fn component(package: &Package, checksums: &BTreeMap<(String, String), String>) -> Value {
    let mut component = json!({
        "type": "library",
        "bom-ref": purl(package),
        "name": package.name,
        "version": package.version,
        "purl": purl(package),
        "licenses": licences(package),
    });
    if let Some(checksum) = checksums.get(&(package.name.clone(), package.version.clone())) {
        component["hashes"] = json!([{"alg": "SHA-256", "content": checksum}]);
    }
    if let Some(repository) = package.repository.as_deref().filter(|_| package.source.is_some()) {
        component["externalReferences"] = json!([{"type": "vcs", "url": repository}]);
    }
    component
}

/// Some crates write the old `MIT/Apache-2.0` for a choice.
fn licences(package: &Package) -> Value {
    let expression = package.license.as_deref().map(|text| text.replace('/', " OR "));
    expression.map_or_else(|| json!([]), |expression| json!([{"expression": expression}]))
}

fn purl(package: &Package) -> String {
    format!("pkg:cargo/{}@{}", package.name, package.version)
}
