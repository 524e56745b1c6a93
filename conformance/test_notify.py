"""Who is notified of a launch gets what docs/notifications.md promises: a signature that Python's hmac verifies, and mail that
an SMTP server (aiosmtpd) takes, with TLS and a password."""

import email
import email.policy
import hashlib
import hmac
import http.server
import json
import pathlib
import ssl
import subprocess
import threading
import time

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from region import free_port, run


class Receiver:
    """A web server that keeps what it gets, and answers what it is told to."""

    def __init__(self, answer):
        self.requests = []
        kept = self.requests

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                kept.append((dict((name.lower(), value) for name, value in self.headers.items()), body))
                answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def status(code, **headers):
    def answer(handler):
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.end_headers()

    return answer


@pytest.fixture
def receiver():
    started = []

    def start(answer):
        started.append(Receiver(answer))
        return started[-1]

    yield start
    for one in started:
        one.server.shutdown()


class Mails:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, _server, _session, envelope):
        self.mails.append(envelope)
        return "250 taken"


def certificate(folder):
    """A certificate for localhost that nobody but SSL_CERT_FILE vouches for."""
    key, cert = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"]
        + ["-keyout", key, "-out", cert, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
        + ["-addext", "basicConstraints=critical,CA:FALSE"],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return cert, context


def config_with(region, notify):
    path = pathlib.Path(region.home) / "notify.yaml"
    path.write_text((region.home / "config.yaml").read_text() + "\nnotify:\n" + notify)
    return path


def launch(region, config, state, **more):
    return run("oci-insta-scale", "launch", "--count", "2", "--new", "--yes", "--config", config, "--state-dir", state, **more)


def test_python_verifies_the_signature_of_a_webhook(own_region, receiver, tmp_path):
    hook = receiver(status(204))
    (own_region.home / "secret").write_text("correct horse\n")
    config = config_with(own_region, f"  - {{type: webhook, url: '{hook.url}', secret_file: secret}}\n")
    done = launch(own_region, config, tmp_path / "state")
    assert done.returncode == 0, done.stderr
    ((headers, body),) = hook.requests
    timestamp = headers["x-insta-scale-timestamp"]
    wanted = hmac.new(b"correct horse", timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(headers["x-insta-scale-signature"], "v1=" + wanted)
    assert abs(time.time() - int(timestamp)) < 60
    document = json.loads(body)
    assert (document["event"], document["had"], document["simulated"]) == ("success", 2, True)
    (tmp_path / "body").write_bytes(timestamp.encode() + b"." + body)
    shell = ["openssl", "dgst", "-sha256", "-hmac", "correct horse", "-hex", tmp_path / "body"]
    assert wanted in subprocess.run(shell, check=True, capture_output=True, text=True).stdout


def test_receivers_that_misbehave_change_no_launch(own_region, receiver, tmp_path):
    redirecting = receiver(status(302, location="http://127.0.0.1:1/elsewhere"))
    failing = receiver(status(500))
    hanging = receiver(lambda handler: time.sleep(30))
    urls = {"redirecting": redirecting.url, "failing": failing.url, "hanging": hanging.url}
    notify = "".join(f"  - {{name: {name}, type: webhook, url: '{url}'}}\n" for name, url in urls.items())
    config = config_with(own_region, notify)
    began = time.monotonic()
    done = launch(own_region, config, tmp_path / "state")
    took = time.monotonic() - began
    assert done.returncode == 0, done.stderr
    for name in urls:
        assert done.stderr.count(f"warning: notify `{name}`") == 1, done.stderr
    assert (len(redirecting.requests), len(failing.requests), len(hanging.requests)) == (1, 3, 1)
    assert took < 40, "the end waits for 10 seconds in all"


@pytest.mark.parametrize("encryption", ["tls", "starttls"])
def test_an_smtp_server_takes_the_mail(own_region, tmp_path, encryption):
    cert, context = certificate(tmp_path)
    logins = []

    def authenticate(_server, _session, _envelope, _mechanism, data):
        logins.append(data)
        good = isinstance(data, LoginPassword) and data.password == b"s3cret"
        # Not handled: the server tells the client itself.
        return AuthResult(success=good, handled=False)

    mails = Mails()
    protected = {"ssl_context": context} if encryption == "tls" else {"tls_context": context, "require_starttls": True}
    # aiosmtpd counts only STARTTLS as protection of a password.
    requires = encryption == "starttls"
    controller = Controller(
        mails, hostname="localhost", port=0, authenticator=authenticate, auth_required=True, auth_require_tls=requires, **protected
    )
    controller.port = free_port()
    controller.start()
    try:
        (own_region.home / "smtp").write_text("s3cret\n")
        config = config_with(
            own_region,
            f"  - {{type: email, server: localhost, port: {controller.port}, tls: {encryption}, user: fleet, "
            "password_file: smtp, from: Fleet <fleet@example.com>, to: [a@example.com, b@example.com]}\n",
        )
        done = launch(own_region, config, tmp_path / "state", env={"SSL_CERT_FILE": str(cert)})
        assert done.returncode == 0 and "warning: notify" not in done.stderr, done.stderr
        (mail,) = mails.mails
        assert mail.rcpt_tos == ["a@example.com", "b@example.com"]
        parsed = email.message_from_bytes(mail.content, policy=email.policy.default)
        assert parsed["subject"].startswith("[simulated] ") and "all of 2 instances obtained" in parsed["subject"]
        assert "2 of 2 obtained" in parsed.get_content()
        assert [login.login for login in logins] == [b"fleet"]
        # A certificate that nobody vouches for is refused, and so is a wrong password; neither is told.
        untrusted = run("oci-insta-scale", "notify", "test", "--config", config)
        assert untrusted.returncode == 4 and len(mails.mails) == 1, untrusted.stdout
        (own_region.home / "smtp").write_text("hunter2\n")
        refused = run("oci-insta-scale", "notify", "test", "--config", config, env={"SSL_CERT_FILE": str(cert)})
        assert refused.returncode == 4 and "hunter2" not in refused.stdout + refused.stderr
        assert "535" in refused.stdout, refused.stdout
    finally:
        controller.stop()
