use super::*;

/// The completions of the last word of `line`; `|` marks the cursor.
fn offered(program: Program, line: &str) -> Vec<String> {
    let words = line.strip_suffix('|').unwrap().split(' ').map(OsString::from).collect();
    let found = candidates(program, words);
    found.iter().map(|candidate| candidate.get_value().to_str().unwrap().to_owned()).collect()
}

fn offers(program: Program, line: &str, wanted: &[&str]) {
    let found = offered(program, line);
    for wanted in wanted {
        assert!(found.iter().any(|found| found == wanted), "{line} {wanted}: {found:?}");
    }
}

#[test]
fn every_command_offers_its_own_commands_and_flags() {
    fn visit(command: &Command, words: &mut Vec<OsString>) {
        let flags = command.get_arguments().filter(|arg| !arg.is_hide_set()).filter_map(clap::Arg::get_long);
        let inner = command.get_subcommands().filter(|inner| !inner.is_hide_set());
        let wanted =
            flags.map(|flag| format!("--{flag}")).chain(inner.map(|inner| inner.get_name().to_owned()));
        let found = candidates(MAIN, [words.as_slice(), &[OsString::new()]].concat());
        for wanted in wanted {
            assert!(found.iter().any(|found| found.get_value() == OsStr::new(&wanted)), "{words:?} {wanted}");
        }
        for inner in command.get_subcommands() {
            words.push(inner.get_name().into());
            visit(inner, words);
            words.pop();
        }
    }
    let mut command = Cli::command();
    command.build();
    visit(&command, &mut vec!["oci-insta-scale".into()]);
}

#[test]
fn flags_of_launch_are_offered_without_its_name() {
    offers(MAIN, "oci-insta-scale |", &["launch", "instances", "--dry-run"]);
    offers(MAIN, "oci-insta-scale --sim|", &["--simulate", "--simulate="]);
    offers(MAIN, "oci-insta-scale --config a.yaml --dry|", &["--dry-run"]);
    offers(MAIN, "oci-insta-scale --config a.yaml inst|", &["instances"]);
    assert_eq!(offered(MAIN, "oci-insta-scale instances list --dry|"), [""; 0]);
}

#[test]
fn values_are_offered_wherever_they_stand() {
    let formats = ["table", "json", "jsonl", "csv", "wide"];
    offers(MAIN, "oci-insta-scale --output |", &formats);
    offers(MAIN, "oci-insta-scale runs -o |", &formats);
    offers(MAIN, "oci-insta-scale show --output=js|", &["--output=json", "--output=jsonl"]);
    offers(MAIN, "oci-insta-scale --simulate=fl|", &["--simulate=flaky"]);
    offers(MAIN, "oci-insta-scale sim serve --scenario |", &["roomy", "stockout"]);
    offers(MAIN, "oci-insta-scale instances list --state run|", &["RUNNING"]);
    offers(
        MAIN,
        "oci-insta-scale instances list --state RUNNING,stopp|",
        &["RUNNING,STOPPED", "RUNNING,STOPPING"],
    );
    offers(MAIN, "oci-insta-scale capacity VM.Standard.E4|", &["VM.Standard.E4.Flex"]);
    offers(MAIN, "oci-insta-scale instances list --run la|", &["last"]);
    offers(MAIN, "oci-insta-scale completions |", &["bash", "zsh", "fish"]);
    offers(MAIN, "oci-insta-scale export |", &["ssh-config", "ansible"]);
}

#[test]
fn long_flags_with_one_dash_are_completed_as_such() {
    assert_eq!(offered(MAIN, "oci-insta-scale -dry|"), ["-dry-run"]);
    offers(MAIN, "oci-insta-scale -output |", &["json"]);
    offers(MAIN, "oci-insta-scale -simulate=fl|", &["-simulate=flaky"]);
    offers(CAPACITY_MANAGER, "capacity-manager -cre|", &["-create"]);
    offers(CAPACITY_MANAGER, "capacity-manager -create -shape VM.Standard.A1|", &["VM.Standard.A1.Flex"]);
}

#[test]
fn the_older_programs_are_completed_too() {
    offers(CAPACITY_MANAGER, "capacity-manager --|", &["--list", "--create", "--delete"]);
    offers(MANAGE_INSTANCES, "manage-instances st|", &["start", "stop", "status"]);
    offers(MANAGE_INSTANCES, "manage-instances stop --pre|", &["--prefix"]);
}

#[test]
fn a_program_started_by_its_path_is_found_by_it() {
    let script = script(clap_complete::Shell::Bash, OsStr::new("/opt/it's/oci-insta-scale")).unwrap();
    assert!(script.contains(r"'/opt/it'\''s/capacity-manager' -- "), "{script}");
    assert_eq!(beside(OsStr::new("oci-insta-scale"), "manage-instances"), "manage-instances");
}
