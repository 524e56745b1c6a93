//! What to launch: the shape, with its price, what the limits leave and where there is capacity, and its size.

use super::access::{Access, Needs};
use super::asking::{Asking, Question};
use super::keeping::{Unlisted, propose};
use super::matching::Candidate;
use super::place::TriedDomains;
use crate::args::InitArgs;
use crate::config::shapes::check_whole;
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
/// The OCPUs of a flexible shape unless the person says otherwise.
const OCPUS: f64 = 1.0;

/// The chosen shape and its size.
#[derive(Clone, Debug, Default)]
pub struct SizedShape {
    /// What the service says of the shape; only the name if it says nothing.
    pub shape: Shape,
    /// OCPUs and GB of a flexible shape.
    pub size: Option<(f64, f64)>,
    /// Whether the file says this size already.
    pub size_is_kept: bool,
}

/// What an existing file says.
#[derive(Clone, Debug, Default)]
pub struct PresentShape {
    /// The shape.
    pub shape: String,
    /// The size, as the question is answered.
    pub size: Option<String>,
    /// Whether it is also launched where the file says, so that the shape may be there although it is not listed.
    pub is_here: bool,
}

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

/// Chooses the size of a shape.
async fn sized(
    asking: &mut Asking,
    args: &InitArgs,
    row: Shape,
    present: Option<&PresentShape>,
) -> Result<SizedShape, CommandError> {
    let same = present.filter(|present| present.shape == row.shape);
    // In full, so that it can be compared with the answer.
    let before = same.and_then(|same| same.size.as_deref()).and_then(|size| checked_size(&row, size).ok());
    let said = same.and_then(|same| same.size.as_deref()).and_then(parse_size).and_then(|(_, gb)| gb);
    let size = size(asking, args, &row, before.clone(), said).await?;
    let text = size.map(|(ocpus, gb)| format!("{ocpus}:{gb}"));
    let size_is_kept = same.is_some() && text == before;
    Ok(SizedShape { shape: row, size, size_is_kept })
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

/// The size that is proposed for a shape.
fn default_size(row: &Shape) -> Size {
    if !is_flexible(row) {
        return Size { ocpus: row.ocpus, memory_gb: row.memory_in_gbs };
    }
    let least = row.ocpu_options.as_deref().and_then(|options| options.min).unwrap_or(OCPUS);
    let ocpus = OCPUS.max(least);
    Size { ocpus: Some(ocpus), memory_gb: Some(memory_for(row, ocpus)) }
}

/// The memory that a flexible shape has for these OCPUs if a launch does not say.
fn memory_for(row: &Shape, ocpus: f64) -> f64 {
    let options = row.memory_options.as_deref();
    let default = options.and_then(|options| options.default_per_ocpu_in_gbs).map(|gb| gb * ocpus);
    let of_row = row.memory_in_gbs.zip(row.ocpus).map(|(gb, of)| gb / of * ocpus);
    let most = options.and_then(|options| options.max_in_gbs).unwrap_or(f64::INFINITY);
    default.or(of_row).unwrap_or(6.0 * ocpus).min(most)
}

/// Whether the size of a shape has to be chosen.
fn is_flexible(row: &Shape) -> bool {
    row.is_flexible.unwrap_or(false) || row.ocpu_options.is_some() || row.shape.ends_with(".Flex")
}

/// Chooses the size of a flexible shape in one answer: OCPUs and, if they differ from the default, GB of memory. `memory` is what an
/// existing file says, which an answer without GB leaves as it is.
async fn size(
    asking: &mut Asking,
    args: &InitArgs,
    row: &Shape,
    present: Option<String>,
    memory: Option<f64>,
) -> Result<Option<(f64, f64)>, CommandError> {
    if !is_flexible(row) {
        return match args.ocpus.or(args.memory) {
            Some(_) => Err(CommandError::usage(
                format!("{} has a fixed size", row.shape),
                "remove --ocpus and --memory, or choose a shape whose name ends in .Flex",
            )),
            None => Ok(None),
        };
    }
    let before = present.as_deref().and_then(parse_size).map_or(OCPUS, |(ocpus, _)| ocpus);
    let given = args.ocpus.or(args.memory.map(|_| before));
    let given = given.map(|ocpus| match args.memory {
        Some(memory) => format!("{ocpus}:{memory}"),
        None => ocpus.to_string(),
    });
    let question = Question {
        what: "size, OCPUs:GB",
        flag: "--ocpus",
        given: given.as_deref(),
        kinds: &[],
        is_complete: true,
    };
    let default = default_size(row);
    let default = default.ocpus.zip(default.memory_gb).map(|(ocpus, gb)| format!("{ocpus}:{gb}"));
    let default = present.or(default);
    let chosen = asking.text(question, default, &|text| size_beside(row, text, memory)).await?;
    Ok(parse_size(&chosen).and_then(|(ocpus, gb)| Some((ocpus, gb?))))
}

fn parse_size(text: &str) -> Option<(f64, Option<f64>)> {
    let mut parts = text.split([':', ' ', ',', 'x']).filter(|part| !part.is_empty());
    let number = |part: &str| part.parse::<f64>().ok().filter(|number| number.is_finite() && *number > 0.0);
    let ocpus = number(parts.next()?)?;
    let gb = match parts.next() {
        Some(part) => Some(number(part)?),
        None => None,
    };
    parts.next().is_none().then_some((ocpus, gb))
}

/// A size as [`checked_size`] takes it; without GB, it has those that the file says.
fn size_beside(row: &Shape, text: &str, memory: Option<f64>) -> Result<String, String> {
    let (Some((ocpus, None)), Some(gb)) = (parse_size(text), memory) else { return checked_size(row, text) };
    checked_size(row, &format!("{ocpus}:{gb}")).map_err(|wrong| {
        format!("{wrong}; the file says {gb} GB, so give both (`2:16`, or --ocpus and --memory)")
    })
}

/// A size within the range of the shape, written in full.
fn checked_size(row: &Shape, text: &str) -> Result<String, String> {
    let (ocpus, gb) = parse_size(text).ok_or("expected OCPUs, or OCPUs and GB as in `2:16`".to_owned())?;
    let within = |value: f64, least: Option<f64>, most: Option<f64>, unit: &str| {
        let (least, most) = (least.unwrap_or(0.0), most.unwrap_or(f64::INFINITY));
        if (least..=most).contains(&value) {
            Ok(())
        } else {
            Err(format!("{} takes {least} to {most} {unit}", row.shape))
        }
    };
    if let Some(options) = row.ocpu_options.as_deref() {
        within(ocpus, options.min, options.max, "OCPUs")?;
    }
    check_whole(&row.shape, ocpus)?;
    let gb = gb.unwrap_or_else(|| memory_for(row, ocpus));
    if let Some(options) = row.memory_options.as_deref() {
        within(gb, options.min_in_gbs, options.max_in_gbs, "GB")?;
        let each = |gb: Option<f64>| gb.map(|gb| gb * ocpus);
        let unit = format!("GB with {}", amount(ocpus, "OCPU"));
        within(gb, each(options.min_per_ocpu_in_gbs), each(options.max_per_ocpu_in_gbs), &unit)?;
    }
    Ok(format!("{ocpus}:{gb}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_api::models::{ShapeMemoryOptions, ShapeOcpuOptions};

    fn flexible() -> Shape {
        let ocpus = ShapeOcpuOptions { min: Some(1.0), max: Some(64.0), ..ShapeOcpuOptions::default() };
        let memory = ShapeMemoryOptions {
            min_in_gbs: Some(1.0),
            max_in_gbs: Some(1024.0),
            default_per_ocpu_in_gbs: Some(16.0),
            min_per_ocpu_in_gbs: Some(1.0),
            max_per_ocpu_in_gbs: Some(64.0),
            ..ShapeMemoryOptions::default()
        };
        Shape {
            shape: "VM.Standard.E4.Flex".to_owned(),
            ocpu_options: Some(Box::new(ocpus)),
            memory_options: Some(Box::new(memory)),
            ..Shape::default()
        }
    }

    #[test]
    fn a_size_is_kept_within_the_range_of_the_shape() {
        let size = |text: &str| checked_size(&flexible(), text);
        assert_eq!(size("2"), Ok("2:32".to_owned()), "the shape's own memory");
        assert_eq!(size("1:6"), Ok("1:6".to_owned()));
        assert_eq!(size("2 16"), Ok("2:16".to_owned()));
        for wrong in ["", "0", "-1", "a", "1:2:3", "1:", "NaN", "65", "1:65", "4:3", "inf", "1.5:8"] {
            let wanted = if wrong == "1:" { Ok("1:16".to_owned()) } else { Err(()) };
            assert_eq!(size(wrong).map_err(drop), wanted, "{wrong}");
        }
    }

    #[test]
    fn ocpus_alone_leave_the_memory_that_a_file_says() {
        let size = |text: &str, memory| size_beside(&flexible(), text, memory);
        assert_eq!(size("2", Some(8.0)), Ok("2:8".to_owned()));
        assert_eq!(size("2:20", Some(8.0)), Ok("2:20".to_owned()));
        assert_eq!(size("2", None), Ok("2:32".to_owned()), "the shape's own memory");
        let wrong = size("16", Some(8.0)).unwrap_err();
        assert!(wrong.contains("takes 16 to 1024 GB with 16 OCPUs; the file says 8 GB"), "{wrong}");
    }

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
