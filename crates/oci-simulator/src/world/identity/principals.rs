//! Users and their groups.

use super::rows::{IamContent, IamRow};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::network::Common;
use crate::world::state::World;
use oci_api::models::AddUserToGroupDetails;

impl World {
    /// The user that a membership names, by OCID or by the name that a scenario has.
    pub(super) fn user_in(&self, named: &str) -> Option<u32> {
        let by_name = || (0..self.identity.users).find(|user| self.name_of(*user) == named);
        self.ids.number(Kind::User, named).or_else(by_name)
    }

    /// The user with this OCID, or 404.
    pub(super) fn user(&self, ocid: &str) -> Result<u32, ApiError> {
        let number = self.ids.number(Kind::User, ocid).filter(|number| self.user_exists(*number));
        number.ok_or_else(error::not_found)
    }

    /// Gives a user that the region began with a row, so that it can be changed.
    pub(super) fn with_user_row(&mut self, user: u32) -> Id {
        let id = Id(Kind::User, user);
        if !self.identity.iam.rows.contains_key(&id) {
            let shown = self.user_model(user);
            let row = IamRow {
                compartment: 0,
                name: shown.name,
                description: shown.description,
                created: self.identity.since,
                common: Common::default(),
                given: false,
                content: IamContent::User { email: None },
            };
            self.identity.iam.add_as(id, row);
        }
        id
    }

    pub(in crate::world) fn update_user(&mut self, request: &ApiRequest) -> ApiResult {
        let user = self.user(request.in_path("userId"))?;
        self.with_user_row(user);
        self.update_iam(Kind::User, request, "userId")
    }

    pub(in crate::world) fn delete_user(&mut self, request: &ApiRequest) -> ApiResult {
        let user = self.user(request.in_path("userId"))?;
        if request.caller.user == request.in_path("userId") {
            return Err(error::incorrect_state("a user cannot delete itself"));
        }
        self.with_user_row(user);
        self.delete_iam(Kind::User, request, "userId")
    }

    pub(in crate::world) fn add_user_to_group(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: AddUserToGroupDetails = request.details()?;
        let user = self.user(&new.user_id)?;
        let (group, row) = self.iam_row(Kind::Group, &new.group_id)?;
        let user_row = self.identity.iam.rows.get(&Id(Kind::User, user));
        for (row, ocid) in [(Some(row), &new.group_id), (user_row, &new.user_id)] {
            if row.is_some_and(|row| !row.common.lives()) {
                return Err(error::incorrect_state(format!("{ocid} is in state DELETING")));
            }
        }
        let taken = self.identity.iam.living(Kind::GroupMembership).any(|(_, row)| match &row.content {
            IamContent::Membership { group: own, user: named } => {
                *own == group.1 && self.user_in(named) == Some(user)
            }
            _ => false,
        });
        if taken {
            let text = "the user is already in the group";
            return Err(ApiError::new(409, "UserAlreadyInGroup", text));
        }
        let row = IamRow {
            compartment: 0,
            name: String::new(),
            description: String::new(),
            created: self.now,
            common: Common { made: true, ..Common::default() },
            given: false,
            content: IamContent::Membership { group: group.1, user: new.user_id },
        };
        let id = self.identity.iam.add(Kind::GroupMembership, row);
        self.log.push(self.now, "groupmembership_created", Some(id), None);
        Ok((self.iam_answer(request, id)?, Some(id)))
    }
}
