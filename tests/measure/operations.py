"""The arithmetic operations of a forward and backward pass, as PyTorch's counter has them: tests/data/operations.jsonl.

`cd tests && python -m measure.operations` builds each model small, with numbers, on a CPU, and writes the file anew.
Attention and experts run one operation after the other, because the counter knows no fused kernel: every pair of tokens
is computed. Scans and convolutions of state-space layers are not counted: of Mamba, multiplications of matrices alone.
"""

import datetime
import json
import logging
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import peft
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM

import measured

DATA = measured.DATA / "operations.jsonl"
CONTEXT, BATCH, RANK = 24, 2, 8
HOW = "torch.utils.flop_counter over a forward and backward pass on a CPU, attention and experts eager"

_SIZES = {"vocab_size": 320, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4}
_LLAMA = _SIZES | {"intermediate_size": 160, "num_key_value_heads": 2, "head_dim": 16, "max_position_embeddings": 256}
_WINDOWS = _LLAMA | {"sliding_window": 8}
_EXPERTS = {"num_experts_per_tok": 2, "num_local_experts": 4}
_LATENT = _SIZES | {
    **{"intermediate_size": 160, "num_key_value_heads": 4, "q_lora_rank": 24, "kv_lora_rank": 20, "v_head_dim": 12},
    **{"qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "n_routed_experts": 8, "num_experts_per_tok": 2, "n_group": 2},
    **{"topk_group": 1, "n_shared_experts": 1, "first_k_dense_replace": 1, "moe_intermediate_size": 32},
}
CONFIGS = {
    "llama": _LLAMA,
    "mistral": _WINDOWS,
    "qwen2": {name: value for name, value in _LLAMA.items() if name != "head_dim"} | {"tie_word_embeddings": True},
    "gemma2": _WINDOWS | {"query_pre_attn_scalar": 16},
    "gpt2": {"vocab_size": 320, "n_embd": 64, "n_layer": 4, "n_head": 4, "n_positions": 256},
    "gpt_neox": _SIZES | {"intermediate_size": 160, "max_position_embeddings": 256},
    "falcon": _SIZES | {"new_decoder_architecture": False, "multi_query": True, "bias": False, "alibi": False},
    "phi3": _LLAMA | {"pad_token_id": 0},
    "mixtral": _LLAMA | _EXPERTS,
    "gpt_oss": _WINDOWS | _EXPERTS,
    "qwen3_moe": _LLAMA | {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 48},
    "deepseek_v3": _LATENT,
    "lfm2": _LLAMA
    | {"conv_L_cache": 3, "block_ff_dim": 160, "block_auto_adjust_ff_dim": False, "full_attn_idxs": [1, 3]},
    "gemma4_text": _WINDOWS
    | {"num_hidden_layers": 8, "num_kv_shared_layers": 2}
    | {"hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 320},
    "mamba": {"vocab_size": 320, "hidden_size": 64, "num_hidden_layers": 4, "state_size": 8, "time_step_rank": 6},
}
_MLP = ["gate_proj", "up_proj", "down_proj"]
_ATTENTION = ["q_proj", "k_proj", "v_proj", "o_proj"]
TARGETS = {"all": [*_ATTENTION, *_MLP], "qkvo": _ATTENTION, "mlp": _MLP}


def main() -> int:
    """Count every case, and write the rows."""
    logging.disable(logging.WARNING)
    with DATA.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(row)}\n" for row in _rows())
    return 0


def _rows() -> Iterator[dict[str, Any]]:
    for family, config in CONFIGS.items():
        for run in _runs() if family == "llama" else ({},):
            built = AutoConfig.for_model(family, **config)
            told = {name: getattr(built, name) for name in ("layer_types",) if getattr(built, name, None)}
            counted = _count(built, **run)
            libraries = ", ".join(f"{name} {version(name)}" for name in ("transformers", "torch", "peft"))
            row = {"config": {"model_type": family, **config, **told}, "context": CONTEXT, "batch": BATCH, **run}
            yield row | {"operations": counted, "how": HOW, "library": libraries, "date": str(datetime.date.today())}


def _runs() -> Iterator[dict[str, str]]:
    """Yield nothing, what is computed again, and adapters, in every mixture."""
    for recompute in ({}, {"recompute": "full"}):
        yield recompute
        yield from (recompute | {"lora_targets": targets} for targets in TARGETS)


def _count(config: Any, recompute: str = "none", lora_targets: str = "") -> int:
    torch.manual_seed(0)
    config._experts_implementation = "eager"
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").train()
    if recompute == "full":
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if lora_targets:
        model = peft.get_peft_model(model, peft.LoraConfig(r=RANK, target_modules=TARGETS[lora_targets]))
    if lora_targets and recompute == "full":
        model.enable_input_require_grads()
    tokens = torch.randint(1, config.vocab_size - 1, (BATCH, CONTEXT))
    with FlopCounterMode(display=False) as counter:
        model(input_ids=tokens, labels=tokens, use_cache=False).loss.backward()
    each = {str(kind).removeprefix("aten."): count for kind, count in counter.get_flop_counts()["Global"].items()}
    kinds = ("mm", "addmm") if config.model_type == "mamba" else ("mm", "addmm", "bmm", "baddbmm")
    return sum(each.get(kind, 0) for kind in kinds)


if __name__ == "__main__":
    sys.exit(main())
