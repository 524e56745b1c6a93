//! The instances of a report as columns: 100,000 of them must stay small, so that a browser opens them.

use super::tables::{answer_text, result_word};
use crate::output::text::clean;
use fleet::report::{Report, ReportedSlot};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::HashMap;

/// The instances, by column. Times are in milliseconds since the base of the page.
#[derive(Serialize)]
pub struct Columns {
    /// The position of the run; absent if there is only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<Vec<usize>>,
    slot: Vec<u32>,
    name: Texts,
    ocid: Texts,
    request: Texts,
    result: Vec<Option<usize>>,
    domain: Vec<Option<usize>>,
    fault: Vec<Option<usize>>,
    shape: Vec<Option<usize>>,
    answer: Vec<Option<usize>>,
    tries: Vec<u32>,
    refused: Vec<u64>,
    asked: Vec<Option<i64>>,
    accepted: Vec<Option<i64>>,
    done: Vec<Option<i64>>,
    ended: Vec<Option<i64>>,
    /// The groups of refusals of each: answer, first, last, count.
    waves: Vec<Vec<(usize, i64, i64, u64)>>,
}

/// The values to which columns refer by position.
#[derive(Serialize)]
pub struct Words {
    result: Vec<String>,
    domain: Vec<String>,
    fault: Vec<String>,
    shape: Vec<String>,
    answer: Vec<String>,
}

/// Texts with a common beginning.
#[derive(Serialize)]
struct Texts {
    /// The common beginning.
    p: String,
    /// The rest of each; null if there is none.
    r: Vec<Option<String>>,
}

/// The instances of a report, and the words of its columns.
pub fn columns(report: &Report, base: Timestamp) -> (Columns, Words) {
    let slots = &report.slots;
    let time = |at: Timestamp| milliseconds(base, at);
    let times = |of: &dyn Fn(&ReportedSlot) -> Option<Timestamp>| {
        slots.iter().map(|slot| of(slot).map(time)).collect::<Vec<_>>()
    };
    let (result, results) = words(slots, |slot| Some(result_word(slot.result)));
    let (domain, domains) = words(slots, |slot| slot.availability_domain.as_deref());
    let (fault, faults) = words(slots, |slot| slot.fault_domain.as_deref());
    let (shape, shapes) = words(slots, |slot| slot.shape.as_deref());
    let waves = |slot: &ReportedSlot| {
        let groups = slot.refusals.iter();
        groups.map(|one| (one.answer, time(one.first_at), time(one.last_at), one.count)).collect()
    };
    let columns = Columns {
        run: (report.runs.len() > 1).then(|| slots.iter().map(|slot| slot.run).collect()),
        slot: slots.iter().map(|slot| slot.slot).collect(),
        name: texts(slots.iter().map(|slot| Some(slot.name.as_str()))),
        ocid: texts(slots.iter().map(|slot| slot.ocid.as_deref())),
        request: texts(slots.iter().map(|slot| slot.opc_request_id.as_deref())),
        result,
        domain,
        fault,
        shape,
        answer: slots.iter().map(|slot| slot.answer).collect(),
        tries: slots.iter().map(|slot| slot.attempts).collect(),
        refused: slots.iter().map(|slot| slot.refused).collect(),
        asked: times(&|slot| slot.asked_at),
        accepted: times(&|slot| slot.accepted_at),
        done: times(&|slot| slot.done_at),
        ended: times(&|slot| slot.ended_at),
        waves: slots.iter().map(waves).collect(),
    };
    let answer = report.answers.iter().map(answer_text).collect();
    (columns, Words { result: results, domain: domains, fault: faults, shape: shapes, answer })
}

/// Milliseconds from the base of the page.
pub fn milliseconds(base: Timestamp, at: Timestamp) -> i64 {
    at.as_millisecond() - base.as_millisecond()
}

fn words<'a>(
    slots: &'a [ReportedSlot],
    of: impl Fn(&'a ReportedSlot) -> Option<&'a str>,
) -> (Vec<Option<usize>>, Vec<String>) {
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut words = Vec::new();
    let positions = slots.iter().map(|slot| {
        let word = of(slot)?;
        Some(*known.entry(word).or_insert_with(|| {
            words.push(clean(word));
            words.len() - 1
        }))
    });
    (positions.collect(), words)
}

fn texts<'a>(all: impl Iterator<Item = Option<&'a str>>) -> Texts {
    let mut rest: Vec<Option<String>> = all.map(|text| text.map(clean)).collect();
    let mut some = rest.iter().flatten();
    let Some(first) = some.next() else { return Texts { p: String::new(), r: rest } };
    let mut common = first.len();
    for text in some {
        let same = first.bytes().zip(text.bytes()).take(common).take_while(|(one, other)| one == other);
        common = same.count();
    }
    while !first.is_char_boundary(common) {
        common -= 1;
    }
    let prefix = first[..common].to_owned();
    for text in rest.iter_mut().flatten() {
        // Equal bytes up to a boundary of the first text are a boundary of every text.
        *text = text.split_off(common);
    }
    Texts { p: prefix, r: rest }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn texts_without_their_beginning_come_back(all in proptest::collection::vec(proptest::option::of("[aäö€😀-]{0,6}"), 0..8)) {
            let packed = texts(all.iter().map(Option::as_deref));
            let back: Vec<_> = packed.r.iter().map(|rest| rest.as_ref().map(|rest| packed.p.clone() + rest)).collect();
            prop_assert_eq!(back, all);
        }
    }
}
