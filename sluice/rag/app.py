"""The server put together: settings and clients in, a FastAPI application out; `serve` runs it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from sluice.errors import SluiceError
from sluice.rag import errors, log, routes, server
from sluice.rag.answer import Parts
from sluice.rag.documents import Documents
from sluice.rag.door import Door
from sluice.rag.endpoint import LiveEndpointWatcher, find_live
from sluice.rag.history import History
from sluice.rag.retrieval import Retrieval
from sluice.rag.settings import Settings
from sluice.rag.streams import Threads
from sluice.rag.vectors import Embedder

if TYPE_CHECKING:
    from types_boto3_dynamodb.client import DynamoDBClient
    from types_boto3_sagemaker.client import SageMakerClient
    from types_boto3_sagemaker_runtime.client import SageMakerRuntimeClient


@dataclass(frozen=True)
class Clients:
    sagemaker: "SageMakerClient"
    runtime: "SageMakerRuntimeClient"
    dynamodb: "DynamoDBClient"


def clients(settings: Settings) -> Clients:
    """boto3's clients with a connection for every chat; AWS_ENDPOINT_URL sends them to the local AWS."""
    session = boto3.Session(region_name=settings.region)
    pool = settings.concurrency
    quick = Config(
        connect_timeout=3,
        read_timeout=10,
        retries={"mode": "standard", "total_max_attempts": 3},
        max_pool_connections=pool,
    )
    # SageMaker cuts an invocation off after 60 seconds; a longer wait here means that its own answer is always heard.
    # Two attempts, because a kept connection may turn out to be closed.
    patient = Config(
        connect_timeout=3,
        read_timeout=70,
        retries={"mode": "standard", "total_max_attempts": 2},
        max_pool_connections=pool,
    )
    return Clients(
        sagemaker=session.client("sagemaker", config=quick),
        runtime=session.client("sagemaker-runtime", config=patient),
        dynamodb=session.client("dynamodb", config=quick),
    )


def create_app(settings: Settings, clients: Clients, embedder: Embedder | None = None) -> FastAPI:
    documents = Documents(settings.documents, embedder)
    follower = LiveEndpointWatcher(lambda: find_live(clients.sagemaker, settings.group), settings.refresh_seconds)
    history = History(clients.dynamodb, settings.history_table, settings.history_days)
    parts = Parts(follower, history, Retrieval(documents), clients.runtime, settings.passages)
    threads = Threads(settings.concurrency)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        follower.start()
        yield
        threads.close()
        follower.stop()
        documents.close()

    app = FastAPI(title="Sluice RAG server", lifespan=lifespan, docs_url="/docs", redoc_url=None)
    app.state.threads = threads
    app.add_middleware(Door, names=settings.allowed_hosts)
    app.include_router(routes.router(settings, parts, documents, threads))
    app.add_exception_handler(SluiceError, errors.on_sluice_error)
    app.add_exception_handler(RequestValidationError, errors.on_invalid)
    app.add_exception_handler(HTTPException, errors.on_http_error)
    app.add_exception_handler(Exception, errors.on_bug)
    return app


def serve(
    settings: Settings, host: str = "127.0.0.1", port: int = 8080, ready: Callable[[str], None] | None = None
) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called with the address once requests are taken."""
    log.to_stderr()
    settings = replace(settings, allowed_hosts=(*settings.allowed_hosts, host.lower()))  # the address that it tells
    with server.listen(host, port) as listening:  # before the clients, so that a taken port is told at once
        address = server.url(host, listening.getsockname()[1])

        def started() -> None:
            log.LOG.getChild("server").info("listening on %s", address)
            if ready:
                ready(address)

        server.run(create_app(settings, clients(settings)), listening, settings.shutdown_seconds, started)
