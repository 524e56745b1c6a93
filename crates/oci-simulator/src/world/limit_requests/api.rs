//! Operations on limit increase requests.

use super::{Comment, ITEMS_MAX, Item, ItemState, LimitRequest};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::instances::validate::check_tags;
use crate::world::limits::SERVICE;
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use oci_api::models::{
    CreateLimitsIncreaseRequestDetails, LimitsIncreaseItemQuestionResponse, LimitsIncreaseItemRequest,
    LimitsIncreaseRequest, LimitsIncreaseRequestComment, LimitsIncreaseRequestCommentSenderType,
    LimitsIncreaseRequestSummary, PatchInstruction, PatchLimitsIncreaseRequestDetails,
    UpdateLimitsIncreaseRequestDetails,
};
use std::collections::BTreeMap;

impl World {
    /// The request with this OCID, or 404.
    fn limit_request(&self, ocid: &str) -> Result<(u32, &LimitRequest), ApiError> {
        let number = self.ids.number(Kind::LimitsIncreaseRequest, ocid);
        number
            .and_then(|number| Some((number, self.limit_requests.rows.get(&number)?)))
            .ok_or_else(error::not_found)
    }

    /// The request that an operation changes, after a check of its etag.
    fn limit_request_to_change(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(u32, &mut LimitRequest), ApiError> {
        let (number, row) = self.limit_request(request.in_path("limitsIncreaseRequestId"))?;
        request.check_etag(&self.etag(Id(Kind::LimitsIncreaseRequest, number), row.version))?;
        let row = self.limit_requests.rows.get_mut(&number).ok_or_else(error::not_found)?;
        Ok((number, row))
    }

    pub(in crate::world) fn create_limit_request(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreateLimitsIncreaseRequestDetails = request.details()?;
        let compartment = self.compartment(&new.compartment_id)?;
        let tags = new.freeform_tags.clone().unwrap_or_default();
        check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        let row = LimitRequest {
            compartment,
            name: new.display_name.clone(),
            subscription: new.subscription_id.clone(),
            justification: new.justification.clone(),
            tags,
            defined_tags: new.defined_tags.clone().unwrap_or_default(),
            created: self.now,
            updated: self.now,
            resolved: None,
            version: 0,
            items: self.limit_request_items(new)?,
            comments: Vec::new(),
        };
        let number = self.limit_requests.add(row);
        let id = Id(Kind::LimitsIncreaseRequest, number);
        self.log.push(self.now, "limit_request_created", Some(id), None);
        self.plan_review(number);
        Ok((self.limit_request_answer(request, number)?, Some(id)))
    }

    /// The result of an operation that shows one request.
    pub(in crate::world) fn limit_request_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let row = self.limit_requests.rows.get(&number).ok_or_else(error::not_found)?;
        let id = Id(Kind::LimitsIncreaseRequest, number);
        let comments = row.comments.iter().map(|comment| LimitsIncreaseRequestComment {
            message: comment.text.clone(),
            time_created: Some(comment.at),
            sender_type: if comment.by_oracle {
                LimitsIncreaseRequestCommentSenderType::Oracle
            } else {
                LimitsIncreaseRequestCommentSenderType::Customer
            },
            ..LimitsIncreaseRequestComment::default()
        });
        let items = row.items.iter().zip(0..);
        let model = LimitsIncreaseRequest {
            id: self.ids.text(id),
            display_name: row.name.clone(),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            subscription_id: row.subscription.clone(),
            lifecycle_state: row.state(),
            limits_increase_item_requests: items
                .map(|(item, at)| self.limit_request_item_model(number, row, item, at))
                .collect(),
            justification: Some(row.justification.clone()),
            time_created: Some(row.created),
            time_updated: Some(row.updated),
            time_resolution: row.resolved,
            customer_comments: Some(comments.collect()),
            freeform_tags: row.tags.clone(),
            defined_tags: row.defined_tags.clone(),
            system_tags: Some(BTreeMap::new()),
            ..LimitsIncreaseRequest::default()
        };
        Ok(answer(request.operation, &model)?.with_etag(self.etag(id, row.version)))
    }

    fn limit_request_item_model(
        &self,
        number: u32,
        row: &LimitRequest,
        item: &Item,
        at: u32,
    ) -> LimitsIncreaseItemRequest {
        let answers = item.answers.iter().map(|(id, text)| LimitsIncreaseItemQuestionResponse {
            id: id.clone(),
            // The region has no list of questions, so it cannot repeat their texts.
            question_text: id.clone(),
            question_response: text.clone(),
            ..LimitsIncreaseItemQuestionResponse::default()
        });
        let is_open = matches!(item.state, ItemState::Accepted | ItemState::InProgress);
        let own = number.wrapping_mul(ITEMS_MAX).wrapping_add(at);
        LimitsIncreaseItemRequest {
            id: self.ids.text(Id(Kind::LimitsIncreaseItemRequest, own)),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            region: self.settings.region.clone(),
            scope: item.scope.clone(),
            service_name: SERVICE.to_owned(),
            limit_name: item.limit.name(),
            current_value: item.current,
            value: item.value,
            limits_increase_request_id: self.ids.text(Id(Kind::LimitsIncreaseRequest, number)),
            time_resolution: (!is_open).then_some(item.updated),
            time_created: Some(row.created),
            time_updated: Some(item.updated),
            lifecycle_state: item.state.shown(),
            questionnaire_response: Some(answers.collect()),
            ..LimitsIncreaseItemRequest::default()
        }
    }

    pub(in crate::world) fn get_limit_request(&self, request: &ApiRequest) -> ApiResult {
        let (number, _) = self.limit_request(request.in_path("limitsIncreaseRequestId"))?;
        self.limit_request_answer(request, number)
    }

    pub(in crate::world) fn list_limit_requests(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let (name, state) = (request.in_query("displayName"), request.in_query("lifecycleState"));
        let rows = self.limit_requests.rows.iter().filter(|(_, row)| {
            row.compartment == compartment
                && name.is_none_or(|name| name == row.name)
                && state.is_none_or(|state| state.eq_ignore_ascii_case(row.state().as_str()))
        });
        let rows = rows
            .map(|(number, row)| {
                let summary = LimitsIncreaseRequestSummary {
                    id: self.ids.text(Id(Kind::LimitsIncreaseRequest, *number)),
                    compartment_id: compartment_ocid(&self.ids, row.compartment),
                    subscription_id: row.subscription.clone(),
                    lifecycle_state: row.state().as_str().to_owned(),
                    display_name: row.name.clone(),
                    items_in_request: i64::try_from(row.items.len()).unwrap_or(i64::MAX),
                    justification: Some(row.justification.clone()),
                    time_created: Some(row.created),
                    freeform_tags: row.tags.clone(),
                    defined_tags: row.defined_tags.clone(),
                    ..LimitsIncreaseRequestSummary::default()
                };
                (Cursor { group: 0, name: row.name.clone(), number: *number }, summary)
            })
            .collect();
        let mut answer = page.answer_small(request, Order::read(request), rows)?;
        answer.body = answer.body.map(|rows| [b"{\"items\":", &*rows, b"}"].concat().into());
        Ok(answer)
    }

    /// Adds comments of the customer, which is all that the operation can do (Oracle: "Add customer comments").
    pub(in crate::world) fn patch_limit_request(&mut self, request: &ApiRequest) -> ApiResult {
        let details: PatchLimitsIncreaseRequestDetails = request.details()?;
        let mut texts = Vec::new();
        for instruction in details.items.unwrap_or_default() {
            let PatchInstruction::Insert(insert) = instruction else {
                return Err(error::invalid("operation must be INSERT"));
            };
            if insert.selection != "customerComments" {
                return Err(error::invalid(format!(
                    "selection must be customerComments, not {}",
                    insert.selection
                )));
            }
            let text = insert.value.get("message").unwrap_or(&insert.value).as_str().map(str::trim);
            let text = text.filter(|text| !text.is_empty()).ok_or_else(|| error::missing("value.message"))?;
            texts.push(text.to_owned());
        }
        let now = self.now;
        let (number, row) = self.limit_request_to_change(request)?;
        if !row.is_open() {
            return Err(error::incorrect_state(format!("the request is already {}", row.state().as_str())));
        }
        let was_asked = row.is_asked();
        row.comments.extend(texts.into_iter().map(|text| Comment { text, at: now, by_oracle: false }));
        row.changed(now);
        if was_asked && !row.is_asked() {
            self.plan_decision(number);
        }
        self.limit_request_answer(request, number)
    }

    pub(in crate::world) fn cancel_limit_request(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let now = self.now;
        let (number, row) = self.limit_request_to_change(request)?;
        if !row.is_open() {
            return Err(error::incorrect_state(format!("the request is already {}", row.state().as_str())));
        }
        row.move_items(now, |_| ItemState::Canceled);
        let id = Id(Kind::LimitsIncreaseRequest, number);
        self.log.push(now, "limit_request_canceled", Some(id), None);
        Ok((self.limit_request_answer(request, number)?, Some(id)))
    }

    pub(in crate::world) fn update_limit_request(&mut self, request: &ApiRequest) -> ApiResult {
        let details: UpdateLimitsIncreaseRequestDetails = request.details()?;
        if let Some(tags) = &details.freeform_tags {
            check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        }
        let now = self.now;
        let (number, row) = self.limit_request_to_change(request)?;
        row.tags = details.freeform_tags.unwrap_or_else(|| std::mem::take(&mut row.tags));
        row.defined_tags = details.defined_tags.unwrap_or_else(|| std::mem::take(&mut row.defined_tags));
        row.changed(now);
        self.limit_request_answer(request, number)
    }

    /// Deletes a request that is decided or canceled (that an open one is refused is invented).
    pub(in crate::world) fn delete_limit_request(&mut self, request: &ApiRequest) -> ApiResult {
        let (number, row) = self.limit_request_to_change(request)?;
        if row.is_open() {
            return Err(error::incorrect_state("the request is open; cancel it first"));
        }
        self.limit_requests.rows.remove(&number);
        Ok(empty(request.operation))
    }
}
