//! Reads `api/*.json` into types with the names of the files.

use crate::Result;
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

type Map<T> = BTreeMap<String, T>;

#[derive(Deserialize)]
pub struct Field {
    #[serde(rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub required: bool,
    #[serde(default, rename = "enum")]
    pub values: Vec<String>,
    #[serde(default)]
    pub open: bool,
    #[serde(default)]
    pub deprecated: bool,
}

#[derive(Deserialize)]
pub struct Model {
    #[serde(default)]
    pub fields: serde_json::Map<String, Value>,
    pub discriminator: Option<String>,
    #[serde(default)]
    pub subtypes: Map<String>,
    #[serde(default)]
    pub fixed: Map<String>,
}

impl Model {
    /// The fields in the file's order, without the discriminator, which belongs to the enum.
    pub fn fields(&self) -> Result<Vec<(String, Field)>> {
        self.fields
            .iter()
            .filter(|(name, _)| !self.fixed.contains_key(*name))
            .map(|(name, value)| Ok((name.clone(), Field::deserialize(value)?)))
            .collect()
    }
}

#[derive(Deserialize)]
pub struct Parameter {
    pub name: String,
    #[serde(default, rename = "type")]
    pub kind: String,
    #[serde(default)]
    pub required: bool,
    #[serde(default, rename = "enum")]
    pub values: Vec<String>,
}

#[derive(Deserialize)]
pub struct Operation {
    pub name: String,
    pub service: String,
    pub method: String,
    pub url_path: String,
    pub path_params: Vec<Parameter>,
    pub query_params: Vec<Parameter>,
    pub headers: Vec<Parameter>,
    pub body: Option<String>,
    #[serde(default)]
    pub body_required: Option<bool>,
    pub response: Option<String>,
    pub paginated: bool,
    pub sdk_auto_retry_token: bool,
    pub sdk_default_retry: bool,
    pub sdk_reads_opc_work_request_id: bool,
}

#[derive(Deserialize)]
pub struct OperationBounds {
    #[serde(default)]
    pub params: Map<Value>,
    #[serde(default)]
    pub responses: Map<Value>,
}

#[derive(Deserialize)]
struct OperationsFile {
    operations: Vec<Operation>,
}

#[derive(Deserialize)]
struct ModelsFile {
    packages: Map<Map<Model>>,
}

#[derive(Deserialize)]
struct ConstraintsFile {
    models: Map<Map<Map<Value>>>,
    operations: Map<OperationBounds>,
}

#[derive(Deserialize)]
pub struct Region {
    pub key: String,
    pub realm: String,
}

#[derive(Deserialize)]
pub struct RegionsFile {
    pub realms: Map<String>,
    pub regions: Map<Region>,
}

/// Everything that the generator knows.
pub struct Facts {
    pub operations: Vec<Operation>,
    pub models: Map<Model>,
    /// Model → field → bounds.
    pub bounds: Map<Map<Value>>,
    pub operation_bounds: Map<OperationBounds>,
    pub regions: RegionsFile,
    /// Models that a response can contain. They preserve fields that this program does not know.
    pub answered: BTreeSet<String>,
}

/// Operations with names that are all different. Two services may use one name, such as `ListServices`; the later one gets the
/// name of its service after the verb: `ListVirtualNetworkServices`.
fn apart(mut operations: Vec<Operation>) -> Vec<Operation> {
    let mut seen = BTreeSet::new();
    for operation in &mut operations {
        if !seen.insert(operation.name.clone()) {
            let verb = operation.name.chars().skip(1).take_while(|letter| letter.is_lowercase()).count() + 1;
            operation.name.insert_str(verb, &crate::names::variant(&operation.service));
        }
    }
    operations
}

/// The models of all packages in one map. Two packages may have different models of one name, such as `ResourceLock`; that of the later
/// package gets its name before its own: `LimitsResourceLock`.
fn flat(packages: Map<Map<Model>>) -> Result<Map<Model>> {
    let mut all = Map::new();
    for (package, models) in packages {
        let taken: BTreeSet<String> = models.keys().filter(|name| all.contains_key(*name)).cloned().collect();
        let renamed = |name: &str| {
            if taken.contains(name) {
                format!("{}{name}", crate::names::variant(&package))
            } else {
                name.to_owned()
            }
        };
        for (name, mut model) in models {
            for field in model.fields.values_mut() {
                let kind = field["type"].as_str().unwrap_or_default().to_owned();
                let inner = crate::names::innermost(&kind);
                if taken.contains(inner) {
                    field["type"] = kind.replace(inner, &renamed(inner)).into();
                }
            }
            for subtype in model.subtypes.values_mut() {
                *subtype = renamed(subtype);
            }
            if all.insert(renamed(&name), model).is_some() {
                return Err(format!("{name} is in three packages: name its models apart").into());
            }
        }
    }
    Ok(all)
}

fn read<T: for<'a> Deserialize<'a>>(folder: &Path, file: &str) -> Result<T> {
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?)
}

impl Facts {
    pub fn read(folder: &Path) -> Result<Self> {
        let operations: OperationsFile = read(folder, "operations.json")?;
        let models: ModelsFile = read(folder, "models.json")?;
        let constraints: ConstraintsFile = read(folder, "constraints.json")?;
        let models = flat(models.packages)?;
        let mut facts = Self {
            operations: apart(operations.operations),
            models,
            bounds: constraints.models.into_values().flatten().collect(),
            operation_bounds: constraints.operations,
            regions: read(folder, "regions.json")?,
            answered: BTreeSet::new(),
        };
        facts.answered = facts.reachable_from_responses()?;
        Ok(facts)
    }

    fn reachable_from_responses(&self) -> Result<BTreeSet<String>> {
        let mut todo: Vec<String> =
            self.operations.iter().filter_map(|operation| operation.response.clone()).collect();
        let mut seen = BTreeSet::new();
        while let Some(kind) = todo.pop() {
            let name = crate::names::innermost(&kind).to_owned();
            let Some(model) = self.models.get(&name) else { continue };
            if seen.insert(name) {
                todo.extend(model.subtypes.values().cloned());
                todo.extend(model.fields()?.into_iter().map(|(_, field)| field.kind));
            }
        }
        Ok(seen)
    }
}
