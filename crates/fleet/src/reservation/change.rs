//! Enlarges and shrinks reservations. An update deletes every config that it omits (Oracle: "Capacity Reservations"), so all
//! configs are always sent, and only if the reservation has not changed since it was read.

use oci_api::models::{
    InstanceReservationConfig, InstanceReservationConfigDetails, UpdateComputeCapacityReservationDetails,
};
use oci_client::{Client, FailureClass};

use super::ask::{SIZE_TAG, TOKEN_TAG, size_tag};
use super::follow::{Patience, settled};
use super::held::{Config, whole};
use super::{Held, MAX_CONFIGS, ReservationError, Want, show};

/// The new count of a config.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewCount {
    /// This many.
    Exactly(u32),
    /// This many more.
    Grow(u32),
    /// This many fewer.
    Shrink(u32),
    /// This many, or the present number if it is larger.
    AtLeast(u32),
}

impl NewCount {
    fn of(self, reserved: u32) -> Option<u32> {
        match self {
            Self::Exactly(count) => Some(count),
            Self::Grow(more) => reserved.checked_add(more),
            Self::Shrink(fewer) => reserved.checked_sub(fewer),
            Self::AtLeast(count) => Some(reserved.max(count)),
        }
    }
}

/// A change of a reservation.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The count of one config: the only one, or the one of this kind (whose count is ignored).
    Count(Option<Want>, NewCount),
    /// An additional kind of instance.
    Add(Want),
}

/// The complete list of configs after the changes. Pure.
pub(super) fn replan(
    current: &[InstanceReservationConfig],
    changes: &[Change],
) -> Result<Vec<InstanceReservationConfigDetails>, ReservationError> {
    let mut next: Vec<InstanceReservationConfigDetails> = current.iter().map(resend).collect();
    for change in changes {
        match change {
            Change::Add(want) => {
                if current.iter().any(|config| want.matches(config)) {
                    return Err(ReservationError::Asked(format!(
                        "{} is already in the reservation: change its count",
                        want.describe()
                    )));
                }
                next.push(want.wire());
            }
            Change::Count(which, count) => {
                let index = find(current, which.as_ref())?;
                let config = Config::from(&current[index]);
                let wanted = count.of(config.reserved).ok_or_else(|| {
                    ReservationError::Asked(format!("{} holds only {}", config.describe(), config.reserved))
                })?;
                if wanted < config.used {
                    return Err(ReservationError::BelowUsed {
                        config: config.describe(),
                        wanted,
                        used: config.used,
                        held: config.reserved,
                    });
                }
                next[index].reserved_count = i64::from(wanted);
            }
        }
    }
    if next.len() > MAX_CONFIGS {
        return Err(ReservationError::Asked(format!(
            "{} kinds of instance in one reservation; OCI allows {MAX_CONFIGS}",
            next.len()
        )));
    }
    Ok(next)
}

/// What a reservation would hold after the changes if the service has enough capacity.
///
/// # Errors
/// When the reservation cannot be changed like that.
pub fn preview(held: &Held, changes: &[Change]) -> Result<Held, ReservationError> {
    let current = held.wire.instance_reservation_configs.as_deref().unwrap_or_default();
    let configs = replan(current, changes)?.into_iter().enumerate().map(|(at, next)| {
        let size = next.instance_shape_config.as_deref();
        Config {
            ocpus: size.and_then(|size| size.ocpus),
            memory_gb: size.and_then(|size| size.memory_in_gbs),
            shape: next.instance_shape,
            fault_domain: next.fault_domain,
            cluster_placement_group: next.cluster_placement_group_id,
            reserved: whole(Some(next.reserved_count)),
            // Configs keep their order, and new ones follow.
            used: held.configs.get(at).map_or(0, |config| config.used),
        }
    });
    Ok(Held { configs: configs.collect(), ..held.clone() })
}

pub(super) fn resend(config: &InstanceReservationConfig) -> InstanceReservationConfigDetails {
    InstanceReservationConfigDetails {
        instance_shape: config.instance_shape.clone(),
        instance_shape_config: config.instance_shape_config.clone(),
        fault_domain: config.fault_domain.clone(),
        cluster_config: config.cluster_config.clone(),
        reserved_count: config.reserved_count,
        cluster_placement_group_id: config.cluster_placement_group_id.clone(),
    }
}

fn find(current: &[InstanceReservationConfig], which: Option<&Want>) -> Result<usize, ReservationError> {
    let kinds = || {
        let kinds: Vec<String> = current.iter().map(|config| Config::from(config).describe()).collect();
        kinds.join("; ")
    };
    match (which, current) {
        (_, []) => Err(ReservationError::Asked("the reservation has no configs; add one".to_owned())),
        (None, [_]) => Ok(0),
        (None, _) => Err(ReservationError::Asked(format!(
            "the reservation has {} kinds of instance; select one by its shape and size: {}",
            current.len(),
            kinds()
        ))),
        (Some(want), _) => {
            let is_exact = current.iter().any(|config| want.matches(config));
            // A user who names shape and size need not know about a cluster placement group.
            let in_its_group = |config: &InstanceReservationConfig| Want {
                cluster_placement_group: config.cluster_placement_group_id.clone(),
                ..want.clone()
            };
            let mut found = (0..current.len()).filter(|index| {
                let config = &current[*index];
                if is_exact { want.matches(config) } else { in_its_group(config).matches(config) }
            });
            match (found.next(), found.next()) {
                (Some(index), None) => Ok(index),
                (None, _) => Err(ReservationError::Asked(format!(
                    "the reservation has no {}; it has: {}",
                    want.describe(),
                    kinds()
                ))),
                (Some(_), Some(_)) => Err(ReservationError::Asked(format!(
                    "{} matches more than one of these; select one: {}",
                    want.describe(),
                    kinds()
                ))),
            }
        }
    }
}

/// Changes a reservation and waits until it is stable. Returns the requested total, and what it holds now.
pub async fn resize(
    client: &Client,
    ocid: &str,
    changes: &[Change],
    patience: &Patience,
) -> Result<(u32, Held), ReservationError> {
    let held = show(client, ocid).await?;
    let configs = replan(held.wire.instance_reservation_configs.as_deref().unwrap_or_default(), changes)?;
    let asked = sum(&configs);
    Ok((asked, send(client, &held, configs, patience).await?))
}

/// The total number of instances that the configs reserve.
pub(super) fn sum(configs: &[InstanceReservationConfigDetails]) -> u32 {
    configs.iter().map(|config| whole(Some(config.reserved_count))).fold(0, u32::saturating_add)
}

/// Sends the complete list of configs, if the reservation has not changed since it was read.
pub(super) async fn send(
    client: &Client,
    held: &Held,
    configs: Vec<InstanceReservationConfigDetails>,
    patience: &Patience,
) -> Result<Held, ReservationError> {
    let details = UpdateComputeCapacityReservationDetails {
        freeform_tags: retagged(held, &configs),
        instance_reservation_configs: Some(configs),
        ..UpdateComputeCapacityReservationDetails::default()
    };
    let ocid = held.ocid.as_str();
    let answer = client.update_capacity_reservation(ocid, &details, held.etag.as_deref()).await;
    let work_request = match answer {
        Ok(answer) => answer.work_request_id,
        Err(failure) if failure.class == FailureClass::StaleEtag => {
            return Err(ReservationError::Changed { ocid: ocid.to_owned() });
        }
        Err(failure) => return Err(failure.into()),
    };
    match settled(client, ocid, work_request.as_deref(), patience).await? {
        Some(answer) => Ok(answer.into()),
        None => Err(ReservationError::Asked(format!("{ocid} was deleted by somebody else"))),
    }
}

/// The tag by which unused capacity is priced, if it has to change: it describes the only config. Tags in a request replace all
/// existing ones, so the others are sent too.
fn retagged(
    held: &Held,
    configs: &[InstanceReservationConfigDetails],
) -> Option<std::collections::BTreeMap<String, String>> {
    let mut tags = held.wire.freeform_tags.clone()?;
    // A reservation of somebody else keeps its tags.
    if !tags.contains_key(SIZE_TAG) && !tags.contains_key(TOKEN_TAG) {
        return None;
    }
    // A config with a count of 0 is removed.
    let stay: Vec<_> = configs.iter().filter(|config| config.reserved_count > 0).collect();
    let right = match stay.as_slice() {
        [config] => {
            let size = config.instance_shape_config.as_deref();
            Some(size_tag(
                &config.instance_shape,
                crate::price::Size {
                    ocpus: size.and_then(|size| size.ocpus),
                    memory_gb: size.and_then(|size| size.memory_in_gbs),
                },
            ))
        }
        _ => None,
    };
    if right.as_ref() == tags.get(SIZE_TAG) {
        return None;
    }
    match right {
        Some(right) => tags.insert(SIZE_TAG.to_owned(), right),
        None => tags.remove(SIZE_TAG),
    };
    Some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn config(shape: &str, reserved: u32, used: u32) -> InstanceReservationConfig {
        InstanceReservationConfig {
            instance_shape: shape.to_owned(),
            reserved_count: i64::from(reserved),
            used_count: i64::from(used),
            ..InstanceReservationConfig::default()
        }
    }

    fn counts(next: &[InstanceReservationConfigDetails]) -> Vec<i64> {
        next.iter().map(|config| config.reserved_count).collect()
    }

    fn of(shape: &str) -> Want {
        Want { shape: shape.to_owned(), ..Want::default() }
    }

    #[test]
    fn configs_that_are_not_changed_are_sent_again() {
        let current = [config("A", 10, 2), config("B", 5, 5)];
        let next = replan(&current, &[Change::Count(Some(of("A")), NewCount::Grow(3))]).unwrap();
        assert_eq!(counts(&next), [13, 5]);
        let next = replan(&current, &[Change::Add(Want { count: 4, ..of("C") })]).unwrap();
        assert_eq!(counts(&next), [10, 5, 4]);
    }

    #[test]
    fn going_below_what_is_used_is_refused_with_the_figures() {
        let error = replan(&[config("A", 10, 7)], &[Change::Count(None, NewCount::Exactly(6))]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "A cannot be reduced to 6: instances use 7 of 10; terminate some first, or request 7 or more"
        );
        assert!(replan(&[config("A", 10, 7)], &[Change::Count(None, NewCount::Shrink(3))]).is_ok());
        assert!(replan(&[config("A", 10, 7)], &[Change::Count(None, NewCount::Shrink(11))]).is_err());
    }

    #[test]
    fn which_config_is_meant_is_never_guessed() {
        let current = [config("A", 10, 2), config("B", 5, 5)];
        let error = replan(&current, &[Change::Count(None, NewCount::Exactly(9))]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the reservation has 2 kinds of instance; select one by its shape and size: A; B"
        );
        assert!(replan(&current, &[Change::Count(Some(of("C")), NewCount::Exactly(9))]).is_err());
        assert!(replan(&current, &[Change::Add(of("A"))]).is_err());
    }

    proptest! {
        #[test]
        fn an_update_never_drops_a_config_nor_goes_below_its_use(
            counts in proptest::collection::vec((0u32..1000, 0u32..1000), 1..20),
            which in 0usize..20,
            to in 0u32..2000,
        ) {
            let current: Vec<_> = counts
                .iter()
                .enumerate()
                .map(|(n, (a, b))| config(&format!("S{n}"), *a.max(b), *a.min(b)))
                .collect();
            let which = which % current.len();
            let result = replan(&current, &[Change::Count(Some(of(&format!("S{which}"))), NewCount::Exactly(to))]);
            let used = current[which].used_count;
            prop_assert_eq!(result.is_ok(), i64::from(to) >= used);
            if let Ok(next) = result {
                prop_assert_eq!(next.len(), current.len());
                for (index, (before, after)) in current.iter().zip(&next).enumerate() {
                    let expected = if index == which { i64::from(to) } else { before.reserved_count };
                    prop_assert_eq!(after.reserved_count, expected);
                    prop_assert!(after.reserved_count >= before.used_count);
                }
            }
        }
    }
}
