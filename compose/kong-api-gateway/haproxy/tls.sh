# The certificate of the settings TLS or TLS_CERT, in memory; where there is none, one that nobody knows.
# gateway.new is tried by a reload; what is left of it where that was cut off is as good.
if [ -e /tls/gateway.new ]; then given=/tls/gateway.new; else given=/tls/gateway.pem; fi
if [ -s "$given" ]; then
    cp "$given" /tmp/tls.pem
else
    if [ ! -s /tmp/own.pem ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj /CN=localhost \
            -keyout /tmp/tls.key -out /tmp/tls.crt 2>/dev/null
        cat /tmp/tls.key /tmp/tls.crt > /tmp/own.pem
        rm /tmp/tls.key /tmp/tls.crt
    fi
    cp /tmp/own.pem /tmp/tls.pem
fi
