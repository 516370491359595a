"""A stand-in for the Hub on loopback: repositories, large files by LFS, commits, and trouble on request."""

import base64
import hashlib
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGE = (".safetensors", ".gguf", ".jsonl")


class Hub:
    """What was sent: `files` by (repository, path), every request as (method, path, headers, body)."""

    def __init__(self):
        self.files, self.blobs, self.requests, self.trouble = {}, {}, [], []
        self.created = {}

    def uploads(self):
        """Paths of large files that were put."""
        return [path for method, path, _, _ in self.requests if method == "PUT"]


@contextmanager
def running():
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def answer(self, value, status=200):
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_PUT(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            hub.requests.append(("PUT", self.path, dict(self.headers), body))
            hub.blobs[hashlib.sha256(body).hexdigest()] = body
            self.answer({})

        def do_GET(self):
            hub.requests.append(("GET", self.path, dict(self.headers), b""))
            if self.path == "/api/whoami-v2":
                self.answer({"name": "me", "type": "user", "auth": {}, "orgs": []})
                return
            parts = self.path.partition("?")[0].split("/")
            self.answer({"id": "/".join(parts[3:5]), "sha": "0" * 40, "siblings": [], "tags": [], "downloads": 0,
                         "likes": 0, "private": False, "disabled": False, "gated": False})  # fmt: skip

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            hub.requests.append(("POST", self.path, dict(self.headers), body))
            where = self.path.partition("?")[0]
            for match, status in list(hub.trouble):
                if match in where:
                    hub.trouble.remove((match, status))
                    self.answer({"error": "trouble"}, status)
                    return
            if where == "/api/repos/create":
                asked = json.loads(body)
                owner = asked.get("organization") or "me"
                kind = asked.get("type") or "model"
                hub.created[f"{owner}/{asked['name']}"] = asked
                prefix = "" if kind == "model" else f"{kind}s/"
                self.answer({"url": f"{hub.url}/{prefix}{owner}/{asked['name']}", "id": f"{owner}/{asked['name']}"})
            elif where == "/api/validate-yaml":
                self.answer({"errors": [], "warnings": []})
            elif "/preupload/" in where:
                repo = "/".join(where.split("/")[3:5])
                found = []
                for file in json.loads(body)["files"]:
                    mode = "lfs" if file["path"].endswith(LARGE) else "regular"
                    there = hub.files.get((repo, file["path"]))
                    oid = None if there is None else oid_of(there, mode)
                    found.append({"path": file["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid})
                self.answer({"files": found})
            elif where.endswith("/info/lfs/objects/batch"):
                objects = []
                for item in json.loads(body)["objects"]:
                    action = {} if item["oid"] in hub.blobs else {
                        "actions": {"upload": {"href": f"{hub.url}/put/{item['oid']}", "header": {}}}
                    }  # fmt: skip
                    objects.append({**item, **action})
                self.answer({"transfer": "basic", "objects": objects})
            elif "/commit/" in where:
                repo = "/".join(where.split("/")[3:5])
                for line in body.splitlines():
                    item = json.loads(line)
                    if item["key"] == "file":
                        hub.files[repo, item["value"]["path"]] = base64.b64decode(item["value"]["content"])
                    elif item["key"] == "lfsFile":
                        hub.files[repo, item["value"]["path"]] = hub.blobs[item["value"]["oid"]]
                self.answer({"commitUrl": f"{hub.url}/{repo}/commit/1", "commitOid": "1" * 40, "success": True})
            else:
                self.answer({"error": "not found"}, 404)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def oid_of(data, mode):
    """Return what the Hub says of a file: the hash of git, or that of LFS."""
    if mode == "lfs":
        return hashlib.sha256(data).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
