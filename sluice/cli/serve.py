"""`sluice serve`: the RAG server, with what pipeline.yaml says as its settings."""

import os
from collections.abc import Mapping

import click

from sluice.cli import output
from sluice.cli.state import state_folder
from sluice.cli.target import Target, target_options
from sluice.config.model import PipelineConfig
from sluice.rag.settings import Settings, from_environment


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, help="0 takes any free one.")
@target_options
def serve(config: PipelineConfig, target: Target, host: str, port: int) -> None:
    """Run the RAG server.

    Its settings come from the file; SLUICE_* variables in the environment win over them.
    """
    from sluice.rag import app  # FastAPI is slow to import, and `chat` takes only the settings from here

    app.serve(
        read_settings(config, os.environ),
        host,
        port,
        ready=lambda url: output.say(f"The RAG server answers on {url}"),
    )


def read_settings(config: PipelineConfig, environment: Mapping[str, str]) -> Settings:
    documents = state_folder() / "documents.sqlite3"
    documents.parent.mkdir(parents=True, exist_ok=True)
    from_file = {
        "SLUICE_GROUP": config.registry.group,
        "SLUICE_HISTORY_TABLE": config.history.table,
        "SLUICE_HISTORY_DAYS": str(config.history.keep_days),
        "SLUICE_DOCUMENTS": str(documents),
        "AWS_REGION": config.region,
    }
    return from_environment({**from_file, **environment})
