#!/bin/sh
# Becomes the command; what it writes to the volume is its own to read.
umask 077
exec "$@"
