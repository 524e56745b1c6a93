//! Every mistake in a config file is reported with its position and a remedy, all at once, and nothing is sent.

use insta_scale::config::{self, Overrides};
use oci_client::credentials::CredentialsError;
use std::path::Path;

/// A config without mistakes, to which each test adds one.
pub const GOOD: &str = include_str!("../good.yaml");

/// Loads a text as `config.yaml` in a separate folder.
pub fn load_in(
    folder: &Path,
    text: impl AsRef<[u8]>,
    overrides: &Overrides,
) -> Result<config::Settings, String> {
    let path = folder.join("config.yaml");
    std::fs::write(&path, text).unwrap();
    let here = format!("{}/", folder.display());
    let no_profile = |_: &config::CredentialSource| Err(CredentialsError::SigningFailed);
    config::load(&config::Layers::of(&path), overrides, &no_profile)
        .map_err(|errors| errors.to_string().replace(&here, ""))
}

/// The messages for a text that is not a valid config.
pub fn errors(text: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    load_in(folder.path(), text, &Overrides::default()).map(|_| "no mistake found").unwrap_err()
}

/// The good config with one part replaced.
pub fn spoiled(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from:?} is not in the good config");
    errors(GOOD.replacen(from, to, 1))
}

#[test]
fn a_missing_file_says_where_to_start() {
    let path = Path::new("no/such/config.yaml");
    let no_profile = |_: &config::CredentialSource| Err(CredentialsError::SigningFailed);
    let error = config::load(&config::Layers::of(path), &Overrides::default(), &no_profile).unwrap_err();
    insta::assert_snapshot!(error, @r"
        no/such/config.yaml: cannot be read: there is no such file
          = help: `oci-insta-scale init no/such/config.yaml` writes one, config.example.yaml describes it; or name another file with --config

        no/such/config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn an_empty_file_is_refused_by_that_name() {
    insta::assert_snapshot!(errors(""), @r"
        config.yaml: the file is empty
          = help: start from config.example.yaml

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("# only a comment\n"), @r"
        config.yaml: the file is empty
          = help: start from config.example.yaml

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("---\n"), @r"
        config.yaml: the file is empty
          = help: start from config.example.yaml

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn what_is_not_yaml_says_where_it_stops_being_so() {
    insta::assert_snapshot!(errors("region: [us-phoenix-1\ncount: 3\n"), @r"
        config.yaml:2:6: the file is not valid YAML: illegal placement of ':' indicator
          |
        2 | count: 3
          |      ^
          = help: look for a missing colon, quote or bracket, or for inconsistent indentation

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("{\"region\": \"us-phoenix-1\" \"count\": 3}\n"), @r#"
        config.yaml:1:27: the file is not valid YAML: invalid trailing content after double-quoted scalar
          |
        1 | {"region": "us-phoenix-1" "count": …
          |                           ^
          = help: look for a missing colon, quote or bracket, or for inconsistent indentation

        config.yaml: 1 mistake; nothing was sent
        "#);
    insta::assert_snapshot!(errors("just a sentence\n"), @r"
        config.yaml:1:1: the file must be a group of `key: value` lines, but is a text
          |
        1 | …
          | ^
          = help: the keys are: tenancy_ocid, user_ocid, fingerprint, private_key_path, private_key_passphrase, region, compartment_id, compartment, regions, fleet, profile, auth, endpoint, prices, ssh, hunt, notify, ledger, instance_settings

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("- a\n- list\n"), @r"
        config.yaml:1:1: the file must be a group of `key: value` lines, but is a list
          |
        1 | …
          | ^
          = help: the keys are: tenancy_ocid, user_ocid, fingerprint, private_key_path, private_key_passphrase, region, compartment_id, compartment, regions, fleet, profile, auth, endpoint, prices, ssh, hunt, notify, ledger, instance_settings

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("region: us-phoenix-1\n---\nregion: us-ashburn-1\n"), @r"
        config.yaml:2:1: the file holds more than one YAML document
          |
        2 | ---
          | ^^^
          = help: keep one file per fleet: remove everything after `---`

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn text_in_another_encoding_says_which_byte() {
    insta::assert_snapshot!(errors(b"region: us-phoenix-1\nuser: \xe9\n"), @r"
        config.yaml:2:7: the byte 0xe9 here is not UTF-8 text
          |
        2 | user: �
          |       ^
          = help: save the file as UTF-8

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(b"\xff\xfer\x00e\x00"), @r"
        config.yaml: the file is UTF-16 text, but must be UTF-8
          = help: save it as UTF-8; in PowerShell: Set-Content -Encoding utf8

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn a_tab_is_named_as_such() {
    insta::assert_snapshot!(errors("instance_settings:\n\tcount: 3\n"), @r"
        config.yaml:2:1: a tab is used for indentation, which YAML does not allow
          |
        2 |  count: 3
          | ^
          = help: replace the tab with spaces

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("instance_settings:\n  shape_config:\n  \tocpus: 3\n"), @r"
        config.yaml:3:3: a tab is used for indentation, which YAML does not allow
          |
        3 |    ocpus: 3
          |   ^
          = help: replace the tab with spaces

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn a_tab_is_reported_where_it_stands() {
    for text in [
        "instance_settings:\n  count: 3\n\tshape: x\nregion: y\n",
        "instance_settings:\n  count: 3\n \tshape: x\n  image_id: y\nregion: y\n",
    ] {
        let said = errors(text);
        assert!(
            said.starts_with("config.yaml:3:") && said.contains("a tab is used for indentation"),
            "{said}"
        );
    }
    let block = "instance_settings:\n  user_data: |\n    #!/bin/sh\n    \tindented\n  count: [3\n";
    assert!(!errors(block).contains("a tab"), "the text of a block may hold tabs: {}", errors(block));
}

#[test]
fn a_duplicate_key_names_both_lines() {
    insta::assert_snapshot!(spoiled("  count: 3\n", "  count: 3\n  count: 30\n"), @r"
        config.yaml:10:3: `count` is given twice; the first is on line 9
           |
        10 |   count: 30
           |   ^^^^^
           = help: keep one of the two

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn an_alias_bomb_is_refused_before_it_expands() {
    let mut bomb = vec!["a0: &a0 [x, x, x, x, x, x, x, x, x, x]".to_owned()];
    for n in 1..10 {
        let before = format!("*a{}", n - 1);
        bomb.push(format!("a{n}: &a{n} [{}]", vec![before; 10].join(", ")));
    }
    insta::assert_snapshot!(errors(bomb.join("\n")), @r"
        config.yaml:5:25: the file holds more than 50000 values
          |
        5 | a4: …
          |                         ^
          = help: aliases (`*name`) count as the values they stand for; a config needs a few hundred values at most

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("a: &a [*a]\n"), @r"
        config.yaml:1:8: this alias is inside the value that it refers to
          |
        1 | a: …
          |        ^
          = help: write the value out

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("a: *b\n"), @r"
        config.yaml:1:4: this alias refers to a name that is not defined above
          |
        1 | a: …
          |    ^
          = help: define it with `&name` first

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("a: {}{}\n", "[".repeat(100), "]".repeat(100))), @r"
        config.yaml:1:36: values are nested more than 32 deep
          |
        1 | a: …
          |                                    ^
          = help: a config needs a few levels at most

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    insta::assert_snapshot!(errors("x".repeat(2 * 1024 * 1024)), @r"
        config.yaml: cannot be read: it is larger than 1048576 bytes

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn a_tag_that_would_construct_something_is_refused() {
    insta::assert_snapshot!(spoiled("count: 3", "count: !!python/object/apply:os.system [id]"), @r"
        config.yaml:9:42: the tag `!!python/object/apply:os.system` is not supported
          |
        9 |   count: !!python/object/apply:os.system [id]
          |                                          ^
          = help: a config contains plain values; it cannot include files or run commands

        config.yaml:9:42: instance_settings.count must be a whole number from 1 to 1000000, but is a list
          |
        9 |   count: !!python/object/apply:os.system [id]
          |                                          ^

        config.yaml: 2 mistakes; nothing was sent
        ");
    insta::assert_snapshot!(spoiled("count: 3", "count: !include other.yaml"), @r#"
        config.yaml:9:19: the tag `!include` is not supported
          |
        9 |   count: !include other.yaml
          |                   ^^^^^^^^^^
          = help: a config contains plain values; it cannot include files or run commands

        config.yaml:9:19: instance_settings.count must be a whole number from 1 to 1000000, but is the text "other.yaml"
          |
        9 |   count: !include other.yaml
          |                   ^^^^^^^^^^

        config.yaml: 2 mistakes; nothing was sent
        "#);
}

#[test]
fn a_count_that_is_no_count_says_what_one_is() {
    for (given, wrong) in [
        ("\"ten\"", r#"but is the text "ten""#),
        ("\"10\"", r#"but is the text "10""#),
        ("-1", "but is -1"),
        ("0", "but is 0"),
        ("1e9", "but is 1e9"),
        ("2.5", "but is 2.5"),
        ("1000001", "but is 1000001"),
        ("99999999999999999999999", "but is 99999999999999999999999"),
        (".nan", "but is .nan"),
        ("true", "but is true"),
        ("[3]", "but is a list"),
        ("{a: 3}", "but is a group of keys"),
    ] {
        let text = spoiled("count: 3", &format!("count: {given}"));
        let first = text.lines().next().unwrap();
        let wanted = "config.yaml:9:10: instance_settings.count must be a whole number from 1 to 1000000, ";
        assert_eq!(first, format!("{wanted}{wrong}"), "{given}");
    }
    insta::assert_snapshot!(spoiled("count: 3", "count: \"10\""), @r#"
        config.yaml:9:10: instance_settings.count must be a whole number from 1 to 1000000, but is the text "10"
          |
        9 |   count: "10"
          |          ^^^^
          = help: remove the quotes: `count: 10`

        config.yaml: 1 mistake; nothing was sent
        "#);
}

#[test]
fn the_wrong_type_of_value_is_named_for_every_kind_of_key() {
    let text = GOOD.replace("ocpus: 1", "ocpus: one").replace("memory_in_gbs: 6", "memory_in_gbs: -6");
    let text = text.replace(
        "  display_name_prefix: web\n",
        "  display_name_prefix: [web]\n  assign_public_ip: perhaps\n  nsg_ids: {a: b}\n",
    );
    insta::assert_snapshot!(errors(text), @r#"
        config.yaml:8:24: instance_settings.display_name_prefix must be text, but is a list
          |
        8 |   display_name_prefix: [web]
          |                        ^

        config.yaml:9:21: instance_settings.assign_public_ip must be true or false, but is the text "perhaps"
          |
        9 |   assign_public_ip: perhaps
          |                     ^^^^^^^

        config.yaml:10:12: instance_settings.nsg_ids must be text or a list of texts, but is a group of keys
           |
        10 |   nsg_ids: {a: …
           |            ^

        config.yaml:14:12: instance_settings.shape_config.ocpus must be a number above 0, but is the text "one"
           |
        14 |     ocpus: one
           |            ^^^

        config.yaml:15:20: instance_settings.shape_config.memory_in_gbs must be a number above 0, but is -6
           |
        15 |     memory_in_gbs: -6
           |                    ^^

        config.yaml: 5 mistakes; nothing was sent
        "#);
    insta::assert_snapshot!(errors("instance_settings: 3\n"), @r"
        config.yaml: required keys are missing: tenancy_ocid, user_ocid, fingerprint, private_key_path, region, compartment_id
          = help: config.example.yaml describes each key; instead of credentials you can name a profile of ~/.oci/config: `profile: DEFAULT`, or --profile DEFAULT

        config.yaml:1:20: instance_settings must be a group of `key: value` lines, but is 3
          |
        1 | instance_settings: 3
          |                    ^
          = help: the keys are: display_name_prefix, name_pattern, names, hostname, count, want, shape, shape_config, image_id, image, boot_volume_id, subnet_id, subnet, network, assign_public_ip, assign_private_dns_record, assign_ipv6_ip, skip_source_dest_check, nsg_ids, nsgs, ssh_authorized_keys, user_data, metadata, availability_domain, fault_domain, spread, capacity_reservation_id, capacity_reservation, capacity_reservations, alternatives, prefer, strategy, engine, dedicated_vm_host_id, dedicated_vm_host, compute_cluster_id, compute_cluster, cluster_placement_group_id, freeform_tags, defined_tags, boot_volume_size_in_gbs, boot_volume_vpus_per_gb, kms_key_id, is_pv_encryption_in_transit_enabled, preemptible, imds_v2_only, is_live_migration_preferred, recovery_action, agent_config, launch_details

        config.yaml: 2 mistakes; nothing was sent
        ");
}
