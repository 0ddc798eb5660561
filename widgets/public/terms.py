"""On what terms a public server takes visitors."""

from __future__ import annotations

import argparse
import re
import sys
from dataclasses import dataclass
from typing import Self
from urllib.parse import urlsplit

from lab_core.cli_serve import PORT
from lab_core.knobs import BadInput

HERE = "127.0.0.1"
BASE = re.compile(r"/([\w.~-]+/)*")


@dataclass(frozen=True)
class Terms:
    """`sessions` pages at once, each with `memory` MB of its own and `budget` seconds of compute.

    The server listens at `host` and `port`, below the path `base`. Where `origins` are given, it
    answers to those addresses alone. Raises BadInput where it cannot be.
    """

    sessions: int
    memory: int
    budget: float
    host: str = HERE
    port: int = PORT
    base: str = "/"
    origins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not sys.platform.startswith("linux"):
            raise BadInput("public: its limits are Linux's; take a Linux machine, or a container.")
        if not BASE.fullmatch(self.base):
            raise BadInput(f"base-url: {self.base!r} is not a path such as /labs/; give one.")
        for origin in self.origins:
            at = urlsplit(origin)
            if at.scheme not in ("http", "https") or not at.netloc or at[2:] != ("", "", ""):
                raise BadInput(
                    f"origin: {origin!r} is not of the form https://labs.example.org; give one."
                )

    @classmethod
    def of(cls, args: argparse.Namespace) -> Self:
        """What the options of the command line say, checked."""
        base = f"/{(args.base_url or '').strip('/')}/".replace("//", "/")
        origins = tuple(origin.rstrip("/").lower() for origin in args.origin or ())
        port = PORT if args.port is None else args.port
        host = args.host or HERE
        return cls(args.sessions, args.memory, 60 * args.budget, host, port, base, origins)

    @property
    def hosts(self) -> set[str]:
        """The hosts that it answers to, with their ports; none where any will do."""
        return {urlsplit(origin).netloc for origin in self.origins}
