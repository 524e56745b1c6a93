//! Keys that are missing, unknown or do not match the region and the shape are reported with their position and a remedy.

use crate::bad_config::{GOOD, errors, spoiled};

#[test]
fn all_missing_keys_are_listed_at_once() {
    insta::assert_snapshot!(errors("instance_settings: {}\n"), @r"
        config.yaml: required keys are missing: tenancy_ocid, user_ocid, fingerprint, private_key_path, region, compartment_id
          = help: config.example.yaml describes each key; instead of credentials you can name a profile of ~/.oci/config: `profile: DEFAULT`, or --profile DEFAULT

        config.yaml:1:1: required keys are missing: instance_settings.display_name_prefix, instance_settings.count, instance_settings.shape, instance_settings.image_id, instance_settings.subnet_id
          |
        1 | instance_settings: {}
          | ^^^^^^^^^^^^^^^^^
          = help: config.example.yaml describes each key

        config.yaml: 2 mistakes; nothing was sent
        ");
    insta::assert_snapshot!(errors("region: us-phoenix-1\n"), @r"
        config.yaml: required keys are missing: tenancy_ocid, user_ocid, fingerprint, private_key_path, compartment_id, instance_settings
          = help: config.example.yaml describes each key; instead of credentials you can name a profile of ~/.oci/config: `profile: DEFAULT`, or --profile DEFAULT

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(spoiled("  image_id: ocid1.image.oc1.phx.aaaaexampleimage\n", "  image_id:\n"), @r"
        config.yaml:7:1: a required key is missing: instance_settings.image_id
          |
        7 | instance_settings:
          | ^^^^^^^^^^^^^^^^^
          = help: config.example.yaml describes each key

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(spoiled("display_name_prefix: web", "display_name_prefix: \"\""), @r"
        config.yaml:7:1: a required key is missing: instance_settings.display_name_prefix
          |
        7 | instance_settings:
          | ^^^^^^^^^^^^^^^^^
          = help: config.example.yaml describes each key

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn an_unknown_key_comes_with_the_nearest_known_one() {
    let text = GOOD.replace("subnet_id:", "subnetid:").replace("region:", "Region:");
    let text = text.replace("    ocpus: 1\n", "    ocpu: 1\n")
        + "  displayname: x\n  private_key_path: y\n  quota: 3\n";
    insta::assert_snapshot!(errors(text), @r"
        config.yaml:5:1: unknown key `Region`
          |
        5 | Region …
          | ^^^^^^
          = help: did you mean `region`?

        config.yaml:12:5: unknown key `instance_settings.shape_config.ocpu`
           |
        12 |     ocpu …
           |     ^^^^
           = help: did you mean `ocpus`?

        config.yaml:15:3: unknown key `instance_settings.subnetid`
           |
        15 |   subnetid …
           |   ^^^^^^^^
           = help: did you mean `subnet_id`?

        config.yaml:17:3: unknown key `instance_settings.displayname`
           |
        17 |   displayname …
           |   ^^^^^^^^^^^
           = help: did you mean `display_name_prefix`?

        config.yaml:18:3: unknown key `instance_settings.private_key_path`
           |
        18 |   private_key_path …
           |   ^^^^^^^^^^^^^^^^
           = help: move `private_key_path` under the top level

        config.yaml:19:3: unknown key `instance_settings.quota`
           |
        19 |   quota …
           |   ^^^^^
           = help: to set another field of the API, write it under `launch_details:` with its name in the API

        config.yaml: 6 mistakes; nothing was sent
        ");
}

#[test]
fn a_malformed_ocid_names_expected_and_given_type() {
    let text = GOOD
        .replace("ocid1.image.oc1.phx.aaaaexampleimage", "ocid1.subnet.oc1.phx.aaaa")
        .replace("ocid1.subnet.oc1.phx.aaaaexamplesubnet", "subnet-0abc123")
        .replace("ocid1.compartment.oc1..aaaaexamplecompartment", "ocid1.compartment.oc1")
        .replace("ocid1.user.oc1..aaaaexampleuser", "ocid1.user.oc1..aaaa bbbb");
    insta::assert_snapshot!(errors(text), @r#"
        config.yaml:2:12: user_ocid is not an OCID: it holds ' ', which no OCID does, but this is "ocid1.user.oc1..aaaa bbbb"
          |
        2 | user_ocid: ocid1.user.oc1..aaaa bbbb
          |            ^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: an OCID of type user looks like `ocid1.user.oc1…`

        config.yaml:6:17: compartment_id is not an OCID: an OCID has the form `ocid1.<type>.<realm>.<region>.<unique id>`, but this is "ocid1.compartment.oc1"
          |
        6 | compartment_id: ocid1.compartment.oc1
          |                 ^^^^^^^^^^^^^^^^^^^^^
          = help: an OCID of type compartment or tenancy looks like `ocid1.compartment.oc1…`

        config.yaml:14:13: image_id needs an OCID of type image, but this OCID has type subnet
           |
        14 |   image_id: ocid1.subnet.oc1.phx.aaaa
           |             ^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: copy the OCID of the image itself

        config.yaml:15:14: subnet_id is not an OCID: an OCID starts with `ocid1.`, but this is "subnet-0abc123"
           |
        15 |   subnet_id: subnet-0abc123
           |              ^^^^^^^^^^^^^^
           = help: an OCID of type subnet looks like `ocid1.subnet.oc1…`

        config.yaml: 4 mistakes; nothing was sent
        "#);
}

#[test]
fn a_foreign_ocid_is_reported_before_any_call() {
    let text = GOOD
        .replace("ocid1.image.oc1.phx.aaaaexampleimage", "ocid1.image.oc1.iad.aaaaexampleimage")
        .replace("ocid1.subnet.oc1.phx.aaaaexamplesubnet", "ocid1.subnet.oc1.us-sanjose-1.aaaaexamplesubnet")
        .replace("ocid1.tenancy.oc1..aaaa", "ocid1.tenancy.oc2..aaaa");
    insta::assert_snapshot!(errors(text), @r"
        config.yaml:1:15: tenancy_ocid is in realm oc2, but the region us-phoenix-1 is in oc1
          |
        1 | tenancy_ocid: ocid1.tenancy.oc2..aaaaexampletenancy
          |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: realms are isolated from each other: use an OCID of the tenancy that `region` belongs to

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
        config.yaml:5:9: the region "us-phenix-1" is unknown; did you mean "us-phoenix-1"?
          |
        5 | region: us-phenix-1
          |         ^^^^^^^^^^^
          = help: if the region is newer than this program, also set `endpoint:`

        config.yaml: 1 mistake; nothing was sent
        "#);
    insta::assert_snapshot!(spoiled("region: us-phoenix-1", "region: the-moon-1"), @r#"
        config.yaml:5:9: the region "the-moon-1" is unknown; write it as `us-ashburn-1`, and describe a region that is newer than this program in OCI_REGION_METADATA
          |
        5 | region: the-moon-1
          |         ^^^^^^^^^^
          = help: if the region is newer than this program, also set `endpoint:`

        config.yaml: 1 mistake; nothing was sent
        "#);
}

#[test]
fn an_endpoint_that_is_none_is_refused() {
    insta::assert_snapshot!(errors(format!("{GOOD}endpoint: http://example.com\n")), @r#"
        config.yaml:17:11: endpoint: "http://example.com" is plain http to another machine: others could read and change the requests. Use https; plain http is allowed only to 127.0.0.0/8, [::1] and localhost
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
           = help: for 1 OCPU and 6 GB, add `shape_config: {ocpus: 1, memory_in_gbs: 6}`

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(spoiled("    ocpus: 1\n", ""), @r"
        config.yaml:12:5: VM.Standard.E4.Flex is a flexible shape, but its shape_config has no ocpus
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
fn a_misspelt_key_is_one_mistake_and_not_also_a_missing_one() {
    for (from, to) in
        [("  shape: ", "  shpe: "), ("region: ", "regoin: "), ("  shape_config:", "  shape_conifg:")]
    {
        let said = spoiled(from, to);
        assert!(said.contains("did you mean") && said.contains("config.yaml: 1 mistake;"), "{said}");
    }
}

#[test]
fn a_region_that_is_not_known_is_not_blamed_on_the_ocids() {
    use insta_scale::config::Overrides;
    let folder = tempfile::tempdir().unwrap();
    let text = GOOD.replace("region: us-phoenix-1", "region: us-phenix-1") + "endpoint: http://127.0.0.1:1\n";
    let settings = crate::bad_config::load_in(folder.path(), text, &Overrides::default()).unwrap();
    let note = "config.yaml:5:9: the region \"us-phenix-1\" is unknown; did you mean \"us-phoenix-1\"?";
    assert!(settings.notes.contains(note), "{}", settings.notes);
}

#[test]
fn text_in_quotes_is_not_true_or_false() {
    insta::assert_snapshot!(errors(format!("{GOOD}  assign_public_ip: \"no\"\n")), @r#"
        config.yaml:17:21: instance_settings.assign_public_ip must be true or false, but is the text "no"
           |
        17 |   assign_public_ip: "no"
           |                     ^^^^
           = help: remove the quotes: `assign_public_ip: false`

        config.yaml: 1 mistake; nothing was sent
        "#);
}
