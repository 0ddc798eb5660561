"""`edgewise card`: what becomes of an optimizer in every lab that can take it."""

from __future__ import annotations

import argparse
from pathlib import Path

from lab_core.files import opened, writing


def options(sub: argparse.ArgumentParser) -> None:
    """The options of the command."""
    sub.add_argument("optimizer", metavar="OPTIMIZER", help="its name in `edgewise list`")
    sub.add_argument("--set", metavar="KNOB=VALUE", action="append", default=[], help="lr=0.01")
    sub.add_argument("--json", metavar="FILE", type=Path, help="write the card there")


def card(args: argparse.Namespace) -> int:
    """Put an optimizer into every lab that can take it, and say what became of it."""
    from lab_core import card
    from lab_core.devices import one_thread
    from lab_core.formats import parse_value, split_piece

    one_thread()
    pieces = [split_piece(piece) for piece in args.set]
    slug, optimizer = card.brought(args.optimizer, {n: parse_value(v, n) for n, v in pieces})
    if args.json:
        with writing(args.json):
            args.json.open("a").close()
    done = []
    for i, (_, row) in enumerate(card.rows(optimizer), 1):
        done.append(row)
        print(f"[{i}/{len(card.TRIALS)}] {row.title}: {card.mark(row.holds)} ({row.paper})")
        print(f"    {row.said}", flush=True)
    if args.json:
        with opened(args.json) as file:
            file.write(card.of(slug, optimizer, done).to_json())
    return 0
