#!/bin/sh
# Enters the planned services in Consul with a check each, now and whenever the plan changes; what is no longer
# planned goes. The plan is a file that each `inv up` renews.
set -eu

plan=/stack/plan.json
seen=/tmp/seen.json
pause=5

ask() { curl -fsS --max-time 10 "$@"; }

# One JSON document a line: what Consul's agent takes for each service with an address.
entries() {
    jq -c '.services[] | select(.url != null)
        | (.url | capture("^[a-z]+://(?<host>[^:/]+):(?<port>[0-9]+)")) as $at
        | {ID: .name, Name: .name, Address: $at.host, Port: ($at.port | tonumber), Meta: {stack: "true"},
           Check: {Name: "accepts connections", TCP: "\($at.host):\($at.port)", Interval: "15s", Timeout: "3s"}}' "$plan"
}

register() {
    entries | while read -r entry; do
        echo "$entry" | ask -X PUT --data-binary @- "$CONSUL_URL/v1/agent/service/register"
    done
    entries | jq -r .ID | sort > /tmp/planned
    ask "$CONSUL_URL/v1/agent/services" | jq -r '.[] | select(.Meta.stack == "true") | .ID' | sort > /tmp/registered
    comm -13 /tmp/planned /tmp/registered | while read -r gone; do
        ask -X PUT "$CONSUL_URL/v1/agent/service/deregister/$gone"
    done
    echo "consul-register: $(wc -l < /tmp/planned) services"
}

while :; do
    if [ -f "$plan" ] && ! cmp -s "$plan" "$seen"; then
        if register; then cp "$plan" "$seen"; fi
    fi
    sleep "$pause"
done
