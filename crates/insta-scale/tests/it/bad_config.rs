//! Every mistake in a config file is named with its place and a remedy, all at once, and nothing is sent.

use insta_scale::config::{self, Overrides};
use std::path::Path;

/// A config without a mistake; each test spoils it.
pub const GOOD: &str = "\
tenancy_ocid: ocid1.tenancy.oc1..aaaaexampletenancy
user_ocid: ocid1.user.oc1..aaaaexampleuser
fingerprint: 20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34
private_key_path: key.pem
region: us-phoenix-1
compartment_id: ocid1.compartment.oc1..aaaaexamplecompartment
instance_settings:
  display_name_prefix: web
  count: 3
  shape: VM.Standard.E4.Flex
  shape_config:
    ocpus: 1
    memory_in_gbs: 6
  image_id: ocid1.image.oc1.phx.aaaaexampleimage
  subnet_id: ocid1.subnet.oc1.phx.aaaaexamplesubnet
  availability_domain: AD-1
";

/// Loads a text as `config.yaml` in a folder of its own.
pub fn load_in(
    folder: &Path,
    text: impl AsRef<[u8]>,
    overrides: &Overrides,
) -> Result<config::Settings, String> {
    let path = folder.join("config.yaml");
    std::fs::write(&path, text).unwrap();
    let here = format!("{}/", folder.display());
    let no_profile = |_: &config::CredentialSource| Err("there is no profile file".to_owned());
    config::load(&path, overrides, &no_profile).map_err(|errors| errors.to_string().replace(&here, ""))
}

fn errors(text: impl AsRef<[u8]>) -> String {
    let folder = tempfile::tempdir().unwrap();
    load_in(folder.path(), text, &Overrides::default()).map(|_| "no mistake found").unwrap_err()
}

/// The good config with one part replaced.
fn spoiled(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from:?} is not in the good config");
    errors(GOOD.replacen(from, to, 1))
}

#[test]
fn a_missing_file_says_where_to_start() {
    let path = Path::new("no/such/config.yaml");
    let no_profile = |_: &config::CredentialSource| Err(String::new());
    let error = config::load(path, &Overrides::default(), &no_profile).unwrap_err();
    insta::assert_snapshot!(error, @r"
        no/such/config.yaml: cannot be read: there is no such file
          = help: copy config.example.yaml to config.yaml and edit it, or name another file with --config

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
        config.yaml:2:6: the file is not YAML here: illegal placement of ':' indicator
          |
        2 | count: 3
          |      ^
          = help: look for a missing colon, quote or bracket, and for lines indented differently from their neighbours

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("{\"region\": \"us-phoenix-1\" \"count\": 3}\n"), @r#"
        config.yaml:1:27: the file is not YAML here: invalid trailing content after double-quoted scalar
          |
        1 | {"region": "us-phoenix-1" "count": 3}
          |                           ^
          = help: look for a missing colon, quote or bracket, and for lines indented differently from their neighbours

        config.yaml: 1 mistake; nothing was sent
        "#);
    insta::assert_snapshot!(errors("just a sentence\n"), @r#"
        config.yaml:1:1: the file must be a group of `key: value` lines, but is the text "just a sentence"
          |
        1 | just a sentence
          | ^^^^^^^^^^^^^^^
          = help: the keys are: tenancy_ocid, user_ocid, fingerprint, private_key_path, private_key_passphrase, region, compartment_id, profile, endpoint, prices, instance_settings

        config.yaml: 1 mistake; nothing was sent
        "#);
    insta::assert_snapshot!(errors("- a\n- list\n"), @r"
        config.yaml:1:1: the file must be a group of `key: value` lines, but is a list
          |
        1 | - a
          | ^
          = help: the keys are: tenancy_ocid, user_ocid, fingerprint, private_key_path, private_key_passphrase, region, compartment_id, profile, endpoint, prices, instance_settings

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("region: us-phoenix-1\n---\nregion: us-ashburn-1\n"), @r"
        config.yaml:2:1: the file holds more than one YAML document
          |
        2 | ---
          | ^^^
          = help: keep one file per fleet: remove what follows `---`

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn text_in_another_encoding_says_which_byte() {
    insta::assert_snapshot!(errors(b"region: us-phoenix-1\nuser: \xe9\n"), @r"
        config.yaml:2:7: a byte here is not UTF-8 text
          |
        2 | user: �
          |       ^
          = help: save the file as UTF-8

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(b"\xff\xfer\x00e\x00"), @r"
        config.yaml: the file is UTF-16 text, and must be UTF-8
          = help: save it as UTF-8; in PowerShell: Set-Content -Encoding utf8

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn a_tab_is_named_as_such() {
    insta::assert_snapshot!(errors("instance_settings:\n\tcount: 3\n"), @r"
        config.yaml:2:2: a tab is used to indent, which YAML does not allow
          |
        2 |  count: 3
          |  ^
          = help: replace the tab by spaces

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("instance_settings:\n  shape_config:\n  \tocpus: 3\n"), @r"
        config.yaml:3:4: a tab is used to indent, which YAML does not allow
          |
        3 |    ocpus: 3
          |    ^
          = help: replace the tab by spaces

        config.yaml: 1 mistake; nothing was sent
        ");
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
        5 | a4: &a4 [*a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3, *a3]
          |                         ^^^
          = help: aliases (`*name`) count as what they stand for; a config needs a few hundred values at most

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("a: &a [*a]\n"), @r"
        config.yaml:1:8: this alias stands inside the value that it refers to
          |
        1 | a: &a [*a]
          |        ^^
          = help: write the value out

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("a: *b\n"), @r"
        config.yaml:1:4: this alias refers to a name that is not defined above
          |
        1 | a: *b
          |    ^
          = help: define it with `&name` first

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("a: {}{}\n", "[".repeat(100), "]".repeat(100))), @r"
        config.yaml:1:36: values are nested more than 32 deep
          |
        1 | a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]] …
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
          = help: a config holds plain values; it includes and runs nothing

        config.yaml:9:42: instance_settings.count must be a whole number from 1 to 100000, but is a list
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
          = help: a config holds plain values; it includes and runs nothing

        config.yaml:9:19: instance_settings.count must be a whole number from 1 to 100000, but is the text "other.yaml"
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
        ("100001", "but is 100001"),
        ("99999999999999999999999", "but is 99999999999999999999999"),
        (".nan", "but is .nan"),
        ("true", "but is true"),
        ("[3]", "but is a list"),
        ("{a: 3}", "but is a group of keys"),
    ] {
        let text = spoiled("count: 3", &format!("count: {given}"));
        let first = text.lines().next().unwrap();
        let wanted = "config.yaml:9:10: instance_settings.count must be a whole number from 1 to 100000, ";
        assert_eq!(first, format!("{wanted}{wrong}"), "{given}");
    }
    insta::assert_snapshot!(spoiled("count: 3", "count: \"10\""), @r#"
        config.yaml:9:10: instance_settings.count must be a whole number from 1 to 100000, but is the text "10"
          |
        9 |   count: "10"
          |          ^^^^
          = help: write it without quotes: `count: 10`

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
        10 |   nsg_ids: {a: b}
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
          = help: config.example.yaml says what each is for

        config.yaml:1:20: instance_settings must be a group of `key: value` lines, but is 3
          |
        1 | instance_settings: 3
          |                    ^
          = help: the keys are: display_name_prefix, count, shape, shape_config, image_id, subnet_id, assign_public_ip, assign_private_dns_record, assign_ipv6_ip, skip_source_dest_check, nsg_ids, ssh_authorized_keys, user_data, metadata, availability_domain, fault_domain, capacity_reservation_id, capacity_reservations, dedicated_vm_host_id, compute_cluster_id, cluster_placement_group_id, freeform_tags, defined_tags, boot_volume_size_in_gbs, boot_volume_vpus_per_gb, kms_key_id, is_pv_encryption_in_transit_enabled, preemptible, imds_v2_only, is_live_migration_preferred, recovery_action, agent_config, launch_details

        config.yaml: 2 mistakes; nothing was sent
        ");
}

#[test]
fn all_missing_keys_are_listed_at_once() {
    insta::assert_snapshot!(errors("instance_settings: {}\n"), @r"
        config.yaml: required keys are missing: tenancy_ocid, user_ocid, fingerprint, private_key_path, region, compartment_id, instance_settings.display_name_prefix, instance_settings.count, instance_settings.shape, instance_settings.image_id, instance_settings.subnet_id
          = help: config.example.yaml says what each is for

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors("region: us-phoenix-1\n"), @r"
        config.yaml: required keys are missing: tenancy_ocid, user_ocid, fingerprint, private_key_path, compartment_id, instance_settings
          = help: config.example.yaml says what each is for

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(spoiled("  image_id: ocid1.image.oc1.phx.aaaaexampleimage\n", "  image_id:\n"), @r"
        config.yaml: a required key is missing: instance_settings.image_id
          = help: config.example.yaml says what each is for

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(spoiled("display_name_prefix: web", "display_name_prefix: \"\""), @r"
        config.yaml: a required key is missing: instance_settings.display_name_prefix
          = help: config.example.yaml says what each is for

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn an_unknown_key_comes_with_the_nearest_known_one() {
    let text = GOOD.replace("subnet_id:", "subnetid:").replace("region:", "Region:");
    let text = text.replace("    ocpus: 1\n", "    ocpu: 1\n")
        + "  displayname: x\n  private_key_path: y\n  quota: 3\n";
    insta::assert_snapshot!(errors(text), @r"
        config.yaml: required keys are missing: region, instance_settings.subnet_id
          = help: config.example.yaml says what each is for

        config.yaml:5:1: unknown key `Region`
          |
        5 | Region: us-phoenix-1
          | ^^^^^^
          = help: did you mean `region`?

        config.yaml:12:5: VM.Standard.E4.Flex is a flexible shape and its shape_config lacks ocpus
           |
        12 |     ocpu: 1
           |     ^
           = help: add `ocpus: 1`

        config.yaml:12:5: unknown key `instance_settings.shape_config.ocpu`
           |
        12 |     ocpu: 1
           |     ^^^^
           = help: did you mean `ocpus`?

        config.yaml:15:3: unknown key `instance_settings.subnetid`
           |
        15 |   subnetid: ocid1.subnet.oc1.phx.aaaaexamplesubnet
           |   ^^^^^^^^
           = help: did you mean `subnet_id`?

        config.yaml:17:3: unknown key `instance_settings.displayname`
           |
        17 |   displayname: x
           |   ^^^^^^^^^^^
           = help: did you mean `display_name_prefix`?

        config.yaml:18:3: unknown key `instance_settings.private_key_path`
           |
        18 |   private_key_path: y
           |   ^^^^^^^^^^^^^^^^
           = help: `private_key_path` belongs under the top level

        config.yaml:19:3: unknown key `instance_settings.quota`
           |
        19 |   quota: 3
           |   ^^^^^
           = help: fields of the API that have no key of their own go under `launch_details:`, named as in the API

        config.yaml: 8 mistakes; nothing was sent
        ");
}

#[test]
fn a_malformed_ocid_says_which_type_was_expected_and_which_given() {
    let text = GOOD
        .replace("ocid1.image.oc1.phx.aaaaexampleimage", "ocid1.subnet.oc1.phx.aaaa")
        .replace("ocid1.subnet.oc1.phx.aaaaexamplesubnet", "subnet-0abc123")
        .replace("ocid1.compartment.oc1..aaaaexamplecompartment", "ocid1.compartment.oc1")
        .replace("ocid1.user.oc1..aaaaexampleuser", "ocid1.user.oc1..aaaa bbbb");
    insta::assert_snapshot!(errors(text), @r#"
        config.yaml:2:12: user_ocid is not an OCID: it holds ' ', which no OCID does, and this is "ocid1.user.oc1..aaaa bbbb"
          |
        2 | user_ocid: ocid1.user.oc1..aaaa bbbb
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: an OCID of type user looks like `ocid1.user.oc1…`

        config.yaml:6:17: compartment_id is not an OCID: an OCID has the form `ocid1.<type>.<realm>.<region>.<unique id>`, and this is "ocid1.compartment.oc1"
          |
        6 | compartment_id: ocid1.compartment.oc1
          |                 ^^^^^^^^^^^^^^^^^^^^^
          = help: an OCID of type compartment or tenancy looks like `ocid1.compartment.oc1…`

        config.yaml:14:13: image_id needs an OCID of type image, but this one is of type subnet
           |
        14 |   image_id: ocid1.subnet.oc1.phx.aaaa
           |             ^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: copy the OCID of the image itself

        config.yaml:15:14: subnet_id is not an OCID: an OCID starts with `ocid1.`, and this is "subnet-0abc123"
           |
        15 |   subnet_id: subnet-0abc123
           |              ^^^^^^^^^^^^^^
           = help: an OCID of type subnet looks like `ocid1.subnet.oc1…`

        config.yaml: 4 mistakes; nothing was sent
        "#);
}

#[test]
fn an_ocid_from_another_region_or_realm_is_found_before_any_call() {
    let text = GOOD
        .replace("ocid1.image.oc1.phx.aaaaexampleimage", "ocid1.image.oc1.iad.aaaaexampleimage")
        .replace("ocid1.subnet.oc1.phx.aaaaexamplesubnet", "ocid1.subnet.oc1.us-sanjose-1.aaaaexamplesubnet")
        .replace("ocid1.tenancy.oc1..aaaa", "ocid1.tenancy.oc2..aaaa");
    insta::assert_snapshot!(errors(text), @r"
        config.yaml:1:15: tenancy_ocid is in realm oc2, but the region us-phoenix-1 is in oc1
          |
        1 | tenancy_ocid: ocid1.tenancy.oc2..aaaaexampletenancy
          |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: realms share nothing: use the OCID of the tenancy that `region` belongs to

        config.yaml:14:13: image_id is in region us-ashburn-1, but the config is for us-phoenix-1
           |
        14 |   image_id: ocid1.image.oc1.iad.aaaaexampleimage
           |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: use the OCID of the image in us-phoenix-1, or set `region: us-ashburn-1`

        config.yaml:15:14: subnet_id is in region us-sanjose-1, but the config is for us-phoenix-1
           |
        15 |   subnet_id: ocid1.subnet.oc1.us-sanjose-1.aaaaexamplesubnet
           |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: use the OCID of the subnet in us-phoenix-1, or set `region: us-sanjose-1`

        config.yaml: 3 mistakes; nothing was sent
        ");
}

#[test]
fn an_unknown_region_comes_with_the_nearest() {
    insta::assert_snapshot!(spoiled("region: us-phoenix-1", "region: us-phenix-1"), @r#"
        config.yaml:5:9: no region "us-phenix-1" is known; did you mean "us-phoenix-1"?
          |
        5 | region: us-phenix-1
          |         ^^^^^^^^^^^
          = help: for a region that is newer than this program, also set `endpoint:`

        config.yaml: 1 mistake; nothing was sent
        "#);
    insta::assert_snapshot!(spoiled("region: us-phoenix-1", "region: the-moon-1"), @r#"
        config.yaml:5:9: no region "the-moon-1" is known; `us-ashburn-1` is how one is written, and one newer than this program is described by OCI_REGION_METADATA
          |
        5 | region: the-moon-1
          |         ^^^^^^^^^^
          = help: for a region that is newer than this program, also set `endpoint:`

        config.yaml: 1 mistake; nothing was sent
        "#);
}

#[test]
fn an_endpoint_that_is_none_is_refused() {
    insta::assert_snapshot!(errors(format!("{GOOD}endpoint: http://example.com\n")), @r#"
        config.yaml:17:11: endpoint: "http://example.com" is plain http to another machine: anyone on the way could read and change the requests. Use https; plain http is allowed only to 127.0.0.0/8, [::1] and localhost
           |
        17 | endpoint: http://example.com
           |           ^^^^^^^^^^^^^^^^^^

        config.yaml: 1 mistake; nothing was sent
        "#);
    insta::assert_snapshot!(errors(format!("{GOOD}endpoint: localhost\n")), @r#"
        config.yaml:17:11: endpoint: "localhost" is not a base URL (the scheme is missing): write it as https://host[:port]
           |
        17 | endpoint: localhost
           |           ^^^^^^^^^

        config.yaml: 1 mistake; nothing was sent
        "#);
}

#[test]
fn a_flexible_shape_needs_a_size_within_its_range() {
    let size = "  shape_config:\n    ocpus: 1\n    memory_in_gbs: 6\n";
    insta::assert_snapshot!(spoiled(size, ""), @r"
        config.yaml:10:10: VM.Standard.E4.Flex is a flexible shape and needs a shape_config
           |
        10 |   shape: VM.Standard.E4.Flex
           |          ^^^^^^^^^^^^^^^^^^^
           = help: add, for one OCPU and 6 GB: `shape_config: {ocpus: 1, memory_in_gbs: 6}`

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(spoiled("    ocpus: 1\n", ""), @r"
        config.yaml:12:5: VM.Standard.E4.Flex is a flexible shape and its shape_config lacks ocpus
           |
        12 |     memory_in_gbs: 6
           |     ^
           = help: add `ocpus: 1`

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(spoiled("memory_in_gbs: 6", "memory_in_gbs: 100"), @r"
        config.yaml:13:20: memory_in_gbs: 100 is out of range: VM.Standard.E4.Flex with 1 OCPU takes 1 to 64 GB
           |
        13 |     memory_in_gbs: 100
           |                    ^^^

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(spoiled("ocpus: 1", "ocpus: 200"), @r"
        config.yaml:12:12: ocpus: 200 is not a size: VM.Standard.E4.Flex has 1 to 114 OCPUs
           |
        12 |     ocpus: 200
           |            ^^^

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn credentials_are_checked_for_their_form() {
    insta::assert_snapshot!(spoiled("20:3b:97", "20-3b-97"), @r"
        config.yaml:3:14: fingerprint must be 16 pairs of hexadecimal digits with colons between
          |
        3 | fingerprint: 20-3b-97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34
          |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: the console shows it beside the API key: `20:3b:97:13:…`

        config.yaml: 1 mistake; nothing was sent
        ");
    let pasted = "private_key_path: |\n  -----BEGIN PRIVATE KEY-----\n  MIIEvQ\n";
    insta::assert_snapshot!(spoiled("private_key_path: key.pem\n", pasted), @r"
        config.yaml:5:3: private_key_path holds a key, and needs the path of its file
          |
        5 |   -----BEGIN PRIVATE KEY-----
          |   ^
          = help: save the key in a file that only you can read: `private_key_path: ~/.oci/oci_api_key.pem`

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("{GOOD}profile: DEFAULT\n")), @r"
        config.yaml:17:10: profile is given together with credentials of the file's own
           |
        17 | profile: DEFAULT
           |          ^^^^^^^
           = help: keep `profile`, or tenancy_ocid, user_ocid, fingerprint, private_key_path

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn a_passphrase_is_never_shown() {
    let twice = format!("private_key_passphrase: hunter2\nprivate_key_passphrase: hunter3\n{GOOD}");
    insta::assert_snapshot!(errors(twice), @r"
        config.yaml:2:1: `private_key_passphrase` is given twice; the first is on line 1
          |
        2 | private_key_passphrase …
          | ^^^^^^^^^^^^^^^^^^^^^^
          = help: keep one of the two

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("private_key_passphrase: [hunter2]\n{GOOD}")), @r"
        config.yaml:1:25: private_key_passphrase must be text, but is another kind of value
          |
        1 | private_key_passphrase …
          |                         ^

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn ssh_keys_are_checked_where_they_stand() {
    let with = |value: &str| errors(format!("{GOOD}  ssh_authorized_keys: {value}\n"));
    insta::assert_snapshot!(with("keys/none.pub"), @r"
        config.yaml:17:24: instance_settings.ssh_authorized_keys is no public key, and cannot be read as a file: keys/none.pub: there is no such file
           |
        17 |   ssh_authorized_keys: keys/none.pub
           |                        ^^^^^^^^^^^^^
           = help: give the path of a .pub file, or the key itself: `ssh-ed25519 AAAA… you@host`

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(with("ssh-ed25519 AAAA me@host"), @r"
        config.yaml:17:24: instance_settings.ssh_authorized_keys: the key is damaged: its second word is not a key of type ssh-ed25519
           |
        17 |   ssh_authorized_keys: ssh-ed25519 AAAA me@host
           |                        ^^^^^^^^^^^^^^^^^^^^^^^^
           = help: a public key is one line, `ssh-ed25519 AAAA… you@host`, as in ~/.ssh/id_ed25519.pub

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(with("ssh-ed25519 not*base64 me@host"), @r"
        config.yaml:17:24: instance_settings.ssh_authorized_keys: the key is damaged: its second word is not base64
           |
        17 |   ssh_authorized_keys: ssh-ed25519 not*base64 me@host
           |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: a public key is one line, `ssh-ed25519 AAAA… you@host`, as in ~/.ssh/id_ed25519.pub

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(with("|\n    -----BEGIN OPENSSH PRIVATE KEY-----\n    b3BlbnNzaC1rZXk"), @r"
        config.yaml:18:5: instance_settings.ssh_authorized_keys: key 1 is a private key: it must not leave your machine; give the public one
           |
        18 |     -----BEGIN OPENSSH PRIVATE KEY-----
           |     ^
           = help: a public key is one line, `ssh-ed25519 AAAA… you@host`, as in ~/.ssh/id_ed25519.pub

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(with("|\n    # a comment only"), @r"
        config.yaml:18:5: instance_settings.ssh_authorized_keys: no key in it
           |
        18 |     # a comment only
           |     ^

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn user_data_and_metadata_fit_what_oci_takes() {
    insta::assert_snapshot!(errors(format!("{GOOD}  user_data: \"@cloud-init.yaml\"\n")), @r#"
        config.yaml:17:14: instance_settings.user_data: cloud-init.yaml: there is no such file
           |
        17 |   user_data: "@cloud-init.yaml"
           |              ^^^^^^^^^^^^^^^^^^
           = help: user data is plain text, base64, or a file: `@cloud-init.yaml`

        config.yaml: 1 mistake; nothing was sent
        "#);
    let large = format!("{GOOD}  user_data: |\n    #!/bin/sh\n    # {}\n", "x".repeat(30_000));
    let text = errors(large);
    assert!(text.contains("OCI takes at most 32000"), "{text}");
}

#[test]
fn tags_fit_what_oci_takes() {
    let tags: Vec<String> = (1..=9).map(|n| format!("    tag{n}: x\n")).collect();
    insta::assert_snapshot!(errors(format!("{GOOD}  freeform_tags:\n{}", tags.concat())), @r"
        config.yaml:26:5: freeform_tags has 9 tags, and there is room for 8
           |
        26 |     tag9: x
           |     ^^^^
           = help: OCI allows 10 in all, and 2 name the run and the slot

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("{GOOD}  freeform_tags: {{cost.center: 42, a b: c}}\n")), @r#"
        config.yaml:17:19: the tag key "cost.center" holds '.', which OCI refuses
           |
        17 |   freeform_tags: {cost.center: 42, a b: c}
           |                   ^^^^^^^^^^^
           = help: use letters, digits, `-`, `_`, `/`, `+` and `:`

        config.yaml:17:36: the tag key "a b" holds ' ', which OCI refuses
           |
        17 |   freeform_tags: {cost.center: 42, a b: c}
           |                                    ^^^
           = help: use letters, digits, `-`, `_`, `/`, `+` and `:`

        config.yaml: 2 mistakes; nothing was sent
        "#);
    insta::assert_snapshot!(errors(format!("{GOOD}  defined_tags: {{Operations: 42}}\n")), @r#"
        config.yaml:17:30: instance_settings.defined_tags.Operations must be a group of tags, but is 42
           |
        17 |   defined_tags: {Operations: 42}
           |                              ^^
           = help: a defined tag has a namespace, a key and a value: `Operations: {CostCenter: "42"}`

        config.yaml: 1 mistake; nothing was sent
        "#);
}

#[test]
fn reservations_and_domains_must_fit_together() {
    let two = GOOD.replace("availability_domain: AD-1", "availability_domain: [AD-1, AD-2]");
    let one = "  capacity_reservation_id: ocid1.capacityreservation.oc1.phx.aaaa\n";
    insta::assert_snapshot!(errors(format!("{two}{one}")), @r"
        config.yaml:16:24: a capacity reservation belongs to one availability domain, and 2 are given
           |
        16 |   availability_domain: [AD-1, AD-2]
           |                        ^
           = help: give one, or list a reservation for each under `capacity_reservations:`

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("{two}  capacity_reservations: [ocid1.capacityreservation.oc1.phx.aaaa]\n")), @r"
        config.yaml:17:26: 1 bare OCIDs for 2 availability domains
           |
        17 |   capacity_reservations: [ocid1.capacityreservation.oc1.phx.aaaa]
           |                          ^
           = help: give one for each, in the same order, or name it: `- {availability_domain: AD-1, capacity_reservation_id: …}`

        config.yaml: 1 mistake; nothing was sent
        ");
    let named = "  capacity_reservations:\n    - {availability_domain: AD-3, capacity_reservation_id: ocid1.capacityreservation.oc1.phx.a}\n    - {availability_domain: AD-1}\n";
    insta::assert_snapshot!(errors(format!("{two}{named}")), @r"
        config.yaml:18:7: AD-3 is not among availability_domain, so this reservation is never used
           |
        18 |     - {availability_domain: AD-3, capacity_reservation_id: ocid1.capacityreservation.oc1.phx.a}
           |       ^
           = help: name it as it is written there

        config.yaml:19:7: this reservation lacks capacity_reservation_id
           |
        19 |     - {availability_domain: AD-1}
           |       ^

        config.yaml: 2 mistakes; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("{GOOD}{one}  preemptible: true\n")), @r"
        config.yaml:18:16: a preemptible instance cannot use a capacity reservation
           |
        18 |   preemptible: true
           |                ^^^^
           = help: OCI has no such instances: remove one of the two

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("{GOOD}  fault_domain: [FD-1, first]\n")), @r#"
        config.yaml:17:24: "first" is no fault domain
           |
        17 |   fault_domain: [FD-1, first]
           |                        ^^^^^
           = help: write `FAULT-DOMAIN-1`, `-2` or `-3`, or leave it out: OCI then finds room in any

        config.yaml: 1 mistake; nothing was sent
        "#);
}

#[test]
fn passed_through_fields_are_checked_against_the_model_and_against_ours() {
    let details = "  launch_details:\n    displayName: other\n    shapeConfig: {ocpus: 4, vcpus: two}\n    sourceDetails: 7\n    createVnicDetails:\n      hostnameLabel: web\n      privateIpx: 10.0.0.9\n    platformConfig: {type: AMD_WM}\n";
    insta::assert_snapshot!(errors(format!("{GOOD}{details}")), @r"
        config.yaml:18:5: instance_settings.launch_details.displayName is set by `display_name_prefix`
           |
        18 |     displayName: other
           |     ^^^^^^^^^^^
           = help: remove it here and use `display_name_prefix`

        config.yaml:19:19: instance_settings.launch_details.shapeConfig.ocpus is already set by `instance_settings.shape_config.ocpus`
           |
        19 |     shapeConfig: {ocpus: 4, vcpus: two}
           |                   ^^^^^
           = help: remove it here, or remove `instance_settings.shape_config.ocpus` (line 12)

        config.yaml:19:29: instance_settings.launch_details.shapeConfig.vcpus must be a whole number
           |
        19 |     shapeConfig: {ocpus: 4, vcpus: two}
           |                             ^^^^^

        config.yaml:20:5: instance_settings.launch_details.sourceDetails is partly set by `instance_settings.image_id`
           |
        20 |     sourceDetails: 7
           |     ^^^^^^^^^^^^^
           = help: write it as a group of fields, without those

        config.yaml:22:7: instance_settings.launch_details.createVnicDetails.hostnameLabel is for one instance, and 3 are to be launched
           |
        22 |       hostnameLabel: web
           |       ^^^^^^^^^^^^^
           = help: remove it: addresses and host names are given by the subnet

        config.yaml:23:7: instance_settings.launch_details.createVnicDetails.privateIpx is not a known field of the API
           |
        23 |       privateIpx: 10.0.0.9
           |       ^^^^^^^^^^
           = help: did you mean `privateIp`?

        config.yaml:24:22: instance_settings.launch_details.platformConfig.type must be one of AMD_MILAN_BM, AMD_MILAN_BM_GPU, AMD_ROME_BM, AMD_ROME_BM_GPU, AMD_VM, GENERIC_BM, INTEL_ICELAKE_BM, INTEL_SKYLAKE_BM, INTEL_VM
           |
        24 |     platformConfig: {type: AMD_WM}
           |                      ^^^^
           = help: did you mean `AMD_VM`?

        config.yaml: 7 mistakes; nothing was sent
        ");
}

#[test]
fn values_beyond_the_bounds_of_the_model_are_reported_at_our_key() {
    let groups: Vec<String> = (0..6).map(|n| format!("ocid1.networksecuritygroup.oc1.phx.a{n}")).collect();
    let more = format!(
        "  nsg_ids: [{}]\n  boot_volume_size_in_gbs: 20\n  boot_volume_vpus_per_gb: 15\n  recovery_action: RESTORE\n",
        groups.join(", ")
    );
    insta::assert_snapshot!(errors(format!("{GOOD}{more}")), @r"
        config.yaml:17:13: instance_settings.nsg_ids must have at most 5 characters or items
           |
        17 |   nsg_ids: [ocid1.networksecuritygroup.oc1.phx.a0, ocid1.networksecuritygroup.oc1.phx.a1, ocid1.networksecuritygroup.oc1.phx.a2, ocid1.networksecuritygroup.oc1. …
           |             ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

        config.yaml:18:28: instance_settings.boot_volume_size_in_gbs must be a whole number from 50 to 32768, but is 20
           |
        18 |   boot_volume_size_in_gbs: 20
           |                            ^^

        config.yaml:19:28: instance_settings.boot_volume_vpus_per_gb must be a multiple of 10, but is 15
           |
        19 |   boot_volume_vpus_per_gb: 15
           |                            ^^
           = help: 10 is balanced, 20 is higher performance, 30 to 120 is ultra high performance

        config.yaml:20:20: instance_settings.recovery_action must be one of RESTORE_INSTANCE, STOP_INSTANCE
           |
        20 |   recovery_action: RESTORE
           |                    ^^^^^^^
           = help: did you mean `RESTORE_INSTANCE`?

        config.yaml: 4 mistakes; nothing was sent
        ");
}
