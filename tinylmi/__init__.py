"""Stands in for the LMI container: its contract on a CPU, over a tiny real Qwen3 or any OpenAI-compatible server."""
