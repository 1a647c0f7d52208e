"""The edge of a deployment: tier by tier, each waited for by what the managers say of its tasks."""
