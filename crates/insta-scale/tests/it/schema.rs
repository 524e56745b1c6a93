//! The JSON Schema of config.yaml beside the reader: both take the same keys, ranges and words.

use crate::bad_config::load_in;
use crate::program::Workplace;
use insta_scale::config::{GROUPS, Overrides, Placeholders, schema};
use serde_json::{Value, json};
use std::path::Path;

fn good() -> Value {
    json!({
        "tenancy_ocid": "ocid1.tenancy.oc1..aaaaexampletenancy",
        "user_ocid": "ocid1.user.oc1..aaaaexampleuser",
        "fingerprint": "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34",
        "private_key_path": "key.pem",
        "region": "us-phoenix-1",
        "compartment_id": "ocid1.compartment.oc1..aaaaexamplecompartment",
        "instance_settings": {
            "display_name_prefix": "web",
            "count": 3,
            "shape": "VM.Standard.E4.Flex",
            "shape_config": {"ocpus": 1, "memory_in_gbs": 6},
            "image_id": "ocid1.image.oc1.phx.aaaaexampleimage",
            "subnet_id": "ocid1.subnet.oc1.phx.aaaaexamplesubnet",
        },
    })
}

/// What the reader says about a config, which is valid YAML as JSON is.
fn read(config: &Value) -> Result<(), String> {
    let folder = tempfile::tempdir().unwrap();
    let overrides = Overrides { placeholders: Placeholders::Taken, ..Overrides::default() };
    load_in(folder.path(), config.to_string(), &overrides).map(|_| ())
}

/// Each key of a group in the schema, with the path that leads to it, through groups only.
fn each_key(schema: &Value, path: &[String], found: &mut dyn FnMut(&[String], &Value)) {
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        let path = [path, std::slice::from_ref(key)].concat();
        found(&path, value);
        each_key(value, &path, found);
    }
}

/// The good config with a value at a path.
fn with(path: &[String], value: Value) -> Value {
    let mut config = good();
    let mut at = &mut config;
    for key in path {
        at = &mut at[key];
    }
    *at = value;
    config
}

#[test]
fn the_committed_schema_is_the_printed_one() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config.schema.json");
    let printed = Workplace::empty().run(&["config", "schema"]);
    assert_eq!(printed.code, 0, "{}", printed.stderr);
    let update = "write it with `oci-insta-scale config schema > config.schema.json`";
    assert_eq!(std::fs::read_to_string(committed).unwrap_or_default(), printed.stdout, "{update}");
}

#[test]
fn the_schema_describes_every_key_that_is_read() {
    let text = schema().to_string();
    for (group, keys) in GROUPS {
        let of_group: Vec<String> = keys.iter().map(|key| format!("{key:?}:{{")).collect();
        assert!(of_group.iter().all(|key| text.contains(key)), "{group}");
    }
}

#[test]
fn the_reader_refuses_what_the_schema_refuses() {
    read(&good()).unwrap();
    let mut tried = 0;
    each_key(&schema(), &[], &mut |path, value| {
        let mut wrong = Vec::new();
        if let (Some(least), Some(most)) = (value["minimum"].as_i64(), value["maximum"].as_i64()) {
            wrong.extend([json!(least - 1), json!(most + 1), json!("many")]);
        } else if value["anyOf"][0]["enum"].is_array() {
            wrong.extend([json!("perhaps"), json!(["a list"])]);
        } else if value["exclusiveMinimum"].is_number() {
            wrong.extend([json!(0), json!("much")]);
        } else if value["type"] == json!(["object", "null"]) || value["type"] == json!(["array", "null"]) {
            wrong.push(json!("a text"));
        }
        for value in wrong {
            let said = read(&with(path, value.clone()));
            let key = path.last().unwrap();
            assert!(
                said.as_ref().is_err_and(|said| said.contains(key.as_str())),
                "{path:?} {value}: {said:?}"
            );
            tried += 1;
        }
    });
    assert!(tried > 60, "{tried}");
}

#[test]
fn the_reader_accepts_the_edges_of_each_range() {
    let mut tried = 0;
    each_key(&schema(), &[], &mut |path, value| {
        let key = path.last().unwrap().as_str();
        // These depend on other keys: an OCPU has two virtual CPUs, and few shapes have drives.
        let (Some(least), Some(most)) = (value["minimum"].as_i64(), value["maximum"].as_i64()) else {
            return;
        };
        // `max_instances` belongs to `want`, which stands in place of `count`.
        if ["vcpus", "nvmes", "max_skew", "max_instances"].contains(&key) {
            return;
        }
        for edge in [least, most] {
            read(&with(path, json!(edge))).unwrap_or_else(|said| panic!("{path:?} {edge}: {said}"));
            tried += 1;
        }
    });
    assert_eq!(tried, 6);
}
