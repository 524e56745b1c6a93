"""A proxy that verifies the signature of every request that passes, with none of our code.

Written from Oracle's "Request Signatures" on the cryptography package, which the Python SDK also signs with.
"""

import base64
import hashlib
import http.client
import http.server
import re
import threading
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding

WITHOUT_BODY = ["date", "(request-target)", "host"]
WITH_BODY = [*WITHOUT_BODY, "content-length", "content-type", "x-content-sha256"]


def verify(method, target, headers, body, key_id, public_key):
    """Raises AssertionError or InvalidSignature when the request is not signed as it must be."""
    header = headers["authorization"]
    assert header.startswith("Signature "), header
    parts = dict(re.findall(r'(\w+)="([^"]*)"', header))
    assert (parts["algorithm"], parts["version"], parts["keyId"]) == ("rsa-sha256", "1", key_id)
    wanted = WITH_BODY if method in ("POST", "PUT", "PATCH") else WITHOUT_BODY
    names = parts["headers"].split(" ")
    assert names == wanted, f"{method} signed {names}"
    values = {**headers, "(request-target)": f"{method.lower()} {target}"}
    text = "\n".join(f"{name}: {values[name]}" for name in names)
    public_key.verify(base64.b64decode(parts["signature"], validate=True), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    if wanted is WITH_BODY:
        assert headers["x-content-sha256"] == base64.b64encode(hashlib.sha256(body).digest()).decode()
        assert headers["content-length"] == str(len(body))
    assert parsedate_to_datetime(headers["date"]).tzinfo is not None


class VerifyingProxy:
    """Forwards to `endpoint`; `verified` and `refused` list what passed by."""

    def __init__(self, endpoint, config):
        upstream = urlsplit(endpoint)
        with open(config["key_file"], "rb") as file:
            public_key = serialization.load_pem_private_key(file.read(), None).public_key()
        key_id = "/".join((config["tenancy"], config["user"], config["fingerprint"]))
        self.verified, self.refused = [], []
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                headers = {}
                for name, value in self.headers.items():
                    assert name.lower() not in headers, f"two {name} headers"
                    headers[name.lower()] = value
                body = self.rfile.read(int(headers.get("content-length", 0)))
                try:
                    verify(self.command, self.path, headers, body, key_id, public_key)
                    proxy.verified.append((self.command, self.path, headers))
                except Exception as error:  # every reason must be seen by the test
                    proxy.refused.append((self.command, self.path, repr(error)))
                connection = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=60)
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body)
                answer = connection.getresponse()
                content = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                if answer.status != 204:
                    self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)
                connection.close()

            do_GET = do_POST = do_PUT = do_DELETE = forward

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
