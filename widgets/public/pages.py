"""The server of the labs for a class."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from jupyter_server.base.handlers import FileFindHandler
from tornado.httpserver import HTTPServer
from traitlets.config import Config
from voila.static_file_handler import (
    AllowListFileHandler,
    MultiStaticFileHandler,
    TemplateStaticFileHandler,
)

from widgets.pages import ATLAS, Pages
from widgets.public import gates
from widgets.public.terms import Terms

LARGEST = 2 * 2**20  # bytes of a message or a request; a file that is opened comes in pieces
KERNEL = r"(?P<kernel_id>\w+-\w+-\w+-\w+-\w+)"
FILES = (AllowListFileHandler, MultiStaticFileHandler, TemplateStaticFileHandler, FileFindHandler)
PAGE = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",  # widgets' scripts are blobs
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' blob: data:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
)


class PublicPages(Pages):
    """Pages for many visitors, on `terms`, of the notebooks in `folder` alone."""

    def __init__(self, terms: Terms, folder: Path, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.terms, self.folder = terms, folder

    def load_config_file(self, *args: Any, **kwargs: Any) -> None:
        super().load_config_file(*args, **kwargs)
        shared = {
            "Voila": {"ip": self.terms.host, "base_url": self.terms.base},
            "VoilaConfiguration": {"multi_kernel_manager_class": "widgets.public.places.Places"},
        }
        self.update_config(Config(shared))

    @property
    def connection_url(self) -> str:
        origins = self.terms.origins
        return origins[0] + self.terms.base if origins else super().connection_url

    def init_settings(self) -> dict:
        safe = {"Content-Security-Policy": PAGE, "Referrer-Policy": "same-origin"}
        more = {"headers": safe, "websocket_max_message_size": LARGEST}
        return super().init_settings() | more

    def init_handlers(self) -> list:
        """Voila's files, and our own gates in place of all else that it would answer."""
        files = [one for one in super().init_handlers() if one[1] in FILES]
        own = {
            "": gates.Index,
            "voila/render/(.*)": gates.LabPage,
            f"api/kernels/{KERNEL}": gates.Status,
            f"api/kernels/{KERNEL}/channels": gates.Channels,
            f"voila/api/shutdown/{KERNEL}": gates.End,
            f"({re.escape(ATLAS)})": gates.Atlas,
        }
        index, lab = {"voila_configuration": self.voila_configuration}, {}
        lab = index | {"template_paths": self.template_paths, "config": self.config}
        needs = {gates.Index: index, gates.LabPage: lab, gates.Atlas: {"path": str(self.folder)}}
        made = [(self.server_url + path, one, needs.get(one, {})) for path, one in own.items()]
        return [*made, *files]

    def http_server(self) -> HTTPServer:
        return HTTPServer(self.app, xheaders=True, max_body_size=LARGEST)
