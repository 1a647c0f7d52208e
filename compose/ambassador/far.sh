#!/bin/sh
# far redis|postgres|http|amqp|bolt|grpc|tcp PORT|SOCKET: whether the far end answers in its own protocol. That something accepts the
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
# The protocol header of AMQP 0-9-1: the broker begins the conversation with a method frame, type 1.
amqp) answer=$(printf 'AMQP\000\000\011\001' | ask ,shut-none | od -An -tx1 | tr -d ' \n') ;;
# Bolt's handshake with the versions 5, 4.4 and 3: the server names one of them, in four bytes.
bolt) answer=$(printf '\140\140\260\027\000\000\000\005\000\000\004\004\000\000\000\003\000\000\000\000' |
    ask ,shut-none | od -An -tx1 | tr -d ' \n') ;;
# HTTP/2's preface and an empty SETTINGS frame: the server answers with its own frames.
grpc) answer=$(printf 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\000\000\000\004\000\000\000\000\000' |
    ask ,shut-none | od -An -tx1 | tr -d ' \n') ;;
# No protocol that we know: a far end that is there says something, or keeps the line open; the ambassador closes it where
# there is none, within the 5 seconds that it tries for.
tcp) answer=$({ timeout 6 socat -u "$there" - || [ $? -ne 124 ] || echo open; } | head -c 4 | od -An -tx1 | tr -d ' \n') ;;
*) answer='' ;;
esac

case $1:$2:$answer in
redis:*:[+-]* | postgres:*:[SN]* | amqp:*:01* | bolt:*:0000????* | grpc:*:00* | tcp:*:??*) exit 0 ;;
http:/*:HTTP/* | http:*:HTTP/*Via:\ 1.1\ ambassador*) exit 0 ;;
esac
echo "the far end does not answer"
exit 1
