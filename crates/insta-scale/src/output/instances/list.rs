//! Instances as a table, JSON, JSON lines and comma-separated values, with totals.

use super::columns::{Column, columns_table};
use crate::output::document::SCHEMA_VERSION;
use crate::output::export::csv_record;
use crate::output::listing::{or_dash, per_hour};
use crate::output::published::{PublishedDocument, PublishedLine};
use crate::output::simulated;
use crate::output::simulated::by_region;
use crate::output::text::{amount, count, left, moment, thousands, wrap};
use fleet::cleanup::expiry;
use fleet::price::Prices;
use fleet::select::{Machine, Named, hour_now, total_now};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// The instances to show.
#[derive(Clone, Copy, Debug)]
pub struct Table<'a> {
    /// The instances, sorted.
    pub machines: &'a [Machine],
    /// The prices.
    pub prices: &'a Prices,
    /// The time now, for their age.
    pub now: Timestamp,
    /// Whether addresses were looked up.
    pub addresses: bool,
    /// Whether to show every column in full.
    pub wide: bool,
    /// Whether a question about them follows: then every row shows the OCID, however narrow the terminal is.
    pub asking: bool,
}

/// An instance.
#[derive(JsonSchema, Serialize)]
pub struct InstanceLine<'a> {
    #[serde(flatten)]
    machine: &'a Machine,
    /// Included in JSON lines, each of which is a separate document.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    /// In the currency of the totals; absent if unknown.
    price_per_hour: Option<f64>,
    /// When it expires (`launch --ttl`); absent if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<Timestamp>,
}

/// Sums over the instances.
#[derive(Debug, PartialEq, JsonSchema, Serialize)]
struct Totals<'a> {
    /// The number of instances.
    instances: usize,
    /// How many are in each state.
    by_state: BTreeMap<&'a str, usize>,
    /// OCPUs.
    ocpus: f64,
    /// Memory in GB.
    memory_gb: f64,
    /// The sum of the known prices.
    price_per_hour: f64,
    /// How many instances have no known price.
    unknown_prices: usize,
    /// The currency of the prices.
    currency: &'a str,
}

impl PublishedLine for InstanceLine<'_> {
    const NAME: &'static str = "instances-list-line";
    const COMMANDS: &'static [&'static str] = &["instances list"];
}

/// Instances.
#[derive(JsonSchema, Serialize)]
pub struct ListDocument<'a> {
    schema_version: u32,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    simulated: bool,
    /// One entry per instance.
    instances: Vec<InstanceLine<'a>>,
    /// Sums.
    totals: Totals<'a>,
    /// The named instances that were not found.
    missing: Vec<&'a str>,
}

impl PublishedDocument for ListDocument<'_> {
    const NAME: &'static str = "instances-list";
    const COMMANDS: &'static [&'static str] = &["instances list"];
}

impl Table<'_> {
    /// The rows and the totals. `width` is the terminal's, if there is one.
    pub fn text(&self, width: Option<usize>) -> String {
        if self.machines.is_empty() {
            return String::new();
        }
        let mut text = self.rows(width);
        text.push('\n');
        text.push_str(&wrap(&totals(self.machines, self.prices), width));
        text.push('\n');
        text
    }

    /// Only the rows.
    pub fn rows(&self, width: Option<usize>) -> String {
        let width = width.filter(|_| !self.wide);
        columns_table(self.columns(width.is_some()), width)
    }

    /// `narrow` says whether space may be short, so that shorter cells are worth their memory.
    fn columns(&self, narrow: bool) -> Vec<Column> {
        let column = |title, rank, cell: &dyn Fn(&Machine) -> String| {
            Column::new(title, rank, self.machines.iter().map(cell))
        };
        let shorter = |column: Column, cell: &dyn Fn(&Machine) -> String| {
            if narrow { column.or_short(self.machines.iter().map(cell)) } else { column }
        };
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| value.to_string());
        let mut columns = vec![
            column("NAME", 0, &|machine| or_dash(Some(&machine.name))).cut(),
            column("STATE", 0, &|machine| machine.state.as_str().to_owned()),
            shorter(column("AD", 6, &|machine| machine.availability_domain.to_string()), &|machine| {
                short_domain(&machine.availability_domain).to_owned()
            }),
            column("FD", 9, &|machine| {
                or_dash(machine.fault_domain.as_deref()).replace("FAULT-DOMAIN-", "FD-")
            }),
            column("SHAPE", 4, &|machine| machine.shape.to_string()),
            column("OCPUS", 7, &|machine| number(machine.ocpus)),
            column("GB", 7, &|machine| number(machine.memory_gb)),
        ];
        if is_in_several_regions(self.machines) {
            columns.insert(2, column("REGION", 6, &|machine| or_dash(machine.region.as_deref())));
        }
        if self.addresses {
            columns.push(column("PRIVATE IP", 3, &|machine| or_dash(machine.private_ip.as_deref())));
            columns.push(column("PUBLIC IP", 1, &|machine| or_dash(machine.public_ip.as_deref())));
        }
        let now = by_region(self.now);
        columns.push(column("AGE", 8, &|machine| age(machine, now)));
        columns.push(column("PRICE/H", 5, &|machine| per_hour(hour_now(machine, self.prices))));
        if self.machines.iter().any(|machine| expiry(machine).is_some()) {
            let end = |machine: &Machine, shown: &dyn Fn(Timestamp) -> String| {
                expiry(machine).map_or_else(|| "-".to_owned(), shown)
            };
            let full = column("EXPIRES", if self.asking { 0 } else { 3 }, &|machine| end(machine, &moment));
            columns.push(shorter(full, &|machine| end(machine, &|until| left(until, self.now))));
        }
        if self.wide {
            columns
                .push(column("RESERVATION", 0, &|machine| or_dash(machine.capacity_reservation.as_deref())));
            columns.push(column("TAGS", 0, &|machine| {
                let tags: Vec<String> =
                    machine.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
                or_dash(Some(&tags.join(" ")))
            }));
        }
        let ocid = column("OCID", if self.asking { 0 } else { 2 }, &|machine| machine.ocid.clone());
        columns.push(shorter(ocid, &|machine| short_ocid(&machine.ocid)));
        columns
    }

    /// One document.
    pub fn write_json(&self, missing: &[Named], out: &mut dyn Write) -> io::Result<()> {
        let document = ListDocument {
            schema_version: SCHEMA_VERSION,
            simulated: simulated::is(),
            instances: self.machines.iter().map(|machine| self.row(machine, false)).collect(),
            totals: sums(self.machines, self.prices),
            missing: missing.iter().map(Named::text).collect(),
        };
        serde_json::to_writer_pretty(&mut *out, &document)?;
        writeln!(out)
    }

    /// One object per line.
    pub fn write_json_lines(&self, out: &mut dyn Write) -> io::Result<()> {
        for machine in self.machines {
            serde_json::to_writer(&mut *out, &self.row(machine, simulated::is()))?;
            writeln!(out)?;
        }
        Ok(())
    }

    fn row<'b>(&self, machine: &'b Machine, simulated: bool) -> InstanceLine<'b> {
        let price_per_hour = hour_now(machine, self.prices);
        InstanceLine { machine, simulated, price_per_hour, expires: expiry(machine) }
    }

    /// Comma-separated values, safe for spreadsheets.
    pub fn write_csv(&self, out: &mut dyn Write) -> io::Result<()> {
        const COLUMNS: [&str; 15] = [
            "name",
            "ocid",
            "state",
            "availability_domain",
            "fault_domain",
            "shape",
            "ocpus",
            "memory_gb",
            "private_ip",
            "public_ip",
            "created",
            "price_per_hour",
            "capacity_reservation",
            "tags",
            "expires",
        ];
        out.write_all(csv_record(COLUMNS).as_bytes())?;
        let number = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        for machine in self.machines {
            let tags: Vec<String> =
                machine.tags.iter().map(|(key, value)| format!("{key}={value}")).collect();
            let record = csv_record([
                machine.name.as_str(),
                &machine.ocid,
                machine.state.as_str(),
                &machine.availability_domain,
                machine.fault_domain.as_deref().unwrap_or_default(),
                &machine.shape,
                &number(machine.ocpus),
                &number(machine.memory_gb),
                machine.private_ip.as_deref().unwrap_or_default(),
                machine.public_ip.as_deref().unwrap_or_default(),
                &machine.created.map(|at| at.to_string()).unwrap_or_default(),
                &number(hour_now(machine, self.prices)),
                machine.capacity_reservation.as_deref().unwrap_or_default(),
                &tags.join(";"),
                &expiry(machine).map(|until| until.to_string()).unwrap_or_default(),
            ]);
            out.write_all(record.as_bytes())?;
        }
        Ok(())
    }
}

fn sums<'a>(machines: &'a [Machine], prices: &'a Prices) -> Totals<'a> {
    let mut by_state = BTreeMap::new();
    for machine in machines {
        *by_state.entry(machine.state.as_str()).or_insert(0) += 1;
    }
    let (price_per_hour, unknown_prices) = total_now(machines, prices);
    Totals {
        instances: machines.len(),
        by_state,
        ocpus: sum(machines.iter().filter_map(|machine| machine.ocpus)),
        memory_gb: sum(machines.iter().filter_map(|machine| machine.memory_gb)),
        price_per_hour,
        unknown_prices,
        currency: prices.currency(),
    }
}

/// Starts at 0.0, because the sum of no floating-point numbers is -0.0.
fn sum(numbers: impl Iterator<Item = f64>) -> f64 {
    numbers.fold(0.0, |sum, number| sum + number)
}

/// `20 instances: 18 RUNNING, 2 STOPPED; 20 OCPUs, 120 GB; 0.6120 USD an hour without volumes`.
pub fn totals(machines: &[Machine], prices: &Prices) -> String {
    let sums = sums(machines, prices);
    let states: Vec<String> = sums
        .by_state
        .iter()
        .map(|(state, count)| format!("{count} {}", crate::output::text::clean(state)))
        .collect();
    let unknown = match sums.unknown_prices {
        0 => String::new(),
        unknown => format!(" plus {} with an unknown price", count(unknown as u64, "instance")),
    };
    format!(
        "{}: {}; {}, {} GB; {} {} per hour without volumes{unknown}",
        count(sums.instances as u64, "instance"),
        states.join(", "),
        amount(sums.ocpus, "OCPU"),
        sums.memory_gb,
        thousands(sums.price_per_hour, 4),
        sums.currency,
    )
}

/// Whether instances are in more than one region.
pub fn is_in_several_regions<'m>(machines: impl IntoIterator<Item = &'m Machine>) -> bool {
    let mut regions = machines.into_iter().map(|machine| &machine.region);
    let first = regions.next();
    regions.any(|other| Some(other) != first)
}

/// `PHX-AD-1` of `Uocm:PHX-AD-1`.
pub fn short_domain(domain: &str) -> &str {
    domain.rsplit_once(':').map_or(domain, |(_, short)| short)
}

/// The end of an OCID, which distinguishes it.
pub fn short_ocid(ocid: &str) -> String {
    let tail: String = ocid.chars().rev().take(8).collect::<Vec<_>>().into_iter().rev().collect();
    format!("…{tail}")
}

fn age(machine: &Machine, now: Timestamp) -> String {
    let Some(created) = machine.created else { return "-".to_owned() };
    let seconds = now.duration_since(created).as_secs();
    match seconds {
        // Clocks differ a little. If they differ more, the age is unknown.
        ..-60 => "-".to_owned(),
        -60..0 => "0 s".to_owned(),
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machines() -> Vec<Machine> {
        let machine = |number: u32, state: &str| Machine {
            name: format!("web-{number}"),
            ocid: format!("ocid1.instance.oc1.phx.anyhqljtunique{number:08}"),
            state: state.into(),
            availability_domain: format!("Uocm:PHX-AD-{number}").into(),
            fault_domain: Some("FAULT-DOMAIN-2".into()),
            shape: "VM.Standard.E4.Flex".into(),
            ocpus: Some(1.0),
            memory_gb: Some(6.0),
            private_ip: Some(format!("10.0.0.{number}")),
            public_ip: (number == 1).then(|| "203.0.113.1".into()),
            created: "2026-11-22T08:00:00Z".parse().ok(),
            ..Machine::default()
        };
        vec![
            machine(1, "RUNNING"),
            machine(2, "STOPPED"),
            Machine { shape: "VM.Odd".into(), ..machine(3, "RUNNING") },
        ]
    }

    fn shown(width: Option<usize>) -> String {
        let machines = machines();
        let prices = Prices::default();
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        Table { machines: &machines, prices: &prices, now, addresses: true, wide: false, asking: false }
            .text(width)
    }

    #[test]
    fn a_list_reads_well_and_adds_up() {
        insta::assert_snapshot!(shown(Some(110)), @r"
        NAME   STATE    AD        SHAPE                OCPUS  GB  PRIVATE IP  PUBLIC IP    AGE  PRICE/H  OCID
        web-1  RUNNING  PHX-AD-1  VM.Standard.E4.Flex  1      6   10.0.0.1    203.0.113.1  4 h  0.0340   …00000001
        web-2  STOPPED  PHX-AD-2  VM.Standard.E4.Flex  1      6   10.0.0.2    -            4 h  0.0000   …00000002
        web-3  RUNNING  PHX-AD-3  VM.Odd               1      6   10.0.0.3    -            4 h  unknown  …00000003

        3 instances: 2 RUNNING, 1 STOPPED; 3 OCPUs, 18 GB; 0.0340 USD per hour without volumes plus 1 instance with an
        unknown price
        ");
    }

    #[test]
    fn the_list_shows_when_time_is_over() {
        let mut machines = machines();
        machines[0].tags = [("oci-insta-scale-expires".to_owned(), "2026-11-22T20:30:00Z".to_owned())].into();
        machines[1].tags = [("oci-insta-scale-expires".to_owned(), "2026-11-22T11:00:00Z".to_owned())].into();
        let prices = Prices::default();
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let table =
            Table { machines: &machines, prices: &prices, now, addresses: false, wide: false, asking: true };
        insta::assert_snapshot!(table.rows(Some(80)) + &table.rows(Some(200)), @r"
            NAME   STATE    AD        SHAPE                PRICE/H  EXPIRES        OCID
            web-1  RUNNING  PHX-AD-1  VM.Standard.E4.Flex  0.0340   in 8 h 30 min  …00000001
            web-2  STOPPED  PHX-AD-2  VM.Standard.E4.Flex  0.0000   over           …00000002
            web-3  RUNNING  PHX-AD-3  VM.Odd               unknown  -              …00000003
            NAME   STATE    AD             FD    SHAPE                OCPUS  GB  AGE  PRICE/H  EXPIRES               OCID
            web-1  RUNNING  Uocm:PHX-AD-1  FD-2  VM.Standard.E4.Flex  1      6   4 h  0.0340   2026-11-22 20:30 UTC  ocid1.instance.oc1.phx.anyhqljtunique00000001
            web-2  STOPPED  Uocm:PHX-AD-2  FD-2  VM.Standard.E4.Flex  1      6   4 h  0.0000   2026-11-22 11:00 UTC  ocid1.instance.oc1.phx.anyhqljtunique00000002
            web-3  RUNNING  Uocm:PHX-AD-3  FD-2  VM.Odd               1      6   4 h  unknown  -                     ocid1.instance.oc1.phx.anyhqljtunique00000003
            ");
        let mut out = Vec::new();
        table.write_json(&[], &mut out).unwrap();
        let document: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(document["instances"][0]["expires"], "2026-11-22T20:30:00Z");
        assert_eq!(document["instances"][2].get("expires"), None);
    }

    #[test]
    fn nothing_adds_up_to_nothing() {
        let prices = Prices::default();
        let text = serde_json::to_string(&sums(&[], &prices)).unwrap();
        assert!(!text.contains("-0"), "{text}");
        let one = Machine { ocpus: Some(1.0), ..machines().remove(0) };
        assert!(totals(&[one], &prices).contains("; 1 OCPU, 6 GB;"));
    }

    #[test]
    fn questions_always_show_the_end_of_each_ocid() {
        let mut machines = machines();
        machines[0].name = "x".repeat(255);
        let prices = Prices::default();
        let now = Timestamp::UNIX_EPOCH;
        let table =
            Table { machines: &machines, prices: &prices, now, addresses: false, wide: false, asking: true };
        for width in [40, 60, 80, 120] {
            let rows = table.rows(Some(width));
            assert!((1..=3).all(|number| rows.contains(&format!("…0000000{number}"))), "{width}: {rows}");
        }
    }

    #[test]
    fn an_age_is_not_made_up_where_the_clocks_differ() {
        let created: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let machine = Machine { created: Some(created), ..Machine::default() };
        let after = |seconds| age(&machine, created + jiff::SignedDuration::from_secs(seconds));
        let ages = [-3600, -5, 5, 600, 9000, 200_000].map(after);
        assert_eq!(ages, ["-", "0 s", "5 s", "10 min", "2 h", "2 d"]);
    }

    #[test]
    fn a_narrow_terminal_keeps_what_matters() {
        insta::assert_snapshot!(shown(Some(60)), @r"
        NAME   STATE    PRIVATE IP  PUBLIC IP    OCID
        web-1  RUNNING  10.0.0.1    203.0.113.1  …00000001
        web-2  STOPPED  10.0.0.2    -            …00000002
        web-3  RUNNING  10.0.0.3    -            …00000003

        3 instances: 2 RUNNING, 1 STOPPED; 3 OCPUs, 18 GB; 0.0340
        USD per hour without volumes plus 1 instance with an unknown
        price
        ");
    }

    #[test]
    fn every_machine_format_has_every_instance() {
        let machines = machines();
        let prices = Prices::default();
        let table = Table {
            machines: &machines,
            prices: &prices,
            now: Timestamp::UNIX_EPOCH,
            addresses: true,
            wide: false,
            asking: false,
        };
        let written = |write: &dyn Fn(&mut dyn Write) -> io::Result<()>| {
            let mut out = Vec::new();
            write(&mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let document = written(&|out| table.write_json(&["web-9".parse().unwrap()], out));
        let document: serde_json::Value = serde_json::from_str(&document).unwrap();
        assert_eq!(document["instances"].as_array().unwrap().len(), 3);
        assert_eq!(document["instances"][2]["price_per_hour"], serde_json::Value::Null);
        assert_eq!(document["totals"]["unknown_prices"], 1);
        assert_eq!(document["missing"], serde_json::json!(["web-9"]));
        assert_eq!(written(&|out| table.write_json_lines(out)).lines().count(), 3);
        assert_eq!(written(&|out| table.write_csv(out)).lines().count(), 4);
    }
}
