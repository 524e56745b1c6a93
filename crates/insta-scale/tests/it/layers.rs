//! A config of several files and `--set`, and what `config show` says about it.

use crate::bad_config::GOOD;
use crate::program::{Ended, Workplace};
use crate::sim_serve::region;
use insta_scale::config::{self, Layers, Overrides, Settings};
use oci_client::credentials::CredentialsError;

fn variable(name: &str) -> Option<String> {
    (name == "SIZE").then(|| "6".to_owned())
}

/// Loads the good config with files over it and values of `--set`. Messages do not have the path of the folder.
fn load(over: &[&str], set: &[&str]) -> Result<Settings, String> {
    load_texts(&[&[GOOD], over].concat(), set)
}

fn load_texts(texts: &[&str], set: &[&str]) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut layers = Layers { folder: folder.path().to_owned(), ..Layers::default() };
    for (name, text) in ["config.yaml", "prod.yaml", "more.yaml"].iter().zip(texts) {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        layers.files.push(path);
    }
    layers.set = set.iter().map(ToString::to_string).collect();
    let overrides = Overrides { variable: Some(variable), ..Overrides::default() };
    let no_profile = |_: &config::CredentialSource| Err(CredentialsError::SigningFailed);
    let here = format!("{}/", folder.path().display());
    config::load(&layers, &overrides, &no_profile).map_err(|errors| errors.to_string().replace(&here, ""))
}

#[test]
fn groups_merge_by_key_and_lists_are_replaced_whole() {
    let first = "instance_settings:\n  count: 4\n  names: null\n  nsg_ids: [ocid1.networksecuritygroup.oc1.phx.aaa, ocid1.networksecuritygroup.oc1.phx.bbb]\n  shape_config: {ocpus: 2}\n";
    let second = "instance_settings:\n  nsg_ids: [ocid1.networksecuritygroup.oc1.phx.ccc]\n  count:\n";
    let settings = load(&[first, second], &[]).unwrap();
    assert_eq!(settings.fleet.count, 4, "a blank value says nothing");
    let template = serde_json::to_value(&settings.fleet.template).unwrap();
    assert_eq!(template["shapeConfig"], serde_json::json!({"ocpus": 2.0, "memoryInGBs": 6.0}));
    let groups = &template["createVnicDetails"]["nsgIds"];
    assert_eq!(groups, &serde_json::json!(["ocid1.networksecuritygroup.oc1.phx.ccc"]));
}

#[test]
fn null_removes_a_key_and_a_required_one_is_missed() {
    let said = load(&["instance_settings:\n  count: null\n"], &[]).unwrap_err();
    assert!(said.contains("a required key is missing: instance_settings.count"), "{said}");
    let said = load(&[], &["instance_settings.count=null"]).unwrap_err();
    assert!(said.contains("a required key is missing: instance_settings.count"), "{said}");
}

#[test]
fn a_name_takes_the_place_of_an_ocid_set_to_null() {
    let (top, fleet) = ("compartment", "instance_settings.");
    let image = "image={os: Oracle Linux, version: \"9\"}";
    for (ocid, name) in [
        ("compartment_id".to_owned(), format!("{top}=team/dev")),
        (format!("{fleet}subnet_id"), format!("{fleet}subnet=public")),
        (format!("{fleet}image_id"), format!("{fleet}{image}")),
    ] {
        for null in ["null", "~"] {
            let settings = load(&[], &[&format!("{ocid}={null}"), &name]).unwrap();
            assert_eq!(settings.names.all.len(), 1, "{ocid}: {:?}", settings.names.all);
        }
    }
    let over =
        "compartment_id: null\ncompartment: team/dev\ninstance_settings:\n  subnet: public\n  subnet_id: ~\n";
    assert_eq!(load(&[over], &[]).unwrap().names.all.len(), 2, "in a file over the first");
    let one = GOOD.replace("compartment_id: ", "compartment: team/dev\ncompartment_id: ~ #");
    assert_eq!(load_texts(&[&one], &[]).unwrap().names.all.len(), 1, "in one file");
    assert_eq!(
        load_texts(&[&one], &["compartment_id=null"]).unwrap().names.all.len(),
        1,
        "and removed once more"
    );
}

#[test]
fn null_leaves_nothing_of_a_key_behind() {
    for key in ["regions", "fleet", "instance_settings.alternatives", "instance_settings.spread"] {
        let null = format!("{key}=null");
        assert!(load(&[], &[&null]).is_ok(), "{key}, which no file has");
    }
    let over = "fleet: web\nhunt: {floor: 90s}\nregions: [{region: us-ashburn-1}]\ninstance_settings: {spread: {across: fault_domain}}\n";
    let less = "fleet: null\nregions: ~\nhunt: {floor: null}\ninstance_settings: {spread: ~}\n";
    let settings = load(&[over, less], &[]).unwrap();
    assert_eq!(settings.fleet.name, load(&[], &[]).unwrap().fleet.name);
    assert!(settings.fleet.regions.is_empty() && settings.hunt_floor.is_none());
    let set = ["fleet=null", "regions=null", "hunt.floor=null", "instance_settings.spread=null"];
    assert!(load(&[over], &set).unwrap().fleet.regions.is_empty());
    assert!(load(&[], &["instance_settings.spread.max_skew=null"]).is_ok(), "no empty group is made");
}

#[test]
fn a_region_takes_an_image_by_name_beside_a_null_ocid() {
    let regions = "regions: [{region: us-ashburn-1, subnet_id: ocid1.subnet.oc1.iad.aaa, image_id: null, image: {os: Oracle Linux, version: \"9\"}}]\n";
    let settings = load(&[regions], &[]).unwrap();
    assert!(settings.fleet.regions[0].newest_image.is_some());
}

#[test]
fn set_comes_last_and_is_read_by_type() {
    let prod = "instance_settings: {count: 4}\n";
    let set = ["instance_settings.count=5", "instance_settings.shape_config={ocpus: 3}"];
    let settings = load(&[prod], &set).unwrap();
    let template = serde_json::to_value(&settings.fleet.template).unwrap();
    assert_eq!(settings.fleet.count, 5);
    assert_eq!(template["shapeConfig"], serde_json::json!({"ocpus": 3.0, "memoryInGBs": 6.0}));
    let set = ["instance_settings.freeform_tags.note=one: two #3", "instance_settings.count=${SIZE}"];
    let settings = load(&[], &set).unwrap();
    assert_eq!(settings.fleet.count, 6);
    let tags = settings.fleet.template.freeform_tags.unwrap();
    assert_eq!(tags["note"], "one: two #3", "nothing is taken for a comment or a group");
}

#[test]
fn an_item_of_a_list_is_set_by_its_number() {
    let regions = "regions: [{region: us-ashburn-1, subnet_id: ocid1.subnet.oc1.iad.aaa, image_id: ocid1.image.oc1.iad.aaa}]\n";
    let settings = load(&[regions], &["regions.0.subnet_id=ocid1.subnet.oc1.iad.bbb"]).unwrap();
    assert!(format!("{:?}", settings.fleet.regions).contains("ocid1.subnet.oc1.iad.bbb"));
    let said = load(&[regions], &["regions.1.subnet_id=x"]).unwrap_err();
    assert!(
        said.contains("`regions` has 1 item (line 1 of prod.yaml), and none with the number 1"),
        "{said}"
    );
    let said = load(&[regions], &["regions.subnet_id=x"]).unwrap_err();
    assert!(said.contains("`regions` is a list") && said.contains("`regions.0`"), "{said}");
    assert!(load(&[], &["regions.0.subnet_id=x"]).unwrap_err().contains("`regions` has no items"));
}

#[test]
fn a_wrong_key_of_set_is_told_with_the_right_one() {
    let said = load(&[], &["instance_settings.cuont=4", "instance_settings.count.x=4", "count"]).unwrap_err();
    insta::assert_snapshot!(said, @r"
    --set instance_settings.cuont: unknown key `instance_settings.cuont`
      = help: did you mean `count`?

    --set instance_settings.count.x: `instance_settings.count` has one value and no keys of its own
      = help: write `--set instance_settings.count=VALUE`

    --set count: it has no value
      = help: write `--set KEY=VALUE`

    config.yaml: 3 mistakes; nothing was sent
    ");
}

#[test]
fn an_empty_value_of_set_is_refused() {
    for set in ["instance_settings.availability_domain=", "instance_settings.availability_domain=  "] {
        let said = load(&[], &[set]).unwrap_err();
        assert!(said.contains("the value is empty"), "{said}");
    }
}

#[test]
fn a_mistake_is_placed_in_its_own_file() {
    let prod = "instance_settings:\n  count: many\n";
    let said = load(&[prod], &["instance_settings.shape_config.ocpus=none"]).unwrap_err();
    insta::assert_snapshot!(said, @r#"
    prod.yaml:2:10: instance_settings.count must be a whole number from 1 to 1000000, but is the text "many"
      |
    2 |   count: many
      |          ^^^^

    --set instance_settings.shape_config.ocpus: must be a number above 0, but is the text "none"

    config.yaml + prod.yaml: 2 mistakes; nothing was sent
    "#);
    let said = load(&["region: [", "instance_settings: {count: 3"], &[]).unwrap_err();
    assert!(said.contains("prod.yaml:1:") && said.contains("more.yaml:1:"), "{said}");
}

#[test]
fn a_secret_is_not_taken_from_the_command_line() {
    for set in ["private_key_passphrase=hunter2", "notify=[{type: slack, url: \"https://hunter2\"}]"] {
        let said = load(&[], &[set]).unwrap_err();
        assert!(said.contains("a secret in a command line") && !said.contains("hunter2"), "{said}");
    }
    assert!(load(&[], &["private_key_passphrase=${SIZE}"]).is_ok());
}

#[test]
fn a_relative_path_starts_at_the_folder_of_its_file() {
    let place = Workplace::with_config(GOOD);
    std::fs::create_dir(place.path().join("prod")).unwrap();
    place.write("prod/user.sh", "#!/bin/sh\ntrue\n");
    place.write("prod/over.yaml", "instance_settings: {user_data: \"@user.sh\"}\n");
    let dry = ["--dry-run", "--offline"];
    let both = ["--config", "config.yaml", "--config", "prod/over.yaml"];
    let ended = place.run(&[&dry[..], &both].concat());
    assert!(!ended.stderr.contains("user.sh"), "{}", ended.stderr);
    let set = ["--set", "instance_settings.user_data=@user.sh"];
    let ended = place.run(&[&dry[..], &both[..2], &set].concat());
    assert!(ended.stderr.contains("user.sh: there is no such file"), "{}", ended.stderr);
}

fn show(place: &Workplace, words: &[&str]) -> Ended {
    let both = ["config", "show", "--config", "config.yaml", "--config", "prod.yaml"];
    let mut command = place.command(&[&both[..], words].concat());
    command.env("SIZE", "6").output().unwrap().into()
}

#[test]
fn show_tells_where_each_value_came_from() {
    let place = Workplace::with_config(GOOD);
    place.write(
        "prod.yaml",
        "private_key_passphrase: hunter2\ninstance_settings:\n  count: ${SIZE}\n  display_name_prefix: ${NAME:-web}-prod\n  \
         user_data: |\n    #!/bin/sh\n    echo hunter2\n  metadata: {token: hunter2}\n",
    );
    let ended = show(&place, &["--set", "instance_settings.shape_config.ocpus=4"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    insta::assert_snapshot!(ended.stdout);
    let ended =
        show(&place, &["--set", "prices.shapes.\"VM.Standard.E4.Flex\".ocpu=0.02", "--output", "json"]);
    let document = ended.json();
    let row = |key: &str| {
        let rows = document["values"].as_array().unwrap();
        rows.iter().find(|row| row["key"] == key).cloned().unwrap_or_else(|| panic!("{key}: {document:#}"))
    };
    assert_eq!(row("instance_settings.count")["value"], 6);
    assert_eq!(row("instance_settings.count")["line"], 3);
    assert_eq!(row("instance_settings.count")["variables"][0]["name"], "SIZE");
    assert_eq!(row("prices.shapes.\"VM.Standard.E4.Flex\".ocpu")["value"], 0.02);
    assert!(!ended.stdout.contains("hunter2"), "{}", ended.stdout);
}

#[test]
fn what_show_prints_is_the_same_config() {
    let example = include_str!("../../../../config.example.yaml");
    for text in [GOOD, example] {
        let place = Workplace::with_config(text);
        place.write("prod.yaml", "instance_settings: {count: 7, freeform_tags: {odd: \"yes: #1\", \"7\": \"7\", \"\\u202e\": \" \"}}\n");
        let first = show(&place, &["--output", "json"]).json()["config"].clone();
        let printed = show(&place, &[]).stdout;
        place.write("config.yaml", &printed);
        place.write("prod.yaml", "instance_settings: {count: 7}\n");
        let second = show(&place, &["--output", "json"]).json()["config"].clone();
        assert_eq!(first, second, "{printed}");
    }
}

#[test]
fn a_run_is_resumed_with_all_files_and_set_values() {
    let (place, _region) = region(&[]);
    place.write("prod.yaml", "instance_settings: {display_name_prefix: prod}\n");
    let layers = ["--config", "config.yaml", "--config", "prod.yaml", "--set", "instance_settings.count=8"];
    let pace = ["launch", "--rate", "4", "--deadline", "1s", "--no-wait", "--output", "json"];
    let ended = place.run(&[&pace[..], &layers].concat());
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    let hint = "resume --config config.yaml --config prod.yaml --set instance_settings.count=8";
    assert!(
        ended.stderr.contains(hint) || ended.stderr.contains("--config config.yaml --config prod.yaml"),
        "{}",
        ended.stderr
    );
    let run = ended.json()["run_id"].as_str().unwrap().to_owned();
    let again = place.run(&[&pace[..], &layers].concat());
    assert!(again.code == 2 && again.stderr.contains(&run), "{}", again.stderr);
    let other = place.run(&["resume", "--no-wait"]);
    assert!(
        other.code == 2 && other.stderr.contains(&run),
        "config.yaml alone is another config: {}",
        other.stderr
    );
    let listed = place.run(&["runs", "--output", "json"]).json()["runs"].clone();
    let config = listed[0]["config"].as_str().unwrap();
    assert!(config.contains("config.yaml + ") && config.ends_with("prod.yaml"), "{config}");
    let resumed = place.run(&["resume", &run, "--no-wait", "--output", "json"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(resumed.json()["launched"], 8);
    std::fs::remove_file(place.path().join("prod.yaml")).unwrap();
    let lost = place.run(&["resume", &run]);
    assert!(lost.code == 2 && lost.stderr.contains("prod.yaml, which no longer exists"), "{}", lost.stderr);
}

#[test]
fn the_original_words_take_several_configs() {
    let (place, _region) = region(&[]);
    place.write("prod.yaml", "instance_settings: {display_name_prefix: prod}\n");
    let dry = place.run(&["-config", "config.yaml", "-config", "prod.yaml", "-dry-run", "-offline"]);
    assert!(dry.code == 0 && dry.stdout.contains("prod-"), "{}{}", dry.stdout, dry.stderr);
    let split = ["instances", "--config", "config.yaml", "list", "--config", "no.yaml"];
    let ended = place.run(&split);
    assert!(ended.code == 2 && ended.stderr.contains("no.yaml: cannot be read"), "{}", ended.stderr);
}

#[test]
fn the_unit_has_every_file_and_every_set_value() {
    let place = Workplace::with_config(GOOD);
    place.write("prod.yaml", "instance_settings: {count: 4}\n");
    let words = [
        "maintain",
        "--print-unit",
        "--config",
        "config.yaml",
        "--config",
        "prod.yaml",
        "--set",
        "instance_settings.count=2",
    ];
    let ended = place.run(&words);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let folder = place.path().canonicalize().unwrap();
    let wanted = format!(
        "--config {0}/config.yaml --config {0}/prod.yaml --set instance_settings.count=2",
        folder.display()
    );
    assert!(ended.stdout.contains(&wanted), "{}", ended.stdout);
}
