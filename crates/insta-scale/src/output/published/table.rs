//! The table of everything that is published. A document that is missing here is refused by the tests of every command.

use super::{Published, SchemaRow};
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

/// Everything that is published.
pub const TABLE: &[Published] = &[
    Published::document::<ErrorDocument>(),
    Published::document::<Document<'_>>(),
    Published::document::<DryRunDocument<'_>>(),
    Published::line::<Record>(),
    Published::document::<HeartbeatDocument<'_>>(),
    Published::document::<PlanDocument<'_>>(),
    Published::document::<PlacementsDocument<'_>>(),
    Published::document::<init::InitDocument<'_>>(),
    Published::document::<DoctorDocument<'_>>(),
    Published::document::<config::ConfigDocument<'_>>(),
    Published::document::<policy::PolicyDocument<'_>>(),
    Published::document::<RunsDocument<'_>>(),
    Published::array::<ListedRun>("runs-1", 1),
    Published::line::<ListedRun>(),
    Published::document::<WhyDocument<'_>>(),
    Published::document::<show::PastScale<'_>>(),
    Published::document::<NetworkSummary>(),
    Published::document::<PastCleanup<'_>>(),
    Published::document::<Report>(),
    Published::document::<CostDocument<'_>>(),
    Published::document::<ScaleDocument<'_>>(),
    Published::document::<PlannedReplacement<'_>>(),
    Published::document::<ReplaceResult>(),
    Published::line::<ReplaceLine<'_>>(),
    Published::line::<MaintainLine<'_>>(),
    Published::document::<StatusDocument<'_>>(),
    Published::list::<fleets::ListedFleet<'_>>(),
    Published::row::<fleets::ListedFleet<'_>>("fleets-line"),
    Published::list::<fleets::AdoptedInstance<'_>>(),
    Published::row::<fleets::AdoptedInstance<'_>>("fleet-adopt-line"),
    Published::document::<ListDocument<'_>>(),
    Published::line::<InstanceLine<'_>>(),
    Published::document::<InstancesStatus<'_>>(),
    Published::document::<ActionDocument<'_>>(),
    Published::list::<instances::ExtendedInstance<'_>>(),
    Published::row::<instances::ExtendedInstance<'_>>("instances-extend-line"),
    Published::list::<Leftover>(),
    Published::row::<Leftover>("cleanup-dry-run-line"),
    Published::document::<CleanupDocument<'_>>(),
    Published::document::<ExportDocument<'_>>(),
    Published::line::<Machine>(),
    Published::list::<reservation::ListedReservation<'_>>(),
    Published::row::<reservation::ListedReservation<'_>>("reservation-list-line"),
    Published::document::<reservation::ReservationDocument<'_>>(),
    Published::list::<reservation::CreatedReservation<'_>>(),
    Published::row::<reservation::CreatedReservation<'_>>("reservation-create-line"),
    Published::document::<reservation::ChangedReservation<'_>>(),
    Published::document::<reservation::ReservationDeletion<'_>>(),
    Published::list::<Cell>(),
    Published::row::<Cell>("capacity-line"),
    Published::list::<capacity_history::RememberedTarget<'_>>(),
    Published::row::<capacity_history::RememberedTarget<'_>>("capacity-history-line"),
    Published::document::<ForgottenTargets>(),
    Published::document::<limits::LimitsDocument<'_>>(),
    Published::line::<LimitRow>(),
    Published::list::<limits::RequestedLimit<'_>>(),
    Published::row::<limits::RequestedLimit<'_>>("limits-requests-line"),
    Published::list::<find::FoundDomain>(),
    Published::row::<find::FoundDomain>("find-ads-line"),
    Published::list::<find::FoundShape>(),
    Published::row::<find::FoundShape>("find-shapes-line"),
    Published::list::<find::FoundImage>(),
    Published::row::<find::FoundImage>("find-images-line"),
    Published::list::<find::FoundSubnet>(),
    Published::row::<find::FoundSubnet>("find-subnets-line"),
    Published::list::<find::FoundGroup>(),
    Published::row::<find::FoundGroup>("find-nsgs-line"),
    Published::list::<find::FoundCompartment>(),
    Published::row::<find::FoundCompartment>("find-compartments-line"),
    Published::list::<ShapePrice<'_>>(),
    Published::row::<ShapePrice<'_>>("prices-line"),
    Published::document::<PricesUpdate<'_>>(),
    Published::document::<PricesReset<'_>>(),
    Published::document::<LedgerCopy<'_>>(),
    Published::document::<LedgerCheck>(),
    Published::document::<LedgerPrune>(),
    Published::list::<notify::TestedReceiver<'_>>(),
    Published::row::<notify::TestedReceiver<'_>>("notify-test-line"),
    Published::document::<ssh::SshDocument<'_>>(),
    Published::document::<watch::WatchPage<'_>>(),
    Published::document::<sim::ServedRegion<'_>>(),
    Published::list::<sim::ListedScenario>(),
    Published::row::<sim::ListedScenario>("sim-scenarios-line"),
    Published::document::<sim::ResetRegion>(),
    Published::list::<SchemaRow>(),
    Published::row::<SchemaRow>("schema-line"),
];

/// The names of all schemas, in the order of the alphabet.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = TABLE.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    names
}
