//! Turns flags, files and standard input into a filter, and a filter into instances.

use super::slip::{self, Slip};
use crate::apart;
use crate::args::{FleetChoice, Select};
use crate::connection::{Connection, for_questions};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::text::{clean, count};
use crate::run_choice::find_run_anywhere;
use crate::tuning::{BAD_LINES_SHOWN, LIST_BYTES_MAX};
use fleet::history::{InstancesOfRun, instances_of_run, launched_lately};
use fleet::plan::FLEET_TAG;
use fleet::select::{BadLine, Filter, Found, Named, SortBy, Tag, find, read_ocids, sort};
use ledger::RunKind;
use std::collections::HashSet;
use std::io::Read as _;
use std::path::Path;

/// Finds mistakes that need no request to the service.
pub fn check_selectors(select: &Select) -> Result<(), CommandError> {
    let named =
        select.arguments().map_err(|error| CommandError::usage(error, "use OCIDs or display names"))?;
    let file = select.file.as_deref();
    if file.is_some_and(|file| file.as_os_str() == "-") && select.named.iter().any(|text| text == "-") {
        return Err(CommandError::usage("standard input is named twice", "use `-` only once"));
    }
    drop(named);
    Ok(())
}

/// The filter that the flags describe. Reads the file, standard input, and the ledger for `--run`.
pub async fn build_filter(connection: &Connection<'_>, select: &Select) -> Result<Filter, CommandError> {
    let mut filter = Filter {
        prefix: select.prefix.clone(),
        tags: select.tag.clone(),
        states: select.state.clone(),
        availability_domains: select.ad.clone(),
        shapes: select.shape.clone(),
        named: named(connection, select).await?,
        terminated: select.terminated,
        ..Filter::default()
    };
    if let Some(fleet) = &select.fleet {
        let value = Some(fleet_name(connection, fleet)?);
        filter.tags.push(Tag { key: FLEET_TAG.to_owned(), value });
    }
    if let Some(text) = &select.run {
        add_run(connection, text, &mut filter).await?;
    }
    Ok(filter)
}

/// The name that identifies a fleet in its members' tag.
fn fleet_name(connection: &Connection<'_>, fleet: &FleetChoice) -> Result<String, CommandError> {
    let FleetChoice::Named(name) = fleet else {
        let name = &connection.settings.fleet.name;
        if name.is_empty() {
            return Err(CommandError::usage(
                format!("{} describes no fleet with a tag", connection.settings.file),
                "name the fleet: `--fleet NAME`; `oci-insta-scale fleets` lists the fleets",
            ));
        }
        return Ok(name.clone());
    };
    Ok(name.clone())
}

/// Adds the instances of a run: for a launch, those with its tag; otherwise those on which it acted.
async fn add_run(connection: &Connection<'_>, text: &str, filter: &mut Filter) -> Result<(), CommandError> {
    let heads = connection.session.known_runs().await?;
    let run = find_run_anywhere(&heads, text)?;
    let Some(head) = heads.iter().find(|head| head.run == run) else {
        filter.run = Some(run.to_string());
        return Ok(());
    };
    match instances_of_run(&*connection.session.ledger()?, run, head.kind).await? {
        InstancesOfRun::Tagged => filter.run = Some(run.to_string()),
        InstancesOfRun::These(ocids) => filter.among = Some(ocids),
        InstancesOfRun::None if head.kind == Some(RunKind::Scale) => {
            return Err(CommandError::usage(
                format!("run {run} set the size of a fleet: the runs after it have the instances"),
                "`oci-insta-scale runs` shows what each run did; `status` shows the fleet",
            ));
        }
        InstancesOfRun::None => {
            return Err(CommandError::usage(
                format!("run {run} deleted volumes and reservations: it has no instances"),
                "`oci-insta-scale runs` shows what each run did",
            ));
        }
    }
    Ok(())
}

async fn named(connection: &Connection<'_>, select: &Select) -> Result<Option<Vec<Named>>, CommandError> {
    let mut named =
        select.arguments().map_err(|error| CommandError::usage(error, "use OCIDs or display names"))?;
    let mut given = !named.is_empty();
    if let Some(path) = select.file.as_deref().filter(|path| path.as_os_str() != "-") {
        given = true;
        let text = read_list(path)?;
        named.extend(read_ocids(&text).map_err(|bad| bad_lines(&path.display().to_string(), &bad))?);
    }
    if select.reads_stdin() {
        given = true;
        let text = apart::run_apart(&connection.session.stop, || {
            let mut text = String::new();
            std::io::stdin().take(LIST_BYTES_MAX).read_to_string(&mut text).map(|_| text)
        });
        let text = text
            .await?
            .map_err(|source| CommandError::System { what: "standard input cannot be read", source })?;
        named.extend(read_ocids(&text).map_err(|bad| bad_lines("standard input", &bad))?);
    }
    Ok(given.then_some(named))
}

fn read_list(path: &Path) -> Result<String, CommandError> {
    let too_long = std::fs::metadata(path).is_ok_and(|file| file.len() > LIST_BYTES_MAX);
    if too_long {
        return Err(CommandError::usage(
            format!("{} is too long", path.display()),
            "write one OCID per line",
        ));
    }
    std::fs::read_to_string(path).map_err(|error| {
        CommandError::usage(format!("{} cannot be read: {error}", path.display()), "write one OCID per line")
    })
}

fn bad_lines(file: &str, bad: &[BadLine]) -> CommandError {
    let mut lines: Vec<String> = bad
        .iter()
        .take(BAD_LINES_SHOWN)
        .map(|bad| format!("{file}:{}:{}: {}", bad.line, bad.column, bad.reason))
        .collect();
    if bad.len() > BAD_LINES_SHOWN {
        lines.push(format!("… and {} more", bad.len() - BAD_LINES_SHOWN));
    }
    CommandError::usage(lines.join("\n"), "write one instance OCID per line; `#` starts a comment")
}

/// Finds the instances that flags select, and reports anything notable.
pub async fn choose_instances(connection: &Connection<'_>, select: &Select) -> Result<Found, CommandError> {
    find_and_report(connection, &build_filter(connection, select).await?).await
}

/// Finds the instances that a filter selects, and reports anything notable.
pub async fn find_and_report(connection: &Connection<'_>, filter: &Filter) -> Result<Found, CommandError> {
    let found = find_instances(connection, filter).await?;
    let slip = report_choice(connection, filter, &found).await?;
    if let Some(slip) = slip {
        console::line(&format!("hint: {}", slip.text));
    }
    for missing in &found.missing {
        console::line(&format!("warning: {} does not exist, or you may not see it", clean(missing.text())));
    }
    Ok(found)
}

/// Finds the instances that a filter selects without reporting anything. The ledger supplies instances that a run of this
/// machine launched recently and that are not listed yet.
pub async fn find_instances(connection: &Connection<'_>, filter: &Filter) -> Result<Found, CommandError> {
    let found =
        connection.ask(find(&for_questions(&connection.client), &connection.compartment, filter)).await;
    let mut found = found.map_err(CommandError::of_compartment)?;
    let unlisted = unlisted(connection, filter, &found).await?;
    if !unlisted.is_empty() {
        let named = Some(unlisted.into_iter().map(Named::Ocid).collect());
        let filter = Filter { named, ..filter.clone() };
        let more = connection
            .ask(find(&for_questions(&connection.client), &connection.compartment, &filter))
            .await?;
        found.machines.extend(more.machines);
        sort(&mut found.machines, SortBy::Name);
    }
    Ok(found)
}

/// Instances that the run launched recently according to the ledger but that the list does not show.
async fn unlisted(
    connection: &Connection<'_>,
    filter: &Filter,
    found: &Found,
) -> Result<Vec<String>, CommandError> {
    let run = filter.run.as_deref().and_then(|run| run.parse().ok()).filter(|_| filter.named.is_none());
    let Some(run) = run else { return Ok(Vec::new()) };
    let session = connection.session;
    let heads = session.known_runs().await?;
    if heads.is_empty() {
        return Ok(Vec::new());
    }
    let mut known = launched_lately(&*session.ledger()?, &heads, run, session.now()).await?;
    let listed: HashSet<&str> = found.machines.iter().map(|machine| machine.ocid.as_str()).collect();
    known.retain(|ocid| !listed.contains(ocid.as_str()));
    Ok(known)
}

/// Why named instances are not selected. Without other selectors, only terminated ones are excluded.
fn why_left_out(filter: &Filter, number: u64) -> String {
    let others = Filter { named: None, terminated: false, named_though_gone: false, ..filter.clone() };
    if others == Filter::default() {
        let instances = if number == 1 { "instance" } else { "instances" };
        return format!("not selected: terminated {instances}");
    }
    format!("excluded by another selector: {}", count(number, "named instance"))
}

/// Reports anything notable about a selection. For an empty one it says why, and returns what was probably meant.
pub async fn report_choice(
    connection: &Connection<'_>,
    filter: &Filter,
    found: &Found,
) -> Result<Option<Slip>, CommandError> {
    if !found.left_out.is_empty() {
        let names: Vec<String> = found
            .left_out
            .iter()
            .take(5)
            .map(|machine| format!("{} ({})", clean(machine.label()), machine.state))
            .collect();
        let all = found.left_out.len() as u64;
        console::line(&format!("{}: {}", why_left_out(filter, all), names.join(", ")));
    }
    for (name, many) in &found.shared_names {
        console::line(&format!("warning: {} instances have the name {}", many, clean(name)));
    }
    if !found.machines.is_empty() && found.missing.is_empty() {
        return Ok(None);
    }
    if found.machines.is_empty() && found.missing.is_empty() {
        if let Some(run) = &filter.run
            && !connection.session.known_runs().await?.iter().any(|head| head.run.to_string() == *run)
        {
            return Err(CommandError::usage(
                format!("{}, and this ledger does not know the run", nobody(&connection.compartment, filter)),
                "`oci-insta-scale runs` lists the runs of this machine",
            ));
        }
        console::line(&nobody(&connection.compartment, filter));
    }
    explain(connection, filter, &found.missing).await
}

/// What was probably meant, judging by the other instances of the compartment.
async fn explain(
    connection: &Connection<'_>,
    filter: &Filter,
    missing: &[Named],
) -> Result<Option<Slip>, CommandError> {
    let by_name = missing.iter().any(|named| matches!(named, Named::Name(_)));
    let by_value =
        !(filter.shapes.is_empty() && filter.availability_domains.is_empty() && filter.tags.is_empty());
    if !(by_name || by_value || filter.prefix.is_some()) {
        return Ok(None);
    }
    let all = connection
        .ask(find(&for_questions(&connection.client), &connection.compartment, &Filter::default()))
        .await?;
    Ok(slip::explain(filter, missing, &all.machines))
}

/// The exit code of a read-only command: a named instance that was not found is a failure.
pub fn exit_of(found: &Found) -> Exit {
    match (found.missing.is_empty(), found.machines.is_empty()) {
        (true, _) => Exit::Done,
        (false, true) => Exit::NoneLaunched,
        (false, false) => Exit::SomeFailed,
    }
}

/// `no instance in <compartment> has a name that begins with `instance-` (-p)`.
fn nobody(compartment: &str, filter: &Filter) -> String {
    let or = |values: &[String]| values.iter().map(|value| clean(value)).collect::<Vec<_>>().join(" or ");
    let mut wanted: Vec<String> = Vec::new();
    if let Some(prefix) = &filter.prefix {
        wanted.push(format!("has a name that starts with `{}` (-p)", clean(prefix)));
    }
    if let Some(run) = &filter.run {
        wanted.push(format!("carries the tag of run {run} (--run)"));
    }
    if filter.among.is_some() {
        wanted.push("is one that the run acted on (--run)".to_owned());
    }
    wanted.extend(filter.tags.iter().map(|tag| match &tag.value {
        Some(name) if tag.key == FLEET_TAG => format!("is a member of the fleet `{}` (--fleet)", clean(name)),
        _ => format!("has the tag `{}` (--tag)", clean(&tag.to_string())),
    }));
    for (verb, values, flag) in [
        ("is", &filter.states, "--state"),
        ("is in", &filter.availability_domains, "--ad"),
        ("has the shape", &filter.shapes, "--shape"),
    ] {
        if !values.is_empty() {
            wanted.push(format!("{verb} {} ({flag})", or(values)));
        }
    }
    match &filter.named {
        Some(named) if named.is_empty() => {
            return "the file or standard input names no instance".to_owned();
        }
        Some(_) => wanted.push("is one of the named instances".to_owned()),
        None => {}
    }
    if wanted.is_empty() {
        return format!("there is no instance in {compartment}");
    }
    format!("no instance in {compartment} {}", wanted.join(" and "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_of_an_exclusion_is_the_true_one() {
        let named = Filter { named: Some(vec!["web-1".parse().unwrap()]), ..Filter::default() };
        assert_eq!(why_left_out(&named, 1), "not selected: terminated instance");
        let stopped = Filter { states: vec!["STOPPED".to_owned()], ..named };
        assert_eq!(why_left_out(&stopped, 2), "excluded by another selector: 2 named instances");
    }

    #[test]
    fn whoever_finds_nothing_is_told_where_and_for_what_was_looked() {
        let filter = Filter { prefix: Some("instance-".into()), ..Filter::default() };
        let said = [
            nobody("ocid1.compartment.oc1..a", &Filter::default()),
            nobody("ocid1.compartment.oc1..a", &filter),
            nobody(
                "ocid1.compartment.oc1..a",
                &Filter {
                    states: vec!["RUNNING".into(), "STOPPED".into()],
                    tags: vec!["team=blue".parse().unwrap()],
                    ..filter
                },
            ),
        ];
        insta::assert_snapshot!(said.join("\n"), @r"
        there is no instance in ocid1.compartment.oc1..a
        no instance in ocid1.compartment.oc1..a has a name that starts with `instance-` (-p)
        no instance in ocid1.compartment.oc1..a has a name that starts with `instance-` (-p) and has the tag `team=blue` (--tag) and is RUNNING or STOPPED (--state)
        ");
    }
}
