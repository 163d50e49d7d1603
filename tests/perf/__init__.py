"""Benchmarks: they print figures beside their goals, and assert no times. `PYTHONPATH=tests python -m perf`."""
