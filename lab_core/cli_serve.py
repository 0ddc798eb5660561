"""The options of `edgewise serve`, which the server itself reads again."""

from __future__ import annotations

import argparse

from lab_core.knobs import BadInput

# name: (default, lowest, highest, unit, help); a figure of a server that many share
FIGURES = {
    "sessions": (40, 1, 10_000, "", "pages open at once; who comes later waits at the door"),
    "memory": (512, 64, 1_000_000, "MB", "that one page's kernel may take beyond what all share"),
    "budget": (60.0, 0.1, 100_000.0, "minutes", "of compute for one visitor; then runs pause"),
}  # fmt: skip
PORT = 8866  # of a public server, which must be found again


def options(sub: argparse.ArgumentParser) -> None:
    """Add them to a parser."""
    sub.add_argument("--port", type=int, help=f"default: a free one; with --public {PORT}")
    sub.add_argument("--no-browser", action="store_true", help="only print the address")
    sub.add_argument("--preheat", action="store_true", help="keep a kernel ready for each lab: it"
                     " opens faster, for 290 MB of memory")  # fmt: skip
    shared = sub.add_argument_group("for a class")
    shared.add_argument("--public", action="store_true", help="serve many visitors, each apart"
                        " from the others and within limits")  # fmt: skip
    for name, (default, _, _, unit, help) in FIGURES.items():
        shared.add_argument(f"--{name}", type=type(default), metavar=unit.upper() or "N",
                            help=f"{help} (default {default:g})")  # fmt: skip
    shared.add_argument("--host", help="the address to listen at; 0.0.0.0 lets other machines in")
    shared.add_argument("--base-url", metavar="PATH", help="behind a proxy: /labs/, say")
    shared.add_argument("--origin", metavar="URL", action="append", help="the only address that"
                        " pages may be opened at: https://labs.example.org")  # fmt: skip


def check(args: argparse.Namespace) -> None:
    """Raise BadInput where an option goes without --public, or with it, or is out of its range."""
    for name in (*FIGURES, "host", "base_url", "origin"):
        if getattr(args, name) is not None and not args.public:
            raise BadInput(f"{name}: it is of a public server; add --public, or leave it out.")
    if args.public and args.preheat:
        raise BadInput("preheat: a public server's kernels are warm anyhow; leave it out.")
    for name, (default, low, high, unit, _) in FIGURES.items():
        value = getattr(args, name)
        if value is None:
            setattr(args, name, default)
        elif not low <= value <= high:
            between = f"{low:,} to {high:,.0f} {unit}".rstrip()
            raise BadInput(f"{name}: {value:g} is out of its range; give {between}.")
