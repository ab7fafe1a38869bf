"""What a frozen model with adapters of PEFT keeps for the backward pass; bitsandbytes quantizes its matrices."""

from collections.abc import Iterable, Mapping
from functools import cache
from unittest.mock import patch

import torch
from bitsandbytes.functional import QuantState, dequantize_4bit, int8_vectorwise_dequant
from bitsandbytes.nn import Linear4bit, Linear8bitLt
from peft import LoraConfig, PeftModel, get_peft_model, prepare_model_for_kbit_training
from peft.tuners.lora.dora import DoraLinearLayer
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode
from transformers import PreTrainedModel

from measure.alive import Alive
from measure.cases import Case
from measure.fake import CARD, fake_card, moved
from measure.models import build, config
from measure.routing import asked, evenly
from memcalc import catalogue

_KEPT = "storages alive after a training forward pass on fake CUDA tensors, less weights and inputs; adapters of PEFT"
HOW = {"activations": _KEPT, "layer_activations": f"two layers less one: {_KEPT}"}
_WORDS = {"qv": "q_proj,v_proj,qkv_proj,q_b_proj,kv_b_proj", "mlp": "gate_proj,up_proj,gate_up_proj,down_proj"}
_WORDS |= {"qkvo": "q_proj,k_proj,v_proj,qkv_proj,o_proj,q_a_proj,q_b_proj,kv_a_proj,kv_b_proj"}
_GROUPS = ("attention", "latent_attention", "mlp", "router")
_BESIDE_EXPERTS = "peft.utils.transformers_weight_conversion.convert_peft_config_for_transformers"
"""What adds adapters beside the parameters of experts, which are no linear modules."""

_BLOCK = 64  # numbers that share a scale


def measure(case: Case) -> int:
    """Return the bytes that are kept of the whole model, or of a layer."""
    key = case.model, tuple(case.inputs.items())
    return passed(*key, layers=2) - passed(*key, layers=1) if case.quantity == "layer_activations" else passed(*key)


@cache
def passed(name: str, inputs: tuple, layers: int = 0) -> int:
    """Return the bytes alive after a forward pass, with the copies of weights that autocast keeps."""
    case = Case("", name, dict(inputs))
    made = config(case, layers or sum(case.inputs.get(kind, 0) for kind in ("dense_layers", "moe_layers")))
    dtype = torch.float32 if case.inputs["base_weights"] == "FP32" else torch.bfloat16
    in_more_bits = patch("peft.tuners.lora.dora.dequantize_module_weight", _in_more_bits)
    with fake_card() as mode, torch.device(CARD), evenly(case, made), in_more_bits:
        whole = build(made, dtype, case.inputs["attention"], **asked(case, made))
        model = _frozen(mode, moved(mode, whole, CARD), case)
        model = _adapted(model.train(), case)
        if case.inputs.get("recompute") == "full":
            model.enable_input_require_grads()
            how = {"use_reentrant": case.inputs.get("reentrant", False)}
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=how)
        ids = torch.zeros((case.inputs["batch"], case.inputs["context"]), dtype=torch.long)
        with torch.no_grad():
            _loss(model, ids, case)  # whose end finds each bias in the format of its matrix's input
        with Alive([*model.parameters(), *model.buffers(), *_scales(model), ids]) as alive:
            loss = _loss(model, ids, case)
            return alive.bytes - loss.nbytes


def _loss(model: nn.Module, ids: Tensor, case: Case) -> Tensor:
    with torch.autocast("cuda", torch.bfloat16, case.inputs["recipe"] == "autocast"):
        return model(input_ids=ids, labels=ids, use_cache=False).loss


def _frozen(mode: FakeTensorMode, model: PreTrainedModel, case: Case) -> PreTrainedModel:
    """Quantize the matrices of the layers if the case says so, and prepare the model as PEFT does."""
    base = case.inputs["base_weights"]
    few = base in catalogue.names("frozen_bases", "bitsandbytes")
    if few:
        for path, module in list(model.named_modules()):
            if isinstance(module, nn.Linear) and "lm_head" not in path:
                parent, _, name = path.rpartition(".")
                small = _in_8_bits(module) if base == "LLM.int8" else _in_4_bits(module, base.endswith("double"))
                setattr(model.get_submodule(parent), name, small)
        setattr(model, "is_loaded_in_8bit" if base == "LLM.int8" else "is_loaded_in_4bit", True)
    if case.inputs.get("kbit_preparation", few):
        prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    return model.requires_grad_(False)


def _in_8_bits(module: nn.Linear) -> Linear8bitLt:
    """Return a matrix as LLM.int8 stores it; without a threshold no column counts as an outlier, for which a size
    would have to be known that numbers alone decide.
    """
    rows, columns = module.weight.shape
    bias = module.bias is not None
    with patch("bitsandbytes.nn.modules.Int8Params", lambda numbers, **_: nn.Parameter(numbers, requires_grad=False)):
        small = Linear8bitLt(1, 1, bias, has_fp16_weights=False)
    small.in_features, small.out_features, small.bias = columns, rows, module.bias
    weight = nn.Parameter(torch.empty((rows, columns), dtype=torch.int8), requires_grad=False)
    weight.CB = None  # the state has it, as after the first pass
    small._parameters["weight"] = weight
    small.state.CB, small.state.SCB = weight.data, torch.empty(rows)
    return small


def _in_4_bits(module: nn.Linear, double: bool) -> Linear4bit:
    """Return a matrix as bitsandbytes stores it; it packs real numbers only, so that the packed ones are made here."""
    rows, columns = module.weight.shape
    bias = module.bias is not None
    with patch("bitsandbytes.nn.modules.Params4bit", lambda numbers, **_: nn.Parameter(numbers, requires_grad=False)):
        small = Linear4bit(1, 1, bias, torch.bfloat16, quant_type="nf4")
    small.in_features, small.out_features, small.bias = columns, rows, module.bias
    weight = nn.Parameter(torch.empty((rows * columns + 1) // 2, 1, dtype=torch.uint8), requires_grad=False)
    weight.compress_statistics, weight.quant_type = double, "nf4"
    weight.quant_state = _state(torch.Size((rows, columns)), double)
    small._parameters["weight"] = weight
    return small


def _in_more_bits(module: nn.Module) -> Tensor:
    """Return the weight of a matrix as PEFT makes it for DoRA, which asks the class of the weight how."""
    if isinstance(module, Linear8bitLt):
        return int8_vectorwise_dequant(module.weight.data, module.state.SCB)
    state = getattr(module.weight, "quant_state", None)
    return dequantize_4bit(module.weight.data, state) if state else module.weight


def _state(shape: torch.Size, double: bool) -> QuantState:
    blocks = -(-shape.numel() // _BLOCK)
    settings = {"blocksize": _BLOCK, "quant_type": "nf4", "dtype": torch.bfloat16, "shape": shape}
    if not double:
        return QuantState(torch.empty(blocks), code=torch.empty(16), **settings)
    second = QuantState(torch.empty(-(-blocks // 256)), code=torch.empty(256), blocksize=256, dtype=torch.float32)
    first = torch.empty(blocks, dtype=torch.uint8)
    return QuantState(first, code=torch.empty(16), offset=torch.empty(()), state2=second, **settings)


def _scales(model: nn.Module) -> Iterable[Tensor]:
    """Yield what stands beside the packed numbers."""
    yield from (module.state.SCB for module in model.modules() if isinstance(module, Linear8bitLt))
    states = [parameter.quant_state for parameter in model.parameters() if hasattr(parameter, "quant_state")]
    for state in (*states, *(state.state2 for state in states if state.nested)):
        yield from (one for one in (state.absmax, state.code, state.offset) if one is not None)


def _modules(targets: str) -> str | list[str]:
    """Return what PEFT calls the matrices of a case, in the code of every family."""
    if targets == "all":
        return "all-linear"
    asked = _WORDS.get(targets, targets).split(",")
    return [name for row in catalogue.rows("modules") for name in _spelled(row, asked)]


def _spelled(row: Mapping[str, str], asked: list[str]) -> list[str]:
    """Return the names of a matrix, if it is asked for; that of a gate stands before that of the matrix beside it."""
    words, place = row["modules"].split(" "), (row["group"], row["tensor"])
    if row["group"] not in _GROUPS or place == ("attention", "gate_proj"):
        return []
    found = {"gate_proj": words[:1], "up_proj": words[1:]} if place == ("mlp", "up_proj") else {row["tensor"]: words}
    return [name for tensor, several in found.items() if tensor in asked for one in several for name in one.split("|")]


def _adapted(model: PreTrainedModel, case: Case) -> PeftModel:
    """Put adapters beside the matrices, in the format that the case says."""
    modules = _modules(case.inputs.get("lora_targets", "all"))
    drop = case.inputs.get("lora_dropout", 0.0)
    more = {"use_dora": case.inputs.get("dora", False), "use_rslora": case.inputs.get("rslora", False)}
    rank = case.inputs["lora_rank"]
    made = LoraConfig(r=rank, target_modules=modules, lora_dropout=drop, task_type="CAUSAL_LM", **more)
    dtype = torch.bfloat16 if case.inputs.get("adapters") == "BF16" else torch.float32
    there = patch.object(nn.Module, "to", lambda module, *_, **__: module)  # all is on the fake card already
    with there, patch(_BESIDE_EXPERTS, lambda *_, **__: None):
        adapted = get_peft_model(model, made, autocast_adapter_dtype=False)
    for name, module in adapted.named_modules():
        if isinstance(module, DoraLinearLayer) or ("lora_" in name and isinstance(module, nn.Linear)):
            module.weight = nn.Parameter(module.weight.detach().to(dtype))
    return adapted
