//! `cargo run -p lab --bin pacing -- FOLDER`: runs every way of pacing on the model server and writes the plots and the table
//! of docs/pacing.md to the folder. The same code produces the same files.

use lab::pacing::rivals::Way;
use lab::pacing::run::SenderLog;
use lab::pacing::scenario::Scenario;
use lab::svg::{Lines, page};
use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

const SEEDS: u64 = 21;
/// The ways that adapt, for plots of the rate.
const ADAPTIVE: [Way; 4] = [Way::Ours, Way::Aimd, Way::AwsAdaptive, Way::Bbr];
const COMPARED: [(&str, &str); 9] = [
    ("ten-a-second", "10/s, burst 20"),
    ("fifty-a-second", "50/s, burst 20"),
    ("one-in-ten-seconds", "1 in 10 s, burst 2"),
    ("slow-answers", "10/s, answers after 0.3–0.6 s"),
    ("halves-and-doubles", "10, then 5, then 10/s"),
    ("another-tenant", "10/s, another takes 7/s for 40 s"),
    ("penalty", "10/s, a refusal costs a minute"),
    ("penalty-restarts", "the same, restarted by each request"),
    ("two-processes", "10/s, two processes"),
];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "docs/plots".to_owned());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text);
    write(
        "pacing-rate.svg",
        &rates("halves-and-doubles", 62.0, 25.0, "Rate sent when the limit halves and doubles")?,
    )?;
    write("pacing-start.svg", &launched("fifty-a-second", 12.0, "500 launches at 50/s with a burst of 20")?)?;
    write(
        "pacing-penalty.svg",
        &launched("penalty", 1600.0, "5,000 launches where a refusal costs a minute")?,
    )?;
    write("pacing-two.svg", &two()?)?;
    write("pacing-table.md", &table()?)?;
    Ok(())
}

fn scenario(name: &str) -> Result<Scenario, Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("scenarios/pacing/{name}.yaml"));
    Ok(Scenario::parse(&std::fs::read_to_string(path)?)?)
}

/// The requests sent per second in one-second windows, with the allowed rate; one panel for each way.
fn rates(name: &str, last: f64, top: f64, title: &str) -> Result<String, Box<dyn Error>> {
    let scenario = scenario(name)?;
    let panels: Vec<Lines> = ADAPTIVE
        .iter()
        .map(|way| {
            let seen = &scenario.run_way(*way, 1)[0];
            let allowed = steps(last, |at| scenario.service.rate_at(at));
            Lines::new(way.name(), "seconds", "requests a second")
                .line("sent", steps(last, |at| per_second(&seen.sent, at)))
                .line("refused", steps(last, |at| per_second(&seen.refused, at)))
                .reference("allowed", allowed)
                .until(last, top)
        })
        .collect();
    let panels: Vec<&dyn lab::svg::Panel> = panels.iter().map(|panel| panel as _).collect();
    Ok(page(title, &panels, 2, (430.0, 230.0)))
}

/// Launched by time, all ways in one panel; refused by time in another.
fn launched(name: &str, last: f64, title: &str) -> Result<String, Box<dyn Error>> {
    let scenario = scenario(name)?;
    let wanted = scenario.senders[0].wanted as f64;
    let ideal = (0..200).map(|step| {
        let through = wanted * f64::from(step) / 200.0;
        (scenario.service.ideal_seconds(through, 0.0), through)
    });
    let mut through = Lines::new("launched", "seconds", "launches").until(last, wanted);
    let mut refused = Lines::new("refused with 429", "seconds", "requests");
    for way in ADAPTIVE {
        let seen = &scenario.run_way(way, 1)[0];
        through = through.line(way.name(), counted(&seen.through));
        refused = refused.line(way.name(), counted(&seen.refused));
    }
    let through = through.reference("ideal", ideal.collect());
    Ok(page(title, &[&through, &refused], 2, (430.0, 260.0)))
}

/// Two senders on one limit: the share of each.
fn two() -> Result<String, Box<dyn Error>> {
    let mut panels = Vec::new();
    for (name, last) in [("two-processes", 95.0), ("a-latecomer", 200.0)] {
        let scenario = scenario(name)?;
        for way in [Way::Ours, Way::Aimd] {
            let seen = scenario.run_way(way, 3);
            let got = |seen: &SenderLog| steps(last, |at| seen.through_between(at - 5.0, at) as f64 / 5.0);
            let title =
                format!("{}: {}", way.name(), if name == "a-latecomer" { "one later" } else { "at once" });
            panels.push(
                Lines::new(&title, "seconds", "let through a second")
                    .line("first", got(&seen[0]))
                    .line("second", got(&seen[1]))
                    .reference("half of the limit", vec![(0.0, 5.0), (last, 5.0)])
                    .until(last, 12.0),
            );
        }
    }
    let panels: Vec<&dyn lab::svg::Panel> = panels.iter().map(|panel| panel as _).collect();
    Ok(page("Two processes on one limit of 10/s", &panels, 2, (430.0, 230.0)))
}

/// Medians over the seeds: time relative to the ideal, and refused relative to admitted requests.
fn table() -> Result<String, Box<dyn Error>> {
    let mut text = String::from("| service |");
    for way in Way::ALL {
        let _ = write!(text, " {} |", way.name());
    }
    text.push_str("\n| --- |");
    text.push_str(&" --- |".repeat(Way::ALL.len()));
    text.push('\n');
    for (name, title) in COMPARED {
        let scenario = scenario(name)?;
        let _ = write!(text, "| {title} |");
        for way in Way::ALL {
            let outcomes: Vec<_> =
                (0..SEEDS).map(|seed| scenario.outcome(&scenario.run_way(way, seed))).collect();
            let middle = |of: fn(&lab::pacing::scenario::Outcome) -> f64| {
                let mut all: Vec<f64> = outcomes.iter().map(of).collect();
                all.sort_by(f64::total_cmp);
                all[all.len() / 2]
            };
            let refused = middle(|of| of.refused_part);
            let first = if scenario.senders.len() > 1 {
                format!("{:.0} : {:.0}", 100.0 * middle(|of| of.share), 100.0 - 100.0 * middle(|of| of.share))
            } else {
                let ratio = middle(|of| of.time_ratio);
                if ratio.is_finite() { format!("{ratio:.2} ×") } else { "never".to_owned() }
            };
            let _ = write!(text, " {first}, {:.1} % |", 100.0 * refused);
        }
        text.push('\n');
    }
    Ok(text)
}

fn steps(last: f64, value: impl Fn(f64) -> f64) -> Vec<(f64, f64)> {
    let step = last / 240.0;
    (0..=240).map(|index| (f64::from(index) * step, value(f64::from(index) * step))).collect()
}

fn per_second(moments: &[f64], at: f64) -> f64 {
    moments.iter().filter(|moment| (at - 0.5..at + 0.5).contains(*moment)).count() as f64
}

fn counted(moments: &[f64]) -> Vec<(f64, f64)> {
    moments.iter().zip(1_u32..).map(|(at, count)| (*at, f64::from(count))).collect()
}
