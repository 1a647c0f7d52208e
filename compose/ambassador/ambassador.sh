#!/bin/sh
# Listens where a service is expected and forwards to where it really is.
#   ambassador tcp PORT VARIABLE               to the address in VARIABLE: redis://, rediss://, postgresql://, tcp:// or HOST:PORT
#   ambassador http PORT VARIABLE              to the http:// or https:// URL in VARIABLE
#   ambassador host-half VARIABLE              in the host's network: from the socket to AMBASSADOR_DIAL at the port in VARIABLE
#   ambassador bridge-half PORT                on the bridge: from PORT to the socket
#   ambassador http-bridge-half PORT VARIABLE  the same for HTTP, with localhost and the port in VARIABLE as the Host header
#   … own-origin                               behind the last: a page's own address stays its own in the Origin header
set -eu

socket=/bridge/far.sock
# A connection closed on one side is kept for so many seconds: the answer may still be on its way.
half_open=30
# A far end that vanished without a word is noticed in about two minutes.
keepalive=keepalive,keepidle=60,keepintvl=15,keepcnt=4
# What TLS trusts: the machine's own authorities where they are given.
authorities=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}

die() {
    echo "ambassador: $*" >&2
    exit 1
}

# The value of the variable named $1. It is never shown: it may hold a password.
value_of() {
    eval "value=\${$1:-}"
    [ -n "$value" ] || die "$1 is not set: it says where the service is"
}

check_port() {
    case $port in
    *[!0-9]* | ??????* | "" | 0*) ;;
    *) [ "$port" -gt 65535 ] || return 0 ;;
    esac
    die "$1: expected a port from 1 to 65535 after the host, as in example.org:6379"
}

# Only what a host can be written with passes: other characters have a meaning to socat and Caddy.
check_host() {
    case $host in
    \[*[!0-9A-Fa-f:.]*\] | \[\] | "") ;;
    \[*\]) return ;;
    *[!A-Za-z0-9._-]*) ;;
    *) return ;;
    esac
    die "$1: expected a host name or address, an IPv6 one in brackets, as in [::1]:6379"
}

# Splits the address $2, taken from the variable $1, into host and port; $3 is the port where it names none.
split() {
    case $2 in
    \[*\]) host=$2 port=$3 ;;
    *:*) host=${2%:*} port=${2##*:} ;;
    *) host=$2 port=$3 ;;
    esac
    check_host "$1"
    check_port "$1"
}

# Splits the URL in the variable $1 into scheme, host, port and path. $2 lists "scheme=its port", $3 says so in words.
parse() {
    value_of "$1"
    case $value in
    *://*) scheme=${value%%://*} rest=${value#*://} ;;
    *) scheme='' rest=$value ;;
    esac
    authority=${rest%%[/?#]*}
    path=${rest#"$authority"}
    case $authority in
    *@*) die "$1: leave user and password out of the URL; the services that connect send their own" ;;
    esac
    for known in $2; do
        if [ "$scheme" = "${known%=*}" ]; then
            split "$1" "$authority" "${known#*=}"
            return
        fi
    done
    die "$1: expected $3"
}

forward() { exec socat -t "$half_open" "$1,fork" "$2"; }

listen_tcp() { echo "TCP-LISTEN:$1,reuseaddr,backlog=128,$keepalive"; }

tcp() {
    parse "$2" "redis=6379 rediss=6379 postgresql=5432 postgres=5432 tcp= =" \
        "redis://HOST:PORT, rediss://HOST:PORT, postgresql://HOST:PORT, tcp://HOST:PORT or HOST:PORT"
    case $scheme in
    rediss) far="OPENSSL:$host:$port,verify=1,cafile=$authorities" ;;
    *) far="TCP:$host:$port" ;;
    esac
    forward "$(listen_tcp "$1")" "$far,connect-timeout=5,$keepalive"
}

# $1 port, $2 upstream, $3 Host header, $4 what goes before the path of each request, $5 a further directive. Via tells an answer of the far
# end from the 502 that Caddy gives in its stead. The request stays out of the log: its headers may hold keys.
reverse_proxy() {
    export XDG_CONFIG_HOME=/tmp XDG_DATA_HOME=/tmp
    exec caddy run --adapter caddyfile --config - <<CADDYFILE
{
	admin off
	auto_https off
	log {
		level WARN
		format filter {
			wrap json
			fields {
				request delete
			}
		}
	}
}
http://:$1 {
	$5
	rewrite * $4{uri}
	reverse_proxy $2 {
		header_up Host $3
		trusted_proxies private_ranges
		header_down +Via "1.1 ambassador"
		flush_interval -1
		transport http {
			compression off
		}
	}
}
CADDYFILE
}

# For a program that compares Origin with Host and knows nothing of X-Forwarded-Host: where they were the same before
# the Host became $2, they are the same after. A foreign page's Origin stays as it is.
own_origin() {
    case $1 in
    own-origin) printf '@own expression {header.Origin}.endsWith("://" + {hostport})\n\trequest_header @own Origin http://%s' "$2" ;;
    "") ;;
    *) die "$1: expected own-origin, or nothing" ;;
    esac
}

http() {
    parse "$2" "http=80 https=443" "http://HOST:PORT or https://HOST:PORT"
    case $path in
    *[!A-Za-z0-9._~/%-]*) die "$2: expected nothing but a path after the host: no query, no fragment" ;;
    esac
    case $scheme:$port in
    http:80 | https:443) named=$host ;;
    *) named=$host:$port ;;
    esac
    reverse_proxy "$1" "$scheme://$host:$port" "$named" "${path%/}" ""
}

host_half() {
    value_of "$1"
    split "$1" "$AMBASSADOR_DIAL:$value" ""
    # unlink-early, because a killed run leaves its socket behind.
    forward "UNIX-LISTEN:$socket,unlink-early,mode=0600,backlog=128" "TCP:$host:$port,connect-timeout=5,$keepalive"
}

case ${1:-}:$# in
tcp:3) tcp "$2" "$3" ;;
http:3) http "$2" "$3" ;;
host-half:2) host_half "$2" ;;
bridge-half:2) forward "$(listen_tcp "$2")" "UNIX-CONNECT:$socket" ;;
http-bridge-half:3 | http-bridge-half:4)
    value_of "$3"
    split "$3" "localhost:$value" ""
    origin=$(own_origin "${4:-}" "$host:$port")
    # Its far end is a socket: no proxy of the machine's has a part in it.
    unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
    reverse_proxy "$2" "unix/$socket" "$host:$port" "" "$origin"
    ;;
*) die "expected one of: tcp PORT VARIABLE, http PORT VARIABLE, host-half VARIABLE, bridge-half PORT, http-bridge-half PORT VARIABLE [own-origin]" ;;
esac
