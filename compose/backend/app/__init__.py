"""The stack's backend: an API on PostgreSQL and Redis that also shows what the stack is made of."""
