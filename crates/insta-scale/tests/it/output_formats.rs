//! Every command honours `--output`, or refuses a format with exit code 2 and the reason. None ignores it.

use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region, region_at};
use clap::CommandFactory as _;
use serde_json::Value;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

/// What a command has besides the table.
#[derive(Clone, Copy, PartialEq)]
enum Has {
    /// json, jsonl and csv.
    List,
    /// json and jsonl.
    Documents,
    /// csv.
    Csv,
    /// Nothing.
    Text,
}

/// Every command with arguments with which it succeeds, in an order in which each finds what it needs.
const COMMANDS: &[(&str, &str, Has)] = &[
    ("launch", "--count 1 --new --yes", Has::Documents),
    ("launch", "--dry-run --new", Has::Documents),
    ("plan", "", Has::Documents),
    ("plan", "--placements table", Has::Text),
    ("hunt", "--print-unit", Has::Text),
    ("resume", "last", Has::Documents),
    ("runs", "", Has::Documents),
    ("show", "", Has::Documents),
    ("report", "", Has::Documents),
    ("report", "--format md", Has::Text),
    ("report", "--format html", Has::Text),
    ("cost", "", Has::List),
    ("status", "", Has::Documents),
    ("fleets", "", Has::List),
    ("fleet adopt", "rehearsal-1 --yes", Has::List),
    ("scale", "4 --yes", Has::Documents),
    ("maintain", "--once --yes", Has::Documents),
    ("maintain", "--print-unit", Has::Text),
    ("replace", "--drifted --yes", Has::Documents),
    ("reservation create", "--name made --new --count 1 --ad AD-1 --yes", Has::List),
    ("reservation list", "", Has::List),
    ("reservation show", "held", Has::List),
    ("reservation update", "held --count 2 --yes", Has::Documents),
    ("reservation wait", "held", Has::Documents),
    ("capacity", "", Has::List),
    ("capacity history", "", Has::List),
    ("capacity history", "--forget", Has::Documents),
    ("limits", "", Has::List),
    ("limits requests", "", Has::List),
    ("doctor", "", Has::Documents),
    ("config schema", "", Has::Documents),
    ("config show", "", Has::Documents),
    ("policy", "", Has::Documents),
    ("prices list", "", Has::List),
    ("prices reset", "", Has::Documents),
    ("find ads", "", Has::List),
    ("find shapes", "", Has::List),
    ("find images", "", Has::List),
    ("find subnets", "", Has::List),
    ("find nsgs", "", Has::List),
    ("find compartments", "", Has::List),
    ("ssh", "rehearsal-2", Has::Documents),
    ("export", "json", Has::Documents),
    ("export", "csv", Has::Csv),
    ("export", "ssh-config", Has::Text),
    ("export", "ansible", Has::Text),
    ("export", "hosts", Has::Text),
    ("export", "terraform-import", Has::Text),
    ("instances list", "", Has::List),
    ("instances status", "", Has::Documents),
    ("instances stop", "--all --allow-empty --yes", Has::Documents),
    ("instances start", "--all --allow-empty --yes", Has::Documents),
    ("instances reboot", "--all --allow-empty --yes", Has::Documents),
    ("instances terminate", "--all --allow-empty --yes", Has::Documents),
    ("cleanup", "--dry-run", Has::List),
    ("cleanup", "--yes", Has::Documents),
    ("sim scenarios", "", Has::List),
    ("sim reset", "--home nowhere", Has::Documents),
    ("ledger copy", "state elsewhere", Has::Documents),
    ("ledger check", "", Has::Documents),
    ("ledger prune", "--older-than 30d --dry-run", Has::Documents),
    ("ledger grant", "reader ann", Has::Text),
    ("schema", "", Has::List),
    ("schema", "runs", Has::Documents),
    ("completions", "bash", Has::Text),
    ("man", "", Has::Text),
];

/// The commands whose documents are judged elsewhere, or below.
const ELSEWHERE: &[&str] = &[
    "init",               // init.rs
    "instances extend",   // lifetimes.rs
    "limits request",     // limits.rs
    "limits cancel",      // limits.rs
    "limits comment",     // limits.rs
    "notify test",        // notify.rs
    "prices update",      // prices.rs
    "reservation delete", // below
    "sim exec",           // official_tools.rs
    "sim serve",          // below
    "watch",              // below
];

/// The commands of the program, without their subcommands' parents.
fn leaves(command: &clap::Command, path: &str, found: &mut Vec<String>) {
    for sub in command.get_subcommands() {
        let path = format!("{path} {}", sub.get_name()).trim().to_owned();
        if !sub.is_subcommand_required_set() {
            found.push(path.clone());
        }
        leaves(sub, &path, found);
    }
}

#[test]
fn every_command_has_a_row_in_the_table_of_formats() {
    let mut all = Vec::new();
    leaves(&insta_scale::args::Cli::command(), "", &mut all);
    assert!(all.len() > 40, "{all:?}");
    let known = |path: &String| {
        COMMANDS.iter().any(|(command, ..)| command == path) || ELSEWHERE.contains(&path.as_str())
    };
    let missing: Vec<&String> = all.iter().filter(|path| !known(path)).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

fn run(place: &Workplace, command: &str, arguments: &str, format: &str) -> Ended {
    let words: Vec<&str> =
        command.split(' ').chain(arguments.split_whitespace()).chain(["--output", format]).collect();
    let ended: Ended = place.unconfirmed(&words).output().unwrap().into();
    crate::published::check(&words, &ended.stdout);
    ended
}

/// Fails unless the text is what the format promises.
fn check(what: &str, format: &str, ended: &Ended) {
    let text = ended.stdout.as_str();
    assert_eq!(ended.code, 0, "{what}: {}", ended.stderr);
    match format {
        "json" => {
            let document: Value =
                serde_json::from_str(text).unwrap_or_else(|error| panic!("{what}: {error}: {text}"));
            // A schema is a document of another kind.
            let is_schema = document.get("$schema").is_some();
            assert!(is_schema || document["schema_version"].is_u64(), "{what}: {document}");
        }
        "jsonl" => {
            for line in text.lines() {
                let row: Value =
                    serde_json::from_str(line).unwrap_or_else(|error| panic!("{what}: {error}: {line}"));
                assert!(row.is_object(), "{what}: {row}");
            }
        }
        _ => {
            let head = text.lines().next().unwrap_or_default();
            let is_name = |name: &str| {
                !name.is_empty()
                    && name.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit())
            };
            assert!(head.split(',').all(is_name), "{what}: {head}");
        }
    }
}

#[test]
fn every_command_honours_a_format_or_refuses_it() {
    let (place, _region) = region_at("3000", &[]);
    assert_eq!(place.run(&["launch", "--count", "2", "--yes"]).code, 0);
    let reserved = ["reservation", "create", "--name", "held", "--count", "1", "--yes"];
    assert_eq!(place.run(&reserved).code, 0);
    for (command, arguments, has) in COMMANDS {
        for format in ["json", "jsonl", "csv"] {
            let what = format!("{command} {arguments} --output {format}");
            let honours = match has {
                Has::List => true,
                Has::Documents => format != "csv",
                Has::Csv => format == "csv",
                Has::Text => false,
            };
            let ended = run(&place, command, arguments, format);
            if honours {
                check(&what, format, &ended);
            } else {
                assert_eq!(ended.code, 2, "{what}: {}", ended.stdout);
                let refusal = format!("this command has no --output {format}");
                assert!(ended.stderr.contains(&refusal), "{what}: {}", ended.stderr);
                assert!(format == "csv" || ended.stdout.contains(&refusal), "{what}: {}", ended.stdout);
            }
        }
    }
}

#[test]
fn a_server_prints_its_address_as_a_document() {
    let place = Workplace::empty();
    let first_line = |arguments: &[&str]| {
        let mut child =
            place.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}"))
    };
    let serve = ["sim", "serve", "--listen", "127.0.0.1:0", "--home", "other", "--output", "json"];
    let document = first_line(&serve);
    assert_eq!((&document["schema_version"], &document["simulated"]), (&1.into(), &true.into()));
    assert!(document["endpoint"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{document}");
    let _region = Region::start(&place, &["--speed", "300"]);
    crate::sim_serve::configure(&place);
    assert_eq!(place.run(&["launch", "--count", "1", "--yes"]).code, 0);
    let document = first_line(&["watch", "--output", "json"]);
    assert!(document["url"].as_str().unwrap().starts_with("http://127.0.0.1:"), "{document}");
    assert_eq!(document["simulated"], true);
}

#[test]
fn a_resume_marks_every_line_as_simulated() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["launch", "--count", "1", "--yes"]).code, 0);
    let ended = place.run(&["resume", "last", "--yes", "--output", "jsonl"]);
    assert!(ended.stdout.lines().count() > 1, "{}", ended.stdout);
    for line in ended.stdout.lines() {
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["simulated"], true, "{line}");
    }
    assert!(ended.stderr.contains("nothing here is real"), "{}", ended.stderr);
}

#[test]
fn the_report_of_an_action_is_marked_as_simulated() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["launch", "--count", "1", "--yes"]).code, 0);
    assert_eq!(place.run(&["instances", "stop", "--all"]).code, 0);
    for command in ["report", "show", "cost"] {
        let document = place.run(&[command, "--output", "json"]).json();
        assert_eq!(document["simulated"], true, "{command}: {document}");
    }
}

#[test]
fn a_cleanup_of_nothing_has_the_usual_fields() {
    let (place, _region) = region(&[]);
    let ended = place.run(&["cleanup", "--yes", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let document = ended.json();
    for list in ["deleted", "failed", "left", "warnings"] {
        assert_eq!(document[list], serde_json::json!([]), "{document}");
    }
    assert!(document["run_id"].is_null() && document["instances"].is_null(), "{document}");
    assert_eq!(document["simulated"], true);
}

#[test]
fn a_deleted_reservation_is_told_as_a_document() {
    let (place, _region) = region(&[]);
    let created = ["reservation", "create", "--name", "held", "--count", "2", "--yes"];
    assert_eq!(place.run(&created).code, 0);
    let ended = place.run(&["reservation", "delete", "held", "--yes", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let document = ended.json();
    assert_eq!((&document["deleted"]["name"], &document["deleted"]["released"]), (&"held".into(), &2.into()));
    assert_eq!(document["simulated"], true);
}
