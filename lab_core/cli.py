"""The command line: `edgewise list | run | sweep | claims | check | card | export | serve | open`.

Exit codes: 0, done; 1, a claim does not hold, or a hand-in is not so; 2, bad input; 130,
interrupted. torch is imported by the commands that need it alone, so that `--help` is quick.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from lab_core import cli_card, cli_check, cli_claims, cli_serve, cli_sweep
from lab_core.arguments import chosen
from lab_core.files import opened, writing
from lab_core.knobs import BadInput

if TYPE_CHECKING:
    from lab_core.milestones import Milestone
    from lab_core.run import Run


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit code."""
    try:
        argv = sys.argv[1:] if argv is None else argv
        args = parser().parse_args(argv)
        args.given = argv[1:]
        code: int = args.command(args)
        sys.stdout.flush()
        return code
    except BadInput as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries again
        if isinstance(error, BrokenPipeError):  # the reader, `head` for one, has seen enough
            return 0
        print(f"output: it cannot be written ({error.strerror}); make room.", file=sys.stderr)
        return 2
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "alloc" not in str(error):
            raise
        print(
            "memory: the run does not fit; take fewer replicas, or a smaller net.", file=sys.stderr
        )
        return 2


class Parser(argparse.ArgumentParser):
    """A parser whose errors are `BadInput`."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message}; see `{self.prog} --help`.")


def parser() -> Parser:
    """The commands and their options."""
    top = Parser(
        prog="edgewise", description="Watch neural networks train, and check what is said."
    )
    commands = top.add_subparsers(metavar="COMMAND", required=True)

    def add(command: Callable[[Any], int], name: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=command.__doc__, description=command.__doc__)
        sub.set_defaults(command=command)
        return sub

    add(show, "list")
    train = add(run, "run")
    grid = add(cli_sweep.sweep, "sweep")
    convert = add(export, "export")
    for sub in (train, grid, convert):
        sub.add_argument(
            "recipe", metavar="NAME|FILE", help="a phenomenon, or a recipe's JSON file"
        )
        sub.add_argument("--preset", help="one of the phenomenon's; default: its first")
        sub.add_argument("--set", metavar="KNOB=VALUE", action="append", default=[],
                         help="lr=0.4, optimizer=adam; lr=0.1,0.2 makes two replicas")  # fmt: skip
        sub.add_argument("--steps", metavar="N", help="the same as --set steps=N")
    train.add_argument("--out", metavar="DIR", type=Path,
                       help="write recipe.json, record.csv and milestones.json there")  # fmt: skip
    cli_sweep.options(grid)
    convert.add_argument("--to", choices=("torch", "url", "json", "python"), required=True)
    cli_claims.options(add(cli_claims.claims, "claims"))
    cli_check.options(add(cli_check.check, "check"))
    cli_card.options(add(cli_card.card, "card"))
    cli_serve.options(add(serve, "serve"))
    notebooks = add(open_lab, "open")
    notebooks.add_argument("--port", type=int, help="default: a free one")
    notebooks.add_argument("--no-browser", action="store_true", help="only print the address")
    return top


# ---- commands


def show(args: argparse.Namespace) -> int:
    """List the phenomena, and the parts that a recipe can have."""
    from lab_core.phenomena import PHENOMENA
    from lab_core.probes import PROBES
    from lab_core.recipe import PARTS

    for name, phenomenon in PHENOMENA.items():
        print(f"{name}\n    {phenomenon.question}")
        for paper, citation in phenomenon.papers:
            print(f"    paper {paper}: {citation}")
        for preset, entry in phenomenon.presets.items():
            print(f"    --preset {preset}: {entry.title}")
        for figure, drawn in phenomenon.figures.items():
            print(f"    --preset {figure} of `edgewise sweep`: {drawn.title}")
    for part, registry in PARTS.items():
        print(f"\n{part}: {', '.join(registry)}", end="")
    print(f"\nprobes: {', '.join(PROBES)}")
    return 0


def run(args: argparse.Namespace) -> int:
    """Run a phenomenon's preset, or a recipe, and say what happened."""
    recipe = chosen(args)
    from lab_core.devices import one_thread
    from lab_core.formats import to_json
    from lab_core.milestones import find
    from lab_core.run import Run

    one_thread()
    if args.out:  # what cannot be written is known before the run
        with writing(args.out):
            args.out.mkdir(parents=True, exist_ok=True)
        with opened(args.out / "recipe.json") as file:
            file.write(to_json(recipe))
    going = Run(recipe)
    print(going.arms[0].device_reason, file=sys.stderr)
    finished = finish(going)
    found = find(going)
    if args.out:
        write(going, found, args.out)
    for milestone in found:
        print(f"{milestone.sentence}.")
    if finished:
        return 0
    written = f"what there is was written to {args.out}" if args.out else "nothing was written"
    print(f"Interrupted at step {going.arms[0].t} of {recipe.steps}; {written}.", file=sys.stderr)
    return 130


def export(args: argparse.Namespace) -> int:
    """Print a recipe as a PyTorch script, a URL's query, JSON or Python."""
    from lab_core import formats
    from lab_core.export import to_torch

    forms = {"torch": to_torch, "url": formats.to_url, "json": formats.to_json,
             "python": formats.to_python}  # fmt: skip
    print(forms[args.to](chosen(args)).rstrip("\n"))
    return 0


def serve(args: argparse.Namespace) -> int:
    """Serve the labs as web pages (Voila): on this machine only, or with --public to a class."""
    cli_serve.check(args)
    become(["-m", "widgets.server", *args.given])


def open_lab(args: argparse.Namespace) -> int:
    """Open the labs as notebooks (JupyterLab)."""
    start = "import sys; from widgets.server import open_lab; open_lab(sys.argv[1:])"
    become(["-c", start, *args.given])


def become(program: list[str]) -> NoReturn:
    """Turn into a server, so that signals and its exit code need no passing on."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, *program])


# ---- what `run` does


def finish(going: Run) -> bool:
    """Run to the end, with a progress bar; False where it was interrupted."""
    from tqdm import tqdm

    with tqdm(unit="step", desc="steps") as bar:
        try:
            while not going.done:
                going.advance(20)
                arms = going.arms.values()
                bar.total = sum(max(a.program.steps, a.t) - a.first for a in arms)
                bar.update(sum(a.t - a.first for a in arms) - bar.n)
        except KeyboardInterrupt:
            return False
    return True


def write(going: Run, found: list[Milestone], out: Path) -> None:
    """record.csv and milestones.json."""
    from lab_core.milestones import as_json
    from lab_core.tables import write_csv

    with opened(out / "record.csv") as file:
        write_csv(file, [(k, arm.parent, arm.record) for k, arm in going.arms.items()])
    with opened(out / "milestones.json") as file:
        json.dump(as_json(found), file, indent=2, ensure_ascii=False)
