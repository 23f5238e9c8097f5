"""A Kubernetes API server for namespaces and what is kept in them: no nodes, the official schemas, real refusals."""
