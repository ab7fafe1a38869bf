"""The formula: medians, each beside its limit."""

import statistics
import subprocess
import sys
import time

import numpy

import memcalc
from memcalc.formula.symbols import symbol

REPEATS = 15


def median(question, times=1):
    """The median time of a call [s], over several rounds of many calls."""
    rounds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for _ in range(times):
            question()
        rounds.append((time.perf_counter() - start) / times)
    return statistics.median(rounds)


def process(code):
    """The time of a fresh Python process [s]."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start


def imports():
    """The median of import memcalc over import sympy, measured in turns."""
    pairs = [(process("import memcalc"), process("import sympy")) for _ in range(REPEATS)]
    return statistics.median(ours / theirs for ours, theirs in pairs)


def first(name):
    """The time of the first breakdown in a process [s]."""
    code = (
        "import time; from memcalc import *;"
        f"start = time.perf_counter(); breakdown(Model.named('{name}'), Inference());"
        "print(time.perf_counter() - start)"
    )
    runs = [subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True) for _ in range(5)]
    return statistics.median(float(run.stdout) for run in runs)


def million():
    """A million configurations through the fast path [s]."""
    known = memcalc.values(memcalc.Model.named("Gemma-3-27B"), memcalc.Inference())
    grid = {symbol("context"): numpy.arange(1, 10**6 + 1), symbol("batch"): numpy.arange(10**6) % 64 + 1}
    return median(lambda: memcalc.TERMS["inference"].fast(known | grid))


def lines():
    """What was measured beside its limit, a line each."""
    llama, inference = memcalc.Model.named("LLaMA-7B"), memcalc.Inference(context=4096)
    mixed, training = memcalc.Model.named("Gemma-3-27B"), memcalc.Training(context=2048)
    measured = [
        ("breakdown, inference", median(lambda: memcalc.breakdown(llama, inference), 200) * 1e6, "µs", 100),
        ("breakdown, windows", median(lambda: memcalc.breakdown(mixed, inference), 200) * 1e6, "µs", 100),
        ("breakdown, training", median(lambda: memcalc.breakdown(llama, training), 200) * 1e6, "µs", 100),
        ("first breakdown of DeepSeek-V3", first("DeepSeek-V3") * 1e3, "ms", 50),
        ("a million configurations", million(), "s", 1),
        ("import memcalc / import sympy", imports(), "", 1.35),
    ]
    for name, value, unit, limit in measured:
        yield f"{name}: {value:.2f} {unit}".rstrip() + f" (limit {limit})"
