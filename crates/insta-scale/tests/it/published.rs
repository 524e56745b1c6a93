//! The published schemas: everything that a command prints for programs is what its schema says.

use crate::program::Workplace;
use crate::strict::accepts;
use clap::{Command, CommandFactory as _};
use insta_scale::args::{Cli, OutputFormat, normalise};
use insta_scale::output::published::{EVERY, Published, PublishedForm, TABLE, made};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

/// Commands whose stdout is a text in a format of its own, whatever `--output` says.
const OTHER_FORMATS: [&str; 3] = ["completions", "man", "config schema"];

/// The schemas as the types make them now, made once.
fn schemas() -> &'static BTreeMap<&'static str, Value> {
    static SCHEMAS: OnceLock<BTreeMap<&'static str, Value>> = OnceLock::new();
    SCHEMAS.get_or_init(|| made().map(|(entry, schema)| (entry.name, schema)).collect())
}

/// The command and the format that the words of a command line ask for; none if the parser refuses them.
fn parsed(arguments: &[&str]) -> Option<(String, OutputFormat)> {
    let words = std::iter::once("oci-insta-scale").chain(arguments.iter().copied()).map(OsString::from);
    let words = normalise(&Cli::command(), "launch", words);
    let matches = Cli::command().try_get_matches_from(words).ok()?;
    let (mut path, mut inner) = (Vec::new(), &matches);
    while let Some((name, next)) = inner.subcommand() {
        path.push(name);
        inner = next;
    }
    Some((path.join(" "), *inner.get_one("output")?))
}

/// Panics unless everything on stdout is what a schema of the command describes.
pub fn check(arguments: &[&str], stdout: &str) {
    let Some((command, format)) = parsed(arguments) else {
        // The parser refused it; the format is known only to the program.
        return match stdout.trim() {
            "" => (),
            text if text.starts_with('{') => {
                for document in documents(text) {
                    fits("", PublishedForm::Document, &document)
                        .unwrap_or_else(|why| panic!("{arguments:?}: {why}"));
                }
            }
            // The text of `--help` and `--version`.
            _ => (),
        };
    };
    let is_text = OTHER_FORMATS.contains(&command.as_str())
        || !matches!(format, OutputFormat::Json | OutputFormat::Jsonl);
    if is_text || is_one_schema(&command, arguments) {
        return;
    }
    let form = if format == OutputFormat::Json { PublishedForm::Document } else { PublishedForm::Line };
    for document in documents(stdout) {
        fits(&command, form, &document).unwrap_or_else(|why| panic!("{arguments:?}: {why}"));
    }
}

/// `schema NAME`: what is printed is no document but a schema.
fn is_one_schema(command: &str, arguments: &[&str]) -> bool {
    command == "schema" && arguments.iter().any(|word| *word != "schema" && schemas().contains_key(word))
}

/// Panics unless a document is one that some command prints.
pub fn check_any(document: &Value) {
    if document.get("$schema").is_some() {
        // A schema of config.yaml or of a document.
        return;
    }
    let tried: Vec<_> = TABLE.iter().map(|entry| accepts(&schemas()[entry.name], document)).collect();
    assert!(tried.iter().any(Result::is_ok), "no schema describes {document:#}");
}

fn documents(text: &str) -> Vec<Value> {
    let read: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(text).into_iter().collect();
    read.unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// Whether a schema of the command describes the document.
fn fits(command: &str, form: PublishedForm, document: &Value) -> Result<(), String> {
    // `maintain` prints its lines with `--output json` as well.
    let is_of = |entry: &&Published| {
        (entry.commands == EVERY || entry.commands.contains(&command))
            && (form == PublishedForm::Line || entry.form != PublishedForm::Line || command == "maintain")
    };
    let mut reasons = Vec::new();
    for entry in TABLE.iter().filter(is_of) {
        match accepts(&schemas()[entry.name], document) {
            Ok(()) => return Ok(()),
            Err(why) => reasons.push(format!("{}: {why}", entry.name)),
        }
    }
    Err(format!("no schema of `{command}` describes {document:#}\n{}", reasons.join("\n")))
}

/// The names of every command that can be run, with those that only have subcommands.
fn commands() -> Vec<(String, bool)> {
    fn walk(command: &Command, path: &[&str], found: &mut Vec<(String, bool)>) {
        for inner in command.get_subcommands() {
            let path = [path, &[inner.get_name()]].concat();
            found.push((path.join(" "), inner.get_subcommands().next().is_some()));
            walk(inner, &path, found);
        }
    }
    let mut found = Vec::new();
    walk(&Cli::command(), &[], &mut found);
    found
}

#[test]
fn every_schema_says_what_it_is() {
    let mut names = BTreeSet::new();
    for entry in TABLE {
        let schema = &schemas()[entry.name];
        assert!(names.insert(entry.name), "{} occurs twice", entry.name);
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
        assert_eq!(schema["$id"], format!("urn:oci-insta-scale:schema:{}:{}", entry.name, entry.version));
        assert_eq!(schema["title"], entry.name);
        assert!(entry.about().len() > 8, "{} is not described: {:?}", entry.name, entry.about());
        if entry.form == PublishedForm::Document {
            assert_eq!(schema["properties"]["schema_version"]["const"], entry.version, "{}", entry.name);
            let required = schema["required"].as_array().unwrap();
            assert!(required.contains(&json!("schema_version")), "{}", entry.name);
        }
    }
    assert!(TABLE.len() > 60, "{}", TABLE.len());
}

#[test]
fn every_field_of_a_schema_is_described() {
    fn walk(name: &str, schema: &Value, missing: &mut BTreeSet<String>) {
        for (key, inner) in schema.as_object().into_iter().flatten() {
            if key == "properties" {
                for (field, about) in inner.as_object().into_iter().flatten() {
                    let is_known = about["description"].is_string() || about["const"].is_string();
                    if !is_known && !["schema_version", "simulated"].contains(&field.as_str()) {
                        missing.insert(format!("{name}: {field}"));
                    }
                }
            }
            if key != "const" && key != "examples" {
                walk(name, inner, missing);
            }
        }
        for inner in schema.as_array().into_iter().flatten() {
            walk(name, inner, missing);
        }
    }
    let mut missing = BTreeSet::new();
    for (name, schema) in schemas() {
        walk(name, schema, &mut missing);
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn published_schemas_accept_fields_that_are_added() {
    for (name, schema) in schemas() {
        let text = schema.to_string();
        assert!(!text.contains("\"additionalProperties\":false"), "{name}");
        assert!(!text.contains("\"unevaluatedProperties\":false"), "{name}");
    }
}

#[test]
fn a_strict_reader_refuses_unnamed_and_missing_fields() {
    let known = json!({"schema_version": 2, "runs": []});
    assert_eq!(fits("runs", PublishedForm::Document, &known), Ok(()));
    for wrong in [
        json!({"schema_version": 1, "runs": []}),
        json!({"schema_version": 2}),
        json!({"schema_version": 2, "runs": [], "more": 1}),
        json!({"schema_version": 2, "runs": [{"run": "x"}]}),
        json!({"schema_version": 2, "runs": 1}),
        json!({"runs": []}),
    ] {
        assert!(fits("runs", PublishedForm::Document, &wrong).is_err(), "{wrong}");
    }
    // The document of another command.
    assert!(fits("doctor", PublishedForm::Document, &known).is_err());
}

#[test]
fn every_schema_belongs_to_a_command_that_exists() {
    let known: BTreeSet<String> = commands().into_iter().map(|(name, _)| name).collect();
    for entry in TABLE.iter().filter(|entry| entry.commands != EVERY) {
        assert!(!entry.commands.is_empty(), "{}", entry.name);
        for command in entry.commands {
            assert!(known.contains(*command), "{}: there is no command {command}", entry.name);
        }
    }
}

#[test]
fn every_command_prints_a_usage_error_as_a_document() {
    let place = Workplace::empty();
    let all = commands();
    assert!(all.len() > 50, "{}", all.len());
    for (command, _) in &all {
        for (format, wrong) in [("json", "--no-such-flag"), ("jsonl", "--config=")] {
            let mut arguments: Vec<&str> = command.split(' ').collect();
            arguments.extend(["--output", format, wrong]);
            let ended = place.unconfirmed(&arguments).output().unwrap();
            assert_eq!(ended.status.code(), Some(2), "{arguments:?}");
            let text = String::from_utf8(ended.stdout).unwrap();
            let [document] = &documents(&text)[..] else { panic!("{arguments:?}: {text}") };
            accepts(&schemas()["error"], document).unwrap_or_else(|why| panic!("{arguments:?}: {why}"));
            assert_eq!(document["error"]["class"], "usage", "{arguments:?}");
            let message = document["error"]["message"].as_str().unwrap();
            assert!(!message.contains('\n') && message.len() > 10, "{arguments:?}: {message}");
            assert!(!ended.stderr.is_empty(), "{arguments:?}");
        }
    }
}

#[test]
fn a_command_without_its_verb_prints_a_document_too() {
    let place = Workplace::empty();
    for arguments in
        [&["instances"][..], &["reservation"], &["find"], &["sim"], &["notify"], &["config"], &["fleet"]]
    {
        let arguments = [arguments, &["-o", "json"]].concat();
        let ended = place.unconfirmed(&arguments).output().unwrap();
        assert_eq!(ended.status.code(), Some(2), "{arguments:?}");
        let document: Value = serde_json::from_slice(&ended.stdout).unwrap();
        accepts(&schemas()["error"], &document).unwrap_or_else(|why| panic!("{arguments:?}: {why}"));
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains("subcommand") || message.contains("command"), "{message}");
    }
}

#[test]
fn the_schemas_in_docs_are_those_of_the_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas");
    let made: BTreeMap<String, String> = schemas()
        .iter()
        .map(|(name, schema)| (format!("{name}.json"), serde_json::to_string_pretty(schema).unwrap() + "\n"))
        .collect();
    assert_eq!(made.len(), TABLE.len());
    if std::env::var_os("UPDATE_SCHEMAS").is_some() {
        std::fs::remove_dir_all(&folder).unwrap();
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in &made {
            std::fs::write(folder.join(name), text).unwrap();
        }
    }
    same(&files(&folder), &made, "run: make schemas");
}

#[test]
fn the_program_writes_the_schemas_in_docs() {
    let place = Workplace::empty();
    let ended = place.run(&["schema", "--dir", "schemas"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let kept = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schemas"));
    same(&files(&place.path().join("schemas")), &kept, "build the program again");
}

/// Panics unless the files are these; names the one that differs, and not its text.
fn same(found: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>, remedy: &str) {
    let names = |files: &BTreeMap<String, String>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(wanted), "{remedy}");
    for (name, text) in wanted {
        assert!(found[name] == *text, "{name} differs; {remedy}");
    }
}

/// The files of a folder by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let paths = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    paths
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect()
}

#[test]
fn a_schema_is_printed_by_its_name() {
    let place = Workplace::empty();
    let shown = place.run(&["schema", "runs"]);
    assert_eq!(
        (shown.code, serde_json::from_str::<Value>(&shown.stdout).unwrap()),
        (0, schemas()["runs"].clone())
    );
    let line = place.run(&["schema", "runs", "-o", "jsonl"]);
    assert_eq!(line.stdout.lines().count(), 1);
    let listed = place.run(&["schema", "-o", "json"]).json();
    assert_eq!(listed["schemas"].as_array().unwrap().len(), TABLE.len());
    accepts(&schemas()["schema"], &listed).unwrap();
    let csv = place.run(&["schema", "-o", "csv"]);
    assert!(csv.stdout.starts_with("name,version,commands,about\r\n"), "{}", csv.stdout);
    let wrong = place.run(&["schema", "rnus"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("a similar value exists: 'runs'"), "{}", wrong.stderr);
}

#[test]
fn version_1_of_runs_is_the_array_of_before() {
    let place = Workplace::with_config(include_str!("../good.yaml"));
    let launched = place.run(&["--simulate", "--count", "2", "-o", "json", "--quiet"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let new = place.run(&["runs", "--simulated", "-o", "json"]).json();
    assert_eq!((&new["schema_version"], &new["simulated"]), (&json!(2), &json!(true)));
    let old = place.run(&["runs", "--simulated", "-o", "json", "--schema", "1"]).json();
    assert_eq!(old[0]["run"], new["runs"][0]["run"]);
    assert_eq!(old[0]["simulated"], true);
    assert_eq!(old.as_array().unwrap().len(), 1);
    let same = place.run(&["runs", "--simulated", "-o", "json", "--schema", "2"]).json();
    assert_eq!(same, new);
}

#[test]
fn an_unknown_version_of_runs_names_the_known_ones() {
    let place = Workplace::empty();
    let wrong = place.run(&["runs", "-o", "json", "--schema", "3"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("[possible values: 1, 2]"), "{}", wrong.stderr);
    assert!(wrong.json()["error"]["message"].as_str().unwrap().contains("'3'"), "{}", wrong.stdout);
    let lines = place.run(&["runs", "-o", "jsonl", "--schema", "1"]);
    assert_eq!(lines.code, 2);
    assert!(lines.stderr.contains("--schema selects the version of a document"), "{}", lines.stderr);
}
