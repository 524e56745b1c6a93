//! The table of everything that is published. A document that is missing here is refused by the tests of every command.

use super::{Published, SchemaRow, make};
use crate::commands::capacity_history::ForgottenTargets;
use crate::commands::{
    find, fleets, init, instances, limits, notify, policy, reservation, show, sim, ssh, watch,
};
use crate::output::cost::CostDocument;
use crate::output::doctor::DoctorDocument;
use crate::output::document::Document;
use crate::output::dry_run_report::PlanDocument;
use crate::output::export::ExportDocument;
use crate::output::fleets::maintain::MaintainLine;
use crate::output::fleets::replace::{PlannedReplacement, ReplaceLine, ReplaceResult};
use crate::output::fleets::scale::ScaleDocument;
use crate::output::fleets::status::StatusDocument;
use crate::output::heartbeat::HeartbeatDocument;
use crate::output::instances::action::ActionDocument;
use crate::output::instances::cleanup::{CleanupDocument, Leftover, PastCleanup};
use crate::output::instances::list::{InstanceLine, ListDocument};
use crate::output::instances::status::InstancesStatus;
use crate::output::placements::PlacementsDocument;
use crate::output::preview::DryRunDocument;
use crate::output::prices::{PricesReset, PricesUpdate, ShapePrice};
use crate::output::records::{LedgerCheck, LedgerCopy, LedgerPrune};
use crate::output::refusal::ErrorDocument;
use crate::output::runs::{ListedRun, RunsDocument};
use crate::output::why::WhyDocument;
use crate::output::{capacity_history, config};
use fleet::network::NetworkSummary;
use fleet::preflight::{Cell, LimitRow};
use fleet::report::Report;
use fleet::select::Machine;
use ledger::Record;
use schemars::Schema;
use serde_json::Value;

/// Declares the table, and beside it what makes each schema from its type: apart, so that a program that only prints the kept
/// schemas does not contain the makers.
macro_rules! published {
    ($($form:ident [$type:ty] $(($($argument:expr),+))?;)*) => {
        /// Everything that is published.
        pub const TABLE: &[Published] = &[$(Published::$form::<$type>($($($argument),+)?)),*];

        /// What makes the schema of each entry of [`TABLE`], in the same order.
        const MAKERS: &[fn(&Published) -> Schema] = &[$(make::$form::<$type>),*];
    };
}

published! {
    document[ErrorDocument];
    document[Document<'_>];
    document[DryRunDocument<'_>];
    line[Record];
    document[HeartbeatDocument<'_>];
    document[PlanDocument<'_>];
    document[PlacementsDocument<'_>];
    document[init::InitDocument<'_>];
    document[DoctorDocument<'_>];
    document[config::ConfigDocument<'_>];
    document[policy::PolicyDocument<'_>];
    document[RunsDocument<'_>];
    array[ListedRun]("runs-1", 1);
    line[ListedRun];
    document[WhyDocument<'_>];
    document[show::PastScale<'_>];
    document[NetworkSummary];
    document[PastCleanup<'_>];
    document[Report];
    document[CostDocument<'_>];
    document[ScaleDocument<'_>];
    document[PlannedReplacement<'_>];
    document[ReplaceResult];
    line[ReplaceLine<'_>];
    line[MaintainLine<'_>];
    document[StatusDocument<'_>];
    list[fleets::ListedFleet<'_>];
    row[fleets::ListedFleet<'_>]("fleets-line");
    list[fleets::AdoptedInstance<'_>];
    row[fleets::AdoptedInstance<'_>]("fleet-adopt-line");
    document[ListDocument<'_>];
    line[InstanceLine<'_>];
    document[InstancesStatus<'_>];
    document[ActionDocument<'_>];
    list[instances::ExtendedInstance<'_>];
    row[instances::ExtendedInstance<'_>]("instances-extend-line");
    list[Leftover];
    row[Leftover]("cleanup-dry-run-line");
    document[CleanupDocument<'_>];
    document[ExportDocument<'_>];
    line[Machine];
    list[reservation::ListedReservation<'_>];
    row[reservation::ListedReservation<'_>]("reservation-list-line");
    document[reservation::ReservationDocument<'_>];
    list[reservation::CreatedReservation<'_>];
    row[reservation::CreatedReservation<'_>]("reservation-create-line");
    document[reservation::ChangedReservation<'_>];
    document[reservation::ReservationDeletion<'_>];
    list[Cell];
    row[Cell]("capacity-line");
    list[capacity_history::RememberedTarget<'_>];
    row[capacity_history::RememberedTarget<'_>]("capacity-history-line");
    document[ForgottenTargets];
    document[limits::LimitsDocument<'_>];
    line[LimitRow];
    list[limits::RequestedLimit<'_>];
    row[limits::RequestedLimit<'_>]("limits-requests-line");
    list[find::FoundDomain];
    row[find::FoundDomain]("find-ads-line");
    list[find::FoundShape];
    row[find::FoundShape]("find-shapes-line");
    list[find::FoundImage];
    row[find::FoundImage]("find-images-line");
    list[find::FoundSubnet];
    row[find::FoundSubnet]("find-subnets-line");
    list[find::FoundGroup];
    row[find::FoundGroup]("find-nsgs-line");
    list[find::FoundCompartment];
    row[find::FoundCompartment]("find-compartments-line");
    list[ShapePrice<'_>];
    row[ShapePrice<'_>]("prices-line");
    document[PricesUpdate<'_>];
    document[PricesReset<'_>];
    document[LedgerCopy<'_>];
    document[LedgerCheck];
    document[LedgerPrune];
    list[notify::TestedReceiver<'_>];
    row[notify::TestedReceiver<'_>]("notify-test-line");
    document[ssh::SshDocument<'_>];
    document[watch::WatchPage<'_>];
    document[sim::ServedRegion<'_>];
    list[sim::ListedScenario];
    row[sim::ListedScenario]("sim-scenarios-line");
    document[sim::ResetRegion];
    list[SchemaRow];
    row[SchemaRow]("schema-line");
}

/// Every entry with the schema that its type has now.
pub fn made() -> impl Iterator<Item = (&'static Published, Value)> {
    TABLE.iter().zip(MAKERS).map(|(entry, make)| (entry, make(entry).to_value()))
}

/// The names of all schemas, in the order of the alphabet.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = TABLE.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    names
}
