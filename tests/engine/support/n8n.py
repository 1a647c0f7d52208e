"""A running n8n, used as its owner does."""

import http.cookiejar
import json
import urllib.error
import urllib.request
from typing import Any

OWNER = "admin@localhost.local"


def code(text: str) -> dict[str, Any]:
    """A node that runs JavaScript."""
    return {"type": "n8n-nodes-base.code", "typeVersion": 2, "parameters": {"jsCode": text}}


class Owner:
    """The owner, signed in at n8n's own port."""

    def __init__(self, address: str, password: str) -> None:
        self.address = address
        # As browsers do at 127.0.0.1, it gives back what is for HTTPS alone.
        policy = http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https"))
        kept = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar(policy))
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), kept)
        self.ask("/rest/login", {"emailOrLdapLoginId": OWNER, "password": password})

    def ask(self, path: str, body: Any = None) -> Any:
        """What it answers, without the cover of its REST API. Raises HTTPError."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address}{path}", data, {"Content-Type": "application/json"})
        with self._opener.open(request, timeout=120) as answer:
            told = json.loads(answer.read())
        return told["data"] if isinstance(told, dict) and "data" in told else told

    def published(self, name: str, node: dict[str, Any]) -> None:
        """Make a workflow of a webhook and a node that answers it, and publish it at /webhook/NAME."""
        webhook = {"path": name, "httpMethod": "GET", "responseMode": "lastNode"}
        nodes = [
            {"id": "1", "name": "Webhook", "type": "n8n-nodes-base.webhook", "typeVersion": 2, "position": [0, 0],
             "webhookId": name, "parameters": webhook},
            {"id": "2", "name": "Node", "position": [200, 0], **node},
        ]  # fmt: skip
        edges = {"Webhook": {"main": [[{"node": "Node", "type": "main", "index": 0}]]}}
        made = self.ask("/rest/workflows", {"name": name, "nodes": nodes, "connections": edges, "settings": {}})
        self.ask(f"/rest/workflows/{made['id']}/activate", {"versionId": made["versionId"]})

    def credential(self, kind: str, name: str, data: dict[str, Any]) -> dict[str, dict[str, str]]:
        """Keep a credential, which n8n encrypts; how a node names it."""
        made = self.ask("/rest/credentials", {"name": name, "type": kind, "data": data})
        return {kind: {"id": made["id"], "name": name}}

    def called(self, name: str) -> Any:
        """What the webhook answers; None while it is not there yet."""
        try:
            return self.ask(f"/webhook/{name}")
        except urllib.error.HTTPError as error:
            with error:
                if error.code == 404:
                    return None
                raise
