//! What to launch: the shape, with its price, what the limits leave and where there is capacity.

use super::access::{Access, Needs};
use super::asking::{Asking, Question};
use super::keeping::{Unlisted, propose};
use super::matching::Candidate;
use super::place::TriedDomains;
use super::size::{PresentShape, SizedShape, default_size, sized};
use crate::args::InitArgs;
use crate::error::CommandError;
use crate::output::instances::list::short_domain;
use crate::output::listing::per_hour;
use crate::output::text::{amount, moment};
use fleet::Plan;
use fleet::launch::memory::scope_of;
use fleet::policy::PolicyScope;
use fleet::preflight::{Availability, capacity_in, left_in};
use fleet::price::Size;
use futures_util::future::{join, join_all, try_join_all};
use ledger::capacity::Subject;
use oci_api::models::Shape;

/// The shapes that are proposed first, best first: flexible, of the present generations.
const USUAL: [&str; 5] = [
    "VM.Standard.E5.Flex",
    "VM.Standard.E4.Flex",
    "VM.Standard3.Flex",
    "VM.Standard.A1.Flex",
    "VM.Standard.E2.1.Micro",
];
/// For how many shapes limits are read, which costs a request for each of them and each availability domain.
const LIMITS_READ: usize = 10;

/// A shape and what is known about it in the domains that are tried.
#[derive(Clone, Debug, Default)]
struct Offer {
    row: Shape,
    domains: Vec<String>,
    room: Vec<(String, Availability)>,
    left: Option<(f64, &'static str)>,
    remembered: Option<String>,
}

/// Chooses the shape and the size.
pub async fn shape(
    access: &Access<'_>,
    asking: &mut Asking,
    args: &InitArgs,
    compartment: &str,
    domains: &TriedDomains,
    present: Option<&PresentShape>,
) -> Result<SizedShape, CommandError> {
    let question = Question {
        what: "shape",
        flag: "--shape",
        given: args.shape.as_deref(),
        kinds: &[],
        is_complete: true,
    };
    let needs = Needs {
        what: "shapes",
        verb: "inspect",
        resource: "instances",
        scope: PolicyScope::Compartment(compartment),
    };
    let tried = domains.tried();
    let lists =
        try_join_all(tried.iter().map(|domain| access.client.list_shapes(compartment, Some(domain), None)));
    let Some(lists) = Box::pin(access.list(asking, needs, lists)).await? else {
        let default = present.map(|present| present.shape.clone());
        let named = asking.text(question, default, &|text| Ok(text.to_owned())).await?;
        return sized(asking, args, Shape { shape: named, ..Shape::default() }, present).await;
    };
    let mut offers = offers(tried, lists);
    if offers.is_empty() {
        return Err(CommandError::usage(
            "the availability domains offer no shape",
            "choose other availability domains or another region; `oci-insta-scale find shapes` lists shapes",
        ));
    }
    // Whoever names the shape needs none of what helps to choose one.
    if question.given.is_none() {
        look_up(access, compartment, tried, &mut offers).await?;
    }
    let mut choices: Vec<Candidate> = offers.iter().map(|offer| choice(access, tried, offer)).collect();
    let usual = offers.iter().position(Offer::is_open).unwrap_or_default();
    let unlisted =
        if present.is_some_and(|present| present.is_here) { Unlisted::Anything } else { Unlisted::Nothing };
    let own = present.map(|present| present.shape.as_str());
    let proposed = propose(&mut choices, own, unlisted, Some(usual));
    let question = Question { is_complete: !proposed.is_lost, ..question };
    let chosen = asking.choose(question, &choices, proposed.at).await?;
    let row = offers.into_iter().map(|offer| offer.row).find(|row| row.shape == chosen.value);
    let row = row.unwrap_or(Shape { shape: chosen.value, ..Shape::default() });
    sized(asking, args, row, present).await
}

/// One offer for each shape, the usual ones first.
fn offers(domains: &[String], lists: Vec<Vec<Shape>>) -> Vec<Offer> {
    let mut offers: Vec<Offer> = Vec::new();
    for (domain, rows) in domains.iter().zip(lists) {
        for row in rows {
            match offers.iter_mut().find(|offer| offer.row.shape == row.shape) {
                Some(offer) => offer.domains.push(domain.clone()),
                None => offers.push(Offer { row, domains: vec![domain.clone()], ..Offer::default() }),
            }
        }
    }
    let rank = |offer: &Offer| {
        let name = offer.row.shape.as_str();
        let usual = USUAL.iter().position(|usual| *usual == name).unwrap_or(USUAL.len());
        (usual, !name.ends_with(".Flex"), !name.starts_with("VM."), name.to_owned())
    };
    offers.sort_by_key(rank);
    offers
}

/// Reads capacity and limits, and recalls earlier launches. What cannot be read is unknown.
async fn look_up(
    access: &Access<'_>,
    compartment: &str,
    domains: &[String],
    offers: &mut [Offer],
) -> Result<(), CommandError> {
    let (client, tenancy) = (&access.client, access.tenancy());
    let reports = join_all(domains.iter().map(|domain| {
        let here = offers.iter().filter(|offer| offer.domains.contains(domain));
        let kinds: Vec<(String, Size)> =
            here.map(|offer| (offer.row.shape.clone(), default_size(&offer.row))).collect();
        async move { (capacity_in(client, tenancy, domain, &kinds).await, kinds) }
    }));
    let left = join_all(offers.iter().take(LIMITS_READ).map(|offer| async move {
        let lefts = offer.domains.iter().map(|domain| left_in(client, compartment, domain, &offer.row));
        join_all(lefts).await.into_iter().flatten().max_by(|a, b| a.0.total_cmp(&b.0))
    }));
    let (reports, left) = access.ask(join(reports, left)).await?;
    for (offer, left) in offers.iter_mut().zip(left) {
        offer.left = left;
    }
    for (domain, (report, kinds)) in domains.iter().zip(reports) {
        for ((shape, _), room) in kinds.iter().zip(report.into_iter().flatten()) {
            if let Some(offer) = offers.iter_mut().find(|offer| offer.row.shape == *shape) {
                offer.room.push((domain.clone(), room));
            }
        }
    }
    recall(access, offers);
    Ok(())
}

/// What earlier launches of this machine learned about the shapes.
fn recall(access: &Access<'_>, offers: &mut [Offer]) {
    let session = access.session;
    let Ok(Some(memory)) = session.existing_capacity_memory() else { return };
    let origin = session.origin(&access.settings);
    let plan = Plan { fleet: access.settings.fleet.clone(), origin, ..Plan::default() };
    let Ok(known) = memory.recall(&scope_of(&plan)) else { return };
    for offer in offers {
        let own = known.iter().filter(
            |(subject, _)| matches!(subject, Subject::Target { shape, .. } if *shape == offer.row.shape),
        );
        let newest = own.map(|(_, known)| known).max_by_key(|known| known.refused_at.max(known.yielded_at));
        offer.remembered = newest.and_then(|known| match (known.refusing(), known.refused_at) {
            (Some(class), Some(at)) => Some(format!("refused a launch ({class}) at {}", moment(at))),
            _ => known.yielded_at.map(|at| format!("gave an instance at {}", moment(at))),
        });
    }
}

impl Offer {
    /// Whether nothing is known to prevent a launch.
    fn is_open(&self) -> bool {
        let is_full = !self.room.is_empty()
            && self.room.iter().all(|(_, room)| {
                matches!(room, Availability::OutOfHostCapacity | Availability::HardwareNotSupported)
            });
        !is_full && self.left.is_none_or(|(left, _)| left >= 1.0)
    }

    fn has_room(&self) -> Vec<&str> {
        let open = self.room.iter().filter(|(_, room)| matches!(room, Availability::Available { .. }));
        open.map(|(domain, _)| short_domain(domain)).collect()
    }
}

fn choice(access: &Access<'_>, domains: &[String], offer: &Offer) -> Candidate {
    let row = &offer.row;
    let size = default_size(row);
    let mut about = Vec::new();
    let range = row.ocpu_options.as_deref().and_then(|options| Some((options.min?, options.max?)));
    about.push(match (range, row.ocpus, row.memory_in_gbs) {
        (Some((least, most)), ..) => format!("{least} to {most} OCPUs"),
        (None, Some(ocpus), Some(gb)) => format!("{} and {gb} GB", amount(ocpus, "OCPU")),
        _ => "size unknown".to_owned(),
    });
    if let Some(gpus) = row.gpus.filter(|gpus| *gpus > 0) {
        about.push(amount(gpus as f64, "GPU"));
    }
    let prices = &access.settings.prices;
    let price = per_hour(prices.instance_hour(&row.shape, size, 1.0));
    about.push(match (range, size.ocpus, size.memory_gb) {
        (Some(_), Some(ocpus), Some(gb)) => {
            format!("{price} {} per hour with {} and {gb} GB", prices.currency(), amount(ocpus, "OCPU"))
        }
        _ => format!("{price} {} per hour", prices.currency()),
    });
    if let Some((left, unit)) = offer.left {
        about.push(match left {
            none if none < 1.0 => "the service limit leaves none".to_owned(),
            most if most >= 1e9 => "no service limit".to_owned(),
            left => format!("the service limit leaves {}", amount(left, unit.trim_end_matches('s'))),
        });
    }
    let room = offer.has_room();
    if room.len() == domains.len() && room.len() > 1 {
        about.push("capacity everywhere".to_owned());
    } else if !room.is_empty() {
        about.push(format!("capacity in {}", room.join(", ")));
    } else if !offer.room.is_empty() && !offer.is_open() {
        about.push("no capacity now".to_owned());
    }
    if offer.domains.len() < domains.len() {
        let names: Vec<&str> = offer.domains.iter().map(|domain| short_domain(domain)).collect();
        about.push(format!("only in {}", names.join(", ")));
    }
    about.extend(offer.remembered.clone());
    Candidate::named(row.shape.clone(), about.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_without_room_is_not_proposed() {
        let offer = |left, room| Offer { room, left, ..Offer::default() };
        let full = || vec![("AD-1".to_owned(), Availability::OutOfHostCapacity)];
        assert!(offer(None, Vec::new()).is_open(), "unknown blocks nothing");
        assert!(!offer(Some((0.0, "OCPUs")), Vec::new()).is_open());
        assert!(!offer(Some((9.0, "OCPUs")), full()).is_open());
        let some = [full(), vec![("AD-2".to_owned(), Availability::Available { count: None })]].concat();
        assert!(offer(Some((9.0, "OCPUs")), some).is_open());
    }
}
