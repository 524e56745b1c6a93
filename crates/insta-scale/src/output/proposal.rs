//! The proposal before a question: what will be done, where, as whom, at what price, and until when.
//!
//! It must not know how these facts were determined, nor what follows from the reply.

use super::instances::list::short_ocid;
use super::text::{clean, count, thousands, wrap};
use crate::tuning::{CONFIRM_NUMBER_ABOVE, CONFIRM_PRICE_ABOVE};
use fleet::price::{Per, Prices};
use std::fmt::Write as _;

/// The first line of a dry run.
pub const DRY_RUN: &str = "DRY RUN: nothing is changed";

/// The columns before the texts: two spaces, the label, a space.
const INDENT: usize = 15;

/// Where something will be done, and as whom.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// The name of the region.
    pub region: String,
    /// The base URL that requests go to.
    pub endpoint: String,
    /// The label of the region, if it is simulated.
    pub simulated: Option<String>,
    /// The OCID of the compartment.
    pub compartment: String,
    /// Its name, if it could be read.
    pub compartment_name: Option<String>,
    /// Who signs: `user ocid1.user…`, `profile DEFAULT of ~/.oci/config`.
    pub identity: String,
}

/// The required reply.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Typed {
    /// `y`, or the number if there are many instances or the price is high.
    #[default]
    Yes,
    /// This word.
    Word(&'static str),
}

/// The subject of a question.
#[derive(Clone, Debug, Default)]
pub struct Proposal {
    /// The affected items, as a table or in lines; shown first.
    pub table: String,
    /// What will be done: label and text.
    pub what: Vec<(&'static str, String)>,
    /// The prices with their labels.
    pub money: Vec<(&'static str, Money)>,
    /// Until when.
    pub until: Option<String>,
    /// Important options and other notes.
    pub options: Vec<String>,
    /// `Launch 3 instances?`
    pub question: String,
    /// The number of instances concerned.
    pub number: u64,
    /// What has to be typed.
    pub answer: Typed,
}

/// A price that may be partly unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Money {
    /// The known part per hour.
    pub hour: Option<f64>,
    /// The number of items with an unknown price.
    pub unknown: usize,
    /// The number of instances whose volumes are not part of the price.
    pub bare: usize,
}

impl Proposal {
    /// The proposal of a dry run, without the question.
    pub fn dry_run(&self, prices: &Prices) -> String {
        let mut out = format!("{DRY_RUN}\n\n");
        if !self.table.is_empty() {
            out = out + self.table.trim_end() + "\n\n";
        }
        let currency = prices.currency();
        let rows = self.what.iter().map(|(label, text)| (*label, text.clone()));
        let money = self.money.iter().map(|(label, money)| (*label, money.text(currency)));
        let notes = self.options.iter().map(|note| ("note", note.clone()));
        for (label, text) in rows.chain(money).chain(notes) {
            // Writing to a String cannot fail, so the result is ignored.
            let _ = writeln!(out, "  {label:<12} {text}");
        }
        out
    }

    /// The complete proposal in lines that fit the terminal.
    pub fn text(&self, scene: &Scene, prices: &Prices, width: Option<usize>) -> String {
        let mut out = self.table.clone();
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        let room = width.map(|width| width.saturating_sub(INDENT));
        let mut line = |label: &str, text: &str| {
            let text = wrap(text, room).replace('\n', &format!("\n{:INDENT$}", ""));
            // Writing to a String cannot fail, so the result is ignored.
            let _ = writeln!(out, "{}", format!("  {label:<12} {text}").trim_end());
        };
        for (label, text) in &self.what {
            line(label, &fitting_ocids(text, room));
        }
        line("region", &clean(&scene.region));
        let simulated =
            scene.simulated.as_deref().map(|label| format!(" ({})", super::simulated::describe(label)));
        line("endpoint", &(clean(&scene.endpoint) + &simulated.unwrap_or_default()));
        line("compartment", &scene.compartment(room));
        line("as", &scene.identity(room));
        for (label, money) in &self.money {
            line(label, &money.text(prices.currency()));
        }
        if let Some(until) = &self.until {
            line("until", until);
        }
        for (at, option) in self.options.iter().enumerate() {
            line(if at == 0 { "note" } else { "" }, option);
        }
        out
    }

    /// Whether the number of instances or the price is so high that `y` would be typed too easily.
    pub fn is_large(&self, prices: &Prices) -> bool {
        let limit = prices.confirm_above.unwrap_or(CONFIRM_PRICE_ABOVE);
        let dear = self.money.iter().any(|(_, money)| money.hour.is_some_and(|hour| hour > limit));
        self.number > CONFIRM_NUMBER_ABOVE || (dear && self.number > 0)
    }
}

impl Scene {
    fn compartment(&self, room: Option<usize>) -> String {
        match &self.compartment_name {
            Some(name) => {
                format!("{} ({})", clean(name), fitting(&self.compartment, room, name.chars().count() + 3))
            }
            None => format!("{} (its name could not be read)", fitting(&self.compartment, room, 27)),
        }
    }

    /// Shortens OCIDs that do not fit.
    fn identity(&self, room: Option<usize>) -> String {
        fitting_ocids(&clean(&self.identity), room)
    }
}

/// A text with OCIDs shortened if they do not fit.
fn fitting_ocids(text: &str, room: Option<usize>) -> String {
    let words = text.split(' ');
    let words =
        words.map(|word| if word.starts_with("ocid1.") { fitting(word, room, 5) } else { word.to_owned() });
    words.collect::<Vec<String>>().join(" ")
}

/// An OCID, or only its end if it does not fit beside `others`.
fn fitting(ocid: &str, room: Option<usize>, others: usize) -> String {
    match room {
        Some(room) if ocid.chars().count() + others > room => short_ocid(ocid),
        _ => clean(ocid),
    }
}

impl Money {
    /// A price that may be unknown.
    pub fn of(hour: Option<f64>) -> Self {
        Self { hour, ..Self::default() }
    }

    /// The price of things of which these are a part, and of the others.
    #[must_use]
    pub fn plus(self, others: Self) -> Self {
        Self {
            hour: self.hour.map(|hour| hour + others.hour.unwrap_or_default()),
            unknown: self.unknown + others.unknown,
            bare: self.bare + others.bare,
        }
    }

    /// `1,234.5678 USD an hour, 888,888.82 per 30 days (720 h)`.
    pub fn text(self, currency: &str) -> String {
        let currency = clean(currency);
        let Some(hour) = self.hour else {
            return "unknown; set it under `prices:` in the config".to_owned();
        };
        let per = Per::of(hour);
        let known = format!(
            "{} {currency} per hour, {} per 30 days (720 h)",
            thousands(per.hour, 4),
            thousands(per.days_30, 2)
        );
        let known = match self.bare {
            0 => known,
            bare => format!("{known}, without the volumes of {}", count(bare as u64, "instance")),
        };
        match self.unknown {
            0 => known,
            unknown => format!("{known}, plus {} with an unknown price", count(unknown as u64, "instance")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_without_volumes_say_so() {
        let whole = Money { hour: Some(1.0), ..Money::default() };
        let bare = Money { hour: Some(0.5), unknown: 1, bare: 2 };
        assert_eq!(whole.text("USD"), "1.0000 USD per hour, 720.00 per 30 days (720 h)");
        assert_eq!(
            whole.plus(bare).text("USD"),
            "1.5000 USD per hour, 1,080.00 per 30 days (720 h), without the volumes of 2 instances, plus 1 instance with \
             an unknown price"
        );
    }

    fn scene() -> Scene {
        Scene {
            region: "us-phoenix-1".to_owned(),
            endpoint: "http://127.0.0.1:12620".to_owned(),
            simulated: Some("roomy; speed=30".to_owned()),
            compartment: format!("ocid1.compartment.oc1..{}", "a".repeat(60)),
            compartment_name: Some("rehearsal".to_owned()),
            identity: format!("user ocid1.user.oc1..{} (config.yaml)", "b".repeat(60)),
        }
    }

    fn proposal() -> Proposal {
        Proposal {
            what: vec![("launch", "250 instances: web-1 … web-250".to_owned())],
            money: vec![("price", Money::of(Some(1234.56)))],
            until: Some("they are terminated: there is no --ttl".to_owned()),
            options: vec![
                "--reserve: capacity is reserved first and charged from that moment on, used or not"
                    .to_owned(),
            ],
            question: "Launch 250 instances?".to_owned(),
            number: 250,
            ..Proposal::default()
        }
    }

    #[test]
    fn a_question_says_where_and_at_what_price() {
        insta::assert_snapshot!(proposal().text(&scene(), &Prices::default(), Some(80)), @r"
          launch       250 instances: web-1 … web-250
          region       us-phoenix-1
          endpoint     http://127.0.0.1:12620 (simulated region `roomy`, 30 × real time)
          compartment  rehearsal (…aaaaaaaa)
          as           user …bbbbbbbb (config.yaml)
          price        1,234.5600 USD per hour, 888,883.20 per 30 days (720 h)
          until        they are terminated: there is no --ttl
          note         --reserve: capacity is reserved first and charged from that
                       moment on, used or not
          ");
    }

    #[test]
    fn no_line_of_a_question_is_wider_than_80() {
        let text = proposal().text(&scene(), &Prices::default(), Some(80));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        let wide = proposal().text(&scene(), &Prices::default(), Some(200));
        assert!(wide.contains(&scene().compartment), "{wide}");
    }

    #[test]
    fn many_or_dear_instances_are_agreed_to_by_number() {
        let large = |number, hour, confirm_above| {
            let money = vec![("price", Money::of(hour))];
            let prices = Prices { confirm_above, ..Prices::default() };
            Proposal { money, number, ..Proposal::default() }.is_large(&prices)
        };
        assert!(!large(100, Some(100.0), None));
        assert!(large(101, None, None) && large(1, Some(100.01), None));
        assert!(large(1, Some(6.0), Some(5.0)) && !large(1, Some(400.0), Some(500.0)));
    }

    #[test]
    fn thousands_are_separated() {
        let told = |number| thousands(number, 2);
        assert_eq!(
            [told(0.5), told(999.0), told(1000.0), told(1_234_567.891)],
            ["0.50", "999.00", "1,000.00", "1,234,567.89"]
        );
        assert_eq!(thousands(-1234.0, 0), "-1,234");
    }
}
