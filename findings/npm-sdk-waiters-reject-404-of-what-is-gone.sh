#!/usr/bin/env bash
# OCI's npm SDK, oci-common and oci-core 2.139.1: a waiter that waits until a subnet is TERMINATED, while the service answers 404
# because the subnet is gone.
# Expected: the waiter returns null. Its documentation says so ("null in case of 404 response"), and its code has a branch for it.
# Seen: the waiter rejects with the error 404. The call is returned and not awaited inside `try`, so that the branch is never reached.
# Programs have to catch the 404 of each waiter for an end themselves.
# No service is called: the client's getSubnet is replaced. Exits 1 if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
npm install --silent --no-audit --no-fund oci-common@2.139.1 oci-core@2.139.1 oci-workrequests@2.139.1
cat > waits.js <<'JS'
const { OciError } = require("oci-common");
const { VirtualNetworkWaiter } = require("oci-core/lib/virtualnetwork-waiter");
const { Subnet } = require("oci-core").models;

const gone = new OciError(404, "NotAuthorizedOrNotFound", "Authorization failed or requested resource not found.", "");
const client = { getSubnet: async () => { throw gone; } };
const waiter = new VirtualNetworkWaiter(client, undefined, {});
const subnetId = "ocid1.subnet.oc1.phx.example";
waiter.forSubnet({ subnetId }, Subnet.LifecycleState.Terminated).then(
  (answer) => {
    console.log(`oci-common 2.139.1: the waiter returns ${answer}`);
    process.exit(1);
  },
  (error) => {
    console.log(`oci-common 2.139.1: the waiter rejects with ${error.statusCode} ${error.serviceCode}`);
    process.exit(error === gone ? 0 : 1);
  },
);
JS
node waits.js
