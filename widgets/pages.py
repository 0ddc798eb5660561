"""The server of the labs' pages: Voila with Edgewise's templates and settings."""

import logging
import re
import threading
import webbrowser
from functools import partial
from pathlib import Path
from socket import socket

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.web import StaticFileHandler
from tornado.websocket import WebSocketClosedError
from traitlets import default
from voila.app import Voila

from widgets import theme
from widgets.cards import LABS, lab_cards

ATLAS = "atlas.html"
TEMPLATES = Path(__file__).with_name("templates")


class Pages(Voila):
    """Voila with our templates before its own and with `labs/voila.json` as its only settings."""

    listener: socket  # bound before the pre-heated kernels start, which must know the port

    @default("config_file_paths")
    def _default_config_file_paths(self) -> list[str]:
        return [str(LABS)]

    def setup_template_dirs(self) -> None:
        super().setup_template_dirs()
        self.template_paths.insert(0, str(TEMPLATES))

    def init_settings(self) -> dict:
        settings = super().init_settings()
        folder = Path(self.root_dir)
        settings["voila_jinja2_env"].globals.update(
            lab_cards=partial(lab_cards, folder), theme_css=theme.css(),
            atlas=ATLAS if (folder / ATLAS).exists() else "",
        )  # fmt: skip
        return settings

    def init_handlers(self) -> list:
        """Voila's, and the atlas beside the notebooks, which is a page without scripts."""
        atlas = (
            f"{self.server_url}({re.escape(ATLAS)})",
            StaticFileHandler,
            {"path": self.root_dir},
        )
        return [atlas, *super().init_handlers()]

    def http_server(self) -> HTTPServer:
        return HTTPServer(self.app)

    def listen(self) -> None:
        self.listener.setblocking(False)
        self.http_server().add_socket(self.listener)
        print(f"Edgewise is at {self.connection_url}", flush=True)
        if self.open_browser:
            threading.Thread(target=webbrowser.open, args=[self.connection_url]).start()
        self.ioloop = IOLoop.current()
        try:
            self.ioloop.start()
        except KeyboardInterrupt:
            print("\nStopping the labs.")
        finally:
            self.stop()


def quiet_logs() -> None:
    """Leave out what is no error: a page that asks for a missing file, or goes amid a frame."""

    def unexpected(record: logging.LogRecord) -> bool:
        return not (record.exc_info and isinstance(record.exc_info[1], WebSocketClosedError))

    for name in ["asyncio", "tornado.application"]:
        logging.getLogger(name).addFilter(unexpected)
    logging.getLogger("tornado").setLevel(logging.ERROR)
