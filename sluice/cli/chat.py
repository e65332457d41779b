"""`sluice chat`: one user's chat with the live version, by the server's own way from question to answer."""

import os
import sys
from contextlib import closing

import click

from sluice.cli import output
from sluice.cli.serve import read_settings
from sluice.cli.target import Target, target_options
from sluice.config.model import PipelineConfig
from sluice.rag.answer import AnswerEnd, ChatTurn, Parts, Question, Token
from sluice.rag.documents import Documents
from sluice.rag.endpoint import LiveEndpointWatcher, find_live
from sluice.rag.history import History
from sluice.rag.retrieval import Retrieval


@click.command()
@click.argument("message", required=False)
@click.option("--user", default="me", show_default=True, help="Whose history goes on.")
@target_options
def chat(config: PipelineConfig, target: Target, message: str | None, user: str) -> None:
    """Ask the live version a question.

    Without MESSAGE: one question after another, until an empty line. The documents of this folder's RAG server are
    searched, and the turns go into the same history.
    """
    settings = read_settings(config, os.environ)
    with closing(Documents(settings.documents)) as documents:
        parts = Parts(
            LiveEndpointWatcher(lambda: find_live(target.sagemaker, settings.group), settings.refresh_seconds),
            History(target.client("dynamodb"), settings.history_table, settings.history_days),
            Retrieval(documents),
            target.client("sagemaker-runtime"),
            settings.passages,
        )
        if message:
            print_answer(parts, Question(user, message, settings.max_tokens))
            return
        while line := (input("> ") if sys.stdin.isatty() else sys.stdin.readline()).strip():
            print_answer(parts, Question(user, line, settings.max_tokens))


def print_answer(parts: Parts, question: Question) -> None:
    for event in ChatTurn(parts, question).stream_answer():
        match event:
            case Token(text):
                click.echo(output.readable(text), nl=False)
            case AnswerEnd() as done:
                click.echo()
                names = ", ".join(dict.fromkeys(source.title or source.id for source in done.sources))
                from_where = f"; from {names}" if names else ""
                click.echo(click.style(f"version {done.live.version} on {done.live.endpoint}{from_where}", dim=True))
