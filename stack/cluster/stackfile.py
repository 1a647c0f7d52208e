"""The assembled project as a stack file for `docker stack deploy`: what Swarm can't carry is translated, or refused by
name. Pure."""
