// The npm SDK makes machines, lists them with its iterators, acts on them with its waiters, and ends them.
import assert from "node:assert/strict";
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
// The packages are installed in the folder where the program runs.
const require = createRequire(`${process.cwd()}/`);
const common = require("oci-common");
const core = require("oci-core");
const identity = require("oci-identity");
const workrequests = require("oci-workrequests");

const home = path.dirname(process.env.OCI_CONFIG_FILE);
const fleet = {};
for (const line of fs.readFileSync(`${home}/config.yaml`, "utf8").split("\n")) {
  const [key, ...value] = line.trim().split(": ");
  fleet[key] = value.join(": ");
}
const provider = new common.ConfigFileAuthenticationDetailsProvider(`${home}/config`, "DEFAULT");
const authenticationDetailsProvider = provider;
const tenancy = provider.getTenantId();
const compartmentId = fleet.compartment_id;
const identityClient = new identity.IdentityClient({ authenticationDetailsProvider });
const domains = await identityClient.listAvailabilityDomains({ compartmentId: tenancy });
assert.equal(domains.items.length, 3);
assert((await identityClient.listRegions({})).items.some((region) => region.name === "us-phoenix-1"));
const workClient = new workrequests.WorkRequestClient({ authenticationDetailsProvider });
const compute = new core.ComputeClient({ authenticationDetailsProvider });
const network = new core.VirtualNetworkClient({ authenticationDetailsProvider });
const terminationStrategy = new common.MaxTimeTerminationStrategy(60);
const delayStrategy = new common.FixedTimeDelayStrategy(1);
const waiters = compute.createWaiters(workClient, { terminationStrategy, delayStrategy });

// A network of its own.
const from = { compartmentId, cidrBlocks: ["10.7.0.0/16"], displayName: "npm", dnsLabel: "npm" };
const networks = network.createWaiters(workClient, { terminationStrategy, delayStrategy });
const { vcn } = await network.createVcn({ createVcnDetails: from });
await networks.forVcn({ vcnId: vcn.id }, core.models.Vcn.LifecycleState.Available);
const gatewayDetails = { compartmentId, vcnId: vcn.id, isEnabled: true };
const { internetGateway } = await network.createInternetGateway({ createInternetGatewayDetails: gatewayDetails });
const toAnywhere = { destination: "0.0.0.0/0", destinationType: "CIDR_BLOCK", networkEntityId: internetGateway.id };
const table = { rtId: vcn.defaultRouteTableId, updateRouteTableDetails: { routeRules: [toAnywhere] } };
assert.equal((await network.updateRouteTable(table)).routeTable.routeRules.length, 1);
const subnetDetails = { compartmentId, vcnId: vcn.id, cidrBlock: "10.7.1.0/24", dnsLabel: "machines" };
const { subnet } = await network.createSubnet({ createSubnetDetails: subnetDetails });
await networks.forSubnet({ subnetId: subnet.id }, core.models.Subnet.LifecycleState.Available);

// Ten launches at once.
const launch = (number) =>
  compute.launchInstance({
    launchInstanceDetails: {
      compartmentId,
      availabilityDomain: domains.items[0].name,
      displayName: `npm-${number}`,
      shape: "VM.Standard.E4.Flex",
      shapeConfig: { ocpus: 1, memoryInGBs: 6 },
      sourceDetails: { sourceType: "image", imageId: fleet.image_id },
      createVnicDetails: { subnetId: subnet.id, assignPublicIp: true },
      freeformTags: { judge: "npm" },
    },
    opcRetryToken: `npm-${number}`,
  });
const launched = await Promise.all(Array.from({ length: 10 }, (_, number) => launch(number)));
const ids = launched.map((answer) => answer.instance.id);
assert.equal(new Set(ids).size, 10);
assert.equal((await launch(3)).instance.id, ids[3], "a retry token launches once");
const state = core.models.Instance.LifecycleState;
await Promise.all(ids.map((instanceId) => waiters.forInstance({ instanceId }, state.Running)));

const listed = [];
for await (const instance of compute.listInstancesRecordIterator({ compartmentId, limit: 3 })) listed.push(instance.id);
assert.deepEqual(listed.sort(), [...ids].sort());
let pages = 0;
for await (const page of compute.listInstancesResponseIterator({ compartmentId, limit: 3 })) pages += page.items.length > 0;
assert.equal(pages, 4);

const instanceId = ids[0];
const { items } = await compute.listVnicAttachments({ compartmentId, instanceId });
assert((await network.getVnic({ vnicId: items[0].vnicId })).vnic.publicIp);
const changed = await compute.updateInstance({ instanceId, updateInstanceDetails: { displayName: "renamed" } });
assert.equal(changed.instance.displayName, "renamed");
await assert.rejects(
  compute.updateInstance({ instanceId, updateInstanceDetails: { displayName: "late" }, ifMatch: "old" }),
  (error) => error.statusCode === 412,
);
for (const [action, wanted] of [["STOP", state.Stopped], ["START", state.Running]]) {
  await compute.instanceAction({ instanceId, action });
  await waiters.forInstance({ instanceId }, wanted);
}
const held = await waiters.forCreateComputeCapacityReservation({
  createComputeCapacityReservationDetails: {
    compartmentId,
    availabilityDomain: domains.items[0].name,
    instanceReservationConfigs: [{ instanceShape: "VM.Standard.E4.Flex", instanceShapeConfig: { ocpus: 1, memoryInGBs: 6 }, reservedCount: 2 }],
  },
});
const capacityReservationId = held.response.computeCapacityReservation.id;
assert.equal((await compute.getComputeCapacityReservation({ capacityReservationId })).computeCapacityReservation.reservedInstanceCount, 2);
await waiters.forDeleteComputeCapacityReservation({ capacityReservationId });
await Promise.all(ids.map((instanceId) => compute.terminateInstance({ instanceId })));
await Promise.all(ids.map((instanceId) => waiters.forInstance({ instanceId }, state.Terminated)));

// The network ends with its machines, part by part. A part that is gone is 404, and the waiters pass that on (oci-common 2.139.1),
// although they say that they return null.
const gone = (waiting) => waiting.catch((error) => assert.equal(error.statusCode, 404));
await network.deleteSubnet({ subnetId: subnet.id });
await gone(networks.forSubnet({ subnetId: subnet.id }, core.models.Subnet.LifecycleState.Terminated));
await network.updateRouteTable({ ...table, updateRouteTableDetails: { routeRules: [] } });
await network.deleteInternetGateway({ igId: internetGateway.id });
await gone(networks.forInternetGateway({ igId: internetGateway.id }, core.models.InternetGateway.LifecycleState.Terminated));
await network.deleteVcn({ vcnId: vcn.id });
await gone(networks.forVcn({ vcnId: vcn.id }, core.models.Vcn.LifecycleState.Terminated));
console.log("done");
