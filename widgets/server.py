"""The labs as pages (Voila), for one person or a class, and as notebooks (JupyterLab)."""

import argparse
import errno
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from lab_core import cli_serve
from lab_core.knobs import BadInput
from widgets.cards import LABS
from widgets.public.terms import Terms

HOST = "127.0.0.1"
HOMES = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")


def bind(port: int, host: str = HOST) -> socket.socket:
    """A socket that listens at `port`, 0 for a free one; BadInput where none can."""
    if not 0 <= port <= 65535:
        raise BadInput(f"port: {port} is not a port; give 1 to 65535, or leave it out.")
    try:
        return socket.create_server((host, port))
    except PermissionError:
        raise BadInput(f"port: {port} is reserved; give one above 1023, or leave it out.") from None
    except socket.gaierror:
        raise BadInput(f"host: {host!r} is no address of this machine; give one.") from None
    except OSError as error:
        if error.errno == errno.EADDRNOTAVAIL:
            raise BadInput(f"host: {host!r} is no address of this machine; give one.") from None
        raise BadInput(f"port: {port} is in use; give another one, or leave it out.") from None


def skip_slow_import() -> None:
    """Spare the start 3 s: jsonschema would build a grammar of web addresses that nobody uses."""
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]


def serve(
    port: int = 0, open_browser: bool = True, preheat: bool = False, folder: Path = LABS
) -> None:
    """Serve the notebooks of `folder` as pages until interrupted; BadInput where `port` cannot be.

    `preheat` keeps a started kernel ready for each lab, which then opens faster and costs about
    290 MB of memory.
    """
    listener = bind(port)
    skip_slow_import()
    from widgets import pages

    pages.quiet_logs()
    app = pages.Pages(port=listener.getsockname()[1], open_browser=open_browser)
    app.listener = listener
    app.initialize([str(folder), f"--preheat_kernel={preheat}"])
    app.start()


def serve_public(terms: Terms, open_browser: bool = False, folder: Path = LABS) -> None:
    """Serve the notebooks of `folder` to many visitors; BadInput where `terms` cannot be met."""
    listener = bind(terms.port, terms.host)
    skip_slow_import()
    from widgets import pages
    from widgets.public import forks
    from widgets.public.pages import PublicPages

    with TemporaryDirectory(prefix="edgewise-") as own:
        # a service may have no home; and a home's settings and startup scripts are not for visitors
        os.environ |= dict.fromkeys(HOMES, own)
        forks.warm_up()
        pages.quiet_logs()
        port = listener.getsockname()[1]
        app = PublicPages(terms, folder, port=port, open_browser=open_browser)
        app.listener = listener
        app.initialize([str(folder)])
        app.start()


def open_lab(options: Sequence[str] = (), folder: Path = LABS) -> None:
    """Open the notebooks of `folder` in JupyterLab, which asks no other machine for news.

    `options` are JupyterLab's own, such as `--no-browser` or `--port=8888`.
    """
    skip_slow_import()
    from jupyterlab.labapp import LabApp

    paths = [str(Path(__file__).with_name("jupyter")), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    os.environ["JUPYTER_CONFIG_PATH"] = os.pathsep.join(filter(None, paths))
    LabApp.launch_instance([str(folder), *options])


def main(argv: list[str] | None = None) -> int:
    """The command line `python -m widgets.server`; returns the exit code, 2 for bad input."""
    parser = argparse.ArgumentParser(prog="widgets.server", description="Serve labs as pages.")
    parser.add_argument("folder", nargs="?", type=Path, default=LABS, help="of the notebooks")
    cli_serve.options(parser)
    args = parser.parse_args(argv)
    try:
        cli_serve.check(args)
        if args.public:
            serve_public(Terms.of(args), not args.no_browser, args.folder)
        else:
            serve(args.port or 0, not args.no_browser, args.preheat, args.folder)
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
