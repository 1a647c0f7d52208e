#!/bin/sh
# Enters the planned services in Consul with a check each, now and whenever the plan or Consul's own list changes; what
# is no longer planned goes. The plan is a file that each `inv up` renews. What runs elsewhere is left out: its
# ambassador takes a connection whether the far end is there or not, so that its check would always pass.
set -eu

plan=/stack/plan.json
seen=/tmp/seen.json
pause=5

ask() { curl -fsS --max-time 10 "$@"; }

# One JSON document a line: what Consul's agent takes for each service with an address.
entries() {
    jq -c '.services[] | select(.url != null and .source != "localhost" and .source != "external")
        | (.url | capture("^[a-z]+://(?<host>[^:/]+):(?<port>[0-9]+)")) as $at
        | {ID: .name, Name: .name, Address: $at.host, Port: ($at.port | tonumber), Meta: {stack: "true"},
           Check: {Name: "accepts connections", TCP: "\($at.host):\($at.port)", Interval: "15s", Timeout: "3s"}}' "$plan"
}

# The names of both sides, sorted. A command below `if` or `||` does not end the script by failing, hence the returns.
compare() {
    entries > /tmp/entries || return 1
    jq -r .ID /tmp/entries | sort > /tmp/planned
    ask "$CONSUL_URL/v1/agent/services" > /tmp/services || return 1
    jq -r '.[] | select(.Meta.stack == "true") | .ID' /tmp/services | sort > /tmp/registered
}

register() {
    while read -r entry; do
        echo "$entry" | ask -X PUT --data-binary @- "$CONSUL_URL/v1/agent/service/register" || return 1
    done < /tmp/entries
    comm -13 /tmp/planned /tmp/registered > /tmp/gone
    while read -r gone; do
        ask -X PUT "$CONSUL_URL/v1/agent/service/deregister/$gone" || return 1
    done < /tmp/gone
    echo "consul-register: $(wc -l < /tmp/planned) services"
}

while :; do
    if [ -f "$plan" ] && compare; then
        if ! cmp -s "$plan" "$seen" || ! cmp -s /tmp/planned /tmp/registered; then
            cp "$plan" /tmp/plan.json
            if register; then mv /tmp/plan.json "$seen"; fi
        fi
    fi
    sleep "$pause"
done
