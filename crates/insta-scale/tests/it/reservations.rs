//! Reservations with the real programs against a simulated region, the user's own workflow first.

use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region_at};
use serde_json::Value;

const MANAGER: &str = env!("CARGO_BIN_EXE_capacity-manager");
const SHAPE: &str = "VM.Standard.E4.Flex";

/// A region whose time runs 600 times as fast.
fn region(more: &[&str]) -> (Workplace, Region) {
    region_at("600", more)
}

fn in_place(place: &Workplace, more: &[&str]) -> Region {
    let region = Region::start(place, &[&["--speed", "600"], more].concat());
    crate::sim_serve::configure(place);
    region
}

fn manager(place: &Workplace, arguments: &[&str]) -> Ended {
    place.command_of(MANAGER, arguments).output().unwrap().into()
}

fn listed(place: &Workplace) -> Vec<Value> {
    let ended = manager(place, &["-list", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.json()["reservations"].as_array().unwrap().clone()
}

/// `./manage-instances.sh`, with the program beside it, as after `make build`.
#[cfg(unix)]
fn front_door(place: &Workplace, arguments: &[&str]) -> Ended {
    let script = place.write("manage-instances.sh", include_str!("../../../../manage-instances.sh"));
    let program = env!("CARGO_BIN_EXE_manage-instances");
    std::fs::copy(program, place.path().join("manage-instances")).unwrap();
    let mut words = vec![script.to_str().unwrap()];
    words.extend(arguments);
    let mut command = place.command_of("/bin/sh", &words);
    command.env("PATH", "/usr/bin:/bin").output().unwrap().into()
}

#[test]
#[cfg(unix)]
fn create_with_reservation_works_as_the_users_document_has_it() {
    let (place, _region) = region(&[]);
    // $ make list-reservations
    let nothing = manager(&place, &["-list", "-config", "config.yaml"]);
    assert_eq!((nothing.code, nothing.stdout.as_str()), (0, "no reservations\n"), "{}", nothing.stderr);

    // $ ./capacity-manager -create -name "prod" -ad "..." -shape "..." -count 10
    let arguments =
        ["-create", "-name", "prod", "-ad", "Uocm:PHX-AD-1", "-shape", SHAPE, "-count", "10", "-yes"];
    let created = manager(&place, &arguments);
    assert_eq!(created.code, 0, "{}", created.stderr);
    assert!(created.stdout.contains("prod") && created.stdout.contains("ACTIVE"), "{}", created.stdout);
    assert!(created.stderr.contains("charged at 85 %"), "it is not free: {}", created.stderr);
    let (before, _) = created.stdout.split_once("prod").unwrap();
    assert!(!before.contains("ACTIVE"));
    // 10 × 0.034 × 0.85, stated before anything is created.
    assert!(
        created.stderr.contains("from now on: 0.2890 USD per hour, 208.08 per 30 days"),
        "{}",
        created.stderr
    );

    // $ vi config.yaml            # Add reservation OCID
    let line = created.stderr.lines().find(|line| line.contains("capacity_reservation_id:")).unwrap();
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", config.replace("count: 3", "count: 10") + line + "\n");
    let ocid = line.split_once(": ").unwrap().1;

    // $ make dry-run
    let dry = place.run(&["--dry-run"]);
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert!(dry.stdout.contains(&format!("\"capacityReservationId\": \"{ocid}\"")), "{}", dry.stdout);

    // $ make run
    let run = place.run(&["--output", "json"]);
    assert_eq!((run.code, &run.json()["running"]), (0, &10.into()), "{}", run.stderr);
    let rows = listed(&place);
    assert_eq!((&rows[0]["reserved"], &rows[0]["used"]), (&10.into(), &10.into()), "{rows:?}");

    // It cannot be deleted while instances use it, and the error names them.
    let refused = manager(&place, &["-delete", "-id", ocid, "-y"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("is used by 10 instances: rehearsal-"), "{}", refused.stderr);

    // $ ./manage-instances.sh terminate -c <id> -p "test-"
    let compartment = config.lines().find_map(|line| line.trim().strip_prefix("compartment_id: ")).unwrap();
    let terminated =
        front_door(&place, &["terminate", "-c", compartment.trim_matches('"'), "-p", "rehearsal-", "-y"]);
    assert_eq!(terminated.code, 0, "{}", terminated.stderr);
    assert!(terminated.stdout.contains("10 of 10 instances done"), "{}", terminated.stdout);
    let rows = listed(&place);
    assert_eq!((&rows[0]["reserved"], &rows[0]["used"]), (&10.into(), &0.into()), "{rows:?}");
    // $ ./capacity-manager -delete -id <reservation-ocid>
    let deleted = manager(&place, &["-delete", "-id", ocid, "-yes"]);
    assert_eq!(deleted.code, 0, "{}", deleted.stderr);
    assert_eq!(listed(&place), Vec::<Value>::new());
}

#[test]
fn below_min_everything_is_rolled_back() {
    let (place, _region) = region(&["--scenario", "scarce"]);
    let domains = "AD-1,AD-2,AD-3";
    let arguments =
        ["reservation", "create", "--ad", domains, "--count", "5000", "--min", "5000", "--output", "json"];
    let ended = place.run(&arguments);
    assert_eq!(ended.code, 4, "{} {}", ended.stdout, ended.stderr);
    let document = ended.json();
    let rows = document["reservations"].as_array().unwrap();
    let sum = |key: &str| rows.iter().map(|row| row[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((rows.len(), sum("asked")), (3, 5000));
    assert!(sum("held") < 5000 && rows.iter().all(|row| row["given_back"] == true), "{rows:?}");
    assert!(ended.stderr.contains("everything was rolled back; nothing is reserved"), "{}", ended.stderr);
    assert_eq!(listed(&place), Vec::<Value>::new());
}

#[test]
fn rollback_has_its_own_time_and_names_only_what_existed() {
    // Creating it takes 3 s, and the user allows 1 s.
    let place = Workplace::empty();
    place.write("slow.yaml", "world: {reservation_seconds: {min: 1800, max: 1800}}");
    let region = in_place(&place, &["--scenario", "slow.yaml"]);
    let ended = place.run(&["reservation", "create", "--count", "5", "--min", "5", "--deadline", "1s"]);
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    assert!(ended.stderr.contains("everything was rolled back; nothing is reserved"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("OCI had no more capacity"), "{}", ended.stderr);
    assert_eq!(listed(&place), Vec::<Value>::new());
    drop(region);

    let place = Workplace::empty();
    let refused = "{answer: {status: 400, code: InvalidParameter}}";
    let faults = "faults: [{operations: [CreateComputeCapacityReservation], probability: 1.0, fault: ";
    place.write("refused.yaml", format!("{faults}{refused}}}]"));
    let _region = in_place(&place, &["--scenario", "refused.yaml"]);
    let ended = place.run(&["reservation", "create", "--count", "5"]);
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing was created, so nothing is reserved"), "{}", ended.stderr);
    for untrue in ["OCI had no more capacity", "rolled back"] {
        assert!(!ended.stderr.contains(untrue), "{}", ended.stderr);
    }
}

#[test]
fn a_partial_fill_is_kept_without_a_least_count_and_told() {
    let (place, _region) = region(&["--scenario", "scarce"]);
    let arguments = ["reservation", "create", "--ad", "AD-1", "--count", "5000", "--output", "json"];
    let ended = place.run(&arguments);
    let held = ended.json()["reservations"][0]["held"].as_u64().unwrap();
    assert!(held > 0 && held < 5000, "{held}");
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("{held} of 5000 are reserved")), "{}", ended.stderr);
    assert_eq!(listed(&place)[0]["reserved"], held);
}

#[test]
fn an_edited_config_launches_into_its_reservation() {
    let (place, _region) = region(&[]);
    let before = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let created = place.run(&["reservation", "create", "--write-config"]);
    assert_eq!(created.code, 0, "{}", created.stderr);
    assert_eq!(std::fs::read_to_string(place.path().join("config.yaml.bak")).unwrap(), before);
    let after = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let added: Vec<&str> = after.lines().filter(|line| !before.contains(line)).collect();
    assert_eq!(added.len(), 1, "{added:?}");
    assert!(added[0].starts_with("  capacity_reservation_id: ocid1.capacityreservation."));
    assert_eq!(place.run(&[]).code, 0);
    assert_eq!(listed(&place)[0]["used"], 3);
}

#[test]
fn short_domain_names_are_written_as_the_config_has_them() {
    let (place, _region) = region(&[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let line = config.lines().find(|line| line.trim().starts_with("availability_domain:")).unwrap();
    let three = config.replace(line, "  availability_domain: [AD-1, AD-2, AD-3]");
    place.write("config.yaml", &three);
    let created = place.run(&["reservation", "create", "--write-config"]);
    assert_eq!(created.code, 0, "{}", created.stderr);
    assert!(created.stderr.contains("now launches into it"), "{}", created.stderr);
    let edited = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    assert!(edited.contains("    - availability_domain: AD-2\n"), "{edited}");
    let run = place.run(&["--output", "json"]);
    assert_eq!((run.code, &run.json()["running"]), (0, &3.into()), "{}", run.stderr);
    assert!(listed(&place).iter().all(|row| row["used"] == 1), "{:?}", listed(&place));

    // The printed lines work as well, with full names beside short ones.
    place.write("config.yaml", &three);
    let shown = place.run(&["reservation", "create", "--name", "again"]);
    let (_, lines) = shown.stderr.split_once("instance_settings:\n").unwrap();
    place.write("config.yaml", format!("{three}{}", lines.trim_end().to_owned() + "\n"));
    let dry = place.run(&["--dry-run", "--new"]);
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert!(dry.stdout.contains("capacityReservationId"), "{}", dry.stdout);
}

#[test]
fn what_the_config_could_not_use_is_refused_before_it_costs() {
    let (place, _region) = region(&[]);
    let before = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let cases: [(&[&str], &str); 3] = [
        (&["--ad", "AD-2"], "the reservation is in Uocm:PHX-AD-2"),
        (&["--memory", "16", "--ocpus", "2"], "which cannot use VM.Standard.E4.Flex, 2 OCPUs, 16 GB"),
        (&["--shape", "VM.Standard.E5.Flex", "--memory", "16", "--ocpus", "1"], "which cannot use"),
    ];
    for (flags, why) in cases {
        let words: Vec<&str> =
            ["reservation", "create", "--write-config"].iter().chain(flags).copied().collect();
        let ended = place.run(&words);
        assert_eq!(ended.code, 2, "{flags:?} {}", ended.stderr);
        assert!(ended.stderr.contains(why), "{flags:?} {}", ended.stderr);
    }
    assert_eq!(listed(&place), Vec::<Value>::new());
    assert_eq!(std::fs::read_to_string(place.path().join("config.yaml")).unwrap(), before);
}

#[test]
fn waiting_for_fewer_than_are_held_changes_nothing() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["reservation", "create", "--name", "prod", "--count", "40"]).code, 0);
    let waited = place.run(&["reservation", "wait", "prod", "--count", "2"]);
    assert_eq!(waited.code, 0, "{}", waited.stderr);
    assert!(waited.stdout.starts_with("prod holds 40, 0 used"), "{}", waited.stdout);
    assert_eq!(listed(&place)[0]["reserved"], 40);
    let more = place.run(&["reservation", "wait", "prod", "--count", "41"]);
    assert!(more.stdout.starts_with("prod holds 41 of 41"), "{} {}", more.stdout, more.stderr);
}

#[test]
fn an_unfit_reservation_refuses_and_a_small_one_warns() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["reservation", "create", "--count", "2", "--write-config"]).code, 0);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let memory = config.lines().find(|line| line.trim().starts_with("memory_in_gbs:")).unwrap();
    place.write("config.yaml", config.replace(memory, &memory.replace(" 6", " 16")));
    let refused = place.run(&[]);
    assert_eq!(refused.code, 2, "{} {}", refused.stdout, refused.stderr);
    assert!(refused.stderr.contains("16 GB cannot use the reservation: it holds"), "{}", refused.stderr);
    let runs = place.run(&["runs"]);
    assert!(
        !runs.stdout.contains("running") && !runs.stdout.contains("failed"),
        "no run began: {}",
        runs.stdout
    );

    place.write("config.yaml", config);
    let run = place.run(&["--output", "json"]);
    assert_eq!(run.code, 3, "{}", run.stderr);
    assert!(run.stderr.contains("2 of the 3 requested instances fit"), "{}", run.stderr);
    assert!(run.stderr.contains("the reservation has no capacity left"), "{}", run.stderr);
    assert!(!run.stderr.contains("trying the next placement"), "{}", run.stderr);
}

#[test]
fn credentials_are_all_that_reservations_and_look_ups_need() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["reservation", "create", "--name", "prod", "--count", "1"]).code, 0);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let (connection, _) = config.split_once("instance_settings:").unwrap();
    place.write("config.yaml", connection);
    assert_eq!(listed(&place).len(), 1);
    for words in [
        &["find", "ads"][..],
        &["find", "images", "--os", "ubuntu"],
        &["find", "subnets"],
        &["capacity", "VM.Standard.E4.Flex:1:6"],
        &["reservation", "show", "prod"],
    ] {
        let ended = place.run(words);
        assert_eq!(ended.code, 0, "{words:?} {}", ended.stderr);
    }
    assert!(place.run(&["find", "images", "--os", "ubuntu"]).stdout.contains("Canonical Ubuntu"));
    let nothing = place.run(&["capacity"]);
    assert_eq!(nothing.code, 2);
    assert!(
        nothing.stderr.contains("neither the config nor the command names a shape"),
        "{}",
        nothing.stderr
    );
    let all = [
        "-create", "-name", "n", "-ad", "AD-1", "-shape", SHAPE, "-count", "1", "-ocpus", "1", "-memory",
        "6", "-y",
    ];
    assert_eq!(manager(&place, &all).code, 0);
    let forced = manager(&place, &["-delete", "-id", "ocid1.x", "-force"]);
    assert_eq!(forced.code, 2);
    assert!(forced.stderr.contains("terminate the instances first"), "{}", forced.stderr);
    let deleted = place.run(&["reservation", "delete", "prod"]);
    assert_eq!(deleted.code, 0, "{}", deleted.stderr);
    let wrong = place.run(&["reservation", "show", "ocid1.capacityreservation.oc1.phx.wrong"]);
    assert_eq!(wrong.code, 4, "{}", wrong.stderr);
    assert!(wrong.stderr.contains("OCIDs of the reservation"), "{}", wrong.stderr);
    assert!(!wrong.stderr.contains("subnet"), "{}", wrong.stderr);
}

#[test]
fn reservation_costs_are_in_text_and_json() {
    let (place, _region) = region(&[]);
    assert_eq!(
        place.run(&["reservation", "create", "--name", "prod", "--count", "10", "--write-config"]).code,
        0
    );
    let document = place.run(&["plan", "--count", "3", "--output", "json"]).json();
    let lines = document["cost"]["lines"].as_array().unwrap();
    let left = lines.iter().find(|line| line["what"] == "unused capacity of reservation prod").unwrap();
    // 7 × 0.034 × 0.85.
    assert_eq!(left["price"]["hour"], 0.2023, "{document}");
    let sum: f64 = lines.iter().map(|line| line["price"]["hour"].as_f64().unwrap()).sum();
    assert!((document["cost"]["total"]["hour"].as_f64().unwrap() - sum).abs() < 1e-9, "{document}");
    let shown = place.run(&["plan", "--count", "3"]).stdout;
    assert!(shown.contains("145.66 per 30 days"), "{shown}");
    assert!(shown.contains("before the launch: 0.2890 USD per hour, 208.08 per 30 days"), "{shown}");
}

#[test]
fn the_configs_tags_are_on_what_is_reserved() {
    let (place, _region) = region(&[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let tagged =
        config.replace("instance_settings:\n", "instance_settings:\n  freeform_tags: {team: blue}\n");
    place.write("config.yaml", tagged);
    assert_eq!(place.run(&["reservation", "create", "--name", "prod", "--count", "1"]).code, 0);
    let saved = place.run(&["reservation", "show", "prod", "--output", "json"]).json();
    assert_eq!(saved["reservation"]["freeform_tags"]["team"], "blue", "{saved}");
}

#[test]
fn a_reservation_grows_shrinks_and_is_shown_by_its_name() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["reservation", "create", "--name", "prod", "--count", "4"]).code, 0);
    let grown = place.run(&["reservation", "update", "prod", "--count", "+6", "--output", "json"]);
    assert_eq!((grown.code, &grown.json()["held"]), (0, &10.into()), "{}", grown.stderr);
    let shrunk = place.run(&["reservation", "update", "prod", "--count=-9"]);
    assert_eq!(shrunk.code, 0, "{}", shrunk.stderr);
    assert!(shrunk.stdout.starts_with("prod holds 1 of 1, 0 used"), "{}", shrunk.stdout);
    let shown = place.run(&["reservation", "show", "prod"]);
    assert!(shown.stdout.contains("reserved             1, of which 0 used and 1 free"), "{}", shown.stdout);
    assert!(shown.stdout.contains(SHAPE), "{}", shown.stdout);
    let unknown = place.run(&["reservation", "delete", "nobody"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.stderr.contains("the compartment has no reservation named \"nobody\""),
        "{}",
        unknown.stderr
    );
    let csv = place.run(&["reservation", "list", "--output", "csv"]).stdout;
    assert!(
        csv.starts_with(
            "name,state,availability_domain,reserved,used,free,unused_per_hour,ocid,is_default,currency\r\nprod,ACTIVE,"
        ),
        "{csv}"
    );
    assert!(csv.trim_end().ends_with(",false,USD") && csv.contains(",0.0289,"), "{csv}");
}

#[test]
fn mistakes_are_found_before_anything_is_reserved() {
    let (place, _region) = region(&[]);
    let cases: [(&[&str], &str); 8] = [
        (&["--ad", "AD-7", "--count", "1"], "`AD-7` is not an availability domain of this region"),
        (&["--shape", "VM.Standard.E5.Flex", "--count", "1"], "is flexible, but its size is incomplete"),
        (&["--shape", "VM.Standard9.Flex", "--ocpus", "1", "--memory", "6"], "cannot be reserved in"),
        (&["--shape", "VM.Standard2.1", "--ocpus", "1", "--memory", "6"], "has a fixed size"),
        (&["--count", "5", "--min", "6"], "--min 6 is above the 5 requested instances"),
        (&["--add", "shape=A,count=1", "--count", "3"], "cannot be used with"),
        (&["--add", "shape=A,count=4000000000"], "count must be a whole number from 1 to 1000000"),
        (&["--add", "shape=A,count=0"], "count must be a whole number from 1 to 1000000"),
    ];
    for (arguments, message) in cases {
        let mut words = vec!["reservation", "create"];
        words.extend(arguments);
        let ended = place.run(&words);
        assert_eq!(ended.code, 2, "{arguments:?} {}", ended.stderr);
        assert!(ended.stderr.contains(message), "{arguments:?} {}", ended.stderr);
    }
    assert_eq!(listed(&place), Vec::<Value>::new());
}

#[test]
fn a_launch_reserves_and_releases_what_is_unused() {
    let (place, _region) = region(&[]);
    let dry = place.run(&["--reserve", "--release", "--count", "7", "--dry-run"]);
    assert!(dry.stdout.contains("Uocm:PHX-AD-1: 7 × VM.Standard.E4.Flex, 1 OCPU, 6 GB"), "{}", dry.stdout);
    assert!(dry.stdout.contains("until it is used (85 % of the on-demand price)"), "{}", dry.stdout);
    let offline = place.run(&["--reserve", "--count", "7", "--dry-run", "--offline"]).stdout;
    assert!(offline.contains("7 × VM.Standard.E4.Flex, 1 OCPU, 6 GB"), "{offline}");
    let document = place.run(&["--reserve", "--count", "7", "--dry-run", "--output", "json"]).json();
    assert_eq!(document["reserve"]["places"][0]["asked"], 7, "{document}");
    let run = place.run(&["--reserve", "--release", "--count", "7", "--min", "7", "--output", "json"]);
    assert_eq!((run.code, &run.json()["running"]), (0, &7.into()), "{}", run.stderr);
    assert!(run.stderr.contains("reserved 7 of 7 in Uocm:PHX-AD-1"), "{}", run.stderr);
    let rows = listed(&place);
    assert_eq!((&rows[0]["reserved"], &rows[0]["used"]), (&7.into(), &7.into()), "{rows:?}");

    // Two launches are refused for good: the capacity they leave unused is released.
    let place = Workplace::empty();
    let two = "faults: [{operations: [LaunchInstance], times: 2, fault: {answer: {status: 400, code: InvalidParameter}}}]";
    place.write("two.yaml", two);
    let _region = in_place(&place, &["--scenario", "two.yaml"]);
    let run = place.run(&["--reserve", "--release", "--count", "7", "--output", "json"]);
    assert_eq!((run.code, &run.json()["running"]), (3, &5.into()), "{}", run.stderr);
    let rows = listed(&place);
    assert_eq!((&rows[0]["reserved"], &rows[0]["used"]), (&5.into(), &5.into()), "{rows:?}");
}

#[test]
fn an_unreservable_launch_creates_and_holds_nothing() {
    let (place, _region) = region(&["--scenario", "scarce"]);
    let run = place.run(&["--reserve", "--count", "5000", "--min", "5000", "--output", "json"]);
    assert_eq!((run.code, &run.json()["launched"]), (4, &0.into()), "{}", run.stderr);
    assert!(run.stderr.contains("of 5000 could be reserved"), "{}", run.stderr);
    assert_eq!(listed(&place), Vec::<Value>::new());
}

#[test]
fn an_exhausted_reservation_is_told_apart_from_a_full_domain() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["reservation", "create", "--count", "2", "--write-config"]).code, 0);
    let run = place.run(&["--output", "json"]);
    assert_eq!((run.code, &run.json()["running"]), (3, &2.into()), "{}", run.stderr);
    let document = run.json();
    let failed =
        document["instances"].as_array().unwrap().iter().find(|row| !row["error"].is_null()).unwrap();
    assert_eq!(failed["error"]["class"], "reservation_exhausted");
    assert!(
        failed["error"]["hint"].as_str().unwrap().contains("the reservation has no capacity left"),
        "{failed}"
    );
}

#[test]
fn a_dry_run_reports_obstacles_unless_offline() {
    let (place, region) = region(&["--scenario", "limits"]);
    let dry = place.run(&["--dry-run", "--count", "50"]);
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert!(dry.stdout.contains("you can have 20 of 50 now, because the limit"), "{}", dry.stdout);
    assert!(dry.stdout.contains("per hour"), "{}", dry.stdout);
    let offline = place.run(&["--dry-run", "--offline", "--count", "50"]);
    assert!(!offline.stdout.contains("you can have"), "{}", offline.stdout);
    drop(region);
    let unreachable = place.run(&["--dry-run"]);
    assert_eq!(unreachable.code, 0, "{}", unreachable.stderr);
    let told =
        "warning: limits, capacity and OCIDs are unchecked: ListAvailabilityDomains: ConnectionRefused";
    assert!(unreachable.stderr.contains(told), "{}", unreachable.stderr);
    assert!(unreachable.stdout.contains("per hour"), "prices need no service: {}", unreachable.stdout);
    let started = tokio::time::Instant::now();
    let plan = place.run(&["plan"]);
    assert!(plan.stdout.contains("OCI could not be queried (network)"), "{}", plan.stdout);
    assert!(!plan.stdout.contains("0 of"), "{}", plan.stdout);
    assert!(started.elapsed().as_secs() < 15, "{:?}", started.elapsed());
}
