"""What several tests take: configs, models, runs, and a look into a picture."""

import re

from hypothesis import strategies as st

from memcalc import Inference, Model, catalogue

LLAMA = {
    "model_type": "llama",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "max_position_embeddings": 2048,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 32,
    "tie_word_embeddings": False,
    "vocab_size": 32000,
}
GPT2 = {"model_type": "gpt2", "n_embd": 768, "n_head": 12, "n_layer": 12, "n_positions": 1024, "vocab_size": 50257}

MODELS = st.sampled_from(catalogue.names("models")).map(Model.named)
FORMATS = st.sampled_from([row["name"] for row in catalogue.rows("formats") if row["cache"] == "yes"])
RUNS = st.builds(Inference, st.integers(1, 10**6), st.integers(1, 512), FORMATS, FORMATS)


def coordinates(svg, name):
    """The numbers of the named path in an SVG text: x, y, x, y …"""
    path = re.search(rf'id="{name}">\s*<path d="([^"]*)"', svg)[1]
    return [float(number) for number in re.findall(r"-?[\d.]+", path)]
