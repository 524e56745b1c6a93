//! `find`: lists values for the config, so that nobody has to look up OCIDs in the console.

use crate::args::{Find, FindArgs};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::listing::{Listing, or_dash, per_hour};
use crate::output::published::PublishedRow;
use crate::output::text::clean;
use crate::runtime;
use crate::session::Session;
use fleet::price::{Size, bills_when_stopped};
use futures_util::future::try_join_all;
use jiff::Timestamp;
use oci_api::models::Shape;
use oci_client::services::compute::ImageFilter;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// An availability domain.
#[derive(Debug, JsonSchema, Serialize)]
pub struct FoundDomain {
    /// Its full name.
    name: String,
    /// Its fault domains.
    fault_domains: Vec<String>,
}

impl PublishedRow for FoundDomain {
    const NAME: &'static str = "find-ads";
    const LIST: &'static str = "availability_domains";
    const COMMANDS: &'static [&'static str] = &["find ads"];
}

/// A shape that the region offers.
#[derive(Debug, JsonSchema, Serialize)]
pub struct FoundShape {
    /// As the API describes it (`Shape`).
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    shape: Shape,
    /// The availability domains that offer it.
    availability_domains: Vec<String>,
    /// The price of its default size per hour; `null` if unknown.
    default_size_per_hour: Option<f64>,
}

impl PublishedRow for FoundShape {
    const NAME: &'static str = "find-shapes";
    const LIST: &'static str = "shapes";
    const COMMANDS: &'static [&'static str] = &["find shapes"];
}

/// An image.
#[derive(Debug, JsonSchema, Serialize)]
pub struct FoundImage {
    /// Its display name.
    name: Option<String>,
    /// Its OCID.
    ocid: String,
    /// Its operating system.
    operating_system: String,
    /// The version of that.
    operating_system_version: String,
    /// When it was created.
    time_created: Option<Timestamp>,
}

impl PublishedRow for FoundImage {
    const NAME: &'static str = "find-images";
    const LIST: &'static str = "images";
    const COMMANDS: &'static [&'static str] = &["find images"];
}

/// A subnet.
#[derive(Debug, JsonSchema, Serialize)]
pub struct FoundSubnet {
    /// Its display name.
    name: Option<String>,
    /// Its OCID.
    ocid: String,
    /// Its addresses.
    cidr_block: Option<String>,
    /// The OCID of its network.
    vcn: String,
    /// Whether its instances may have public addresses.
    public: Option<bool>,
    /// Its availability domain; `null` if it is regional.
    availability_domain: Option<String>,
    /// Its label in the DNS; without one, its instances cannot have host names.
    dns_label: Option<String>,
    /// Its state.
    state: String,
}

/// A network security group.
#[derive(Debug, JsonSchema, Serialize)]
pub struct FoundGroup {
    /// Its display name.
    name: Option<String>,
    /// Its OCID.
    ocid: String,
    /// The OCID of its network, in which the subnet of its instances has to be.
    vcn: String,
    /// Its state.
    state: String,
}

impl PublishedRow for FoundGroup {
    const NAME: &'static str = "find-nsgs";
    const LIST: &'static str = "nsgs";
    const COMMANDS: &'static [&'static str] = &["find nsgs"];
}

impl PublishedRow for FoundSubnet {
    const NAME: &'static str = "find-subnets";
    const LIST: &'static str = "subnets";
    const COMMANDS: &'static [&'static str] = &["find subnets"];
}

/// A compartment.
#[derive(Debug, JsonSchema, Serialize)]
pub struct FoundCompartment {
    /// Its name after those of its parents: `prod/web`.
    path: String,
    /// Its name.
    name: String,
    /// Its OCID.
    ocid: String,
    /// Its state.
    state: String,
}

impl PublishedRow for FoundCompartment {
    const NAME: &'static str = "find-compartments";
    const LIST: &'static str = "compartments";
    const COMMANDS: &'static [&'static str] = &["find compartments"];
}

/// Lists possible values for the config.
pub async fn find_values(session: &Session, args: FindArgs) -> Result<Exit, CommandError> {
    let settings = session.settled(|| session.read_unfinished_config()).await?;
    session.say_when_stopped(runtime::STOPPING_QUESTIONS);
    let connection =
        Connection::open_simulated(session, settings, args.place.simulate.as_deref(), None).await?;
    let text = match args.what {
        Find::Ads => ads(&connection).await,
        Find::Shapes { name, ad, image } => shapes(&connection, name, ad, image).await,
        Find::Images { os, version, shape, limit } => images(&connection, os, version, shape, limit).await,
        Find::Subnets { vcn } => subnets(&connection, vcn).await,
        Find::Nsgs { vcn } => groups(&connection, vcn).await,
        Find::Compartments => compartments(&connection).await,
    };
    connection.close().await?;
    console::data(&text?)?;
    Ok(Exit::Done)
}

async fn ads(connection: &Connection<'_>) -> Result<String, CommandError> {
    let domains = connection.domains().await?;
    let faults = connection
        .ask(try_join_all(
            domains.iter().map(|domain| connection.questions.list_fault_domains(connection.root(), domain)),
        ))
        .await?;
    let mut listing = Listing::new(&["AVAILABILITY DOMAIN", "FAULT DOMAINS"]);
    for (domain, faults) in domains.iter().zip(faults) {
        let names: Vec<String> = faults.into_iter().filter_map(|fault| fault.name).collect();
        let cells = vec![domain.clone(), names.join(" ")];
        listing.push(cells, &FoundDomain { name: domain.clone(), fault_domains: names });
    }
    Ok(listing.to_text(connection.session.output))
}

/// One row per shape, with the domains that offer it.
async fn shapes(
    connection: &Connection<'_>,
    name: Option<String>,
    ad: Option<String>,
    image: Option<String>,
) -> Result<String, CommandError> {
    const COLUMNS: &[&str] =
        &["SHAPE", "OCPUS", "GB", "GPUS", "PROCESSOR", "PRICE/HOUR", "STOPPED", "AVAILABILITY DOMAINS"];
    let domains = connection.resolve_domains(&ad.into_iter().collect::<Vec<_>>()).await?;
    let compartment = connection.required_compartment()?;
    let image = image.as_deref();
    let lists =
        domains.iter().map(|domain| connection.questions.list_shapes(compartment, Some(domain), image));
    let lists = connection.ask(try_join_all(lists)).await?;
    let wanted = name.unwrap_or_default().to_ascii_lowercase();
    let mut found: BTreeMap<String, (Shape, Vec<String>)> = BTreeMap::new();
    for (domain, rows) in domains.iter().zip(lists) {
        for row in rows.into_iter().filter(|row| row.shape.to_ascii_lowercase().contains(&wanted)) {
            found.entry(row.shape.clone()).or_insert_with(|| (row, Vec::new())).1.push(domain.clone());
        }
    }
    let mut listing = Listing::new(COLUMNS);
    for (shape, (row, domains)) in found {
        let range = |own: Option<f64>, least: Option<f64>, most: Option<f64>| match (least, most, own) {
            (Some(least), Some(most), _) => format!("{least}-{most}"),
            (_, _, Some(own)) => own.to_string(),
            _ => "-".to_owned(),
        };
        let (ocpus, memory) = (row.ocpu_options.as_deref(), row.memory_options.as_deref());
        let size = Size { ocpus: row.ocpus, memory_gb: row.memory_in_gbs };
        let price = connection.settings.prices.instance_hour(&shape, size, 1.0);
        let stopped = row.is_billed_for_stopped_instance.or_else(|| bills_when_stopped(&shape));
        let cells = vec![
            shape.clone(),
            range(row.ocpus, ocpus.and_then(|o| o.min), ocpus.and_then(|o| o.max)),
            range(row.memory_in_gbs, memory.and_then(|m| m.min_in_gbs), memory.and_then(|m| m.max_in_gbs)),
            row.gpus.filter(|gpus| *gpus > 0).map_or_else(|| "-".to_owned(), |gpus| gpus.to_string()),
            or_dash(row.processor_description.as_deref()),
            per_hour(price),
            stopped.map_or("unknown", |billed| if billed { "charged" } else { "free" }).to_owned(),
            domains.join(" "),
        ];
        let row = FoundShape { shape: row, availability_domains: domains, default_size_per_hour: price };
        listing.push(cells, &row);
    }
    Ok(listing.to_text(connection.session.output))
}

async fn images(
    connection: &Connection<'_>,
    os: Option<String>,
    version: Option<String>,
    shape: Option<String>,
    limit: usize,
) -> Result<String, CommandError> {
    let fleet = &connection.settings.fleet;
    let own = fleet.first_placement().map(|placement| placement.shape.clone());
    let filter = ImageFilter {
        compartment_id: connection.required_compartment()?.to_owned(),
        shape: shape.or(own).filter(|shape| shape != "any" && !shape.is_empty()),
        ..ImageFilter::default()
    };
    let mut images = connection.ask(connection.questions.list_images(&filter)).await?;
    images.retain(|image| ["AVAILABLE", ""].contains(&image.lifecycle_state.as_str()));
    let names: BTreeSet<String> = images.iter().map(|image| image.operating_system.clone()).collect();
    // The service compares names exactly, but people type `ubuntu`.
    let wanted = os.unwrap_or_default().to_lowercase();
    images.retain(|image| image.operating_system.to_lowercase().contains(&wanted));
    images.retain(|image| version.as_ref().is_none_or(|version| *version == image.operating_system_version));
    if images.is_empty() {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        console::line(&match (&filter.shape, names.as_slice()) {
            (Some(shape), []) => {
                format!("no image is compatible with {}; `find shapes` lists shapes", clean(shape))
            }
            (None, []) => "the compartment has no image".to_owned(),
            (_, names) => format!("no image matches; there are images of: {}", clean(&names.join(", "))),
        });
    }
    images.sort_by_key(|image| std::cmp::Reverse(image.time_created));
    console::shown_of(limit.min(images.len()), images.len(), "images");
    let mut listing = Listing::new(&["NAME", "OPERATING SYSTEM", "VERSION", "CREATED", "OCID"]);
    for image in images.into_iter().take(limit) {
        let created = image.time_created.map(|at| at.strftime("%Y-%m-%d").to_string());
        let cells = vec![
            or_dash(image.display_name.as_deref()),
            image.operating_system.clone(),
            image.operating_system_version.clone(),
            or_dash(created.as_deref()),
            image.id.clone(),
        ];
        let row = FoundImage {
            name: image.display_name,
            ocid: image.id,
            operating_system: image.operating_system,
            operating_system_version: image.operating_system_version,
            time_created: image.time_created,
        };
        listing.push(cells, &row);
    }
    Ok(listing.to_text(connection.session.output))
}

async fn subnets(connection: &Connection<'_>, vcn: Option<String>) -> Result<String, CommandError> {
    const COLUMNS: &[&str] = &["NAME", "CIDR", "PUBLIC", "AVAILABILITY DOMAIN", "STATE", "OCID"];
    let compartment = connection.required_compartment()?;
    let rows = connection.ask(connection.questions.list_subnets(compartment, vcn.as_deref())).await?;
    let mut listing = Listing::new(COLUMNS);
    for subnet in rows {
        let public = subnet.prohibit_public_ip_on_vnic.map(|no| if no { "no" } else { "yes" });
        let cells = vec![
            or_dash(subnet.display_name.as_deref()),
            or_dash(subnet.cidr_block.as_deref()),
            or_dash(public),
            subnet.availability_domain.clone().unwrap_or_else(|| "all".to_owned()),
            subnet.lifecycle_state.to_string(),
            subnet.id.clone(),
        ];
        let row = FoundSubnet {
            name: subnet.display_name,
            ocid: subnet.id,
            cidr_block: subnet.cidr_block,
            vcn: subnet.vcn_id,
            public: subnet.prohibit_public_ip_on_vnic.map(|no| !no),
            availability_domain: subnet.availability_domain,
            dns_label: subnet.dns_label,
            state: subnet.lifecycle_state.to_string(),
        };
        listing.push(cells, &row);
    }
    Ok(listing.to_text(connection.session.output))
}

async fn groups(connection: &Connection<'_>, vcn: Option<String>) -> Result<String, CommandError> {
    let compartment = connection.required_compartment()?;
    let mut rows = connection.ask(connection.questions.list_network_security_groups(compartment)).await?;
    rows.retain(|row| vcn.as_ref().is_none_or(|vcn| row.vcn_id == *vcn));
    let mut listing = Listing::new(&["NAME", "STATE", "VCN", "OCID"]);
    for group in rows {
        let state = group.lifecycle_state.to_string();
        let cells = vec![
            or_dash(group.display_name.as_deref()),
            state.clone(),
            group.vcn_id.clone(),
            group.id.clone(),
        ];
        let row = FoundGroup { name: group.display_name, ocid: group.id, vcn: group.vcn_id, state };
        listing.push(cells, &row);
    }
    Ok(listing.to_text(connection.session.output))
}

async fn compartments(connection: &Connection<'_>) -> Result<String, CommandError> {
    let rows = connection.ask(connection.questions.list_compartments(connection.root(), true)).await?;
    let names: BTreeMap<&str, (&str, &str)> = rows
        .iter()
        .map(|row| (row.id.as_str(), (row.name.as_str(), row.compartment_id.as_deref().unwrap_or_default())))
        .collect();
    // `parent/child`, with a limit in case the service's data contains a cycle.
    let path = |id: &str| {
        let mut parts = Vec::new();
        let mut at = id;
        while let Some((name, parent)) = names.get(at).filter(|_| parts.len() < 10) {
            parts.push(*name);
            at = parent;
        }
        parts.reverse();
        parts.join("/")
    };
    let mut sorted: Vec<_> = rows.iter().map(|row| (path(&row.id), row)).collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut listing = Listing::new(&["PATH", "STATE", "OCID"]);
    for (path, row) in sorted {
        let cells = vec![path.clone(), row.lifecycle_state.to_string(), row.id.clone()];
        let (name, ocid, state) = (row.name.clone(), row.id.clone(), row.lifecycle_state.to_string());
        listing.push(cells, &FoundCompartment { path, name, ocid, state });
    }
    Ok(listing.to_text(connection.session.output))
}
