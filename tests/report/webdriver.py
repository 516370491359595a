"""The few WebDriver calls that the browser tests need, over plain HTTP to a chromedriver on loopback."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

DRIVER = shutil.which("chromedriver")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--hide-scrollbars", "--disable-background-networking", "--disable-component-update", "--disable-sync"),
]


class Browser:
    def __init__(self, base):
        self.base = base
        self.session = ""

    def call(self, method, path, **body):
        data = json.dumps(body).encode() if method == "POST" else None
        request = urllib.request.Request(f"{self.base}{self.session}{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as reply:
            return json.loads(reply.read())["value"]

    def open(self, path, dark):
        self.dark(dark)
        self.go(path.as_uri())

    def dark(self, dark):
        self.call("POST", "/goog/cdp/execute", cmd="Emulation.setEmulatedMedia", params={
            "features": [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})  # fmt: skip

    def go(self, url):
        self.call("POST", "/url", url=url)

    def keys(self, *keys):
        """Press keys, one after the other, as a person does."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self.call("POST", "/actions", actions=[{"type": "key", "id": "keys", "actions": strokes}])

    def until(self, text, seconds=20):
        """Run a script until it gives something that counts as true, and return that."""
        end = time.monotonic() + seconds
        while not (found := self.script(text)):
            assert time.monotonic() < end, text
            time.sleep(0.02)
        return found

    def console(self):
        """Return what the browser logged since the last call."""
        return [line["message"] for line in self.call("POST", "/se/log", type="browser")]

    def picture(self, path):
        """Write what is seen as a PNG."""
        path.write_bytes(base64.b64decode(self.call("GET", "/screenshot")))

    def script(self, text):
        """Run a script of the test's own; the driver injects it past the page's policy."""
        return self.call("POST", "/execute/sync", script=text, args=[])


def _ready(base, process):
    for _ in range(200):
        if process.poll() is not None:
            raise RuntimeError(f"chromedriver ended with {process.returncode}")
        try:
            urllib.request.urlopen(f"{base}/status", timeout=5).close()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("chromedriver did not answer")


@contextmanager
def browser(width, height, profile):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen([DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    driver = Browser(f"http://127.0.0.1:{port}")
    try:
        _ready(driver.base, process)
        options = {
            "binary": BROWSER,
            "args": [*FLAGS, f"--user-data-dir={profile}"],
            "mobileEmulation": {
                "deviceMetrics": {"width": width, "height": height, "pixelRatio": 1, "mobile": width < 600}
            },
        }
        capabilities = {
            "alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"},
            }
        }  # fmt: skip
        driver.session = f"/session/{driver.call('POST', '/session', capabilities=capabilities)['sessionId']}"
        yield driver
    finally:
        if driver.session:
            driver.call("DELETE", "")
        process.terminate()
        process.wait(timeout=20)
