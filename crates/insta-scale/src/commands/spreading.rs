//! Chooses the domains of a launch beside the existing members of the fleet.

use crate::config::Settings;
use crate::error::CommandError;
use crate::output::console;
use crate::output::text::clean;
use fleet::fleets::{FleetKey, FleetMember, spread_beside, take_census};
use fleet::{Environment, Origin, Plan, PlanError};

/// Counts the members of a fleet with a spread and chooses the domains of the plan beside them. Other fleets are not counted:
/// their slots try one placement after another.
pub async fn spread_beside_members(
    environment: &Environment,
    settings: &Settings,
    origin: Option<&Origin>,
    plan: &mut Plan,
) -> Result<(), CommandError> {
    if plan.fleet.spread.is_none() {
        return Ok(());
    }
    let key = FleetKey::new(&plan.fleet, origin);
    let census = take_census(environment, &plan.fleet, &key).await?;
    spread_plan(settings, &census.members, plan)
}

/// The same for members that are already counted. Warns if a best-effort spread will not be even.
pub fn spread_plan(
    settings: &Settings,
    members: &[FleetMember],
    plan: &mut Plan,
) -> Result<(), CommandError> {
    match spread_beside(&mut plan.fleet, members) {
        Ok(None) => {}
        Ok(Some(told)) => console::line(&format!("note: {}", clean(&told.to_string()))),
        Err(finding) => {
            return Err(CommandError::of_plan(&settings.written, PlanError::Findings(vec![finding])));
        }
    }
    Ok(())
}
