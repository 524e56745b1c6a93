"""What a tenancy has, made, changed and deleted through the official SDK, with every operation of Identity."""

import oci
from oci.identity import IdentityClient, models
from oci.object_storage import ObjectStorageClient
from oci.work_requests import WorkRequestClient

from typed import check


def gone(call, *arguments):
    """What is deleted is DELETING for a moment, and then no longer found."""
    try:
        for _ in range(100):
            # A tag default has no other state than ACTIVE.
            assert call(*arguments).data.lifecycle_state in ("DELETING", "ACTIVE")
    except oci.exceptions.ServiceError as error:
        assert error.status == 404, error
        return
    raise AssertionError("it is still there")


def refused(status, call, *arguments):
    try:
        call(*arguments)
    except oci.exceptions.ServiceError as error:
        assert error.status == status, error
        return error
    raise AssertionError("it was accepted")


def active(identity, call, *arguments):
    return check(oci.wait_until(identity, call(*arguments), "lifecycle_state", "ACTIVE", max_interval_seconds=0.2).data)


def use_compartments(region, identity, tenancy):
    own = {"compartment_id": tenancy, "name": "all-identity", "description": "for a test"}
    made = identity.create_compartment(models.CreateCompartmentDetails(**own)).data
    made = active(identity, identity.get_compartment, check(made).id)
    assert refused(409, identity.create_compartment, models.CreateCompartmentDetails(**own)).code == "CompartmentAlreadyExists"
    renamed = models.UpdateCompartmentDetails(name="all-renamed", freeform_tags={"team": "a"})
    assert check(identity.update_compartment(made.id, renamed).data).name == "all-renamed"
    deleted = identity.delete_compartment(made.id)
    assert deleted.status == 202
    work = region.client(WorkRequestClient)
    done = work.get_work_request(deleted.headers["opc-work-request-id"])
    check(oci.wait_until(work, done, "status", "SUCCEEDED", max_interval_seconds=0.2, max_wait_seconds=60).data)
    assert identity.get_compartment(made.id).data.lifecycle_state == "DELETED"


def use_groups_and_policies(identity, tenancy):
    own = {"compartment_id": tenancy, "description": "for a test"}
    user = identity.create_user(models.CreateUserDetails(**own, name="all-user", email="all@example.com")).data
    user = active(identity, identity.get_user, check(user).id)
    changed = identity.update_user(user.id, models.UpdateUserDetails(description="changed"))
    assert check(changed.data).description == "changed"
    group = active(
        identity, identity.get_group, check(identity.create_group(models.CreateGroupDetails(**own, name="all-group")).data).id
    )
    assert group.id in {row.id for row in check(identity.list_groups(tenancy).data)}
    check(identity.update_group(group.id, models.UpdateGroupDetails(freeform_tags={"team": "a"})).data)
    member = identity.add_user_to_group(models.AddUserToGroupDetails(user_id=user.id, group_id=group.id)).data
    assert check(identity.get_user_group_membership(check(member).id).data).user_id == user.id
    listed = check(identity.list_user_group_memberships(tenancy, group_id=group.id).data)
    assert [row.id for row in listed] == [member.id]
    refused(409, identity.delete_group, group.id)
    rule = {"name": "all-hosts", "matching_rule": f"instance.compartment.id = '{tenancy}'"}
    hosts = identity.create_dynamic_group(models.CreateDynamicGroupDetails(**own, **rule)).data
    hosts = active(identity, identity.get_dynamic_group, check(hosts).id)
    assert hosts.id in {row.id for row in check(identity.list_dynamic_groups(tenancy).data)}
    wider = models.UpdateDynamicGroupDetails(matching_rule="resource.type = 'fnfunc'")
    assert check(identity.update_dynamic_group(hosts.id, wider).data).matching_rule == wider.matching_rule
    statements = [f"Allow group id {group.id} to inspect instances in tenancy"]
    policy = identity.create_policy(models.CreatePolicyDetails(**own, name="all-policy", statements=statements)).data
    policy = active(identity, identity.get_policy, check(policy).id)
    assert policy.id in {row.id for row in check(identity.list_policies(tenancy).data)}
    more = models.UpdatePolicyDetails(statements=[*statements, "Allow dynamic-group all-hosts to use volumes in tenancy"])
    assert len(check(identity.update_policy(policy.id, more).data).statements) == 2
    identity.delete_policy(policy.id)
    gone(identity.get_policy, policy.id)
    identity.delete_dynamic_group(hosts.id)
    gone(identity.get_dynamic_group, hosts.id)
    identity.remove_user_from_group(member.id)
    identity.delete_group(group.id)
    gone(identity.get_group, group.id)
    identity.delete_user(user.id)
    gone(identity.get_user, user.id)


def use_tags(identity, tenancy):
    own = {"compartment_id": tenancy, "description": "for a test"}
    space = check(identity.create_tag_namespace(models.CreateTagNamespaceDetails(**own, name="all-costs")).data)
    check(identity.get_tag_namespace(space.id).data)
    assert space.id in {row.id for row in check(identity.list_tag_namespaces(tenancy).data)}
    values = models.EnumTagDefinitionValidator(values=["a", "b"])
    wanted = models.CreateTagDetails(name="Team", description="whose", is_cost_tracking=True, validator=values)
    tag = check(identity.create_tag(space.id, wanted).data)
    assert check(identity.get_tag(space.id, "Team").data).validator.values == ["a", "b"]
    assert [row.name for row in check(identity.list_tags(space.id).data)] == ["Team"]
    assert tag.id in {row.id for row in check(identity.list_cost_tracking_tags(tenancy).data)}
    default = models.CreateTagDefaultDetails(compartment_id=tenancy, tag_definition_id=tag.id, value="a")
    default = check(identity.create_tag_default(default).data)
    check(identity.get_tag_default(default.id).data)
    assert default.id in {row.id for row in check(identity.list_tag_defaults(compartment_id=tenancy).data)}
    assert check(identity.update_tag_default(default.id, models.UpdateTagDefaultDetails(value="b")).data).value == "b"
    identity.delete_tag_default(default.id)
    gone(identity.get_tag_default, default.id)
    refused(409, identity.delete_tag, space.id, "Team")
    retired = identity.update_tag(space.id, "Team", models.UpdateTagDetails(is_retired=True)).data
    assert check(retired).lifecycle_state == "INACTIVE"
    assert identity.delete_tag(space.id, "Team").headers["opc-work-request-id"]
    check(identity.update_tag_namespace(space.id, models.UpdateTagNamespaceDetails(is_retired=True)).data)
    identity.delete_tag_namespace(space.id)
    gone(identity.get_tag_namespace, space.id)


def use_every_operation(region):
    identity, tenancy = region.client(IdentityClient), region.config["tenancy"]
    use_compartments(region, identity, tenancy)
    use_groups_and_policies(identity, tenancy)
    use_tags(identity, tenancy)
    assert region.client(ObjectStorageClient).get_namespace().data
