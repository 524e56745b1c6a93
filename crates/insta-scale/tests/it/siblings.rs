//! Mistakes that a launch refuses are also refused earlier: by the config if its text shows them, otherwise by the plan.

use crate::bad_config::{GOOD, load_in};
use crate::program::Workplace;
use insta_scale::config::{Overrides, Settings};

fn load(text: &str) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    load_in(folder.path(), text, &Overrides::default())
}

fn one(more: &str) -> String {
    format!("{}{more}", GOOD.replace("count: 3", "count: 1"))
}

#[test]
fn a_hostname_that_dns_cannot_have_is_refused() {
    let hostname = |label: &str| {
        load(&one(&format!("  launch_details:\n    createVnicDetails: {{hostnameLabel: \"{label}\"}}\n")))
    };
    for bad in ["web_1", "-web", "web-", "web.example", "wéb", &"w".repeat(64)] {
        let said = hostname(bad).unwrap_err();
        assert!(said.contains("is not a valid host name: "), "{bad}: {said}");
    }
    assert_eq!(hostname("web-1").map(|_| ()), Ok(()));
    let unrecorded = one(
        "  assign_private_dns_record: false\n  launch_details: {createVnicDetails: {hostnameLabel: web-1}}\n",
    );
    let said = load(&unrecorded).unwrap_err();
    assert!(said.contains("hostnameLabel needs a DNS record"), "{said}");
    let two = one("  launch_details: {hostnameLabel: a, createVnicDetails: {hostnameLabel: b}}\n");
    assert!(load(&two).unwrap_err().contains("the former is deprecated"));
}

#[test]
fn vcpus_are_taken_as_the_ocpus_that_they_are() {
    let sized = |shape: &str, size: &str| {
        load(&GOOD.replace("VM.Standard.E4.Flex", shape).replace("ocpus: 1\n", &format!("{size}\n")))
    };
    let ocpus = |settings: &Settings| settings.fleet.template.shape_config.as_ref().unwrap().ocpus;
    let e4 = sized("VM.Standard.E4.Flex", "vcpus: 4").unwrap();
    assert_eq!(ocpus(&e4), Some(2.0));
    assert!(e4.notes.contains("an OCPU is 2 vCPUs on VM.Standard.E4.Flex: vcpus: 4 means `ocpus: 2`"));
    assert_eq!(ocpus(&sized("VM.Standard.A1.Flex", "vcpus: 4").unwrap()), Some(4.0));
    let odd = sized("VM.Standard.E4.Flex", "vcpus: 3").unwrap_err();
    assert!(odd.contains("is not a whole number of OCPUs") && odd.contains("set `ocpus: 2`"), "{odd}");
    let both = sized("VM.Standard.E4.Flex", "vcpus: 4\n    ocpus: 2").unwrap_err();
    assert!(both.contains("both set"), "{both}");
    // The service knows the vCPUs of a shape that is newer than this program.
    let new = sized("VM.Standard.E9.Flex", "vcpus: 4").unwrap();
    assert_eq!(new.fleet.template.shape_config.as_ref().unwrap().vcpus, Some(4));
}

#[test]
fn a_boot_volume_starts_one_instance_and_no_more() {
    let volume = "boot_volume_id: ocid1.bootvolume.oc1.phx.v";
    let of = |text: &str| text.replace("image_id: ocid1.image.oc1.phx.aaaaexampleimage", volume);
    let details = "  launch_details: {sourceDetails: {bootVolumeId: ocid1.bootvolume.oc1.phx.v}}\n";
    let without_image = one(details).replace("  image_id: ocid1.image.oc1.phx.aaaaexampleimage\n", "");
    for text in [of(&one("")), without_image] {
        let body = serde_json::to_value(load(&text).unwrap().fleet.template).unwrap();
        let wanted =
            serde_json::json!({"sourceType": "bootVolume", "bootVolumeId": "ocid1.bootvolume.oc1.phx.v"});
        assert_eq!(body["sourceDetails"], wanted);
    }
    let said = load(&of(GOOD)).unwrap_err();
    assert!(said.contains("boot_volume_id applies to one instance, but count is 3"), "{said}");
    let said = load(&one(details)).unwrap_err();
    assert!(said.contains("image_id applies to a new boot volume"), "{said}");
    let place = Workplace::with_config(&of(&one("")));
    for arguments in [&["plan", "--simulate"][..], &["--simulate", "--yes"]] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {} {}", ended.stdout, ended.stderr);
    }
}

#[test]
fn a_baseline_that_a_shape_lacks_is_refused_by_the_plan() {
    let text = GOOD.replace("VM.Standard.E4.Flex", "VM.Standard.A2.Flex");
    let text = text.replace("    ocpus: 1\n", "    ocpus: 1\n    baseline_ocpu_utilization: BASELINE_1_2\n");
    let place = Workplace::with_config(&text);
    let ended = place.run(&["plan", "--simulate"]);
    assert_eq!(ended.code, 4, "{} {}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains(
            "you can have none of 3 now, because VM.Standard.A2.Flex does not support BASELINE_1_2"
        ),
        "{}",
        ended.stdout
    );
}

#[test]
fn an_unknown_shape_hides_no_other_in_the_report() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["capacity", "VM.Standard.E4.Flex:1:6", "VM.Standard.E44.Flex", "--simulate"]);
    assert_eq!(ended.code, 0, "{} {}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("VM.Standard.E4.Flex, 1 OCPU, 6 GB"), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("no shape VM.Standard.E44.Flex; did you mean VM.Standard.E4.Flex?"),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("policy"), "{}", ended.stderr);
    let alone = place.run(&["capacity", "VM.Standard.E44.Flex", "--simulate"]);
    assert_eq!(alone.code, 2, "{}", alone.stderr);
    assert!(!alone.stderr.contains("policy"), "{}", alone.stderr);
    assert_eq!(alone.stderr.matches("no shape VM.Standard.E44.Flex").count(), 1, "{}", alone.stderr);
}

/// An unset variable in a template never selects another fleet or disables the spread.
#[test]
fn a_blank_fleet_or_spread_is_refused() {
    for blank in ["fleet:", "fleet: \"\"", "fleet: \"  \""] {
        let said = load(&format!("{blank}\n{GOOD}")).unwrap_err();
        assert!(said.contains("fleet is blank"), "{blank}: {said}");
    }
    for blank in ["spread:", "spread: {}"] {
        let said = load(&format!("{GOOD}  {blank}\n")).unwrap_err();
        assert!(said.contains("spread lacks `across`"), "{blank}: {said}");
    }
}
