"""A network of its own, made, changed and deleted through the official SDK, with every operation that networks have."""

import oci
from oci.core import ComputeClient, VirtualNetworkClient, models

from test_sdk import launch_details, wait
from typed import check

EVERYWHERE = "0.0.0.0/0"


def gone(call, *arguments):
    """What is deleted is TERMINATING for a moment, and then no longer found."""
    try:
        for _ in range(100):
            assert call(*arguments).data.lifecycle_state == "TERMINATING"
    except oci.exceptions.ServiceError as error:
        assert error.status == 404, error
        return
    raise AssertionError("it is still there")


def settled(network, call, *arguments):
    return oci.wait_until(network, call(*arguments), "lifecycle_state", "AVAILABLE", max_interval_seconds=0.2).data


def made(network, vcn, compartment):
    """One part of each kind, as (get, update, delete, list, part)."""
    own = {"vcn_id": vcn.id, "compartment_id": compartment}
    internet = network.create_internet_gateway(models.CreateInternetGatewayDetails(**own, is_enabled=True)).data
    nat = network.create_nat_gateway(models.CreateNatGatewayDetails(**own)).data
    service = check(network.list_services().data)[0]
    assert check(network.get_service(service.id).data).name == service.name
    wanted = [models.ServiceIdRequestDetails(service_id=service.id)]
    gateway = network.create_service_gateway(models.CreateServiceGatewayDetails(**own, services=wanted)).data
    rules = [
        models.RouteRule(destination=EVERYWHERE, network_entity_id=internet.id),
        models.RouteRule(
            destination=service.cidr_block, destination_type="SERVICE_CIDR_BLOCK", network_entity_id=gateway.id
        ),
    ]
    table = network.create_route_table(models.CreateRouteTableDetails(**own, route_rules=rules)).data
    ports = models.PortRange(min=22, max=22)
    ssh = models.IngressSecurityRule(
        protocol="6", source=EVERYWHERE, tcp_options=models.TcpOptions(destination_port_range=ports)
    )
    out = models.EgressSecurityRule(protocol="all", destination=EVERYWHERE)
    security = network.create_security_list(
        models.CreateSecurityListDetails(**own, ingress_security_rules=[ssh], egress_security_rules=[out])
    ).data
    resolver = models.DhcpDnsOption(server_type="CustomDnsServer", custom_dns_servers=["10.0.0.53"])
    dhcp = network.create_dhcp_options(models.CreateDhcpDetails(**own, options=[resolver])).data
    group = network.create_network_security_group(models.CreateNetworkSecurityGroupDetails(**own)).data
    return {
        "internet_gateway": internet,
        "nat_gateway": nat,
        "service_gateway": gateway,
        "route_table": table,
        "security_list": security,
        "dhcp_options": dhcp,
        "network_security_group": group,
    }


UPDATES = {
    "internet_gateway": models.UpdateInternetGatewayDetails,
    "nat_gateway": models.UpdateNatGatewayDetails,
    "service_gateway": models.UpdateServiceGatewayDetails,
    "route_table": models.UpdateRouteTableDetails,
    "security_list": models.UpdateSecurityListDetails,
    "dhcp_options": models.UpdateDhcpDetails,
    "network_security_group": models.UpdateNetworkSecurityGroupDetails,
}
# In the order in which nothing that goes is still in use.
GOING = ("network_security_group", "route_table", "internet_gateway", "nat_gateway", "service_gateway")
GOING_TOO = ("security_list", "dhcp_options")


def listed(network, kind, compartment):
    plural = kind if kind.endswith("options") else f"{kind}s"
    call = getattr(network, f"list_{plural}")
    return {row.id for row in check(call(compartment_id=compartment).data)}


def change_rules(network, group):
    """Every operation on the rules of a group."""
    rule = models.AddSecurityRuleDetails(direction="INGRESS", protocol="6", source=EVERYWHERE)
    adding = models.AddNetworkSecurityGroupSecurityRulesDetails(security_rules=[rule])
    added = check(network.add_network_security_group_security_rules(group, adding).data).security_rules[0]
    changed = models.UpdateSecurityRuleDetails(id=added.id, direction="INGRESS", protocol="17", source="10.0.0.0/8")
    updating = models.UpdateNetworkSecurityGroupSecurityRulesDetails(security_rules=[changed])
    updated = check(network.update_network_security_group_security_rules(group, updating).data).security_rules
    assert (updated[0].id, updated[0].protocol) == (added.id, "17")
    rules = check(network.list_network_security_group_security_rules(group).data)
    assert [rule.source for rule in rules] == ["10.0.0.0/8"]
    removing = models.RemoveNetworkSecurityGroupSecurityRulesDetails(security_rule_ids=[added.id])
    network.remove_network_security_group_security_rules(group, removing)
    assert network.list_network_security_group_security_rules(group).data == []


def live_in(region, network, subnet, group):
    """An instance in the subnet and in the group, whose VNIC is updated."""
    compute, compartment = region.client(ComputeClient), region.fleet["compartment_id"]
    details = launch_details(region, "all-network")
    details.create_vnic_details = models.CreateVnicDetails(subnet_id=subnet.id, nsg_ids=[group], hostname_label="one")
    instance = check(compute.launch_instance(details).data)
    wait(region, instance.id, "RUNNING")
    attachment = compute.list_vnic_attachments(compartment, instance_id=instance.id).data[0]
    vnic = models.UpdateVnicDetails(hostname_label="two", freeform_tags={"team": "a"})
    assert check(network.update_vnic(attachment.vnic_id, vnic).data).hostname_label == "two"
    vnics = check(network.list_network_security_group_vnics(group).data)
    assert [row.resource_id for row in vnics] == [instance.id]
    for call, what in ((network.delete_subnet, subnet.id), (network.delete_network_security_group, group)):
        try:
            call(what)
            raise AssertionError("deleted while in use")
        except oci.exceptions.ServiceError as error:
            assert (error.status, error.code) == (409, "Conflict")
    compute.terminate_instance(instance.id)
    wait(region, instance.id, "TERMINATED")


def use_every_operation(region):
    network, compartment = region.client(VirtualNetworkClient), region.fleet["compartment_id"]
    details = models.CreateVcnDetails(compartment_id=compartment, cidr_blocks=["172.16.0.0/16"], dns_label="own")
    vcn = check(network.create_vcn(details).data)
    vcn = check(settled(network, network.get_vcn, vcn.id))
    renamed = network.update_vcn(vcn.id, models.UpdateVcnDetails(display_name="all-vcn", freeform_tags={"team": "a"}))
    assert check(renamed.data).freeform_tags == {"team": "a"}
    network.add_vcn_cidr(vcn.id, models.AddVcnCidrDetails(cidr_block="172.17.0.0/16"))
    assert network.get_vcn(vcn.id).data.cidr_blocks == ["172.16.0.0/16", "172.17.0.0/16"]
    network.remove_vcn_cidr(vcn.id, models.RemoveVcnCidrDetails(cidr_block="172.17.0.0/16"))
    parts = made(network, vcn, compartment)
    for kind, part in parts.items():
        check(part)
        assert part.id in listed(network, kind, compartment)
        getter, updater = getattr(network, f"get_{kind}"), getattr(network, f"update_{kind}")
        check(settled(network, getter, part.id))
        assert check(updater(part.id, UPDATES[kind](display_name="renamed")).data).display_name == "renamed"
    subnet = check(
        network.create_subnet(
            models.CreateSubnetDetails(
                compartment_id=compartment, vcn_id=vcn.id, cidr_block="172.16.0.0/24", dns_label="app",
                route_table_id=parts["route_table"].id, security_list_ids=[parts["security_list"].id],
            )
        ).data
    )  # fmt: skip
    dhcp = models.UpdateSubnetDetails(dhcp_options_id=parts["dhcp_options"].id)
    assert check(network.update_subnet(subnet.id, dhcp).data).dhcp_options_id == parts["dhcp_options"].id
    group = parts["network_security_group"].id
    change_rules(network, group)
    live_in(region, network, subnet, group)
    network.delete_subnet(subnet.id)
    gone(network.get_subnet, subnet.id)
    for kind in (*GOING, *GOING_TOO):
        getattr(network, f"delete_{kind}")(parts[kind].id)
        gone(getattr(network, f"get_{kind}"), parts[kind].id)
    network.delete_vcn(vcn.id)
    gone(network.get_vcn, vcn.id)
