//! What programs send that cannot be installed by the tests: `replays/*.yaml` has their requests, and the fields that they need of the
//! answers. The programs themselves are judged by `make conformance-terraform`.

use super::support::open_region;
use axum::body::Body;
use http::Request;
use oci_simulator::server::Region;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::cell::Cell;
use std::collections::BTreeMap;
use tower::ServiceExt;

/// How often something is asked for that takes time, and how many simulated seconds pass between.
const TRIES: usize = 120;
const PAUSE_SECONDS: u64 = 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Replay {
    /// What is replayed, for readers.
    #[serde(rename = "client")]
    _client: String,
    /// Where the steps have their common parts from.
    #[serde(rename = "parts")]
    _parts: Value,
    headers: BTreeMap<String, String>,
    post_headers: BTreeMap<String, String>,
    /// By kind: what is read of a resource, in this order.
    reads: BTreeMap<String, Vec<Read>>,
    steps: Vec<Step>,
}

#[derive(Clone, Deserialize)]
struct Read {
    name: String,
    get: String,
    /// Paths that must not be absent.
    has: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(rename = "step")]
    name: String,
    /// The resources, by the program's own names.
    on: Vec<String>,
    /// The kind of what is created.
    creates: Option<String>,
    #[serde(default)]
    destroys: bool,
    send: Vec<Exchange>,
    /// From now on, what is read has these values.
    #[serde(default)]
    config: BTreeMap<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exchange {
    /// `METHOD /path`.
    request: String,
    body: Option<Value>,
    /// A body that is sent as it is.
    text: Option<String>,
    /// A header of the answer that is remembered.
    keeps: Option<String>,
    #[serde(default)]
    equal: BTreeMap<String, Value>,
    /// The request is repeated until the answer has these values.
    #[serde(default)]
    until: BTreeMap<String, Value>,
    /// The request is repeated until what it is about is not found.
    #[serde(default)]
    gone: bool,
}

/// A resource that the program knows: `id`, the headers that it kept, and what it read.
#[derive(Default)]
struct Resource {
    kind: String,
    known: Map<String, Value>,
    config: BTreeMap<String, Value>,
}

struct Program {
    region: Region,
    replay: Replay,
    variables: Map<String, Value>,
    resources: BTreeMap<String, Resource>,
    /// How many requests were sent.
    sent: Cell<usize>,
}

/// The value at a path such as `resources.0.identifier`; the empty path is the whole.
fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').filter(|part| !part.is_empty()).try_fold(value, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => value.get(part),
    })
}

impl Program {
    fn new(text: &str) -> Self {
        let region = open_region("");
        let defaults = region.world().defaults();
        let texts = [
            ("ad", defaults.availability_domains[0].clone()),
            ("compartment", defaults.compartment),
            ("image", defaults.image),
            (
                "ssh_key",
                "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q me".into(),
            ),
            ("subnet", defaults.public_subnet),
            ("tenancy", defaults.tenancy),
        ];
        let variables =
            texts.map(|(name, text)| (name.to_owned(), Value::String(text))).into_iter().collect();
        let (replay, resources) = (serde_saphyr::from_str(text).unwrap(), BTreeMap::new());
        Self { region, replay, variables, resources, sent: Cell::new(0) }
    }

    /// What `{path}` stands for in a request about the resource `name`.
    fn named(&self, name: &str, path: &str) -> Value {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        if path == "name" {
            return name.into();
        }
        if let Some(value) = self.variables.get(path) {
            return value.clone();
        }
        let of = if first == "self" { name } else { first };
        let known = self.resources.get(of).map(|resource| Value::Object(resource.known.clone()));
        let found = known.as_ref().and_then(|known| at(known, rest).cloned());
        found.unwrap_or_else(|| panic!("{{{path}}} of {name} is not known"))
    }

    fn filled(&self, name: &str, template: &Value) -> Value {
        match template {
            Value::String(text) => match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
                Some(path) if !path.contains('{') => self.named(name, path),
                _ => self.text(name, text).into(),
            },
            Value::Array(items) => items.iter().map(|item| self.filled(name, item)).collect(),
            Value::Object(fields) => {
                fields.iter().map(|(key, value)| (key.clone(), self.filled(name, value))).collect()
            }
            other => other.clone(),
        }
    }

    fn text(&self, name: &str, template: &str) -> String {
        let mut parts = template.split('{');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (path, rest) = part.split_once('}').unwrap_or_else(|| panic!("{template} lacks a brace"));
            text += self.named(name, path).as_str().unwrap_or_else(|| panic!("{path} is no text"));
            text += rest;
        }
        text
    }

    async fn answer(&self, request: &str, body: String) -> (u16, http::HeaderMap, Value) {
        let (method, path) = request.split_once(' ').unwrap();
        let more = self.replay.post_headers.iter().filter(|_| method == "POST");
        let mut sent = Request::builder().method(method).uri(path);
        for (name, value) in &self.replay.headers {
            sent = sent.header(name, value);
        }
        // Each has a retry token of its own.
        let number = self.sent.replace(self.sent.get() + 1);
        for (name, value) in more {
            sent = sent.header(name, format!("{value}{number}"));
        }
        if method != "GET" {
            sent = sent.header("content-type", "application/json").header("content-length", body.len());
        }
        let response = self.region.router().oneshot(sent.body(Body::from(body)).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 10_000_000).await.unwrap();
        let value = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        (parts.status.as_u16(), parts.headers, value)
    }

    async fn pass(&self, seconds: u64) {
        let body = serde_json::json!({"seconds": seconds}).to_string();
        assert_eq!(self.answer("POST /_sim/advance", body).await.0, 200);
    }

    async fn exchange(&mut self, at_step: &str, name: &str, exchange: &Exchange) {
        let request = self.text(name, &exchange.request);
        let body = exchange.body.as_ref().map(|body| self.filled(name, body).to_string());
        let body = body.or_else(|| exchange.text.clone()).unwrap_or_default();
        let has = |answer: &Value, wanted: &BTreeMap<String, Value>| {
            wanted.iter().all(|(path, value)| at(answer, path) == Some(&self.filled(name, value)))
        };
        for attempt in 0.. {
            let (status, headers, answer) = self.answer(&request, body.clone()).await;
            let told = format!("{at_step}: {request}: {status} {answer}");
            if exchange.gone {
                if status == 404 {
                    return;
                }
                assert!(attempt < TRIES, "{told}");
                self.pass(PAUSE_SECONDS).await;
                continue;
            }
            // The programs take any success.
            assert!((200..300).contains(&status), "{told}");
            if !has(&answer, &exchange.until) {
                assert!(attempt < TRIES, "{told}");
                self.pass(PAUSE_SECONDS).await;
                continue;
            }
            assert!(has(&answer, &exchange.equal), "{:?}: {told}", exchange.equal);
            let known = &mut self.resources.get_mut(name).unwrap().known;
            if !known.contains_key("id")
                && let Some(id) = answer.get("id")
            {
                known.insert("id".into(), id.clone());
            }
            if let Some(header) = &exchange.keeps {
                let value = headers.get(header).unwrap_or_else(|| panic!("{header} is missing: {told}"));
                known.insert(header.clone(), value.to_str().unwrap().into());
            }
            return;
        }
    }

    /// Reads everything that exists, and returns it.
    async fn refresh(&mut self, at_step: &str) -> BTreeMap<String, Value> {
        let mut all = BTreeMap::new();
        let names: Vec<String> = self.resources.keys().cloned().collect();
        for name in names {
            for read in self.replay.reads[&self.resources[&name].kind].clone() {
                let path = self.text(&name, &read.get);
                let (status, _, answer) = self.answer(&format!("GET {path}"), String::new()).await;
                assert_eq!(status, 200, "{at_step}: {path}: {answer}");
                for field in &read.has {
                    assert!(at(&answer, field).is_some(), "{at_step}: {path} has no {field}: {answer}");
                }
                all.insert(format!("{name}.{}", read.name), answer.clone());
                self.resources.get_mut(&name).unwrap().known.insert(read.name, answer);
            }
            let resource = &self.resources[&name];
            let known = Value::Object(resource.known.clone());
            for (path, wanted) in &resource.config {
                let wanted = self.filled(&name, wanted);
                assert_eq!(at(&known, path), Some(&wanted), "{at_step}: {path} of {name}");
            }
        }
        all
    }

    async fn play(mut self) -> usize {
        let steps = std::mem::take(&mut self.replay.steps);
        for step in &steps {
            for name in &step.on {
                if let Some(kind) = &step.creates {
                    let created = Resource { kind: kind.clone(), ..Resource::default() };
                    assert!(self.resources.insert(name.clone(), created).is_none(), "{name} exists");
                }
                for exchange in &step.send {
                    self.exchange(&step.name, name, exchange).await;
                }
                if step.destroys {
                    self.resources.remove(name).unwrap();
                } else {
                    self.resources.get_mut(name).unwrap().config.extend(step.config.clone());
                }
            }
            let applied = self.refresh(&step.name).await;
            self.pass(3600).await;
            let planned = self.refresh(&format!("plan after: {}", step.name)).await;
            for (read, answer) in &applied {
                assert_eq!(planned.get(read), Some(answer), "the plan after `{}` is not empty", step.name);
            }
        }
        assert!(self.resources.is_empty(), "something is left");
        let stats = self.region.stats();
        assert_eq!(stats.unknown_paths, BTreeMap::new(), "a program asked for what is not there");
        assert_eq!(stats.unknown_fields, BTreeMap::new(), "a program sent what is not known");
        steps.len()
    }
}

#[tokio::test(start_paused = true)]
async fn terraform_applies_changes_and_destroys() {
    let steps = Program::new(include_str!("replays/terraform.yaml")).play().await;
    assert!(steps >= 10, "{steps} steps");
}

#[tokio::test(start_paused = true)]
async fn terraform_makes_and_destroys_a_network_of_its_own() {
    let steps = Program::new(include_str!("replays/terraform_network.yaml")).play().await;
    assert!(steps >= 16, "{steps} steps");
}

#[tokio::test(start_paused = true)]
async fn ansible_makes_finds_changes_and_ends() {
    Program::new(include_str!("replays/ansible.yaml")).play().await;
}
