#!/bin/sh
# far redis|postgres|http PORT|SOCKET: whether the far end answers in its own protocol. That something accepts the
# connection says nothing: the ambassador itself does.
set -eu

case $2 in
/*) there=UNIX-CONNECT:$2 ;;
*) there=TCP:127.0.0.1:$2 ;;
esac

# $1 is an option of socat's.
ask() { timeout 4 socat -t 3 - "$there$1" | head -c 4096; }

case $1 in
redis) answer=$(printf 'PING\r\n' | ask '') ;;
# SSLRequest: what every PostgreSQL answers before it knows who asks, with S or N.
postgres) answer=$(printf '\000\000\000\010\004\322\026\057' | ask '') ;;
# shut-none, because to some servers a client that closes its side has gone away.
http) answer=$(printf 'HEAD / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' | ask ,shut-none) ;;
*) answer='' ;;
esac

case $1:$2:$answer in
redis:*:[+-]* | postgres:*:[SN]*) exit 0 ;;
http:/*:HTTP/* | http:*:HTTP/*Via:\ 1.1\ ambassador*) exit 0 ;;
esac
echo "the far end does not answer"
exit 1
