//! Dispatches the operations of Identity to their methods.

use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::ids::{Id, Kind};
use crate::world::state::World;
use oci_api::{Method, Operation, Service};

impl World {
    /// Operations that create something in a tenancy, whose retry token is bound to it; `None` for all others.
    pub(in crate::world) fn dispatch_bound_identity(
        &mut self,
        request: &ApiRequest,
    ) -> Option<Result<(ApiAnswer, Option<Id>), ApiError>> {
        Some(match request.operation {
            Operation::CreateCompartment => self.create_compartment(request),
            Operation::CreateUser => self.create_iam(Kind::User, request),
            Operation::CreateGroup => self.create_iam(Kind::Group, request),
            Operation::CreateDynamicGroup => self.create_iam(Kind::DynamicGroup, request),
            Operation::CreatePolicy => self.create_iam(Kind::Policy, request),
            Operation::CreateTagNamespace => self.create_iam(Kind::TagNamespace, request),
            Operation::CreateTag => self.create_tag(request),
            Operation::CreateTagDefault => self.create_tag_default(request),
            Operation::AddUserToGroup => self.add_user_to_group(request),
            _ => return None,
        })
    }

    /// Dispatches the operations of Identity, and passes all others on.
    pub(in crate::world) fn dispatch_identity(&mut self, request: &ApiRequest) -> ApiResult {
        match request.operation {
            Operation::ListAvailabilityDomains => self.list_availability_domains(request),
            Operation::ListFaultDomains => self.list_fault_domains(request),
            Operation::ListRegions => self.list_regions(request),
            Operation::ListRegionSubscriptions => self.list_region_subscriptions(request),
            Operation::GetTenancy => self.get_tenancy(request),
            Operation::GetNamespace => self.get_namespace(request),
            Operation::ListCompartments => self.list_compartments(request),
            Operation::GetCompartment => self.get_compartment(request),
            Operation::UpdateCompartment => self.update_compartment(request),
            Operation::DeleteCompartment => self.delete_compartment(request),
            Operation::ListUsers => self.list_users(request),
            Operation::GetUser => self.get_user(request),
            Operation::UpdateUser => self.update_user(request),
            Operation::DeleteUser => self.delete_user(request),
            Operation::ListUserGroupMemberships => self.list_iam(Kind::GroupMembership, request),
            Operation::GetUserGroupMembership => {
                self.get_iam(Kind::GroupMembership, request, "userGroupMembershipId")
            }
            Operation::RemoveUserFromGroup => {
                self.delete_iam(Kind::GroupMembership, request, "userGroupMembershipId")
            }
            Operation::ListGroups => self.list_iam(Kind::Group, request),
            Operation::GetGroup => self.get_iam(Kind::Group, request, "groupId"),
            Operation::UpdateGroup => self.update_iam(Kind::Group, request, "groupId"),
            Operation::DeleteGroup => self.delete_iam(Kind::Group, request, "groupId"),
            Operation::ListDynamicGroups => self.list_iam(Kind::DynamicGroup, request),
            Operation::GetDynamicGroup => self.get_iam(Kind::DynamicGroup, request, "dynamicGroupId"),
            Operation::UpdateDynamicGroup => self.update_iam(Kind::DynamicGroup, request, "dynamicGroupId"),
            Operation::DeleteDynamicGroup => self.delete_iam(Kind::DynamicGroup, request, "dynamicGroupId"),
            Operation::ListPolicies => self.list_iam(Kind::Policy, request),
            Operation::GetPolicy => self.get_iam(Kind::Policy, request, "policyId"),
            Operation::UpdatePolicy => self.update_iam(Kind::Policy, request, "policyId"),
            Operation::DeletePolicy => self.delete_iam(Kind::Policy, request, "policyId"),
            _ => self.dispatch_tags(request),
        }
    }

    fn dispatch_tags(&mut self, request: &ApiRequest) -> ApiResult {
        match request.operation {
            Operation::ListTagNamespaces => self.list_iam(Kind::TagNamespace, request),
            Operation::GetTagNamespace => self.get_iam(Kind::TagNamespace, request, "tagNamespaceId"),
            Operation::UpdateTagNamespace => self.update_iam(Kind::TagNamespace, request, "tagNamespaceId"),
            Operation::DeleteTagNamespace => self.delete_tag_namespace(request),
            Operation::ListTags => self.list_tags(request),
            Operation::ListCostTrackingTags => self.list_cost_tags(request),
            Operation::GetTag => self.get_tag(request),
            Operation::UpdateTag => self.update_tag(request),
            Operation::DeleteTag => self.delete_tag(request),
            Operation::ListTagDefaults => self.list_iam(Kind::TagDefault, request),
            Operation::GetTagDefault => self.get_iam(Kind::TagDefault, request, "tagDefaultId"),
            Operation::UpdateTagDefault => self.update_iam(Kind::TagDefault, request, "tagDefaultId"),
            Operation::DeleteTagDefault => self.delete_iam(Kind::TagDefault, request, "tagDefaultId"),
            _ => self.dispatch_others(request),
        }
    }

    /// Whether a request changes the tenancy, which only its home region does (Oracle: "Managing Regions").
    pub(crate) fn changes_tenancy(request: &ApiRequest) -> bool {
        let info = request.operation.info();
        info.service == Service::Identity && info.method != Method::Get
    }

    /// Refuses a change of the tenancy in another region than its home (text from public reports, likely).
    pub(in crate::world) fn check_home(&self, request: &ApiRequest) -> Result<(), ApiError> {
        let home = self.home_region();
        if !Self::changes_tenancy(request) || home == self.settings.region {
            return Ok(());
        }
        let key = oci_api::Region::find(home).map_or_else(|| home.to_owned(), |home| home.key.to_uppercase());
        let text =
            format!("Please go to your home region {key} to execute CREATE, UPDATE and DELETE operations.");
        Err(ApiError::new(403, "NotAllowed", text))
    }
}
