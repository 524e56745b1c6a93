"""`init` as a person sees it: questions on a terminal, and a config that launches."""

import json
import pathlib
import re
import shutil
import subprocess
import unicodedata

import jsonschema
import oci
import pytest
import yaml

from region import CLEAN_ENV, Region, free_port, run
from terminal import CTRL_C, Terminal

CTRL_D = "\x04"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q me@home"

# Every question of a person whose profile is found and who has one SSH key, with an answer.
QUESTIONS = [
    ("profile [", ""),
    ("compartment [", "compute"),
    ("availability domain [", ""),
    ("shape [", "standard.e4.f"),
    ("size, OCPUs:GB [", "1:6"),
    ("image [", "2"),
    ("subnet [", "public"),
    ("SSH key [", ""),
    ("number of instances [", "3"),
    ("name prefix [", ""),
]


@pytest.fixture
def home(tmp_path):
    """A region, and a home with its profile and an SSH key."""
    region = Region(tmp_path, speed=300)
    (tmp_path / ".ssh").mkdir()
    (tmp_path / ".ssh/id_ed25519.pub").write_text(KEY + "\n")
    yield tmp_path, region
    region.stop()


def begin(home, *more, columns=160):
    folder, region = home
    variables = {
        "HOME": str(folder),
        "OCI_CLI_CONFIG_FILE": str(region.home / "config"),
        "OCI_INSTA_SCALE_STATE_DIR": str(folder / "state"),
        "SSH_AUTH_SOCK": "",
    }
    words = ["--endpoint", region.endpoint, *more]
    return Terminal("oci-insta-scale", *words, columns=columns, folder=folder, variables=variables)


def answer(screen, questions):
    """Answers the questions and returns how many lines were typed."""
    for question, text in questions:
        screen.wait_for(question)
        # The question is complete with its colon.
        screen.wait_for(":", timeout=5)
        screen.type(text + "\r")
    return len(questions)


def test_twelve_answers_lead_to_running_instances(home):
    folder, region = home
    screen = begin(home, "init")
    typed = answer(screen, QUESTIONS)
    assert screen.end() == 0, screen.text()
    assert "as far as is known, 3 instances can be launched" in screen.text()
    config = (folder / "config.yaml").read_text()
    for line in ["  count: 3", "  shape: VM.Standard.E4.Flex", "    memory_in_gbs: 6", "  ssh_authorized_keys: ~/.ssh/id_ed25519.pub"]:
        assert line in config.splitlines(), config
    launch = begin(home, "launch")
    launch.wait_for("[y/N]")
    launch.type("y\r")
    typed += 1
    assert launch.end() == 0, launch.text()
    states = region.get("/_sim/stats")["instances"]
    assert states["RUNNING"] == 3, states
    assert typed <= 12, typed


def test_an_empty_home_gets_a_key_a_profile_and_a_config(tmp_path):
    folder = tmp_path / "home"
    folder.mkdir()
    address = f"127.0.0.1:{free_port()}"
    tenancy, user = "ocid1.tenancy.oc1..aaaaaaaamine", "ocid1.user.oc1..aaaaaaaame"
    variables = {
        "HOME": str(folder),
        "OCI_INSTA_SCALE_STATE_DIR": str(folder / "state"),
        "OCI_METADATA_BASE_URL": "http://127.0.0.1:1/opc/v2",
        "SSH_AUTH_SOCK": "",
    }
    begin_here = lambda *words: Terminal(  # noqa: E731
        "oci-insta-scale", "--endpoint", f"http://{address}", *words, folder=folder, variables=variables
    )
    screen = begin_here("init")
    typed = answer(
        screen, [("OCID of your user", user), ("OCID of the tenancy", tenancy), ("region", "us-phoenix-1")]
    )
    screen.wait_for("Enter when the key is added")
    key = folder / ".oci/oci_api_key.pem"
    assert key.stat().st_mode & 0o777 == 0o600 and (folder / ".oci/config").stat().st_mode & 0o777 == 0o600
    assert (folder / ".oci/oci_api_key_public.pem").read_text() in screen.text()
    assert key.read_text().split()[5] not in screen.text(), "the private key is never shown"
    # Adding the key in the console: from now on, the region knows it.
    fingerprint = re.search(r"fingerprint is ([0-9a-f:]+)", screen.text())[1]
    example = (pathlib.Path(__file__).parent.parent / "config.example.yaml").read_text()
    for field, value in [
        ("tenancy_ocid", tenancy), ("user_ocid", user), ("fingerprint", fingerprint), ("private_key_path", key),
    ]:
        example = re.sub(f"^{field}: .*", f"{field}: {value}", example, flags=re.M)
    (tmp_path / "known.yaml").write_text(example)
    region = Region(tmp_path, "--config", tmp_path / "known.yaml", speed=300, listen=address)
    try:
        screen.type("\r")
        screen.wait_for("OCI accepts the key")
        rest = [question for question in QUESTIONS[1:] if question[0] != "SSH key ["]
        rest = [(question, text if question == "number of instances [" else "") for question, text in rest]
        rest.insert(-2, ("SSH key", KEY))
        typed += 1 + answer(screen, [question for question in rest if question[0] != "subnet ["])
        assert screen.end() == 0, screen.text()
        launch = begin_here("launch", "--yes")
        assert launch.end() == 0, launch.text()
        assert region.get("/_sim/stats")["instances"]["RUNNING"] == 3
        assert typed <= 12, typed
    finally:
        region.stop()


def test_a_key_that_is_not_added_yet_is_kept(home):
    folder, region = home
    variables = {"HOME": str(folder), "OCI_METADATA_BASE_URL": "http://127.0.0.1:1/opc/v2", "SSH_AUTH_SOCK": ""}
    person = [
        ("OCID of your user", "ocid1.tenancy.oc1..aaaaaaaawrong"),
        ("that is the OCID of a tenancy", "ocid1.user.oc1..aaaaaaaame"),
        ("OCID of the tenancy", "ocid1.tenancy.oc1..aaaaaaaamine"),
        ("region", "us-phoenix-1"),
    ]
    for leave, code, said in [("later\r", 2, "are kept"), (CTRL_C, 130, "are kept"), (CTRL_D, 2, "no config was written")]:
        screen = Terminal(
            "oci-insta-scale", "init", "--endpoint", region.endpoint, folder=folder, variables=variables
        )
        answer(screen, person)
        screen.wait_for("Enter when the key is added")
        screen.type("\r")
        screen.wait_for("OCI does not accept the key")
        screen.type(leave)
        assert screen.end() == code, screen.text()
        assert said in screen.text().replace("\n", " "), screen.text()
        kept = sorted(path.name for path in (folder / ".oci").iterdir())
        assert kept[0] == "config" and "oci_api_key.pem" in kept, kept
        assert not (folder / "config.yaml").exists()
        # The next one goes on with the same key.
        screen = Terminal(
            "oci-insta-scale", "init", "--endpoint", region.endpoint, folder=folder, variables=variables
        )
        answer(screen, [("profile [", "DEFAULT")])
        screen.wait_for("OCI does not accept the key of the profile [DEFAULT] yet")
        screen.wait_for("Enter when the key is added")
        public = max((folder / ".oci").glob("*_public.pem"), key=lambda path: path.stat().st_mtime)
        assert public.read_text() in screen.text()
        screen.type("later\r")
        assert screen.end() == 2, screen.text()
        assert public.name in screen.text(), screen.text()
        (folder / ".oci/config").unlink()
    # Each time another key, and none replaced.
    assert len(list((folder / ".oci").glob("*_public.pem"))) == 3


def leave_at_each_question(home):
    """Leaves `init` at every question in both ways; what is left behind is for the caller to see."""
    for answered in range(len(QUESTIONS)):
        for key, code in [(CTRL_C, 130), (CTRL_D, 2)]:
            screen = begin(home, "init")
            answer(screen, QUESTIONS[:answered])
            screen.wait_for(QUESTIONS[answered][0])
            screen.type(key)
            assert screen.end(timeout=20) == code, (answered, key, screen.text())
            yield answered, key


def test_every_question_is_left_without_a_trace(home):
    folder, _ = home
    before = sorted(path.name for path in folder.iterdir())
    for answered, key in leave_at_each_question(home):
        assert sorted(path.name for path in folder.iterdir()) == before, (answered, key)


def test_questions_fit_sixty_columns(home):
    screen = begin(home, "init", columns=60)
    answer(screen, QUESTIONS)
    assert screen.end() == 0, screen.text()
    asked = screen.text().split("wrote config.yaml")[0]
    # A word is never broken, however long it is, and other commands print the banner as well.
    own = [line for line in asked.splitlines() if "simulated region" not in line]
    too_long = [line for line in own if len(line) > 60 and " " in line.strip()]
    assert not too_long, too_long
    assert all(unicodedata.category(c) != "Cc" for line in asked.splitlines() for c in line), asked


def test_an_answer_that_means_nothing_is_asked_again(home):
    screen = begin(home, "init")
    answer(screen, QUESTIONS[:3])
    for wrong, said in [("nothing", "no shape matches"), ("VM.Standard", "contain"), ("?", "BM."), ("99", "no shape matches")]:
        screen.wait_for("shape [")
        screen.type(wrong + "\r")
        screen.wait_for(said)
    screen.type("VM.Standard.E4.Flex\r")
    for wrong in ["0", "1000", "1:9999"]:
        screen.wait_for("size, OCPUs:GB [")
        screen.type(wrong + "\r")
        screen.wait_for(f"{wrong}: ")
    answer(screen, QUESTIONS[4:])
    assert screen.end() == 0, screen.text()
    assert re.search(r"shape +VM.Standard.E4.Flex, 1 OCPU, 6 GB", screen.text()), screen.text()


def test_the_written_config_passes_its_schema(home):
    screen = begin(home, "init", "--yes")
    assert screen.end() == 0, screen.text()
    folder, _ = home
    schema = run("oci-insta-scale", "config", "schema")
    config = yaml.safe_load((folder / "config.yaml").read_text())
    jsonschema.Draft7Validator(json.loads(schema.stdout)).validate(config)
    assert config["instance_settings"]["ssh_authorized_keys"] == "~/.ssh/id_ed25519.pub"


def test_an_existing_config_is_changed_after_a_look(home):
    folder, _ = home
    assert begin(home, "init", "--yes", "--compartment", "compute").end() == 0
    path = folder / "config.yaml"
    old = path.read_text().replace("  count: 1", "  count: 1  # until Friday")
    path.write_text(old)
    for reply, code in [("\r", 4), (CTRL_C, 130), ("y\r", 0)]:
        screen = begin(home, "init")
        answer(screen, [(question, "") for question, _ in QUESTIONS[:-2]])
        answer(screen, [("number of instances [1]", "4"), ("name prefix [", "")])
        screen.wait_for("Write these changes to config.yaml?")
        assert re.search(r"- +count: 1  # until Friday\n +\d+ \+ +count: 4  # until Friday", screen.text()), screen.text()
        screen.type(reply)
        assert screen.end() == code, screen.text()
        if code:
            assert path.read_text() == old and not (folder / "config.yaml.bak").exists()
    assert path.read_text() == old.replace("count: 1", "count: 4")
    assert (folder / "config.yaml.bak").read_text() == old


def test_every_question_about_an_existing_config_leaves_it(home):
    folder, _ = home
    assert begin(home, "init", "--yes", "--compartment", "compute").end() == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    for answered, key in leave_at_each_question(home):
        after = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        assert after == before, (answered, key)


def test_a_new_key_gets_a_profile_beside_the_others(home):
    folder, region = home
    config = region.home / "config"
    old = config.read_bytes()
    config.chmod(0o640)
    person = [("OCID of your user", "ocid1.user.oc1..aaaaaaaame"), ("OCID of the tenancy", "ocid1.tenancy.oc1..aaaaaaaamine")]
    questions = [
        ("profile [", "new key"),
        ("name of the new profile:", "default"),
        ("there is such a profile already", "a]b"),
        ("letters, digits", "MINE"),
        *person,
        ("region:", "us-phoenix-1"),
    ]
    for answered in range(1, len(questions)):
        screen = begin(home, "init")
        answer(screen, questions[:answered])
        screen.wait_for(questions[answered][0])
        screen.type(CTRL_C)
        assert screen.end(timeout=20) == 130, screen.text()
        assert config.read_bytes() == old
    screen = begin(home, "init")
    answer(screen, questions)
    screen.wait_for("Enter when the key is added")
    screen.type("later\r")
    assert screen.end() == 2, screen.text()
    new = config.read_bytes()
    assert new.startswith(old) and b"\n[MINE]\nuser=ocid1.user.oc1..aaaaaaaame\n" in new[len(old):]
    assert config.stat().st_mode & 0o777 == 0o640
    read = oci.config.from_file(str(config), "MINE")
    assert read["region"] == "us-phoenix-1" and pathlib.Path(read["key_file"]).stat().st_mode & 0o777 == 0o600
    assert not (folder / "config.yaml").exists()


def test_a_lost_key_is_healed_by_another(home):
    folder, region = home
    config = region.home / "config"
    assert begin(home, "init", "--yes", "--compartment", "compute").end() == 0
    key = region.home / "oci_api_key.pem"
    kept = key.rename(folder / "lost.pem")
    doctor = begin(home, "doctor")
    assert doctor.end() == 2, doctor.text()
    for part in [f"there is no key file at {key}: put the private key there", "`init NEW.yaml` makes another key", "choose `new key`"]:
        assert part in " ".join(doctor.text().split()), doctor.text()
    screen = begin(home, "init", "NEW.yaml")
    owner = dict(oci.config.from_file(str(config), "SESSION"))
    person = [("OCID of your user", re.search("user=(.*)", config.read_text())[1]), ("OCID of the tenancy", owner["tenancy"])]
    answer(screen, [("profile [", "new key"), ("name of the new profile:", "MINE"), *person, ("region:", "us-phoenix-1")])
    screen.wait_for("Enter when the key is added")
    # From here on, it is as with the first key of an empty home.
    fingerprint = re.search(r"fingerprint is ([0-9a-f:]+)", screen.text())[1]
    made = oci.config.from_file(str(config), "MINE")
    assert made["fingerprint"] == fingerprint and pathlib.Path(made["key_file"]).exists()
    screen.type("later\r")
    assert screen.end() == 2, screen.text()
    # The key itself, put where the text says.
    kept.rename(key)
    healthy = begin(home, "doctor")
    assert healthy.end() == 0, healthy.text()


@pytest.mark.skipif(not shutil.which("ssh-agent"), reason="no OpenSSH here")
def test_a_key_of_a_real_agent_may_log_in(home):
    folder, region = home
    (folder / ".ssh/id_ed25519.pub").unlink()
    key, socket = folder / "agent-key", folder / "agent"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "me@agent", "-f", key], check=True)
    agent = subprocess.Popen(["ssh-agent", "-D", "-a", socket], stdout=subprocess.DEVNULL)
    try:
        while not socket.exists():
            assert agent.poll() is None
        environment = {**CLEAN_ENV, "SSH_AUTH_SOCK": str(socket)}
        subprocess.run(["ssh-add", "-q", key], check=True, env=environment)
        words = ["oci-insta-scale", "init", "--endpoint", region.endpoint, "--yes"]
        variables = {"HOME": str(folder), "OCI_CLI_CONFIG_FILE": str(region.home / "config"), "SSH_AUTH_SOCK": str(socket)}
        screen = Terminal(*words, folder=folder, variables=variables)
        assert screen.end() == 0, screen.text()
    finally:
        agent.terminate()
        agent.wait()
    config = yaml.safe_load((folder / "config.yaml").read_text())
    public = (folder / "agent-key.pub").read_text().strip()
    assert config["instance_settings"]["ssh_authorized_keys"].strip() == public
