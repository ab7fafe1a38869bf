"""The commands that print something else than an answer: an example, and the glossary."""

import argparse


def example(options: argparse.Namespace) -> None:
    """Print a worked example, which shows that all is installed."""
    from memcalc.command.answers import print_fit
    from memcalc.specs.gpu import Gpu
    from memcalc.specs.inference import Inference
    from memcalc.specs.model import Model

    print("memcalc works. A model of seven billion parameters, 32,768 tokens, on a card of 24 GB:\n")
    print_fit(Model.named("LLaMA-7B"), Inference(), Gpu.named("RTX 4090"))
    print('\nAsk your own: python -m memcalc fit MODEL GPU --context TOKENS   (see "python -m memcalc fit --help")')


def glossary(options: argparse.Namespace) -> None:
    """Print every symbol with its meaning."""
    from memcalc.formula.glossary import ENTRIES

    for entry in ENTRIES:
        print(f"{entry.letter:<9} {entry.name:<26} {entry.meaning}" + (f" [{entry.unit}]" if entry.unit else ""))
