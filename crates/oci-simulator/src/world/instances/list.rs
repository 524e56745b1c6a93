//! ListInstances. Pages are read from sorted indices, so that a page of a very long list costs no more than one of a short
//! list.

use super::{InstanceRow, Place, State};
use crate::world::api::{ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::Kind;
use crate::world::paging::{Cursor, Order};
use crate::world::state::World;
use crate::world::time::seconds;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

static NO_NUMBERS: BTreeSet<u32> = BTreeSet::new();

type Cursors<'a> = Box<dyn Iterator<Item = Cursor> + 'a>;

impl InstanceRow {
    /// The state that lists show; `None` if they do not show the instance yet. `horizon` is the latest time that lists reflect.
    pub(in crate::world) fn listed_state(&self, horizon: Timestamp) -> Option<State> {
        if self.created > horizon {
            None
        } else if self.changed > horizon {
            Some(self.before)
        } else {
            Some(self.state)
        }
    }
}

impl World {
    /// The latest time that lists reflect.
    pub(in crate::world) fn list_horizon(&self) -> Timestamp {
        self.now - seconds(self.settings.list_lag_seconds)
    }

    pub(in crate::world) fn list_instances(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let page = self.page(request)?;
        let order = Order::read(request);
        let name = request.in_query("displayName");
        let state = request.in_query("lifecycleState").map(State::parse);
        let reservation = request
            .in_query("capacityReservationId")
            .map(|ocid| self.ids.number(Kind::CapacityReservation, ocid));
        let cluster =
            request.in_query("computeClusterId").map(|ocid| self.ids.number(Kind::ComputeCluster, ocid));
        let horizon = self.list_horizon();
        // With a lag, the index contains newer states than lists show.
        let indexed = state.flatten().filter(|_| self.settings.list_lag_seconds <= 0.0);

        let first = page.after.as_ref().map_or(0, |after| after.group);
        let ads = ad.map_or(0..self.settings.domains(), |ad| ad..ad + 1);
        let after = page.after.clone();
        let rows = ads.filter(|ad| *ad >= first).flat_map(|ad| {
            let after = after.clone().filter(|after| after.group == ad);
            match self.instances.place(compartment, ad) {
                Some(place) => place.cursors(ad, order, name, indexed, after),
                None => Box::new(std::iter::empty()) as Cursors<'_>,
            }
        });
        let keep = |cursor: &Cursor| {
            self.instances.get(cursor.number).is_some_and(|row| {
                let shown = row.listed_state(horizon);
                shown.is_some()
                    && state.is_none_or(|state| state == shown)
                    && name.is_none_or(|name| *row.name == *name)
                    && reservation.is_none_or(|wanted| wanted.is_some() && wanted == row.reservation)
                    && cluster.is_none_or(|wanted| wanted.is_some() && wanted == row.cluster)
            })
        };
        page.answer_written(request, rows, keep, |cursor, body| {
            let row = self.instances.get(cursor.number).ok_or_else(error::not_found)?;
            let shown = row.listed_state(horizon).unwrap_or(row.state);
            self.write_instance(cursor.number, row, shown, body)
        })
    }
}

impl Place {
    /// The instances in order after the given one, narrowed by name or state where an index allows it.
    fn cursors<'a>(
        &'a self,
        ad: u8,
        order: Order,
        name: Option<&str>,
        state: Option<State>,
        after: Option<Cursor>,
    ) -> Cursors<'a> {
        let by_number = move |number: u32| Cursor { group: ad, name: String::new(), number };
        if let Some(name) = name {
            // Within one name, both orders equal the order of the numbers.
            let text = if order.by_name { name.to_owned() } else { String::new() };
            let shared = Arc::<str>::from(name);
            let key = |number| (Arc::clone(&shared), number);
            let edge = after.map(|after| Bound::Excluded(key(after.number)));
            let (start, end) = (Bound::Included(key(0)), Bound::Included(key(u32::MAX)));
            let cursor = move |(_, number): &(Arc<str>, u32)| Cursor {
                group: ad,
                name: text.clone(),
                number: *number,
            };
            return if order.descending {
                Box::new(self.names.range((start, edge.unwrap_or(end))).rev().map(cursor))
            } else {
                Box::new(self.names.range((edge.unwrap_or(start), end)).map(cursor))
            };
        }
        if order.by_name {
            let cursor = move |(name, number): &(Arc<str>, u32)| Cursor {
                group: ad,
                name: name.to_string(),
                number: *number,
            };
            let key = after.map(|after| (Arc::<str>::from(after.name), after.number));
            return if order.descending {
                let end = key.map_or(Bound::Unbounded, Bound::Excluded);
                Box::new(self.names.range((Bound::Unbounded, end)).rev().map(cursor))
            } else {
                let start = key.map_or(Bound::Unbounded, Bound::Excluded);
                Box::new(self.names.range((start, Bound::Unbounded)).map(cursor))
            };
        }
        let numbers = match state {
            Some(state) => self.states.get(&state).unwrap_or(&NO_NUMBERS),
            None => &self.all,
        };
        let edge = after.map_or(Bound::Unbounded, |after| Bound::Excluded(after.number));
        if order.descending {
            Box::new(numbers.range((Bound::Unbounded, edge)).rev().map(move |number| by_number(*number)))
        } else {
            Box::new(numbers.range((edge, Bound::Unbounded)).map(move |number| by_number(*number)))
        }
    }
}
