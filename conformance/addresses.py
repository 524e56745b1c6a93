"""Addresses and VNICs of an instance, made, moved and deleted through the official SDK, with every operation that they have."""

import oci
from oci.core import ComputeClient, VirtualNetworkClient, models

from networks import gone, settled
from test_sdk import launch_details, wait
from typed import check


def refused(status, call, *arguments):
    try:
        call(*arguments)
    except oci.exceptions.ServiceError as error:
        assert error.status == status, error
        return
    raise AssertionError("it was accepted")


def attach(compute, network, instance, subnet):
    """A second VNIC, whose OCID is known once it is attached."""
    vnic = models.CreateVnicDetails(subnet_id=subnet, display_name="second", assign_public_ip=False)
    details = models.AttachVnicDetails(instance_id=instance, create_vnic_details=vnic)
    attachment = check(compute.attach_vnic(details).data)
    attached = oci.wait_until(
        compute, compute.get_vnic_attachment(attachment.id), "lifecycle_state", "ATTACHED", max_interval_seconds=0.2
    ).data
    shown = check(network.get_vnic(attached.vnic_id).data)
    assert (shown.is_primary, shown.public_ip) == (False, None)
    return attached


def use_private_addresses(network, vnic, other):
    """A secondary address that moves, several at once, and one that belongs to no VNIC."""
    made = check(network.create_private_ip(models.CreatePrivateIpDetails(vnic_id=vnic, display_name="more")).data)
    assert check(network.get_private_ip(made.id).data).display_name == "more"
    moved = network.update_private_ip(made.id, models.UpdatePrivateIpDetails(vnic_id=other.vnic_id))
    assert check(moved.data).vnic_id == other.vnic_id
    items = [models.BulkCreatePrivateIpItem(), models.BulkCreatePrivateIpItem(display_name="last")]
    several = models.BulkCreatePrivateIpsDetails(vnic_id=vnic, bulk_create_private_ip_item=items)
    answer = network.bulk_create_private_ips(several)
    assert answer.status == 202 and answer.headers["opc-work-request-id"]
    listed = check(network.list_private_ips(vnic_id=vnic).data)
    assert [row.is_primary for row in listed] == [True, False, False]
    reserved = models.CreatePrivateIpDetails(subnet_id=other.subnet_id, lifetime="RESERVED")
    reserved = check(network.create_private_ip(reserved).data)
    assert (reserved.ip_state, reserved.vnic_id) == ("AVAILABLE", None)
    network.delete_private_ip(reserved.id)
    refused(404, network.get_private_ip, reserved.id)
    refused(400, network.delete_private_ip, listed[0].id)
    return made


def use_public_addresses(network, compartment, private):
    """A reserved address on a private one, and off it again."""
    details = models.CreatePublicIpDetails(compartment_id=compartment, lifetime="RESERVED", display_name="fixed")
    made = check(settled(network, network.get_public_ip, check(network.create_public_ip(details).data).id))
    onto = models.UpdatePublicIpDetails(private_ip_id=private)
    assert check(network.update_public_ip(made.id, onto).data).lifecycle_state in ("ASSIGNING", "ASSIGNED")
    of_private = models.GetPublicIpByPrivateIpIdDetails(private_ip_id=private)
    assert check(network.get_public_ip_by_private_ip_id(of_private).data).id == made.id
    by_text = models.GetPublicIpByIpAddressDetails(ip_address=made.ip_address)
    assert check(network.get_public_ip_by_ip_address(by_text).data).assigned_entity_id == private
    assert made.id in {row.id for row in check(network.list_public_ips("REGION", compartment).data)}
    network.update_public_ip(made.id, models.UpdatePublicIpDetails(private_ip_id=""))
    assert check(settled(network, network.get_public_ip, made.id)).assigned_entity_id is None
    network.delete_public_ip(made.id)
    gone(network.get_public_ip, made.id)


def use_version_6(network, compartment):
    """An address of version 6, in a subnet that has a block of them."""
    own = models.CreateVcnDetails(compartment_id=compartment, cidr_blocks=["172.20.0.0/16"], is_ipv6_enabled=True)
    vcn = check(network.create_vcn(own).data)
    block = vcn.ipv6_cidr_blocks[0].replace("/56", "/64")
    subnet = models.CreateSubnetDetails(
        compartment_id=compartment, vcn_id=vcn.id, cidr_block="172.20.0.0/24", ipv6_cidr_block=block
    )
    subnet = check(network.create_subnet(subnet).data)
    assert subnet.ipv6_cidr_block == block
    made = network.create_ipv6(models.CreateIpv6Details(subnet_id=subnet.id, lifetime="RESERVED"))
    made = check(settled(network, network.get_ipv6, check(made.data).id))
    assert made.id in {row.id for row in check(network.list_ipv6s(subnet_id=subnet.id).data)}
    renamed = network.update_ipv6(made.id, models.UpdateIpv6Details(display_name="six"))
    assert check(renamed.data).display_name == "six"
    refused(409, network.delete_subnet, subnet.id)
    network.delete_ipv6(made.id)
    gone(network.get_ipv6, made.id)
    network.delete_subnet(subnet.id)
    network.delete_vcn(vcn.id)


def use_every_operation(region):
    compute, network = region.client(ComputeClient), region.client(VirtualNetworkClient)
    compartment, subnet = region.fleet["compartment_id"], region.fleet["subnet_id"]
    details = launch_details(region, "all-addresses")
    details.shape_config = models.LaunchInstanceShapeConfigDetails(ocpus=2, memory_in_gbs=12)
    instance = check(compute.launch_instance(details).data).id
    wait(region, instance, "RUNNING")
    vnic = compute.list_vnic_attachments(compartment, instance_id=instance).data[0].vnic_id
    second = attach(compute, network, instance, subnet)
    refused(400, compute.detach_vnic, compute.list_vnic_attachments(compartment, vnic_id=vnic).data[0].id)
    private = use_private_addresses(network, vnic, second)
    use_public_addresses(network, compartment, private.id)
    use_version_6(network, compartment)
    compute.detach_vnic(second.id)
    refused(404, network.get_private_ip, private.id)
    compute.terminate_instance(instance)
    wait(region, instance, "TERMINATED")
