//! Credentials, login keys, user data, tags, reservations and passed-through fields that OCI would refuse are reported before
//! anything is sent.

use crate::bad_config::{GOOD, errors, spoiled};

#[test]
fn credentials_are_checked_for_their_form() {
    insta::assert_snapshot!(spoiled("20:3b:97", "20-3b-97"), @r"
        config.yaml:3:14: fingerprint must be 16 pairs of hexadecimal digits separated by colons
          |
        3 | fingerprint: 20-3b-97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34
          |              ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: the console shows it next to the API key: `20:3b:97:13:…`

        config.yaml: 1 mistake; nothing was sent
        ");
    let pasted = "private_key_path: |\n  -----BEGIN PRIVATE KEY-----\n  MIIEvQ\n";
    insta::assert_snapshot!(spoiled("private_key_path: key.pem\n", pasted), @r"
        config.yaml:5:3: private_key_path contains a key instead of the path of a key file
          |
        5 |   …
          |   ^
          = help: save the key to a file that only you can read: `private_key_path: ~/.oci/oci_api_key.pem`

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("{GOOD}profile: DEFAULT\n")), @r"
        config.yaml:17:10: profile is given together with credentials in this file
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
        2 | private_key_passphrase: …
          | ^^^^^^^^^^^^^^^^^^^^^^
          = help: keep one of the two

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("private_key_passphrase: [hunter2]\n{GOOD}")), @r"
        config.yaml:1:25: private_key_passphrase must be text, but is another kind of value
          |
        1 | private_key_passphrase: …
          |                         ^

        config.yaml: 1 mistake; nothing was sent
        ");
}

#[test]
fn ssh_keys_are_checked_where_they_stand() {
    let with = |value: &str| errors(format!("{GOOD}  ssh_authorized_keys: {value}\n"));
    insta::assert_snapshot!(with("keys/none.pub"), @r"
        config.yaml:17:24: instance_settings.ssh_authorized_keys is not a public key and cannot be read as a file: keys/none.pub: there is no such file
           |
        17 |   ssh_authorized_keys: keys/none.pub
           |                        ^^^^^^^^^^^^^
           = help: write the path of a .pub file, or the key itself: `ssh-ed25519 AAAA… you@host`

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(with("ssh-ed25519 AAAA me@host"), @r"
        config.yaml:17:24: instance_settings.ssh_authorized_keys: the key is damaged: its second word is not a key of type ssh-ed25519
           |
        17 |   ssh_authorized_keys: ssh-ed25519 AAAA me@host
           |                        ^^^^^^^^^^^^^^^^^^^^^^^^
           = help: a public key is a single line, `ssh-ed25519 AAAA… you@host`, as in ~/.ssh/id_ed25519.pub

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(with("ssh-ed25519 not*base64 me@host"), @r"
        config.yaml:17:24: instance_settings.ssh_authorized_keys: the key is damaged: its second word is not base64
           |
        17 |   ssh_authorized_keys: ssh-ed25519 not*base64 me@host
           |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: a public key is a single line, `ssh-ed25519 AAAA… you@host`, as in ~/.ssh/id_ed25519.pub

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(with("|\n    -----BEGIN OPENSSH PRIVATE KEY-----\n    b3BlbnNzaC1rZXk"), @r"
        config.yaml:18:5: instance_settings.ssh_authorized_keys: key 1 is a private key, which must not leave your machine: use the public key
           |
        18 |     …
           |     ^
           = help: a public key is a single line, `ssh-ed25519 AAAA… you@host`, as in ~/.ssh/id_ed25519.pub

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(with("|\n    # a comment only"), @r"
        config.yaml:18:5: instance_settings.ssh_authorized_keys: it contains no key
           |
        18 |     # a comment only
           |     ^
           = help: a public key is a single line, `ssh-ed25519 AAAA… you@host`, as in ~/.ssh/id_ed25519.pub

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
           = help: user data is plain text, a file (`@cloud-init.yaml`), or base64 after `base64:`

        config.yaml: 1 mistake; nothing was sent
        "#);
    let large = format!("{GOOD}  user_data: |\n    #!/bin/sh\n    # {}\n", "x".repeat(30_000));
    let text = errors(large);
    assert!(text.contains("the limit of OCI is 32000"), "{text}");
}

#[test]
fn tags_fit_what_oci_takes() {
    let tags: Vec<String> = (1..=9).map(|n| format!("    tag{n}: x\n")).collect();
    insta::assert_snapshot!(errors(format!("{GOOD}  freeform_tags:\n{}", tags.concat())), @r"
        config.yaml:26:5: freeform_tags has 9 tags; the limit is 8
           |
        26 |     tag9: x
           |     ^^^^
           = help: OCI allows 10 tags, and 2 of them are set by this program

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("{GOOD}  freeform_tags: {{cost.center: 42, a b: c}}\n")), @r#"
        config.yaml:17:19: the tag key "cost.center" contains '.', which OCI rejects
           |
        17 |   freeform_tags: {cost.center: 42, a b: c}
           |                   ^^^^^^^^^^^
           = help: use letters, digits, `-`, `_`, `/`, `+` and `:`

        config.yaml:17:36: the tag key "a b" contains ' ', which OCI rejects
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
        config.yaml:16:24: a capacity reservation belongs to one availability domain, but 2 are listed
           |
        16 |   availability_domain: [AD-1, AD-2]
           |                        ^
           = help: keep one domain, or list a reservation for each domain under `capacity_reservations:`

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("{two}  capacity_reservations: [ocid1.capacityreservation.oc1.phx.aaaa]\n")), @r"
        config.yaml:17:26: 1 bare OCIDs for 2 availability domains
           |
        17 |   capacity_reservations: [ocid1.capacityreservation.oc1.phx.aaaa]
           |                          ^
           = help: list one for each domain in the same order, or name the domain: `- {availability_domain: AD-1, capacity_reservation_id: …}`

        config.yaml: 1 mistake; nothing was sent
        ");
    let named = "  capacity_reservations:\n    - {availability_domain: AD-3, capacity_reservation_id: ocid1.capacityreservation.oc1.phx.a}\n    - {availability_domain: AD-1}\n";
    insta::assert_snapshot!(errors(format!("{two}{named}")), @r"
        config.yaml:18:7: availability_domain does not list AD-3, so this reservation is never used
           |
        18 |     - {availability_domain: AD-3, capacity_reservation_id: ocid1.capacityreservation.oc1.phx.a}
           |       ^
           = help: add the domain there, or remove this reservation

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
           = help: OCI does not support this combination: remove one of the two

        config.yaml: 1 mistake; nothing was sent
        ");
    insta::assert_snapshot!(errors(format!("{GOOD}  fault_domain: [FD-9, first]\n")), @r#"
        config.yaml:17:18: "FD-9" is not a fault domain
           |
        17 |   fault_domain: [FD-9, first]
           |                  ^^^^
           = help: write `FAULT-DOMAIN-1`, `-2` or `-3`, or remove the key to let OCI choose

        config.yaml:17:24: "first" is not a fault domain
           |
        17 |   fault_domain: [FD-9, first]
           |                        ^^^^^
           = help: write `FAULT-DOMAIN-1`, `-2` or `-3`, or remove the key to let OCI choose

        config.yaml: 2 mistakes; nothing was sent
        "#);
}

#[test]
fn launch_details_are_checked_against_the_model() {
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
           = help: write it as a group of fields without those fields

        config.yaml:22:7: instance_settings.launch_details.createVnicDetails.hostnameLabel applies to one instance, but count is 3
           |
        22 |       hostnameLabel: web
           |       ^^^^^^^^^^^^^
           = help: remove it: the subnet provides addresses and host names

        config.yaml:23:7: instance_settings.launch_details.createVnicDetails.privateIpx is not a known field of the API
           |
        23 |       privateIpx …
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
fn out_of_range_values_are_reported_at_our_key() {
    let groups: Vec<String> = (0..6).map(|n| format!("ocid1.networksecuritygroup.oc1.phx.a{n}")).collect();
    let more = format!(
        "  nsg_ids: [{}]\n  boot_volume_size_in_gbs: 20\n  boot_volume_vpus_per_gb: 15\n  recovery_action: RESTORE\n",
        groups.join(", ")
    );
    insta::assert_snapshot!(errors(format!("{GOOD}{more}")), @r"
        config.yaml:17:13: instance_settings.nsg_ids must have at most 5 items
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

#[test]
fn a_tag_without_a_value_and_a_tag_of_ours_are_refused() {
    insta::assert_snapshot!(errors(format!("{GOOD}  freeform_tags: {{a: , oci-insta-scale-run: x}}\n")), @r#"
        config.yaml:17:20: instance_settings.freeform_tags.a must be text, but is empty
           |
        17 |   freeform_tags: {a: , oci-insta-scale-run: x}
           |                    ^
           = help: for an empty value write `a: ""`

        config.yaml:17:24: the tag oci-insta-scale-run is reserved: this program sets it
           |
        17 |   freeform_tags: {a: , oci-insta-scale-run: x}
           |                        ^^^^^^^^^^^^^^^^^^^
           = help: remove it; the run sets it on each instance

        config.yaml: 2 mistakes; nothing was sent
        "#);
}

#[test]
fn what_is_said_to_be_base64_must_be() {
    insta::assert_snapshot!(errors(format!("{GOOD}  user_data: \"base64:aGVs*\"\n")), @r#"
        config.yaml:17:14: instance_settings.user_data: it is marked as base64, but is not valid base64
           |
        17 |   user_data: "base64:aGVs*"
           |              ^^^^^^^^^^^^^^
           = help: remove `base64:`, or encode it: base64 -w 0 FILE

        config.yaml: 1 mistake; nothing was sent
        "#);
}
