"""The gateway's second engine: HAProxy's configuration, made of the effective file that Kong would read. Pure.

What the file means is told by the modules that `route.test` uses: `routing` has the order of the routes and the path
that a service sees, `declared` the plugins of a route and where it leads, `matching` who is in which group."""
