//! Validates settings before a region is created from them; the texts are for the person who wrote them.

use super::capacity::{FAULT_DOMAINS, hosts_in};
use super::limits::{Counted, Limit};
use super::settings::{Seconds, WorldSettings};
use super::shapes::{FAMILIES, Family, ShapeId};

/// The maximum number of hosts of the whole region, which is still fast to create and fits in memory.
const HOSTS_MAX: u64 = 1_000_000;
/// The maximum number of hosts that return at one time.
const RETURNING_HOSTS_MAX: u32 = 1000;
/// The shortest interval of a repeated event, in seconds: shorter ones would keep the region busy.
const EVERY_SECONDS_MIN: f64 = 1.0;
/// The longest duration, in seconds: thirty years, more than any test needs.
const SECONDS_MAX: f64 = 1e9;
/// The maximum number of events that fit in memory.
const EVENTS_MAX: usize = 10_000_000;
/// More than any limit of a tenancy; the limits on reserved capacity have this value when none is set.
const LIMIT_MAX: i64 = 1_000_000_000;

impl WorldSettings {
    /// Everything that is wrong with the settings, in texts for the person who wrote them; empty if nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if oci_api::Region::find(&self.region).is_none() {
            found.push(format!("region {} is unknown", self.region));
        }
        if !(16..=30).contains(&self.subnet_prefix_length) {
            found.push(format!("subnet_prefix_length must be 16 to 30, not {}", self.subnet_prefix_length));
        }
        self.check_places(&mut found);
        self.check_names(&mut found);
        self.check_shares(&mut found);
        self.check_times(&mut found);
        self.check_numbers(&mut found);
        found
    }

    /// Warns about a region that is useless but may be intended: it has no capacity and never gains any. `stockout` is such a
    /// region if there is one availability domain.
    pub fn warning(&self) -> Option<String> {
        let only = self.domains() == 1;
        let none = |ad| FAMILIES.iter().all(|family| hosts_in(self, ad, family.name) == 0);
        let is_full = self.crumbs.is_empty() && (0..self.domains()).all(none);
        let which = if only { ", whose one availability domain is full" } else { "" };
        is_full.then(|| {
            format!("the scenario leaves no host in {}{which}: no launch will find capacity", self.region)
        })
    }

    /// Refuses numbers that would exhaust the memory or keep the region busy.
    fn check_numbers(&self, found: &mut Vec<String>) {
        let hosts: u64 = (0..self.domains().clamp(1, 3))
            .flat_map(|ad| FAMILIES.iter().map(move |family| u64::from(hosts_in(self, ad, family.name))))
            .sum();
        let hosts = hosts * u64::from(FAULT_DOMAINS);
        if hosts > HOSTS_MAX {
            found.push(format!(
                "hosts: there can be at most {HOSTS_MAX} in the whole region, over all shape families and fault domains, \
                 not {hosts}"
            ));
        }
        for crumbs in self.crumbs.iter().filter(|crumbs| crumbs.hosts > RETURNING_HOSTS_MAX) {
            found.push(format!("crumbs.hosts must be 0 to {RETURNING_HOSTS_MAX}, not {}", crumbs.hosts));
        }
        if self.event_log > EVENTS_MAX {
            found.push(format!("event_log must be 0 to {EVENTS_MAX}, not {}", self.event_log));
        }
        let limits = &self.limits;
        let mut values = vec![
            ("limits.cores", limits.cores),
            ("limits.memory_in_gbs", limits.memory_in_gbs),
            ("limits.gpus", limits.gpus),
        ];
        values.extend(limits.named.iter().map(|limit| ("limits.named", limit.value)));
        values.extend(self.quotas.iter().map(|quota| ("quotas", quota.value)));
        for (name, value) in values {
            if !(0..=LIMIT_MAX).contains(&value) {
                found.push(format!("{name}: the value must be 0 to {LIMIT_MAX}, not {value}"));
            }
        }
    }

    fn check_places(&self, found: &mut Vec<String>) {
        let most = self.domains();
        if ![1, 3].contains(&most) {
            found.push(format!("availability_domains must be 1 or 3, as in real regions, not {most}"));
            return;
        }
        let hosts = self.hosts.by_availability_domain.iter().map(|place| place.availability_domain);
        let hosts = hosts.map(|number| ("hosts.by_availability_domain", number));
        let outages = self.outages.iter().map(|outage| ("outages", outage.availability_domain));
        let crumbs = self.crumbs.iter().map(|crumbs| ("crumbs", crumbs.availability_domain));
        let reclaims = self.reclaims.iter().filter_map(|reclaim| reclaim.availability_domain);
        let reclaims = reclaims.map(|number| ("reclaims", number));
        let absent = self.absent_shapes.iter().filter_map(|absent| absent.availability_domain);
        let absent = absent.map(|number| ("absent_shapes", number));
        let limits = self.limits.named.iter().filter_map(|limit| limit.availability_domain);
        let limits = limits.map(|number| ("limits.named", number));
        let places = hosts.chain(outages).chain(crumbs).chain(reclaims).chain(absent).chain(limits);
        for (name, number) in places {
            if !(1..=most).contains(&number) {
                found.push(format!("{name}: availability_domain must be 1 to {most}, not {number}"));
            }
        }
    }

    fn check_names(&self, found: &mut Vec<String>) {
        let limits = self.limits.named.iter().map(|limit| &limit.name);
        for name in limits.chain(self.quotas.iter().map(|quota| &quota.name)) {
            if Limit::find(name).is_none() && Counted::find(name).is_none() {
                found.push(format!("the region has no limit {name}; standard-e4-core-count is one"));
            }
        }
        let hosts = self.hosts.by_availability_domain.iter().filter_map(|place| place.family.as_ref());
        let crumbs = self.crumbs.iter().filter_map(|crumbs| crumbs.family.as_ref());
        for name in self.hosts.by_family.keys().chain(hosts).chain(crumbs) {
            if Family::find(name).is_none() {
                found.push(format!("the region has no shape family {name}; standard-e4 is one"));
            }
        }
        for absent in self.absent_shapes.iter().filter(|absent| ShapeId::find(&absent.shape).is_none()) {
            found.push(format!("the region has no shape {} anyway", absent.shape));
        }
    }

    fn check_shares(&self, found: &mut Vec<String>) {
        let mut shares = vec![
            ("late_failure.probability", self.late_failure.probability),
            ("late_failure.limit_share", self.late_failure.limit_share),
            ("late_failure.start_probability", self.late_failure.start_probability),
            ("false_limit_probability", self.false_limit_probability),
            ("capacity_report_error_probability", self.capacity_report_error_probability),
            ("short_page_probability", self.short_page_probability),
            ("empty_page_probability", self.empty_page_probability),
            ("limit_increases.granted_share", self.limit_increases.granted_share),
        ];
        if let Some(others) = &self.other_tenants {
            shares.push(("other_tenants.share", others.share));
            shares.push(("other_tenants.initial_share", others.initial_share));
        }
        shares.extend(self.reclaims.iter().map(|reclaim| ("reclaims.share", reclaim.share)));
        for (name, value) in shares {
            if !(0.0..=1.0).contains(&value) {
                found.push(format!("{name} must be 0 to 1, not {value}"));
            }
        }
    }

    fn check_times(&self, found: &mut Vec<String>) {
        let ranges = [
            ("boot_seconds", self.boot_seconds),
            ("bare_metal_boot_seconds", self.bare_metal_boot_seconds),
            ("stop_seconds", self.stop_seconds),
            ("start_seconds", self.start_seconds),
            ("terminate_seconds", self.terminate_seconds),
            ("reservation_seconds", self.reservation_seconds),
            ("pool_seconds", self.pool_seconds),
            ("limit_increases.decide_seconds", self.limit_increases.decide_seconds),
        ];
        for (name, Seconds { min, max }) in ranges {
            if !(0.0..=max).contains(&min) || !(0.0..=SECONDS_MAX).contains(&max) {
                found.push(format!(
                    "{name}: min must be 0 or more and at most max, and max at most {SECONDS_MAX}, not {min} and {max}"
                ));
            }
        }
        let mut least = vec![
            ("list_lag_seconds", self.list_lag_seconds, 0.0),
            ("terminated_listed_hours", self.terminated_listed_hours, 0.0),
            ("retry_token_hours", self.retry_token_hours, 0.0),
            ("limit_increases.start_seconds", self.limit_increases.start_seconds, 0.0),
        ];
        least.extend(
            self.crumbs
                .iter()
                .map(|crumbs| ("crumbs.every_seconds", crumbs.every_seconds, EVERY_SECONDS_MIN)),
        );
        if let Some(others) = &self.other_tenants {
            least.push(("other_tenants.every_seconds", others.every_seconds, EVERY_SECONDS_MIN));
        }
        for outage in &self.outages {
            least.push(("outages.after_seconds", outage.after_seconds, 0.0));
            least.push(("outages.for_seconds", outage.for_seconds, 0.0));
        }
        least.push(("preemption_notice_seconds", self.preemption_notice_seconds, 0.0));
        for reclaim in &self.reclaims {
            least.push(("reclaims.after_seconds", reclaim.after_seconds, 0.0));
            least.extend(
                reclaim.every_seconds.map(|every| ("reclaims.every_seconds", every, EVERY_SECONDS_MIN)),
            );
        }
        for (name, value, least) in least {
            if !(least..=SECONDS_MAX).contains(&value) {
                found.push(format!("{name} must be {least} to {SECONDS_MAX}, not {value}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::{
        AbsentShape, LimitSetting, OtherTenants, Outage, Reclaim, ReturningCapacity,
    };
    use super::*;

    #[test]
    fn the_usual_settings_have_no_problem() {
        assert_eq!(WorldSettings::default().problems(), Vec::<String>::new());
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let settings = WorldSettings {
            region: "us-phenix-1".into(),
            availability_domains: Some(3),
            subnet_prefix_length: 8,
            absent_shapes: vec![AbsentShape { shape: "VM.Std".into(), availability_domain: Some(4) }],
            false_limit_probability: 1.5,
            boot_seconds: Seconds { min: 9.0, max: 3.0 },
            list_lag_seconds: f64::NAN,
            outages: vec![Outage { availability_domain: 0, after_seconds: -1.0, for_seconds: 1.0 }],
            crumbs: vec![ReturningCapacity {
                availability_domain: 1,
                family: Some("e4".into()),
                every_seconds: 0.0,
                hosts: 1,
                ocpus_per_host: None,
                times: None,
            }],
            reclaims: vec![Reclaim {
                availability_domain: Some(4),
                after_seconds: 0.0,
                every_seconds: Some(0.0),
                share: 2.0,
            }],
            limits: super::super::settings::LimitSettings {
                named: vec![LimitSetting { name: "cores".into(), availability_domain: None, value: 1 }],
                ..Default::default()
            },
            ..WorldSettings::default()
        };
        insta::assert_snapshot!(settings.problems().join("\n"), @r"
        region us-phenix-1 is unknown
        subnet_prefix_length must be 16 to 30, not 8
        outages: availability_domain must be 1 to 3, not 0
        reclaims: availability_domain must be 1 to 3, not 4
        absent_shapes: availability_domain must be 1 to 3, not 4
        the region has no limit cores; standard-e4-core-count is one
        the region has no shape family e4; standard-e4 is one
        the region has no shape VM.Std anyway
        false_limit_probability must be 0 to 1, not 1.5
        reclaims.share must be 0 to 1, not 2
        boot_seconds: min must be 0 or more and at most max, and max at most 1000000000, not 9 and 3
        list_lag_seconds must be 0 to 1000000000, not NaN
        crumbs.every_seconds must be 1 to 1000000000, not 0
        outages.after_seconds must be 0 to 1000000000, not -1
        reclaims.every_seconds must be 1 to 1000000000, not 0
        ");
    }

    #[test]
    fn absurd_scenario_numbers_are_refused() {
        let mut settings = WorldSettings {
            other_tenants: Some(OtherTenants {
                every_seconds: 0.001,
                ocpus: 1,
                share: 0.5,
                initial_share: 0.0,
            }),
            event_log: usize::MAX,
            terminated_listed_hours: 1e10,
            ..WorldSettings::default()
        };
        settings.hosts.per_fault_domain = u32::MAX;
        settings.limits.cores = -1;
        settings.crumbs = vec![ReturningCapacity {
            availability_domain: 1,
            family: None,
            every_seconds: 1.0,
            hosts: u32::MAX,
            ocpus_per_host: None,
            times: None,
        }];
        insta::assert_snapshot!(settings.problems().join("\n"), @r"
        terminated_listed_hours must be 0 to 1000000000, not 10000000000
        other_tenants.every_seconds must be 1 to 1000000000, not 0.001
        hosts: there can be at most 1000000 in the whole region, over all shape families and fault domains, not 734439407445
        crumbs.hosts must be 0 to 1000, not 4294967295
        event_log must be 0 to 10000000, not 18446744073709551615
        limits.cores: the value must be 0 to 1000000000, not -1
        ");
        settings.hosts.per_fault_domain = 100_000;
        assert!(settings.problems().iter().any(|problem| problem.starts_with("hosts: ")));
    }

    #[test]
    fn a_region_has_one_or_three_availability_domains() {
        for (region, domains) in [("us-phoenix-1", 3), ("eu-frankfurt-1", 3), ("us-sanjose-1", 1)] {
            let settings = WorldSettings { region: region.into(), ..WorldSettings::default() };
            assert_eq!(settings.domains(), domains, "{region}");
        }
    }

    #[test]
    fn a_region_without_any_host_is_warned_of() {
        let warning = |preset: &str, region: &str| {
            let mut scenario = crate::scenario::Scenario::named(preset).unwrap();
            scenario.world.region = region.into();
            scenario.world.warning()
        };
        let full = "the scenario leaves no host in us-sanjose-1, whose one availability domain is full: no launch will \
                    find capacity";
        assert_eq!(warning("stockout", "us-sanjose-1").as_deref(), Some(full));
        assert_eq!(warning("stockout", "us-phoenix-1"), None);
        for preset in ["crumbs", "hostile", "scarce"] {
            assert_eq!(warning(preset, "us-sanjose-1"), None, "{preset}");
        }
        let mut settings = WorldSettings::default();
        settings.hosts.per_fault_domain = 0;
        let full = "the scenario leaves no host in us-phoenix-1: no launch will find capacity";
        assert_eq!(settings.warning().as_deref(), Some(full));
    }

    #[test]
    fn two_availability_domains_are_refused() {
        let two = WorldSettings { availability_domains: Some(2), ..WorldSettings::default() };
        assert_eq!(two.problems(), ["availability_domains must be 1 or 3, as in real regions, not 2"]);
    }
}
