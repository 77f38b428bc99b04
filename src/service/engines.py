"""Which engine swaps: the one that the settings name, opened."""

from datetime import datetime

from audit.ids import Entropy
from consent.modelcard import Deployment
from consent.models import locate
from service.remote_engine import Line, RemoteEngine
from service.settings import Settings
from swap.engine import Engine
from swap.inswapper import open_inswapper
from swap.mesh import MeshEngine


def open_engine(settings: Settings, *, now: datetime, entropy: Entropy) -> Engine:
    """Raises what is wrong with the model files, their licences, or the way to the engine server."""
    deployment = Deployment(settings.deployment)
    match settings.engine:
        case "mesh":
            return MeshEngine(locate("face-landmark", folder=settings.models, deployment=deployment))
        case "inswapper":
            return open_inswapper(
                settings.models,
                deployment=deployment,
                now=now,
                providers=settings.providers,
                threads=settings.threads,
            )
        case "remote":
            return RemoteEngine.reach(line(settings), entropy)


def line(settings: Settings) -> Line:
    """The way to the engine server that the settings name."""
    return Line(
        url=settings.engine_url or "",
        ca=settings.engine_ca,
        cert=settings.engine_cert,
        key=settings.engine_key,
        timeout=settings.engine_timeout,
        deflate=settings.engine_deflate,
    )
