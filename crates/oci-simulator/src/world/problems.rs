//! What is wrong with settings, told to the person who wrote them before a world is made of them.

use super::limits::Limit;
use super::settings::{Seconds, WorldSettings};
use super::shapes::{Family, ShapeId};

impl WorldSettings {
    /// What is wrong with the settings, in words for the person who wrote them; empty when nothing is.
    pub fn problems(&self) -> Vec<String> {
        let mut found = Vec::new();
        if oci_api::Region::find(&self.region).is_none() {
            found.push(format!("region {} is not known", self.region));
        }
        if !(16..=30).contains(&self.subnet_prefix_length) {
            found.push(format!("subnet_prefix_length must be 16 to 30, not {}", self.subnet_prefix_length));
        }
        self.check_places(&mut found);
        self.check_names(&mut found);
        self.check_shares(&mut found);
        self.check_times(&mut found);
        found
    }

    fn check_places(&self, found: &mut Vec<String>) {
        let most = self.availability_domains;
        if !(1..=3).contains(&most) {
            found.push(format!("availability_domains must be 1 to 3, not {most}"));
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
            if Limit::find(name).is_none() {
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
            ("false_limit_probability", self.false_limit_probability),
            ("capacity_report_error_probability", self.capacity_report_error_probability),
            ("short_page_probability", self.short_page_probability),
            ("empty_page_probability", self.empty_page_probability),
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
        ];
        for (name, Seconds { min, max }) in ranges {
            if !(0.0..=max).contains(&min) || !max.is_finite() {
                found.push(format!("{name}: min must be 0 or more and at most max, not {min} and {max}"));
            }
        }
        let mut least = vec![
            ("list_lag_seconds", self.list_lag_seconds, 0.0),
            ("terminated_listed_hours", self.terminated_listed_hours, 0.0),
            ("retry_token_hours", self.retry_token_hours, 0.0),
        ];
        least.extend(self.crumbs.iter().map(|crumbs| ("crumbs.every_seconds", crumbs.every_seconds, 0.001)));
        if let Some(others) = &self.other_tenants {
            least.push(("other_tenants.every_seconds", others.every_seconds, 0.001));
        }
        for outage in &self.outages {
            least.push(("outages.after_seconds", outage.after_seconds, 0.0));
            least.push(("outages.for_seconds", outage.for_seconds, 0.0));
        }
        least.push(("preemption_notice_seconds", self.preemption_notice_seconds, 0.0));
        for reclaim in &self.reclaims {
            least.push(("reclaims.after_seconds", reclaim.after_seconds, 0.0));
            least.extend(reclaim.every_seconds.map(|every| ("reclaims.every_seconds", every, 0.001)));
        }
        for (name, value, least) in least {
            if !value.is_finite() || value < least {
                found.push(format!("{name} must be {least} or more, not {value}"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::settings::{AbsentShape, Crumbs, LimitSetting, Outage, Reclaim};
    use super::*;

    #[test]
    fn the_usual_settings_have_no_problem() {
        assert_eq!(WorldSettings::default().problems(), Vec::<String>::new());
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let settings = WorldSettings {
            region: "us-phenix-1".into(),
            subnet_prefix_length: 8,
            absent_shapes: vec![AbsentShape { shape: "VM.Std".into(), availability_domain: Some(4) }],
            false_limit_probability: 1.5,
            boot_seconds: Seconds { min: 9.0, max: 3.0 },
            list_lag_seconds: f64::NAN,
            outages: vec![Outage { availability_domain: 0, after_seconds: -1.0, for_seconds: 1.0 }],
            crumbs: vec![Crumbs {
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
        region us-phenix-1 is not known
        subnet_prefix_length must be 16 to 30, not 8
        outages: availability_domain must be 1 to 3, not 0
        reclaims: availability_domain must be 1 to 3, not 4
        absent_shapes: availability_domain must be 1 to 3, not 4
        the region has no limit cores; standard-e4-core-count is one
        the region has no shape family e4; standard-e4 is one
        the region has no shape VM.Std anyway
        false_limit_probability must be 0 to 1, not 1.5
        reclaims.share must be 0 to 1, not 2
        boot_seconds: min must be 0 or more and at most max, not 9 and 3
        list_lag_seconds must be 0 or more, not NaN
        crumbs.every_seconds must be 0.001 or more, not 0
        outages.after_seconds must be 0 or more, not -1
        reclaims.every_seconds must be 0.001 or more, not 0
        ");
    }
}
