#!/bin/sh
# Starts Weaviate with the modules whose partner is there.
set -eu
# With the dot, because busybox else asks for the name in the host's search domain alone.
if timeout 5 nslookup multi2vec-clip. > /dev/null 2>&1; then
    export ENABLE_MODULES="$ENABLE_MODULES,multi2vec-clip" CLIP_INFERENCE_API=http://multi2vec-clip:8080
fi
echo "weaviate: modules $ENABLE_MODULES"
exec /bin/weaviate "$@"
