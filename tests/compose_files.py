"""Compose files as people have them: the guide's examples of services to add."""

SEARCH = """services:
  elasticsearch:
    image: docker.elastic.co/elasticsearch/elasticsearch:8.19.0
    container_name: elasticsearch
    environment: ["discovery.type=single-node", "ELASTIC_PASSWORD=changeme-please", "ES_JAVA_OPTS=-Xms512m -Xmx512m"]
    ulimits: {memlock: {soft: -1, hard: -1}}
    ports: ["9200:9200"]
    volumes: ["esdata:/usr/share/elasticsearch/data"]
volumes: {esdata: {driver: local}}
"""
WATCH = """x-common: &common {restart: always, networks: [mon]}
services:
  prometheus:
    <<: *common
    image: prom/prometheus:v3.5.0
    volumes: ["./prometheus.yml:/etc/prometheus/prometheus.yml:ro", "prom:/prometheus"]
    command: ["--config.file=/etc/prometheus/prometheus.yml", "--web.external-url=http://prometheus:9090/"]
    ports: ["9090:9090"]
  grafana:
    <<: *common
    image: "grafana/grafana:${GRAFANA_TAG:-12.1.0}"
    ports: ["3000:3000"]
    environment: {GF_SECURITY_ADMIN_PASSWORD: admin-of-theirs, PROMETHEUS_URL: "http://prometheus:9090"}
    depends_on: [prometheus]
    volumes: [grafana:/var/lib/grafana]
volumes: {prom: , grafana: }
networks: {mon: }
"""
API = """services:
  api:
    image: example/api:2
    env_file: [api.env]
    ports: [{target: 8000, published: "${PORT:-9000}"}]
    environment: {DB_URL: "db://root:hunter2-hunter2@db", LOG: "${LOG:-info}"}
    healthcheck: {test: ["CMD", "true"], interval: 5s}
    depends_on: {db: {condition: service_healthy}}
    deploy: {resources: {limits: {memory: 256M}}}
  db: {image: "example/db:1", healthcheck: {test: ["CMD", "true"]}}
"""
