//! Refuses requests that exceed service limits or compartment quotas.

use super::{Limit, Usage};
use crate::world::api::ApiError;
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::shapes::Shape;
use crate::world::state::World;

impl World {
    /// The OCID of a nonexistent compartment that a quota names, if there is one.
    pub fn unknown_quota_compartment(&self) -> Option<String> {
        let named = self.settings.quotas.iter().filter_map(|quota| quota.compartment.clone());
        named.into_iter().find(|ocid| self.identity.find_compartment(&self.ids, ocid).is_none())
    }

    /// Refuses an instance that the limits do not allow. An instance that uses a reservation was already counted with it.
    pub(in crate::world) fn check_limits(&self, ad: u8, shape: &Shape, usage: Usage) -> Result<(), ApiError> {
        let names = self.limits.exceeded(ad, shape.family, usage, false);
        if names.is_empty() { Ok(()) } else { Err(error::limit_exceeded(&names)) }
    }

    /// Refuses an instance that the compartment's quotas do not allow.
    pub(in crate::world) fn check_quotas(
        &self,
        compartment: u32,
        shape: &Shape,
        usage: Usage,
    ) -> Result<(), ApiError> {
        for (number, quota) in self.settings.quotas.iter().enumerate() {
            let wanted = quota.compartment.as_deref();
            let here = wanted
                .is_none_or(|ocid| self.identity.find_compartment(&self.ids, ocid) == Some(compartment));
            let Some(limit) = Limit::find(&quota.name).filter(|limit| here && limit.family == shape.family)
            else {
                continue;
            };
            let mut used =
                self.limits.in_compartment.get(&(compartment, shape.family)).copied().unwrap_or_default();
            used.add(usage, 1);
            let over = used.whole(limit.what) - quota.value;
            if over > 0 && usage.whole(limit.what) > 0 {
                let ocid = self.ids.text(Id(Kind::Quota, number as u32));
                return Err(error::quota_exceeded(&quota.name, &ocid, over));
            }
        }
        Ok(())
    }
}
