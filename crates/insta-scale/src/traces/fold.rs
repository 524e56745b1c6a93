//! The fold: records and requests become spans when what they describe has ended.
//!
//! The trace of a run has the run's id, so that the one leads to the other. Every process that works on a run has a span of its
//! own in it. Ids of spans are made from the numbers of the records that begin them, so they do not repeat in a later process.

use super::fields::{number, of_record, text};
use crate::output::text::word;
use jiff::Timestamp;
use ledger::{Action, ErrorRecord, Event, Outcome, Placement, Record, RunId, SlotNumber};
use opentelemetry::trace::{
    Event as SpanEvent, SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks};
use std::borrow::Cow;
use std::collections::HashMap;
use std::time::SystemTime;

/// The maximum number of events that a span keeps, as in OpenTelemetry's own libraries. A hunt waits ten thousand times.
const EVENTS_MAX: usize = 128;

/// The spans that have begun and not ended.
pub(super) struct Fold {
    pub(super) scope: InstrumentationScope,
    runs: Vec<RunSpans>,
    /// What is asked before and after runs; begun by its first request.
    command: Option<OpenSpan>,
    seed: u64,
    requests: u64,
    last: Timestamp,
}

/// The spans of a run.
struct RunSpans {
    run: RunId,
    span: OpenSpan,
    slots: HashMap<SlotNumber, SlotSpans>,
    /// The slots whose launches have these retry tokens.
    tokens: HashMap<String, SlotNumber>,
    /// The slots that have these instances.
    ocids: HashMap<String, SlotNumber>,
}

struct SlotSpans {
    span: OpenSpan,
    attempt: Option<Attempt>,
    ocid: Option<String>,
}

struct Attempt {
    token: String,
    span: OpenSpan,
}

/// A span that has begun.
pub(super) struct OpenSpan {
    pub(super) trace: TraceId,
    pub(super) id: SpanId,
    parent: SpanId,
    name: Cow<'static, str>,
    from: Timestamp,
    pub(super) attributes: Vec<KeyValue>,
    events: SpanEvents,
}

/// What a span is of; the first byte of its id.
#[derive(Clone, Copy)]
pub(super) enum Of {
    Run = 1,
    Slot,
    Attempt,
    Request,
    Command,
}

impl Fold {
    /// `seed` keeps the ids of requests apart from those of other processes.
    pub(super) fn new(seed: u64) -> Self {
        let scope =
            InstrumentationScope::builder(env!("CARGO_PKG_NAME")).with_version(env!("CARGO_PKG_VERSION"));
        Self {
            scope: scope.build(),
            runs: Vec::new(),
            command: None,
            seed,
            requests: seed,
            last: Timestamp::UNIX_EPOCH,
        }
    }

    /// Applies a record that was just written.
    pub(super) fn record(&mut self, run: RunId, record: &Record, out: &mut Vec<SpanData>) {
        self.last = self.last.max(record.at);
        let found = self.runs.iter().position(|spans| spans.run == run);
        let at = found.unwrap_or_else(|| {
            self.runs.push(RunSpans::begin(run, record));
            self.runs.len() - 1
        });
        let spans = &mut self.runs[at];
        let end = |open: OpenSpan, status| out.push(open.end(record.at, status, &self.scope));
        spans.apply(record, end);
        if let Event::RunFinished { outcome } = &record.event {
            let status = match outcome {
                Outcome::Complete | Outcome::Stopped => Status::Ok,
                _ => Status::error(word(outcome)),
            };
            self.runs.remove(at).close(record.at, status, &self.scope, out);
        }
    }

    /// The parent of a request: the attempt that it belongs to, otherwise the slot, otherwise the run, otherwise the command.
    pub(super) fn parent(&mut self, token: Option<&str>, path: &str, began: Timestamp) -> (TraceId, SpanId) {
        self.last = self.last.max(began);
        for spans in self.runs.iter().rev() {
            let of_token = token.and_then(|token| spans.tokens.get(token));
            if let Some(attempt) = of_token.and_then(|slot| spans.slots.get(slot)?.attempt.as_ref()) {
                return (attempt.span.trace, attempt.span.id);
            }
            let of_ocid = path.split('/').find_map(|part| spans.ocids.get(part));
            if let Some(slot) = of_ocid.and_then(|slot| spans.slots.get(slot)) {
                return (slot.span.trace, slot.span.id);
            }
        }
        let command = || {
            let trace =
                TraceId::from(u128::from(self.seed) << 64 | u128::from(self.seed.rotate_left(32)) | 1);
            OpenSpan::begin(trace, id(Of::Command, self.seed), SpanId::INVALID, "command", began)
        };
        let open = match self.runs.last() {
            Some(spans) => &spans.span,
            None => self.command.get_or_insert_with(command),
        };
        (open.trace, open.id)
    }

    /// The id of a request.
    pub(super) fn next_request(&mut self) -> SpanId {
        self.requests = self.requests.wrapping_add(1);
        id(Of::Request, self.requests)
    }

    /// Ends everything, because the process ends. The last time that was seen is the end: a simulated clock has another time
    /// than the machine.
    pub(super) fn finish(&mut self, out: &mut Vec<SpanData>) {
        for spans in self.runs.drain(..).rev() {
            spans.close(self.last, Status::Unset, &self.scope, out);
        }
        if let Some(command) = self.command.take() {
            out.push(command.end(self.last, Status::Unset, &self.scope));
        }
    }
}

impl RunSpans {
    fn begin(run: RunId, first: &Record) -> Self {
        let trace = TraceId::from(run.0.as_u128());
        let name: Cow<'static, str> = match &first.event {
            Event::RunStarted { kind, .. } => word(kind).into(),
            Event::RunResumed => "resume".into(),
            _ => "records".into(),
        };
        let mut span = OpenSpan::begin(trace, id(Of::Run, first.seq), SpanId::INVALID, name, first.at);
        span.attributes.push(text("oci_insta_scale.run.id", run.to_string()));
        if let Event::RunStarted { requested, plan, .. } = &first.event {
            span.attributes.push(number("oci_insta_scale.requested", *requested));
            let places = [
                ("oci_insta_scale.fleet", "/fleet/name"),
                ("cloud.region", "/fleet/region"),
                ("oci_insta_scale.simulated", "/origin/simulated"),
            ];
            for (key, place) in places {
                span.attributes.extend(
                    plan.pointer(place).and_then(|value| value.as_str()).map(|value| text(key, value)),
                );
            }
        }
        Self { run, span, slots: HashMap::new(), tokens: HashMap::new(), ocids: HashMap::new() }
    }

    fn apply(&mut self, record: &Record, mut end: impl FnMut(OpenSpan, Status)) {
        if let Event::LaunchIntended { slot, .. }
        | Event::ActionIntended { slot, .. }
        | Event::Launched { slot, .. }
        | Event::SlotFailed { slot, .. } = &record.event
        {
            self.begin_slot(*slot, record);
        }
        if let Event::LaunchIntended { slot, attempt, token, placement } = &record.event {
            self.end_attempt(*slot, Status::Unset, &mut end);
            self.begin_attempt(*slot, *attempt, token, placement, record);
            return;
        }
        self.note(record);
        match &record.event {
            Event::TryFailed { slot, error, action, .. } => {
                if matches!(action, Action::NextPlacement | Action::GiveUpSlot | Action::StopRun) {
                    self.end_attempt(*slot, failed(error), &mut end);
                }
            }
            Event::Launched { slot, ocid, name, placement, .. } => {
                self.end_attempt(*slot, Status::Ok, &mut end);
                self.found(*slot, ocid, Some(name), Some(placement));
            }
            Event::ActionIntended { slot, ocid, .. } => self.found(*slot, ocid, None, None),
            Event::Running { slot, .. } | Event::ActionDone { slot, .. } => {
                self.end_slot(*slot, Status::Ok, &mut end);
            }
            Event::SlotFailed { slot, error } => {
                self.end_attempt(*slot, failed(error), &mut end);
                self.end_slot(*slot, failed(error), &mut end);
            }
            Event::WaitEnded { slot, error, .. } => {
                let status = error.as_ref().map_or(Status::Unset, failed);
                self.end_slot(*slot, status, &mut end);
            }
            _ => {}
        }
    }

    /// Adds the record as an event to the innermost span that it concerns.
    fn note(&mut self, record: &Record) {
        let slot = record.event.slot().and_then(|slot| self.slots.get_mut(&slot));
        let span = match slot {
            Some(SlotSpans { attempt: Some(attempt), .. }) => &mut attempt.span,
            Some(slot) => &mut slot.span,
            None => &mut self.span,
        };
        span.note(record);
    }

    /// Begins the span of a slot unless it has one. A slot whose instance dies after it ran gets another.
    fn begin_slot(&mut self, slot: SlotNumber, record: &Record) {
        let (trace, parent) = (self.span.trace, self.span.id);
        self.slots.entry(slot).or_insert_with(|| {
            let mut span = OpenSpan::begin(trace, id(Of::Slot, record.seq), parent, "slot", record.at);
            span.attributes.push(number("oci_insta_scale.slot", slot));
            SlotSpans { span, attempt: None, ocid: None }
        });
    }

    fn begin_attempt(
        &mut self,
        slot: SlotNumber,
        attempt: u32,
        token: &str,
        placement: &Placement,
        record: &Record,
    ) {
        let Some(spans) = self.slots.get_mut(&slot) else { return };
        let mut span = OpenSpan::begin(
            spans.span.trace,
            id(Of::Attempt, record.seq),
            spans.span.id,
            "attempt",
            record.at,
        );
        span.attributes
            .extend([number("oci_insta_scale.slot", slot), number("oci_insta_scale.attempt", attempt)]);
        span.attributes.extend(of_placement(placement));
        spans.attempt = Some(Attempt { token: token.to_owned(), span });
        self.tokens.insert(token.to_owned(), slot);
    }

    fn found(&mut self, slot: SlotNumber, ocid: &str, name: Option<&str>, placement: Option<&Placement>) {
        let Some(spans) = self.slots.get_mut(&slot) else { return };
        spans.span.attributes.push(text("host.id", ocid));
        spans.span.attributes.extend(name.map(|name| text("host.name", name)));
        spans.span.attributes.extend(placement.into_iter().flat_map(of_placement));
        spans.ocid = Some(ocid.to_owned());
        self.ocids.insert(ocid.to_owned(), slot);
    }

    fn end_attempt(&mut self, slot: SlotNumber, status: Status, end: &mut impl FnMut(OpenSpan, Status)) {
        if let Some(attempt) = self.slots.get_mut(&slot).and_then(|spans| spans.attempt.take()) {
            self.tokens.remove(&attempt.token);
            end(attempt.span, status);
        }
    }

    fn end_slot(&mut self, slot: SlotNumber, status: Status, end: &mut impl FnMut(OpenSpan, Status)) {
        self.end_attempt(slot, Status::Unset, end);
        if let Some(spans) = self.slots.remove(&slot) {
            spans.ocid.map(|ocid| self.ocids.remove(&ocid));
            end(spans.span, status);
        }
    }

    fn close(mut self, at: Timestamp, status: Status, scope: &InstrumentationScope, out: &mut Vec<SpanData>) {
        let mut open: Vec<SlotNumber> = self.slots.keys().copied().collect();
        open.sort_unstable();
        for slot in open {
            self.end_slot(slot, Status::Unset, &mut |mut span, status| {
                span.attributes.push(KeyValue::new("oci_insta_scale.unfinished", true));
                out.push(span.end(at, status, scope));
            });
        }
        out.push(self.span.end(at, status, scope));
    }
}

impl OpenSpan {
    pub(super) fn begin(
        trace: TraceId,
        id: SpanId,
        parent: SpanId,
        name: impl Into<Cow<'static, str>>,
        from: Timestamp,
    ) -> Self {
        let (attributes, events) = (Vec::new(), SpanEvents::default());
        Self { trace, id, parent, name: name.into(), from, attributes, events }
    }

    fn note(&mut self, record: &Record) {
        if self.events.events.len() >= EVENTS_MAX {
            self.events.dropped_count += 1;
            return;
        }
        let (name, attributes) = of_record(&record.event);
        self.events.events.push(SpanEvent::new(name, SystemTime::from(record.at), attributes, 0));
    }

    pub(super) fn end(self, at: Timestamp, status: Status, scope: &InstrumentationScope) -> SpanData {
        SpanData {
            span_context: SpanContext::new(
                self.trace,
                self.id,
                TraceFlags::SAMPLED,
                false,
                TraceState::default(),
            ),
            parent_span_id: self.parent,
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: self.name,
            start_time: self.from.into(),
            // The clock of the machine may have been set back.
            end_time: at.max(self.from).into(),
            attributes: self.attributes,
            dropped_attributes_count: 0,
            events: self.events,
            links: SpanLinks::default(),
            status,
            instrumentation_scope: scope.clone(),
        }
    }
}

/// An id that no other kind of span has.
fn id(of: Of, number: u64) -> SpanId {
    SpanId::from((of as u64) << 56 | (number & (u64::MAX >> 8)))
}

fn of_placement(placement: &Placement) -> Vec<KeyValue> {
    let Placement { region, availability_domain, fault_domain, shape, .. } = placement;
    let mut attributes = vec![
        text("cloud.availability_zone", availability_domain.as_str()),
        text("host.type", shape.as_str()),
    ];
    attributes.extend(region.as_deref().map(|region| text("cloud.region", region)));
    attributes.extend(fault_domain.as_deref().map(|domain| text("oci_insta_scale.fault_domain", domain)));
    attributes
}

fn failed(error: &ErrorRecord) -> Status {
    Status::error(format!("{} {}: {}", error.class, error.code, error.message))
}
