"""The lines of a log that look like errors. Pure."""

import re

ERROR = re.compile(
    r"\b(?:error|fatal|panic|critical|exception|traceback|denied|refused|unable to|out of memory|oom)\b"
    r"|\bfailed\b|\blevel=(?:error|fatal)\b",
    re.IGNORECASE,
)
BENIGN = re.compile(
    r"errors?[\"']?[=:]\s*(?:0\b|nil|none|null|\[\]|\"\"|false)|\b(?:0|no) errors?\b"
    r"|error_log|error\.log|error[-_ ]page"
    r"|terminating connection due to administrator command"
    r"|the database system is (?:starting up|shutting down)"
    r"|database system was (?:not properly shut down|interrupted)"
    r"|\"(?:GET|POST|HEAD|PUT|DELETE|OPTIONS) [^\"]*\" [23]\d\d"
    r"|[\"']?\b(?:level|severity|lvl)[\"']?\s*[=:]\s*[\"']?(?:trace|debug|info|notice|warn)"
    r"|\[(?:trace|debug|info|notice|warn|warning)\]|^\W*(?:\S+\s+){0,3}\W?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING)\b"
    r"|log_?level|on[-_]error|continue on|error reporting|telemetry|WARNING: overcommit",
    re.IGNORECASE,
)
"""What reads like an error and is none: lines of a lower level, counters at nought, names of settings and files, what a
database says of its own start and end, requests that were answered well."""
WIDTH = 240


def wrong(line: str) -> bool:
    """Whether a line looks like an error."""
    return bool(ERROR.search(line)) and not BENIGN.search(line)


def errors(text: str, most: int = 3) -> list[str]:
    """The last lines of a log that look like errors, each once, the newest last, cut to 240 characters."""
    found = [line.strip() for line in text.splitlines() if wrong(line)]
    return [line[:WIDTH] for line in list(dict.fromkeys(found))[-most:]]


def last(text: str, most: int = 3) -> list[str]:
    """The last error-looking lines, or where there are none the last lines at all."""
    return errors(text, most) or [line.strip()[:WIDTH] for line in text.splitlines() if line.strip()][-most:]
