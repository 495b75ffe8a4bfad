"""What does the passage cost? `uv run python -m benchmarks`; docs/benchmarks.md says how to read the figures."""
