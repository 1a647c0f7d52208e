"""What the engine tests stand on, by what a test reaches for:

a checkout and what a user types in it
    stacks      a checkout with a project, ports and files of its own; the engine asked about it; its removal
    doctor      what doctor finds in one, and its advice followed
    kills       commands killed at random moments, and what must hold after each
    ports       ports that no other run and no other worker takes

services to have in it
    standins    the whole catalogue on one tiny image
    systems     the optional systems, with their real programs where packages bring them
    data        the data services and the ambassador as plain Compose runs them, without the program

what is outside of it
    images      images made byte by byte
    registries  a real registry, and one that refuses
    engines     a second engine
    apart       the network that one lives in: a program, not for import
    lines       lines to a server that can be held or cut, and a way to the engine that ends
    web         an application of this machine, on loopback

who uses its services
    browser     a real browser
    n8n         the owner of an n8n
    gateway     requests for the gateway, and an echo behind it
    load        clients that ask without a pause, and the page that they ask
    judges      who answers a table of them: the simulator, HAProxy, Kong where its image is here
"""
