# The certificate of the settings TLS or TLS_CERT, in memory, where there is one; else Kong makes its own at its start.
# gateway.new is tried by a reload; what is left of it where that was cut off is as good.
if [ -e /tls/gateway.new ]; then given=/tls/gateway.new; else given=/tls/gateway.pem; fi
if [ -s "$given" ]; then
    cp "$given" /tmp/tls.pem
    export KONG_SSL_CERT=/tmp/tls.pem KONG_SSL_CERT_KEY=/tmp/tls.pem
fi
