//! Environment variables in the values of config.yaml.

use crate::bad_config::{GOOD, load_in};
use crate::program::Ended;
use crate::sim_serve::region;
use insta_scale::config::{Overrides, Settings};

fn variable(name: &str) -> Option<String> {
    (name == "HOW_MANY").then(|| "7".to_owned())
}

fn load(from: &str, to: &str) -> Result<Settings, String> {
    let folder = tempfile::tempdir().unwrap();
    assert!(GOOD.contains(from), "{from:?} is not in the good config");
    let overrides = Overrides { variable: Some(variable), ..Overrides::default() };
    load_in(folder.path(), GOOD.replacen(from, to, 1), &overrides)
}

#[test]
fn a_variable_is_read_as_if_it_were_written() {
    assert_eq!(load("count: 3", "count: ${HOW_MANY}").unwrap().fleet.count, 7);
    assert_eq!(load("count: 3", "count: ${NONE:-4}").unwrap().fleet.count, 4);
    let said = load("count: 3", "count: \"${HOW_MANY}\"").unwrap_err();
    assert!(said.contains("remove the quotes"), "{said}");
}

#[test]
fn an_unset_variable_is_named_with_its_place() {
    let said = load("count: 3", "count: ${NO_SUCH}").unwrap_err();
    assert!(
        said.starts_with("config.yaml:9:10: instance_settings.count: the variable NO_SUCH is not set"),
        "{said}"
    );
    assert!(said.contains("${NAME:-default}"), "{said}");
    let said = load("region: us", "private_key_passphrase: a${pass}\nregion: us").unwrap_err();
    assert!(said.contains("is not set") && !said.contains("pass}"), "{said}");
}

#[test]
fn scripts_keep_their_own_variables() {
    let settings =
        load("  count: 3", "  count: 3\n  user_data: |\n    #!/bin/sh\n    echo ${HOME} ${1}").unwrap();
    assert!(settings.fleet.template.metadata.unwrap().contains_key("user_data"));
    load("  count: 3", "  count: 3\n  metadata: {script: \"echo ${HOME}\"}").unwrap();
}

#[test]
fn a_launch_reads_its_size_from_the_environment() {
    let (place, _region) = region(&[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let count = config.lines().find(|line| line.trim_start().starts_with("count:")).unwrap();
    place.write("config.yaml", config.replace(count, "  count: ${FLEET_SIZE}"));
    let arguments = ["launch", "--yes", "--output", "json"];
    let unset = place.run(&arguments);
    assert_eq!(unset.code, 2, "{}", unset.stderr);
    assert!(unset.stderr.contains("the variable FLEET_SIZE is not set"), "{}", unset.stderr);
    let ended = Ended::from(place.command(&arguments).env("FLEET_SIZE", "2").output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.json()["running"], 2);
}
