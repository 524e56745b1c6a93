"""Oracle's Compute MCP server, asked over stdio by an MCP client, launches a machine, lists it, acts on it and ends it."""

import asyncio
import os
import pathlib
import sys

import fastmcp
import oci
import yaml
from fastmcp.client.transports import StdioTransport

home = pathlib.Path(os.environ["OCI_CONFIG_FILE"]).parent
fleet = yaml.safe_load((home / "config.yaml").read_text())
settings = fleet["instance_settings"]
server = pathlib.Path(sys.executable).parent / "oracle.oci-compute-mcp-server"
compartment = fleet["compartment_id"]


async def main():
    config = oci.config.from_file(str(home / "config"))
    domain = oci.identity.IdentityClient(config).list_availability_domains(config["tenancy"]).data[0].name
    # The server signs with a session token only.
    environment = {**os.environ, "OCI_CONFIG_PROFILE": "SESSION"}
    async with fastmcp.Client(StdioTransport(str(server), [], env=environment)) as client:

        async def call(tool, **arguments):
            return (await client.call_tool(tool, arguments)).structured_content

        async def is_in(state):
            for _ in range(600):
                found = await call("get_instance", instance_id=machine)
                if found["lifecycle_state"] == state:
                    return found
                await asyncio.sleep(0.1)
            raise AssertionError(found)

        images = await call("list_images", compartment_id=compartment)
        assert settings["image_id"] in {image["id"] for image in images["result"]}
        launched = await call(
            "launch_instance",
            compartment_id=compartment,
            display_name="mcp",
            availability_domain=domain,
            subnet_id=settings["subnet_id"],
            image_id=settings["image_id"],
            shape="VM.Standard.E4.Flex",
        )
        machine = launched["id"]
        await is_in("RUNNING")
        listed = await call("list_instances", compartment_id=compartment, lifecycle_state="RUNNING")
        assert [row["id"] for row in listed["result"]] == [machine]
        attachments = await call("list_vnic_attachments", compartment_id=compartment, instance_id=machine)
        attachment = attachments["result"][0]["id"]
        assert (await call("get_vnic_attachment", vnic_attachment_id=attachment))["id"] == attachment
        await call("update_instance", instance_id=machine, ocpus=2, memory_in_gbs=8)
        await is_in("RUNNING")
        for action, state in (("STOP", "STOPPED"), ("START", "RUNNING")):
            await call("instance_action", instance_id=machine, action=action)
            await is_in(state)
        await call("terminate_instance", instance_id=machine)
        await is_in("TERMINATED")
    print("done")


asyncio.run(main())
