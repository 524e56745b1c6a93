//! The meaning of a valid config: the body of a launch, its placements, and whose credentials sign it.

use crate::bad_config::{GOOD, load_in};
use insta_scale::config::{self, CredentialSource, GROUPS, Overrides, Placeholders, ProfileFacts, Settings};
use std::path::Path;

fn load(text: &str) -> Settings {
    load_with(text, &Overrides::default())
}

fn load_with(text: &str, overrides: &Overrides) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(
        folder.path().join("id.pub"),
        "# mine\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q me\n\n",
    )
    .unwrap();
    std::fs::write(folder.path().join("init.sh"), "#!/bin/sh\ntrue\n").unwrap();
    load_in(folder.path(), text, overrides).unwrap()
}

fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config.example.yaml")
}

fn body(settings: &Settings) -> serde_json::Value {
    serde_json::to_value(&settings.fleet.template).unwrap()
}

#[test]
fn every_key_becomes_the_field_that_it_names() {
    let more = "  assign_public_ip: no
  nsg_ids: ocid1.networksecuritygroup.oc1.phx.aaaa
  ssh_authorized_keys: id.pub
  user_data: '@init.sh'
  metadata: {role: web, port: 8080}
  freeform_tags: {cost: 42}
  defined_tags: {Operations: {CostCenter: \"42\"}}
  boot_volume_size_in_gbs: 100
  boot_volume_vpus_per_gb: 20
  preemptible: {preserve_boot_volume: true}
  imds_v2_only: true
  agent_config: {is_monitoring_disabled: true, plugins: {Bastion: enabled}}
  capacity_reservation_id: \"\"
  launch_details:
    launchOptions: {networkType: VFIO}
    createVnicDetails: {displayName: primary}
    extendedMetadata: {nested: {a: [1, 2.5, true]}}
";
    insta::assert_json_snapshot!("every_key", body(&load(&format!("{GOOD}{more}"))));
}

#[test]
fn placements_follow_the_order_of_the_file() {
    let text = GOOD.replace("availability_domain: AD-1", "availability_domain: [AD-2, AD-1]\n  fault_domain: [fd-3, FAULT-DOMAIN-1]\n  capacity_reservations: [{availability_domain: ad-1, capacity_reservation_id: ocid1.capacityreservation.oc1.phx.r1}]");
    let shown: Vec<String> = load(&text)
        .fleet
        .placements
        .iter()
        .map(|p| format!("{} {:?} {:?}", p.availability_domain, p.fault_domain, p.capacity_reservation))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r#"
        AD-2 Some("FAULT-DOMAIN-3") None
        AD-2 Some("FAULT-DOMAIN-1") None
        AD-1 Some("FAULT-DOMAIN-3") Some("ocid1.capacityreservation.oc1.phx.r1")
        AD-1 Some("FAULT-DOMAIN-1") Some("ocid1.capacityreservation.oc1.phx.r1")
        "#);
}

#[test]
fn absent_and_empty_reservations_differ() {
    let reservation = |settings: &Settings| settings.fleet.placements[0].capacity_reservation.clone();
    assert_eq!(reservation(&load(GOOD)), None);
    assert_eq!(reservation(&load(&format!("{GOOD}  capacity_reservation_id:\n"))), None);
    assert_eq!(reservation(&load(&format!("{GOOD}  capacity_reservation_id: ''\n"))), Some(String::new()));
}

#[test]
fn user_data_is_encoded_unless_it_is_base64_already() {
    let data = |value: &str| {
        let settings = load(&format!("{GOOD}  user_data: {value}\n"));
        body(&settings)["metadata"]["user_data"].as_str().unwrap().to_owned()
    };
    let encoded = "IyEvYmluL3NoCnRydWUK";
    assert_eq!(data("\"@init.sh\""), encoded);
    assert_eq!(data("./init.sh"), encoded);
    assert_eq!(data("|\n    #!/bin/sh\n    true"), encoded);
    assert_eq!(data(encoded), encoded);
    assert_eq!(data("|\n    IyEvYmlu\n    L3NoCnRydWUK"), encoded);
}

#[test]
fn declared_base64_is_sent_as_it_is() {
    let load = |value: &str| load(&format!("{GOOD}  user_data: {value}\n"));
    let data = |settings: &Settings| body(settings)["metadata"]["user_data"].as_str().unwrap().to_owned();
    let said = load("\"base64:aGVsbG8=\"");
    assert_eq!((data(&said).as_str(), said.notes.as_str()), ("aGVsbG8=", ""));
    let looks = load("\"aGVsbG8=\"");
    assert_eq!(data(&looks), "YUdWc2JHOD0=");
    assert!(looks.notes.contains("add the prefix: `user_data: \"base64:aGVsbG8=\"`"), "{}", looks.notes);
}

#[test]
fn user_data_that_cloud_init_would_ignore_is_noted() {
    let settings = load(&format!("{GOOD}  user_data: init.sh\n"));
    assert!(settings.notes.contains("cloud-init will ignore it"), "{}", settings.notes);
    assert_eq!(load(GOOD).notes, "");
}

#[test]
fn flags_win_over_the_file() {
    let overrides =
        Overrides { count: Some(7), endpoint: Some("http://127.0.0.1:1".into()), ..Overrides::default() };
    let settings = load_with(&format!("{GOOD}endpoint: http://127.0.0.1:2\n"), &overrides);
    assert_eq!((settings.fleet.count, settings.endpoint.as_deref()), (7, Some("http://127.0.0.1:1")));
    let uncounted = GOOD.replace("  count: 3\n", "");
    assert_eq!(load_with(&uncounted, &overrides).fleet.count, 7);
}

#[test]
fn a_region_may_be_given_by_its_key() {
    assert_eq!(load(&GOOD.replace("us-phoenix-1", "PHX")).fleet.region, "us-phoenix-1");
}

/// The good config without its credentials.
fn without_credentials() -> String {
    let start = GOOD.find("compartment_id").unwrap();
    GOOD[start..].to_owned()
}

fn load_profile(text: &str, overrides: &Overrides) -> Settings {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.yaml");
    std::fs::write(&path, text).unwrap();
    let facts = |_: &CredentialSource| {
        Ok(ProfileFacts {
            region: Some("phx".into()),
            region_from: None,
            tenancy: Some("ocid1.tenancy.oc1..fromprofile".into()),
        })
    };
    config::load(&config::Layers::of(&path), overrides, &facts).unwrap()
}

#[test]
fn a_profile_gives_what_the_file_leaves_out() {
    let settings = load_profile(&format!("profile: WORK\n{}", without_credentials()), &Overrides::default());
    assert!(matches!(&settings.credentials, CredentialSource::Profile { name, .. } if name == "WORK"));
    assert_eq!(settings.fleet.region, "us-phoenix-1");
    assert_eq!(settings.fleet.tenancy, "ocid1.tenancy.oc1..fromprofile");
}

#[test]
fn foreign_variables_do_not_redirect_a_complete_config() {
    let env = Overrides { cli_profile: Some("OTHER".into()), ..Overrides::default() };
    assert!(matches!(load_profile(GOOD, &env).credentials, CredentialSource::Fields(_)));
    let settings = load_profile(&without_credentials(), &env);
    assert!(matches!(&settings.credentials, CredentialSource::Profile { name, .. } if name == "OTHER"));
    let flag = Overrides { profile: Some("FLAG".into()), ..env };
    let settings = load_profile(GOOD, &flag);
    assert!(matches!(&settings.credentials, CredentialSource::Profile { name, .. } if name == "FLAG"));
    assert_eq!(settings.fleet.tenancy, "ocid1.tenancy.oc1..fromprofile");
}

#[test]
fn a_rehearsal_needs_no_credentials() {
    let simulate = Overrides { simulate: true, ..Overrides::default() };
    let settings = load_with(&without_credentials(), &simulate);
    assert!(matches!(settings.credentials, CredentialSource::Simulated(None)));
    assert_eq!(settings.fleet.region, "us-phoenix-1");
}

#[test]
fn a_group_of_keys_can_be_shared_by_an_alias() {
    let text = GOOD.replace("shape_config:\n    ocpus: 1\n", "shape_config: &size\n    ocpus: 1\n")
        + "  metadata:\n    <<: *size\n    ocpus: two\n";
    assert_eq!(body(&load(&text))["metadata"], serde_json::json!({"ocpus": "two", "memory_in_gbs": "6"}));
}

/// Overrides that accept the example's values.
fn taken() -> Overrides {
    let placeholders = Placeholders::Taken;
    Overrides { home: Some("/home/me".into()), placeholders, ..Overrides::default() }
}

#[test]
fn the_example_is_good_and_names_every_key() {
    let overrides = taken();
    let no_profile = |_: &CredentialSource| Err(oci_client::credentials::CredentialsError::SigningFailed);
    let settings = config::load(&config::Layers::of(example()), &overrides, &no_profile).unwrap();
    assert_eq!(settings.notes, "");
    let text = std::fs::read_to_string(example()).unwrap();
    for (group, keys) in GROUPS {
        for key in *keys {
            let documented = text.contains(&format!("{key}:"));
            assert!(documented, "config.example.yaml does not name {key} of {group}");
        }
    }
}

#[test]
fn every_optional_key_of_the_example_is_good_too() {
    // Uncomments one optional key at a time: a line `# key: …` with the more indented comment lines below it.
    let text = std::fs::read_to_string(example()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut tried = 0;
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some(rest) = line.trim_start().strip_prefix("# ") else { continue };
        let key = rest.split(':').next().unwrap_or_default();
        let known = GROUPS.iter().any(|(_, keys)| keys.contains(&key));
        if !known || key == "profile" || rest.starts_with(' ') {
            continue;
        }
        let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        changed[at] = format!("{}{rest}", " ".repeat(indent));
        for (below, line) in lines.iter().enumerate().skip(at + 1) {
            let Some(rest) = line.trim_start().strip_prefix("#   ") else { break };
            changed[below] = format!("{}  {rest}", " ".repeat(indent));
        }
        // Two keys that express the same setting differently.
        let other = match key {
            "vcpus" => "ocpus",
            "boot_volume_id" | "image" => "image_id",
            "compartment" => "compartment_id",
            "subnet" | "network" => "subnet_id",
            "want" => "count",
            key => key,
        };
        let double = lines.iter().position(|line| line.trim_start().starts_with(&format!("{other}:")));
        if let Some(double) = double {
            changed[double].clear();
        }
        tried += 1;
        let text = changed.join("\n");
        load_with(
            &if key == "boot_volume_id" { text.replace("count: 5", "count: 1") } else { text },
            &taken(),
        );
    }
    assert!(tried > 20, "only {tried} optional keys found");
}
