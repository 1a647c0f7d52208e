#!/usr/bin/env bash
# trustme 1.2.1 with Python's ssl, and Node: a certificate for *.localhost is made without a word, and n8n.localhost is
# expected to fit it. Neither takes it: a wildcard needs two labels behind it, so *.stack.localhost is good for
# n8n.stack.localhost. Browsers resolve every name below localhost by themselves, so that it is just there that such a
# certificate would be wanted.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv one
one/bin/pip -q install trustme==1.2.1
same() {
    printf '%s: %s\n' "$1" "$2"
    [ "$2" = "$3" ] || { echo "this has changed; it was: $3"; exit 1; }
}
cat > ask.py <<'CODE'
import socket, ssl, sys, threading
import trustme

name, host = sys.argv[1:]
authority = trustme.CA()
server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
authority.issue_cert(name).configure_cert(server)
authority.configure_trust(client)
near, far = socket.socketpair()


def serve() -> None:
    try:
        server.wrap_socket(near, server_side=True)
    except OSError:
        near.close()


threading.Thread(target=serve).start()
try:
    client.wrap_socket(far, server_hostname=host)
    print("taken")
except ssl.SSLCertVerificationError as error:
    print(error.verify_message)
far.close()
CODE
same "Python, *.localhost" "$(one/bin/python ask.py '*.localhost' n8n.localhost)" \
    "Hostname mismatch, certificate is not valid for 'n8n.localhost'."
same "Python, *.stack.localhost" "$(one/bin/python ask.py '*.stack.localhost' n8n.stack.localhost)" "taken"
node=$(node -e '
const tls = require("tls");
const fits = (name, host) => tls.checkServerIdentity(host, {subject: {CN: ""}, subjectaltname: `DNS:${name}`}) ? "refused" : "taken";
console.log(fits("*.localhost", "n8n.localhost"), fits("*.stack.localhost", "n8n.stack.localhost"));')
same "Node, the same two" "$node" "refused taken"
