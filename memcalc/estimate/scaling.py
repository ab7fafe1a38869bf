"""Models of one shape at any size, and the largest of them that a card holds."""

from dataclasses import replace

from memcalc.errors import InputError, whole
from memcalc.estimate.questions import fits, last
from memcalc.formula.symbols import BY_NAME
from memcalc.specs.gpu import Gpu
from memcalc.specs.inference import Inference
from memcalc.specs.model import Model

_KV_HEADS = 8  # where heads are grouped, as in Llama-2-70B
_HEAD_DIM = 128
_MOST_LAYERS = BY_NAME["hidden"].limit // _HEAD_DIM


def scaled(layers: int, grouped: bool = False) -> Model:
    """Return a model of LLaMA's shape with another number of layers; 32 give LLaMA-7B and 40 give LLaMA-13B.

    Parameters
    ----------
    layers : layers, and attention heads of 128 numbers; the hidden size is 128 times as much
    grouped : whether 8 heads of keys and values serve all others, as in Llama-2-70B, instead of one each; then the
        number of heads is rounded up to a multiple of 8

    The MLP is 8/3 as wide as the hidden size, rounded up to a multiple of 256, as in LLaMA's own code.
    Raises InputError if the layers are not a whole number from 1 to 78,125.

    >>> scaled(32).parameters == Model.named("LLaMA-7B").parameters
    True
    """
    layers = whole("layers", layers, 1, _MOST_LAYERS)
    hidden = _HEAD_DIM * layers
    heads = -(-layers // _KV_HEADS) * _KV_HEADS if grouped else layers
    return replace(
        Model.named("LLaMA-7B"),
        name=f"{layers:,} layers of LLaMA's shape",
        full_layers=layers,
        dense_layers=layers,
        hidden=hidden,
        intermediate=-(-(8 * hidden // 3) // 256) * 256,
        heads=heads,
        kv_heads=_KV_HEADS if grouped else heads,
    )


def largest_model(gpu: Gpu, run: Inference, grouped: bool = False) -> Model:
    """Return the largest model of LLaMA's shape that fits the card: solved, not looked up.

    Parameters
    ----------
    run : formats, context and batch
    grouped : whether 8 heads of keys and values serve all others

    Raises InputError if not even one layer fits.

    >>> run = Inference(context=32768, weights="INT8", kv_cache="INT8")
    >>> largest_model(Gpu.named("RTX 4090"), run).layers
    39
    """
    layers = last(lambda count: bool(fits(scaled(count, grouped), run, gpu)), _MOST_LAYERS)
    if not layers:
        raise InputError(f"gpu {gpu.name} holds no model of LLaMA's shape with {run.context:,} tokens of context.")
    return scaled(layers, grouped)
