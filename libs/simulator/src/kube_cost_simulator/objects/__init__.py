"""Objects exactly as Kubernetes 1.35 writes them, as JSON values."""
