"""What our commands do to a fleet, as the official `oci` CLI sees it; and what they do about what the CLI did."""

import json

from region import run
from test_lifecycle import oci, rows  # noqa: F401  (fixtures)

TAG = "oci-insta-scale-fleet"
GONE = ("TERMINATING", "TERMINATED")


def test_the_official_cli_agrees_on_the_size_of_a_fleet(own_region, oci, rows, tmp_path):  # noqa: F811
    common = ["--config", own_region.home / "config.yaml", "--state-dir", tmp_path / "state"]
    prefix = own_region.fleet["display_name_prefix"]

    def ours(*words):
        done = run("oci-insta-scale", *words, "--output", "json", *common)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def members():
        living = (row for row in rows() if row["lifecycle-state"] not in GONE)
        return {row["display-name"]: row["id"] for row in living if row["freeform-tags"].get(TAG) == prefix}

    def names(*numbers):
        return {f"{prefix}-{number}" for number in numbers}

    assert ours("scale", 4, "--yes")["after"] == 4
    first = members()
    assert set(first) == names(1, 2, 3, 4)

    # Names lead to the instances that the CLI knows by them, and the fleet's volumes are counted.
    assert ours("ssh", f"{prefix}-4")["ocid"] == first[f"{prefix}-4"]
    assert ours("status")["boot_volumes"]["count"] == 4

    # What the CLI has ended comes back under its name, and the others are left alone.
    oci("terminate", "--force", "--instance-id", first[f"{prefix}-2"])
    own_region.post("/_sim/advance", {"seconds": 600})
    status = ours("status")
    assert (status["members"], status["missing"]) == (3, 1)
    kept = run("oci-insta-scale", "maintain", "--once", "--yes", *common)
    assert kept.returncode == 0, kept.stderr
    second = members()
    assert set(second) == names(1, 2, 3, 4)
    assert [second[name] == first[name] for name in sorted(second)] == [True, False, True, True]

    # What the CLI has renamed stays a member; what lost the tag does not.
    oci("update", "--force", "--instance-id", second[f"{prefix}-1"], "--display-name", "somebody")
    oci("update", "--force", "--instance-id", second[f"{prefix}-3"], "--freeform-tags", "{}")
    assert ours("status")["members"] == 3
    assert ours("scale", 1, "--yes")["after"] == 1
    living = {row["id"] for row in rows() if row["lifecycle-state"] not in GONE}
    assert second[f"{prefix}-3"] in living and len(living) == 2

    assert ours("scale", 0, "--yes")["after"] == 0
    assert members() == {}
