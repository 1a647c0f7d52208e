"""The programs that a service may come from on this machine: how each is started, and made to listen on more than
127.0.0.1. From their manuals; ports are in overrides/*/localhost.yml."""

from typing import NamedTuple


class Program(NamedTuple):
    """One program: what it is called, how it is started, its own setting that lets it listen on every address, and the
    names that its process may have."""

    name: str
    start: str
    everywhere: str
    processes: tuple[str, ...] = ()


PROGRAMS = {
    "backend": Program("the backend", "uvicorn app.main:app", "uvicorn --host 0.0.0.0"),
    "comfyui": Program("ComfyUI", "python main.py", "python main.py --listen 0.0.0.0"),
    "elasticsearch": Program(
        "Elasticsearch", "sudo systemctl start elasticsearch", "network.host: 0.0.0.0 in elasticsearch.yml"
    ),
    "litellm": Program("LiteLLM", "litellm --config config.yaml", "litellm --host 0.0.0.0", ("litellm",)),
    "local-deep-researcher": Program("the researcher", "langgraph dev", "langgraph dev --host 0.0.0.0", ("langgraph",)),
    "n8n": Program("n8n", "n8n start", "N8N_LISTEN_ADDRESS=0.0.0.0 n8n start", ("n8n",)),
    "neo4j-graph-db": Program("Neo4j", "neo4j start", "server.default_listen_address=0.0.0.0 in neo4j.conf"),
    "ollama": Program("Ollama", "ollama serve", "OLLAMA_HOST=0.0.0.0 ollama serve", ("ollama",)),
    "open-web-ui": Program("Open WebUI", "open-webui serve", "open-webui serve --host 0.0.0.0", ("open-webui",)),
    "qdrant": Program("Qdrant", "qdrant", "QDRANT__SERVICE__HOST=0.0.0.0 qdrant", ("qdrant",)),
    "rabbitmq": Program(
        "RabbitMQ",
        "sudo systemctl start rabbitmq-server",
        "listeners.tcp.default = 5672 in rabbitmq.conf",
        ("beam.smp",),
    ),
    "redis": Program(
        "Redis",
        "sudo systemctl start redis-server",
        "bind 0.0.0.0 and a requirepass in redis.conf",
        ("redis-server", "valkey-server"),
    ),
    "searxng": Program("SearXNG", "start SearXNG", "server.bind_address: 0.0.0.0 in settings.yml"),
    "supabase-db": Program(
        "PostgreSQL",
        "sudo systemctl start postgresql",
        "listen_addresses = '*' in postgresql.conf, and a line in pg_hba.conf",
        ("postgres",),
    ),
    "weaviate": Program("Weaviate", "weaviate --scheme http", "weaviate --host 0.0.0.0", ("weaviate",)),
}
"""By the service's fragment."""
