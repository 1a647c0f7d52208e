"""The project as Kubernetes manifests, from the same plan. Pure."""
