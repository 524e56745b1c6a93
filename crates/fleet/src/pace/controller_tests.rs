//! The promises of the controller, one response at a time. The `lab` crate tests it against a whole service.

use super::{Controller, Next, Phase, RateChange, Reason, Settings, Ticket};
use proptest::prelude::*;
use std::time::Duration;

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// Waits until a request may be sent, and sends it.
fn send(controller: &mut Controller, now: &mut Duration) -> Ticket {
    for _ in 0..100 {
        match controller.next(*now) {
            Next::Now(ticket) => return ticket,
            Next::At(then) => *now = then,
            Next::WhenOneReturns => {
                panic!("nothing may leave before one returns: {:?}", controller.snapshot())
            }
        }
    }
    panic!("told to wait for ever: {:?}", controller.snapshot());
}

/// A service that admits a fixed rate and receives one request after another, with responses after 20 ms.
fn served(controller: &mut Controller, now: &mut Duration, rate: f64, burst: f64, requests: u32) -> u32 {
    let (mut tokens, mut at, mut refused) = (burst, *now, 0);
    for _ in 0..requests {
        let ticket = send(controller, now);
        tokens = (tokens + rate * now.saturating_sub(at).as_secs_f64()).min(burst);
        at = *now;
        let answered = *now + ms(20);
        if tokens >= 1.0 {
            tokens -= 1.0;
            controller.on_success(ticket, answered);
        } else {
            refused += 1;
            controller.on_throttled(ticket, answered, None);
        }
    }
    refused
}

#[test]
fn the_first_request_leaves_at_once() {
    let mut controller = Controller::new(Settings::launch(), 1);
    assert!(matches!(controller.next(ms(123)), Next::Now(_)));
}

#[test]
fn without_an_answer_only_a_few_leave() {
    let mut controller = Controller::new(Settings::launch(), 1);
    let mut now = Duration::ZERO;
    let mut sent = 0;
    loop {
        match controller.next(now) {
            Next::Now(_) => sent += 1,
            Next::At(then) => now = then,
            Next::WhenOneReturns => break,
        }
    }
    assert_eq!(sent, Settings::launch().first_window);
}

#[test]
fn late_refusals_do_not_lower_the_rate_again() {
    let mut controller = Controller::new(Settings::launch(), 1);
    let mut now = Duration::ZERO;
    let tickets: Vec<Ticket> = (0..6).map(|_| send(&mut controller, &mut now)).collect();
    controller.on_throttled(tickets[0], now, None);
    let lowered = controller.snapshot().rate;
    for ticket in &tickets[1..] {
        controller.on_throttled(*ticket, now + ms(5), None);
    }
    assert!((controller.snapshot().rate - lowered).abs() < 1e-9);
    assert_eq!(controller.snapshot().in_flight, 0);
}

#[test]
fn retry_after_holds_everything_back() {
    let mut controller = Controller::new(Settings::launch(), 1);
    let mut now = Duration::ZERO;
    let ticket = send(&mut controller, &mut now);
    controller.on_throttled(ticket, now, Some(Duration::from_secs(30)));
    send(&mut controller, &mut now);
    assert!((30.0..34.0).contains(&now.as_secs_f64()), "{now:?}");
}

#[test]
fn an_absurd_retry_after_does_not_end_the_run() {
    let mut controller = Controller::new(Settings::launch(), 1);
    let mut now = Duration::ZERO;
    let ticket = send(&mut controller, &mut now);
    controller.on_throttled(ticket, now, Some(Duration::from_secs(1_000_000_000)));
    send(&mut controller, &mut now);
    assert!(now < Duration::from_mins(12), "{now:?}");
}

#[test]
fn a_refusing_service_gets_one_ever_rarer_probe() {
    let mut controller = Controller::new(Settings::launch(), 1);
    let mut now = Duration::ZERO;
    let mut moments = Vec::new();
    for _ in 0..20 {
        let ticket = send(&mut controller, &mut now);
        moments.push(now.as_secs_f64());
        if controller.snapshot().phase == Phase::Refused {
            assert_eq!(controller.next(now), Next::WhenOneReturns, "one probe at a time");
        }
        now += ms(50);
        controller.on_throttled(ticket, now, None);
    }
    let pauses: Vec<f64> = moments.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let at_a_minute = pauses.iter().filter(|pause| (60.0..=73.0).contains(*pause)).count();
    assert!(at_a_minute >= 3, "{pauses:.1?}");
    assert!(pauses.iter().all(|pause| *pause <= 722.0), "{pauses:.1?}");
    let first_minute = moments.iter().filter(|at| **at < 60.0).count();
    assert!(first_minute <= 14, "{first_minute} requests in the first minute: {moments:.1?}");
}

#[test]
fn the_rate_is_measured_between_refusals() {
    let mut controller = Controller::new(Settings::launch(), 3);
    let mut now = Duration::ZERO;
    let refused = served(&mut controller, &mut now, 10.0, 20.0, 400);
    let known = controller.snapshot();
    let measured = known.measured.expect("the rate was met several times");
    assert!((9.3..10.7).contains(&measured), "{known:?}");
    assert!((17.0..23.0).contains(&known.burst), "{known:?}");
    assert!(refused <= 12, "{refused} of 400 were refused");
    assert_eq!(known.phase, Phase::Cruise);
}

/// How long 500 requests take at 10 per second and a burst of 20, whether or not their number is known, and the refusals.
fn five_hundred(seed: u64, known: bool) -> (f64, u32) {
    let mut controller = Controller::new(Settings::launch(), seed);
    let (mut now, mut refused, mut admitted) = (Duration::ZERO, 0, 0);
    let (mut tokens, mut at) = (20.0, now);
    while admitted < 500 {
        if known {
            controller.note_outstanding(500 - admitted);
        }
        let ticket = send(&mut controller, &mut now);
        tokens = f64::min(tokens + 10.0 * now.saturating_sub(at).as_secs_f64(), 20.0);
        at = now;
        if tokens >= 1.0 {
            tokens -= 1.0;
            admitted += 1;
            controller.on_success(ticket, now + ms(20));
        } else {
            refused += 1;
            controller.on_throttled(ticket, now + ms(20), None);
        }
    }
    (now.as_secs_f64(), refused)
}

#[test]
fn the_last_requests_use_what_the_bucket_has_kept() {
    for seed in 1..=20 {
        let (unknown, refused_unknown) = five_hundred(seed, false);
        let (known, refused) = five_hundred(seed, true);
        assert!(known <= unknown + 0.1 && refused <= refused_unknown, "seed {seed}: {known} s, {unknown} s");
        assert!(known <= 1.012 * 48.0, "seed {seed}: {known} s instead of 48");
    }
}

#[test]
fn after_a_penalty_the_limit_is_not_met_again_for_long() {
    let mut controller = Controller::new(Settings::launch(), 3);
    let mut now = Duration::ZERO;
    served(&mut controller, &mut now, 10.0, 20.0, 300);
    let known = controller.snapshot().measured.expect("measured");
    let until = now + Duration::from_secs(90);
    let mut probes = 0;
    while now < until {
        let ticket = send(&mut controller, &mut now);
        if now < until {
            probes += 1;
            controller.on_throttled(ticket, now + ms(20), None);
        } else {
            controller.on_success(ticket, now + ms(20));
        }
    }
    assert!(probes < 20, "{probes} probes in 90 s");
    let back = now;
    while now < back + Duration::from_mins(20) {
        let ticket = send(&mut controller, &mut now);
        controller.on_success(ticket, now + ms(20));
        let rate = controller.snapshot().rate;
        assert!(rate < known, "{rate} a second {:?} after the penalty", now.saturating_sub(back));
    }
}

#[test]
fn an_answer_that_never_comes_frees_its_place() {
    let mut controller = Controller::new(Settings { concurrency_cap: 1, ..Settings::launch() }, 1);
    let mut now = Duration::ZERO;
    let ticket = send(&mut controller, &mut now);
    assert_eq!(controller.next(now + ms(1000)), Next::WhenOneReturns);
    controller.on_lost(ticket, now + ms(1000));
    assert!(matches!(controller.next(now + ms(1000)), Next::Now(_)));
}

#[test]
fn a_change_is_told_once_with_its_reason() {
    let mut controller = Controller::new(Settings::launch(), 1);
    let mut now = Duration::ZERO;
    let ticket = send(&mut controller, &mut now);
    assert_eq!(controller.take_change(), None);
    controller.on_throttled(ticket, now, None);
    assert!(matches!(controller.take_change(), Some(RateChange { reason: Reason::Throttled, .. })));
    assert_eq!(controller.take_change(), None);
}

#[test]
fn time_without_work_does_not_raise_the_rate() {
    let mut controller = Controller::new(Settings::launch(), 3);
    let mut now = Duration::ZERO;
    served(&mut controller, &mut now, 10.0, 20.0, 200);
    let before = controller.snapshot().rate;
    now += Duration::from_hours(2);
    let ticket = send(&mut controller, &mut now);
    controller.on_success(ticket, now + ms(20));
    assert!(controller.snapshot().rate < 1.2 * before, "{before} before, {:?}", controller.snapshot());
}

proptest! {
    /// With any responses in any order, the caller is never told to come back at once, nor to wait for a response when none is
    /// expected, nor to wait for longer than a quarter of an hour.
    #[test]
    fn no_answers_in_any_order_stall_it(
        seed in any::<u64>(),
        cap in prop_oneof![Just(None), (0.01_f64..100.0).prop_map(Some)],
        answers in prop::collection::vec((0_u8..10, 0_u64..3000, any::<prop::sample::Index>()), 1..400),
    ) {
        let settings = Settings { rate_cap: cap, ..Settings::launch() };
        let mut controller = Controller::new(settings, seed);
        let mut now = Duration::ZERO;
        let mut under_way: Vec<Ticket> = Vec::new();
        for (kind, step, which) in answers {
            match controller.next(now) {
                Next::Now(ticket) => under_way.push(ticket),
                Next::At(then) => {
                    prop_assert!(then > now, "{then:?} at {now:?}");
                    prop_assert!(then.saturating_sub(now) < Duration::from_mins(15), "{then:?} at {now:?}");
                }
                Next::WhenOneReturns => prop_assert!(!under_way.is_empty()),
            }
            now += ms(step);
            if !under_way.is_empty() {
                let ticket = under_way.swap_remove(which.index(under_way.len()));
                match kind {
                    0..4 => controller.on_success(ticket, now),
                    4..7 => controller.on_throttled(ticket, now, None),
                    7 => controller.on_throttled(ticket, now, Some(ms(step * 10))),
                    8 => controller.on_lost(ticket, now),
                    _ => under_way.push(ticket),
                }
            }
            let known = controller.snapshot();
            prop_assert!(known.rate.is_finite() && known.rate >= 0.0, "{known:?}");
            prop_assert!(cap.is_none_or(|cap| known.rate <= cap + 1e-9), "{known:?}");
        }
    }

    /// `--rate` limits every window of time: no window contains more requests than the rate allows, plus two.
    #[test]
    fn the_cap_holds_in_every_window(seed in any::<u64>(), cap in 0.2_f64..200.0, pauses in prop::collection::vec(0_u64..2000, 60)) {
        let mut controller = Controller::new(Settings { rate_cap: Some(cap), ..Settings::launch() }, seed);
        let mut now = Duration::ZERO;
        let mut sent: Vec<f64> = Vec::new();
        for (pause, left) in pauses.into_iter().zip((1..=60).rev()) {
            controller.note_outstanding(left);
            let ticket = send(&mut controller, &mut now);
            sent.push(now.as_secs_f64());
            controller.on_success(ticket, now + ms(5));
            // Occasionally nothing is sent for a while.
            if pause > 1900 {
                now += ms(pause);
            }
        }
        for (from, start) in sent.iter().enumerate() {
            for (count, end) in sent[from..].iter().zip(1_u32..).map(|(end, count)| (count, end)) {
                prop_assert!(f64::from(count) <= cap * (end - start) + 2.0 + 1e-6, "{count} in {} s at {cap}/s", end - start);
            }
        }
    }
}
