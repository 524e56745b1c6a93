//! Refuses limit increase requests that make no sense. The texts are invented, since Oracle publishes none.

use super::{ITEMS_MAX, Item, ItemState};
use crate::world::api::ApiError;
use crate::world::error;
use crate::world::identity::short_region;
use crate::world::limits::{Limit, SERVICE};
use crate::world::state::World;
use oci_api::models::{CreateLimitsIncreaseItemRequestDetails, CreateLimitsIncreaseRequestDetails};

impl World {
    /// The items of a new request.
    pub(super) fn limit_request_items(
        &self,
        new: CreateLimitsIncreaseRequestDetails,
    ) -> Result<Vec<Item>, ApiError> {
        for (field, text) in [("displayName", &new.display_name), ("justification", &new.justification)] {
            if text.trim().is_empty() {
                return Err(error::invalid(format!("{field} must not be blank")));
            }
        }
        let items = new.limits_increase_item_requests;
        if items.is_empty() || items.len() > ITEMS_MAX as usize {
            let found = items.len();
            return Err(error::invalid(format!("a request has 1 to {ITEMS_MAX} items, not {found}")));
        }
        items.into_iter().map(|item| self.limit_request_item(item)).collect()
    }

    fn limit_request_item(&self, new: CreateLimitsIncreaseItemRequestDetails) -> Result<Item, ApiError> {
        let name = &new.limit_name;
        let own = &*self.settings.region;
        if new.region != own && new.region != short_region(own) {
            return Err(error::invalid(format!("region {} of {name} is not {own}", new.region)));
        }
        let limit = Limit::find(name)
            .filter(|_| new.service_name == SERVICE)
            .ok_or_else(|| error::named_not_found("limit", &format!("{}/{name}", new.service_name)))?;
        let scope = new.scope.filter(|scope| !scope.is_empty());
        let ad = match (limit.ad, &scope) {
            (Some(_), Some(scope)) => Some(self.ad(scope)?),
            (None, None) => None,
            (Some(_), None) => {
                return Err(error::invalid(format!("scope of {name} must name an availability domain")));
            }
            (None, Some(scope)) => {
                return Err(error::invalid(format!("{name} is regional and has no scope, not {scope}")));
            }
        };
        let limit = Limit { ad, ..limit };
        let current = self.limits.value(limit);
        if new.value <= current {
            let value = new.value;
            return Err(error::invalid(format!("{name} is {current}; {value} is not an increase")));
        }
        let answers = new.questionnaire_response.unwrap_or_default();
        let answers = answers.into_iter().map(|answer| (answer.id, answer.question_response)).collect();
        Ok(Item {
            limit,
            scope,
            current,
            value: new.value,
            state: ItemState::Accepted,
            answers,
            updated: self.now,
        })
    }
}
