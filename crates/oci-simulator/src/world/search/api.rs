//! SearchResources and the types that can be searched.

use super::Indexed;
use super::matching::{Found, Texts, contains, matches, text_of};
use super::query::{Field, Query, parse};
use crate::world::api::{ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::{compartment_ocid, fault_domain_name, user_name};
use crate::world::ids::{Id, Kind};
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, collection};
use crate::world::state::World;
use jiff::Timestamp;
use oci_api::models::{
    QueryableFieldDescription, QueryableFieldDescriptionFieldType, ResourceSummary, ResourceType,
    SearchContext, SearchDetails, SearchDetailsMatchingContextType,
};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;

impl Texts for World {
    fn identifier(&self, found: &Found<'_>) -> String {
        let kind = match found.kind {
            Indexed::Compartment => return compartment_ocid(&self.ids, found.number),
            Indexed::Instance => Kind::Instance,
            Indexed::Image | Indexed::Without(_) => Kind::Image,
            Indexed::BootVolume => Kind::BootVolume,
            Indexed::Volume => Kind::Volume,
            Indexed::Vcn => Kind::Vcn,
            Indexed::Subnet => Kind::Subnet,
            Indexed::InstanceConfiguration => Kind::InstanceConfiguration,
            Indexed::InstancePool => Kind::InstancePool,
            Indexed::ClusterNetwork => Kind::ClusterNetwork,
            Indexed::ComputeCluster => Kind::ComputeCluster,
            Indexed::CapacityReservation => Kind::CapacityReservation,
            Indexed::User => Kind::User,
            Indexed::Part(kind) => kind,
        };
        self.ids.text(Id(kind, found.number))
    }

    fn compartment_text(&self, number: u32) -> String {
        compartment_ocid(&self.ids, number)
    }

    fn image_text(&self, number: u32) -> String {
        self.ids.text(Id(Kind::Image, number))
    }

    fn fault_domain_text(&self, number: u8) -> String {
        fault_domain_name(number)
    }
}

impl World {
    pub(in crate::world) fn search_resources(&mut self, request: &ApiRequest) -> ApiResult {
        self.check_search_tenancy(request)?;
        let details: SearchDetails = request.details()?;
        let (query, highlights) = match &details {
            SearchDetails::Structured(structured) => {
                let query =
                    parse(&structured.query, self.now).map_err(|why| error::invalid(why.to_string()))?;
                let highlights = structured.matching_context_type.is_some();
                (query, highlights)
            }
            SearchDetails::FreeText(free) => {
                (Query::of_text(&free.text), free.matching_context_type.is_some())
            }
            SearchDetails::Other(_) => return Err(error::unparsable()),
        };
        let highlights = highlights.then_some(SearchDetailsMatchingContextType::Highlights);
        let page = self.page(request)?;
        let mut rows: Vec<(Cursor, Found<'_>)> = self
            .indexed(&query.types)
            .into_iter()
            .map(|found| (self.position(&found, query.sorted_by), found))
            .collect();
        rows.sort_by(|(a, _), (b, _)| in_order(&query, a, b));
        let start = page
            .after
            .as_ref()
            .map_or(0, |after| rows.partition_point(|(row, _)| in_order(&query, row, after).is_le()));
        // Conditions are checked row by row until the page is full.
        let matching = rows[start..].iter().filter(|(_, found)| {
            query.condition.as_ref().is_none_or(|condition| matches(condition, found, self))
                && query.matching.as_ref().is_none_or(|text| contains(text, found, self))
        });
        let mut shown = Vec::new();
        let cursors = matching.map(|(cursor, found)| {
            shown.push(found);
            cursor.clone()
        });
        let cursors: Vec<Cursor> = cursors.take(page.rows_needed()).collect();
        let mut shown = shown.into_iter();
        let page = page.answer(
            request,
            cursors.into_iter(),
            |_| true,
            |_| shown.next().map(|found| self.summary(found, highlights.is_some())),
        )?;
        Ok(collection(page))
    }

    /// Refuses `tenantId` of another tenancy.
    fn check_search_tenancy(&self, request: &ApiRequest) -> Result<(), ApiError> {
        match request.in_query("tenantId") {
            Some(ocid) if self.ids.find(ocid) != Some(Id(Kind::Tenancy, 0)) => Err(error::not_found()),
            _ => Ok(()),
        }
    }

    /// Where a resource stands in results sorted by this field.
    fn position(&self, found: &Found<'_>, sorted_by: Field) -> Cursor {
        let name = match sorted_by {
            // Sortable as text: times are counted from a year before which nothing was created.
            Field::TimeCreated => format!("{:016x}", found.created.as_millisecond().max(0)),
            _ => text_of(sorted_by, found, self).unwrap_or_default().into_owned(),
        };
        let group = Indexed::all().position(|(kind, _)| kind == found.kind).unwrap_or_default();
        Cursor { group: group as u8, name, number: found.number }
    }

    /// Every resource of these types (all if empty) that lists show.
    fn indexed(&self, types: &[Indexed]) -> Vec<Found<'_>> {
        let mut found = Vec::new();
        for (kind, _) in Indexed::all().filter(|(kind, _)| types.is_empty() || types.contains(kind)) {
            match kind {
                Indexed::Instance => found.extend(self.indexed_instances()),
                Indexed::Image => found.extend(self.indexed_images()),
                Indexed::BootVolume | Indexed::Volume => found.extend(self.indexed_volumes(kind)),
                Indexed::Vcn | Indexed::Subnet | Indexed::Part(_) => found.extend(self.indexed_network(kind)),
                Indexed::InstanceConfiguration | Indexed::InstancePool | Indexed::CapacityReservation => {
                    found.extend(self.indexed_management(kind));
                }
                Indexed::ClusterNetwork | Indexed::ComputeCluster => {
                    found.extend(self.indexed_clusters(kind));
                }
                Indexed::Compartment | Indexed::User => found.extend(self.indexed_identity(kind)),
                Indexed::Without(_) => {}
            }
        }
        found
    }

    pub(super) fn ad_text(&self, ad: u8) -> Option<&str> {
        self.identity.ads.get(usize::from(ad)).map(String::as_str)
    }

    fn indexed_instances(&self) -> impl Iterator<Item = Found<'_>> {
        let horizon = self.list_horizon();
        self.instances.iter().filter_map(move |(number, row)| {
            let state = row.listed_state(horizon)?;
            Some(Found {
                availability_domain: self.ad_text(row.ad),
                tags: row.tags.iter().collect(),
                defined_tags: self.instances.extras.get(row.extras).defined_tags.as_ref(),
                creator: self.creators.name(row.tagged_creator()),
                shape: Some(row.shape.get().name),
                fault_domain: Some(row.fd),
                image: row.image,
                ..plain(
                    Indexed::Instance,
                    number,
                    row.created,
                    (&*row.name).into(),
                    row.compartment,
                    state.as_str(),
                )
            })
        })
    }

    /// Custom images only: Oracle's own belong to no compartment of the tenancy.
    fn indexed_images(&self) -> impl Iterator<Item = Found<'_>> {
        let custom = self.images.iter().zip(0..).filter(|(row, _)| row.is_custom());
        custom.filter_map(|(row, number)| {
            let state = row.state(self.now)?;
            let name = (&*row.name).into();
            let found = plain(Indexed::Image, number, row.created, name, row.compartment(), state);
            let own = row.own.as_ref();
            let tags = own.map(|own| borrowed(&own.tags)).unwrap_or_default();
            Some(Found { tags, defined_tags: own.map(|own| &own.defined_tags), ..found })
        })
    }

    fn indexed_volumes(&self, kind: Indexed) -> impl Iterator<Item = Found<'_>> {
        let rows = if kind == Indexed::BootVolume { &self.volumes.boots } else { &self.volumes.data };
        let horizon = self.list_horizon();
        let shown =
            rows.iter().zip(0..).filter(move |(row, _)| row.created <= horizon && self.shows_volume(row));
        shown.map(move |(row, number)| Found {
            availability_domain: self.ad_text(row.ad),
            image: row.image,
            creator: self.creators.name(row.creator),
            tags: row.own.as_ref().map(|own| borrowed(&own.tags)).unwrap_or_default(),
            defined_tags: row.own.as_ref().and_then(|own| own.defined_tags.as_ref()),
            ..plain(kind, number, row.created, (&*row.name).into(), row.compartment, row.state(self.now))
        })
    }

    fn indexed_management(&self, kind: Indexed) -> Vec<Found<'_>> {
        match kind {
            Indexed::InstanceConfiguration => (self.configurations.iter())
                .map(|(number, row)| Found {
                    tags: borrowed(&row.tags),
                    defined_tags: Some(&row.defined_tags),
                    ..plain(kind, *number, row.created, (&*row.name).into(), row.compartment, "ACTIVE")
                })
                .collect(),
            Indexed::InstancePool => (self.pools.iter())
                .map(|(number, row)| Found {
                    tags: borrowed(&row.tags),
                    defined_tags: Some(&row.defined_tags),
                    ..plain(
                        kind,
                        *number,
                        row.created,
                        (&*row.name).into(),
                        row.compartment,
                        row.state.as_str(),
                    )
                })
                .collect(),
            _ => (self.reservations.iter())
                .map(|(number, row)| Found {
                    availability_domain: self.ad_text(row.ad),
                    tags: borrowed(&row.tags),
                    defined_tags: Some(&row.defined_tags),
                    ..plain(
                        kind,
                        *number,
                        row.created,
                        (&*row.name).into(),
                        row.compartment,
                        row.state.as_str(),
                    )
                })
                .collect(),
        }
    }

    fn indexed_identity(&self, kind: Indexed) -> Vec<Found<'_>> {
        let since = self.identity.since;
        match kind {
            // The tenancy itself is not a resource of its own compartments.
            Indexed::Compartment => (self.identity.compartments.iter().zip(0..).skip(1))
                .map(|(row, number)| plain(kind, number, since, (&*row.name).into(), row.parent, "ACTIVE"))
                .collect(),
            _ => (0..self.identity.users)
                .map(|number| plain(kind, number, since, user_name(number).into(), 0, "ACTIVE"))
                .collect(),
        }
    }

    fn summary(&self, found: &Found<'_>, highlights: bool) -> ResourceSummary {
        ResourceSummary {
            resource_type: found.kind.name().to_owned(),
            identifier: self.identifier(found),
            compartment_id: self.compartment_text(found.compartment),
            time_created: Some(found.created),
            display_name: Some(found.name.to_string()),
            availability_domain: found.availability_domain.map(ToOwned::to_owned),
            lifecycle_state: Some(found.state.to_owned()),
            freeform_tags: Some(
                found.tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect(),
            ),
            defined_tags: Some(found.all_defined_tags().into_owned()),
            system_tags: Some(BTreeMap::new()),
            // Nothing is highlighted: what the service writes there is unknown.
            search_context: highlights.then(|| {
                Box::new(SearchContext { highlights: Some(BTreeMap::new()), ..SearchContext::default() })
            }),
            identity_context: Some(BTreeMap::new()),
            additional_details: Some(BTreeMap::new()),
            ..ResourceSummary::default()
        }
    }

    pub(in crate::world) fn list_resource_types(&mut self, request: &ApiRequest) -> ApiResult {
        self.check_search_tenancy(request)?;
        let page = self.page(request)?;
        let rows = Indexed::all().zip(0..).map(|((_, name), number)| {
            (Cursor { group: 0, name: name.to_owned(), number }, resource_type(name))
        });
        page.answer_small(request, Order { by_name: true, descending: false }, rows.collect())
    }

    pub(in crate::world) fn get_resource_type(&self, request: &ApiRequest) -> ApiResult {
        self.check_search_tenancy(request)?;
        let kind = Indexed::find(request.in_path("name")).ok_or_else(error::not_found)?;
        answer(request.operation, &resource_type(kind.name()))
    }
}

impl Query {
    /// The query that free text stands for.
    fn of_text(text: &str) -> Self {
        Self {
            types: Vec::new(),
            condition: None,
            matching: Some(text.to_owned()),
            sorted_by: Field::TimeCreated,
            descending: true,
        }
    }
}

/// A resource with the fields that all resources have.
pub(super) fn plain<'a>(
    kind: Indexed,
    number: u32,
    created: Timestamp,
    name: Cow<'a, str>,
    compartment: u32,
    state: &'static str,
) -> Found<'a> {
    Found {
        kind,
        number,
        created,
        name,
        compartment,
        availability_domain: None,
        state,
        tags: Vec::new(),
        defined_tags: None,
        creator: None,
        shape: None,
        fault_domain: None,
        image: None,
    }
}

pub(super) fn borrowed(tags: &BTreeMap<String, String>) -> Vec<(&str, &str)> {
    tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect()
}

/// The order of results: by the field, and then the newest first, so that it is complete.
fn in_order(query: &Query, a: &Cursor, b: &Cursor) -> std::cmp::Ordering {
    let by_field = a.name.cmp(&b.name);
    let by_field = if query.descending { by_field.reverse() } else { by_field };
    by_field.then(a.group.cmp(&b.group)).then(Reverse(a.number).cmp(&Reverse(b.number)))
}

fn resource_type(name: &str) -> ResourceType {
    // Tags are shown as the objects that they are.
    let fields = Field::ALL.iter().filter(|(field, _)| !field.is_of_tags()).map(|(field, name)| {
        let field_type = match field {
            Field::Identifier | Field::CompartmentId | Field::ImageId => {
                QueryableFieldDescriptionFieldType::Identifier
            }
            Field::TimeCreated => QueryableFieldDescriptionFieldType::Datetime,
            _ => QueryableFieldDescriptionFieldType::String,
        };
        QueryableFieldDescription {
            field_type,
            field_name: (*name).to_owned(),
            ..QueryableFieldDescription::default()
        }
    });
    let tags = [("freeformTags", &["key", "value"][..]), ("definedTags", &["namespace", "key", "value"])];
    let tags = tags.into_iter().map(|(name, parts)| QueryableFieldDescription {
        field_type: QueryableFieldDescriptionFieldType::Object,
        field_name: name.to_owned(),
        is_array: Some(true),
        object_properties: Some(
            parts
                .iter()
                .map(|part| QueryableFieldDescription {
                    field_type: QueryableFieldDescriptionFieldType::String,
                    field_name: (*part).to_owned(),
                    ..QueryableFieldDescription::default()
                })
                .collect(),
        ),
        ..QueryableFieldDescription::default()
    });
    ResourceType { name: name.to_owned(), fields: fields.chain(tags).collect(), ..ResourceType::default() }
}
