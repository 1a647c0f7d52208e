"""What the gateway from source `build` costs beside the same HAProxy with a configuration of a few lines, with the one
route and what Kong does to it by hand, and beside no gateway. Prints a Markdown table.

    .venv/bin/python -m benchmarks.gateway             half a minute; needs an engine and wrk, of a package of that name
    .venv/bin/python -m benchmarks.gateway --runs 21   medians of more runs

The shipped routes of all services are asked for the backend's page, which one more HAProxy answers. All of it happens
in containers of its own, which are removed again. Kong is measured where its image is here.
"""

import argparse
import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.generate import ROOT
from stack.gateway import declared, effective, kongfile
from stack.gateway.declared import Site
from stack.gateway.haproxy import configuration

IMAGE, KONG = "genai-stack/gateway:0.1.0", "kong/kong:3.9.3"
NETWORK = "genai-bench-gateway"
PATHS = {"direct": "/health", **dict.fromkeys(("two lines", "duties", "build", "Kong"), "/backend/health")}
PAGE = """\
defaults
    mode http
    timeout client 60s
    timeout connect 2s
    timeout server 60s
"""
UPSTREAM = f"""{PAGE}frontend page
    bind :8000
    http-request return status 200 content-type application/json string '{{"status":"ok"}}'
"""
TWO_LINES = f"""{PAGE}listen gateway
    bind :8000
    server backend backend:8000
"""
DUTIES = f"""\
global
    tune.bufsize 32768
{PAGE}    option http-no-delay
    option forwardfor if-none
frontend gateway
    bind :8000
    http-request set-header X-Real-IP %[src]
    http-request set-header X-Forwarded-Proto %[ssl_fc,iif(https,http)]
    http-request set-header X-Forwarded-Host %[req.hdr(host),host_only,lower]
    http-request set-header X-Forwarded-Port 8000
    http-request set-header X-Forwarded-Path %[path]
    use_backend backend if {{ path -m beg /backend/ }}
backend backend
    http-request set-header X-Correlation-ID %[uuid()] unless {{ req.fhdr(X-Correlation-ID) -m found }}
    http-request set-var(txn.correlation) req.fhdr(X-Correlation-ID)
    http-after-response set-header X-Correlation-ID %[var(txn.correlation)]
    http-request set-header X-Forwarded-Prefix /backend/
    http-request set-path %[path,bytes(8)]
    http-request set-header Host backend:8000
    http-response set-header X-Kong-Upstream-Latency %Tr
    retries 5
    option redispatch 1
    retry-on conn-failure empty-response response-timeout
    http-request disable-l7-retry if {{ method POST PATCH LOCK }}
    server backend backend:8000
"""
"""What Kong does to a request of this one route, written by hand: the headers, the path, and what it takes to send it
again. No other route, and no path that has to be brought into one form."""
GIVEN = {"SUPABASE_ANON_KEY": "a", "SUPABASE_SERVICE_ROLE_KEY": "b", "SUPABASE_PUBLISHABLE_KEY": "c",
         "SUPABASE_SECRET_KEY": "d", "DASHBOARD_USERNAME": "admin", "DASHBOARD_PASSWORD": "e",
         "PUBLIC_HTTP_PORT": "63002", "KONG_HTTPS_PORT": "63003"}  # fmt: skip
KONG_GIVEN = {"KONG_DATABASE": "off", "KONG_DECLARATIVE_CONFIG": "/tmp/kong.yml", "KONG_PREFIX": "/tmp/kong",
              "KONG_NGINX_WORKER_PROCESSES": "2", "KONG_ADMIN_LISTEN": "off"}  # fmt: skip
RATE, LATENCY = 0.8, 0.5
"""The least part of the plain HAProxy's rate, and the most milliseconds added to a direct request: the targets."""


def docker(*words: str) -> str:
    """What `docker WORDS` prints. Raises SystemExit with its words where it fails."""
    done = subprocess.run(["docker", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"docker {words[0]} failed:\n{done.stderr}")
    return done.stdout.strip()


def shipped() -> tuple[str, str]:
    """The shipped routes with everything planned: for Kong, and for HAProxy."""
    text = (ROOT / "kong" / "kong.yml").read_text()
    found = kongfile.entities(kongfile.read(text))
    planned = {name for service in found["services"] for name in declared.behind(found, service)}
    document = effective.serving(text, planned, Site("localhost", 63002, {}))
    return effective.written(document), configuration.written(document)


@contextmanager
def container(name: str, mounts: dict[Path, str], *words: str, image: str = IMAGE) -> Iterator[str]:
    """A container of the network, by its name there; gives its address."""
    environment = [word for key, value in (GIVEN | KONG_GIVEN).items() for word in ("-e", f"{key}={value}")]
    volumes = [word for source, target in mounts.items() for word in ("-v", f"{source}:{target}:ro")]
    made = docker("run", "-d", "--rm", "--network", NETWORK, "--network-alias", name, *environment, *volumes,
                  "--tmpfs", "/tmp", *words[:2], image, *words[2:])  # fmt: skip
    try:
        yield docker("inspect", made, "-f", f'{{{{(index .NetworkSettings.Networks "{NETWORK}").IPAddress}}}}')
    finally:
        docker("rm", "-f", made)


@contextmanager
def targets(folder: Path) -> Iterator[dict[str, str]]:
    """The addresses to ask, by what answers there."""
    kong, haproxy = shipped()
    folder.chmod(0o755)
    for name, text in (
        ("page", UPSTREAM),
        ("plain", TWO_LINES),
        ("duties", DUTIES),
        ("haproxy.cfg", haproxy),
        ("kong.yml", kong),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(0o644)
    docker("network", "create", NETWORK)
    with ExitStack() as opened:
        opened.callback(docker, "network", "rm", NETWORK)
        enter = opened.enter_context
        here = {folder: "/gateway"}
        plain = ("--entrypoint", "haproxy")
        found = {"direct": enter(container("backend", here, *plain, "-f", "/gateway/page"))}
        found["two lines"] = enter(container("plain", here, *plain, "-f", "/gateway/plain"))
        found["duties"] = enter(container("duties", here, *plain, "-f", "/gateway/duties"))
        found["build"] = enter(container("build", here))
        if docker("images", "-q", KONG):
            scripts = {ROOT / "compose" / "kong-api-gateway": "/opt/gateway"}
            start = ("--entrypoint", "sh", "/opt/gateway/start.sh")
            found["Kong"] = enter(container("kong", here | scripts, *start, image=KONG))
        yield {name: f"http://{address}:8000{PATHS[name]}" for name, address in found.items()}


def asked(url: str, clients: int, seconds: float) -> tuple[float, float]:
    """Requests per second, and the median latency in milliseconds. Raises SystemExit where one is not answered 2xx."""
    words = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--latency", url]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    rate, middle = re.search(r"Requests/sec: +([\d.]+)", said), re.search(r"50% +([\d.]+)(us|ms|s)", said)
    if "Non-2xx" in said or "Socket errors" in said or rate is None or middle is None:
        raise SystemExit(said)
    return float(rate[1]), float(middle[1]) * {"us": 0.001, "ms": 1, "s": 1000}[middle[2]]


def main() -> None:
    parser = argparse.ArgumentParser(description="The gateway beside a plain HAProxy, as a Markdown table.")
    parser.add_argument("--runs", type=int, default=7, help="runs that each median is made from (default 7)")
    parser.add_argument("--clients", type=int, default=50, help="clients of the rate (default 50)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, targets(Path(folder)) as urls:
        for url in urls.values():
            patient = ["curl", "-sf", "--retry", "30", "--retry-delay", "1", "--retry-all-errors", "-o", "/dev/null"]
            subprocess.run([*patient, url], check=True)
        rates: dict[str, list[float]] = {name: [] for name in urls}
        middles: dict[str, list[float]] = {name: [] for name in urls}
        # They take turns, so that what else the machine does meets all of them.
        for _ in range(options.runs):
            for name, url in urls.items():
                rates[name].append(asked(url, options.clients, 1)[0])
                middles[name].append(asked(url, 1, 1)[1])
    rate = {name: statistics.median(found) for name, found in rates.items()}
    middle = {name: statistics.median(found) for name, found in middles.items()}
    print("| | requests/s | beside two lines | median latency | added |\n|---|---|---|---|---|")
    for name in urls:
        print(f"| {name} | {rate[name]:.0f} | {rate[name] / rate['two lines']:.2f} | {middle[name]:.2f} ms | "
              f"{middle[name] - middle['direct']:+.2f} ms |")  # fmt: skip
    part, added = rate["build"] / rate["two lines"], middle["build"] - middle["direct"]
    print(f"\nat least {RATE} of the plain rate: {'met' if part >= RATE else 'MISSED'}; "
          f"less than {LATENCY} ms added: {'met' if added < LATENCY else 'MISSED'}")  # fmt: skip


if __name__ == "__main__":
    main()
