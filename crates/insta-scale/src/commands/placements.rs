//! `plan --placements`: where each instance of the fleet is or would be launched, for other tools.

use super::counted::refuse_want;
use super::fleets::scale::usual_order;
use super::fleets::{Ground, unlisted};
use super::spreading::spread_plan;
use crate::args::{PlacementsFormat, PlanArgs};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::placements::{PlacementRow, json_text, table_text, tfvars_text};
use crate::session::Session;
use fleet::fleets::{FleetMember, SizeChange, change};
use fleet::{FleetSpec, Plan, PlanError};

/// Shows the placements.
pub async fn show_placements(
    session: &Session,
    args: &PlanArgs,
    format: PlacementsFormat,
) -> Result<Exit, CommandError> {
    if args.offline {
        let settings = session.read_config_offline(args.count)?;
        refuse_want(&settings, "`plan --placements`")?;
        let plan = Plan::offline(settings.fleet.clone())
            .map_err(|findings| CommandError::of_plan(&settings.written, PlanError::Findings(findings)))?;
        return show(&settings.fleet, planned(&plan), format);
    }
    if let Some(scenario) = args.place.simulate.as_deref() {
        let settings = session.read_config(args.count)?;
        refuse_want(&settings, "`plan --placements`")?;
        let connection = Connection::open_simulated(session, settings, Some(scenario), None).await?;
        let fleet = connection.settings.fleet.clone();
        let plan = plan(&connection, fleet).await?;
        show(&connection.settings.fleet, planned(&plan), format)?;
        connection.close().await?;
        return Ok(Exit::Done);
    }
    let ground = Ground::open(session, false).await?;
    let rows = rows_of_fleet(&ground, args.count).await?;
    show(ground.fleet(), rows, format)
}

/// The members where they are, and the missing ones where they would be launched.
async fn rows_of_fleet(ground: &Ground<'_>, count: Option<u32>) -> Result<Vec<PlacementRow>, CommandError> {
    let census = ground.census().await?;
    if let Some(unlisted) = unlisted::described(ground) {
        console::line(&format!("warning: {unlisted}"));
    }
    if census.in_doubt > 0 {
        console::line(&format!(
            "warning: the outcome of {} launches is unknown, so these placements may change: `oci-insta-scale scale` finds \
                 it out",
            census.in_doubt
        ));
    }
    let size = match count {
        Some(count) => count,
        None => ground.wanted().await?.count,
    };
    let order = usual_order(ground.fleet().spread);
    match change(ground.fleet(), &census, size, &order, &[]) {
        SizeChange::Nothing => Ok(existing(ground.fleet(), &census.members)),
        SizeChange::Shrink(picked) => {
            let stays = |member: &FleetMember| {
                picked.leaving.iter().all(|leaving| leaving.member.machine.ocid != member.machine.ocid)
            };
            let staying: Vec<FleetMember> =
                census.members.iter().filter(|member| stays(member)).cloned().collect();
            Ok(existing(ground.fleet(), &staying))
        }
        SizeChange::Grow(fleet) => {
            let mut plan = plan(&ground.connection, *fleet).await?;
            spread_plan(&ground.connection.settings, &census.members, &mut plan)?;
            let mut rows = existing(ground.fleet(), &census.members);
            rows.extend(planned(&plan));
            rows.sort_by_key(|row| (row.number.is_none(), row.number));
            Ok(rows)
        }
    }
}

async fn plan(connection: &Connection<'_>, fleet: FleetSpec) -> Result<Plan, CommandError> {
    let planned = connection.ask(Box::pin(async {
        let planned = fleet::plan(&connection.questions, fleet).await;
        planned.map_err(|error| CommandError::of_plan(&connection.settings.written, error))
    }));
    planned.await
}

fn existing(fleet: &FleetSpec, members: &[FleetMember]) -> Vec<PlacementRow> {
    let row = |member: &FleetMember| PlacementRow {
        name: member.machine.name.clone(),
        number: member.number.map(u64::from),
        region: member.machine.region.as_deref().filter(|_| !fleet.regions.is_empty()).map(str::to_owned),
        availability_domain: member.machine.availability_domain.to_string(),
        fault_domain: member.machine.fault_domain.as_deref().map(str::to_owned),
        shape: member.machine.shape.to_string(),
        ocid: Some(member.machine.ocid.clone()),
    };
    members.iter().map(row).collect()
}

fn planned(plan: &Plan) -> Vec<PlacementRow> {
    let row = |slot| {
        let placement = plan.placement(slot, 1);
        PlacementRow {
            name: plan.name(slot),
            number: Some(plan.fleet.number(slot)),
            region: plan.fleet.region_if_several(&placement),
            availability_domain: placement.availability_domain,
            fault_domain: placement.fault_domain,
            shape: placement.shape,
            ocid: None,
        }
    };
    plan.slots().map(row).collect()
}

fn show(fleet: &FleetSpec, rows: Vec<PlacementRow>, format: PlacementsFormat) -> Result<Exit, CommandError> {
    let text = match format {
        PlacementsFormat::Table => table_text(rows),
        PlacementsFormat::Json => json_text(fleet, &rows),
        PlacementsFormat::Tfvars => {
            let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
            names.sort_unstable();
            let twice = names.windows(2).find_map(|pair| match pair {
                [one, other] if one == other => Some(*one),
                _ => None,
            });
            if let Some(name) = twice {
                return Err(CommandError::usage(
                    format!("two members are named {name:?}, and Terraform needs unique keys"),
                    "rename or terminate one of them, or use `--placements json`",
                ));
            }
            tfvars_text(fleet, &rows)
        }
    };
    console::data(&text)?;
    Ok(Exit::Done)
}
