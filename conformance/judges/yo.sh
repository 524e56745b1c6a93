#!/usr/bin/env bash
# yo launches two machines, lists, stops, starts, reboots and ends them, and finds them by the tag Oracle-Tags.CreatedBy.
set -euo pipefail
home=$(dirname "$OCI_CONFIG_FILE")
value() { sed -n "s/^ *$1: //p" "$home/config.yaml" | head -1; }
mkdir -p "$HOME/.oci" "$HOME/.ssh"
cp "$home/config" "$HOME/.oci/config"
echo "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q judge" >"$HOME/.ssh/id_rsa.pub"
cat >"$HOME/.oci/yo.ini" <<INI
[yo]
instance_compartment_id = $(value compartment_id)
region = us-phoenix-1
my_email = judge@example.com
my_username = judge
creator_tags = default/user-2
check_for_update_every = 0
[regions.us-phoenix-1]
vcn_id = unused
subnet_id = $(value subnet_id)
[instances.DEFAULT]
availability_domain = 1
shape = VM.Standard.E4.Flex
mem = 16
cpu = 1
os = Oracle Linux:9
name = vm-1
INI
listed() { yo list </dev/null | grep -c "judge-vm-[12] .*$1" || true; }
is() { [ "$(listed "$1")" = "$2" ] || { echo "not $2 machines $1:"; yo list; exit 1; }; }
yo os </dev/null
yo launch --name vm-1 --wait </dev/null
yo launch --name vm-2 --wait </dev/null
is RUNNING 2
yo stop vm-1 --yes --wait </dev/null
is STOPPED 1
yo start vm-1 --wait </dev/null
yo reboot vm-2 --yes --wait </dev/null
is RUNNING 2
yo terminate vm-1 vm-2 --yes --wait </dev/null
is . 0
echo done
