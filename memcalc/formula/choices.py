"""What a run chooses from: each word with a sentence that says what it means."""

from __future__ import annotations

from enum import StrEnum


class Choice(StrEnum):
    """One word of a few; it is that word wherever text is expected, and `sentence` says what it means.

    >>> Recompute.FULL == "full", f"{Recompute.FULL}", Recompute.FULL.sentence
    (True, 'full', 'each layer, from its input')
    """

    sentence: str

    def __new__(cls, word: str, sentence: str) -> Choice:
        """Make the word; the sentence belongs to it."""
        member = str.__new__(cls, word)
        member._value_, member.sentence = word, sentence
        return member

    def __repr__(self) -> str:
        return repr(self.value)


class Recompute(Choice):
    """What the backward pass computes again."""

    NONE = "none", "nothing: all that it needs is kept"
    SELECTIVE = "selective", "the scores of the attention, which are large and cheap"
    FULL = "full", "each layer, from its input"
    KEEP_ATTENTION = "keep-attention", "each layer, but for what its attention kernel gives"
    KEEP_PRODUCTS = "keep-products", "each layer, but for its attention and its matrix products"
    TORCHTITAN = "torchtitan", "each layer, but for its attention and every second matrix product, as torchtitan does"


class Attention(Choice):
    """The attention kernel."""

    SDPA = "sdpa", "PyTorch picks the kernel"
    FLASH = "flash", "fused: no scores are stored"
    EAGER = "eager", "one operation after the other: scores are stored"


class Logits(Choice):
    """Which tokens of a prompt get logits."""

    AUTO = "auto", "as the program does it if nobody asks otherwise: llama.cpp has room for all, others take the last"
    LAST = "last", "the last one of each sequence, which is all that generating needs"
    ALL = "all", "every one, as for perplexities"


class Experts(Choice):
    """How Hugging Face code runs the experts of a layer."""

    GROUPED = "grouped_mm", "all experts in one multiplication, tokens sorted by expert"
    EAGER = "eager", "one expert after the other"
    BATCHED = "batched_mm", "a copy of the expert's matrices for each token and choice"


class Sharding(Choice):
    """Who shares the training states out between data-parallel cards."""

    ZERO = "zero", "DeepSpeed's ZeRO, up to the stage of `zero`"
    FSDP = "fsdp", "PyTorch's fully sharded data parallelism, which shares everything"
    FSDP2 = "fsdp2", "its successor fully_shard, which copies what it gathers, and adds gradients up layer by layer"


class Reduced(Choice):
    """In which numbers fully_shard adds gradients up between cards."""

    GATHERED = "gathered", "as weights are gathered, which is usual in PyTorch and accelerate"
    FP32 = "FP32", "in 32 bits, as torchtitan does"


class Exchange(Choice):
    """What cards that divide a sequence send each other for its attention."""

    RING = "ring", "keys and values, which go around between them, as PyTorch's ring attention does it"
    ULYSSES = "ulysses", "heads: each has all tokens for some of them meanwhile, as DeepSpeed's Ulysses does it"


class Schedule(Choice):
    """In which order the stages of a pipeline go forward and back."""

    GPIPE = "GPipe", "all micro-batches forward, then all back"
    ONE = "1F1B", "one forward, one back, as soon as the first is through"
    INTERLEAVED = "interleaved", "1F1B with several chunks of layers on each card"
    ZERO_BUBBLE = "ZB-H1", "1F1B in which gradients of weights are made later, where a stage would wait"


class Offload(Choice):
    """What is kept off the card."""

    NONE = "none", "nothing"
    OPTIMIZER = "optimizer", "gradients and optimizer are in CPU memory"
    PARAMETERS = "parameters", "the weights too"
    NVME = "nvme", "all of it is on disk"


class Average(Choice):
    """In which numbers an average of the weights over the steps is kept."""

    NONE = "none", "there is none"
    FP32 = "FP32", "in 32 bits"
    BF16 = "BF16", "in 16 bits"


class Losses(Choice):
    """How head and cross entropy are computed; data/losses.csv says what each keeps."""

    PLAIN = "plain", "as Transformers does since 4.49, on logits raised to 32 bits"
    PLAIN_448 = "plain-4.48", "Transformers 4.46 to 4.48, which copies the logits once more"
    PLAIN_445 = "plain-4.45", "Transformers up to 4.45"
    FUSED = "fused", "a kernel that turns the logits into their gradients in place"
    FUSED_448 = "fused-4.48", "the same kernel in Transformers 4.46 to 4.48"
    FUSED_445 = "fused-4.45", "the same kernel in Transformers up to 4.45"
    FUSED_LINEAR = "fused_linear", "head and loss in chunks, such as Liger's: no logits are kept"
    LOG_PROBABILITIES = "log_probabilities", "log-probabilities of the tokens, as TRL takes them for DPO, GRPO and PPO"
    LOG_PROBABILITIES_16 = "log_probabilities-16", "the same with DeepSpeed, which leaves logits in 16 bits"


class Accounting(Choice):
    """Whose activations are counted."""

    TRANSFORMERS = "transformers", "what PyTorch keeps for Hugging Face code"
    MEGATRON = "megatron", "the fused layer of Korthikanti et al."
    NONE = "none", "nobody's: they are left out"


class End(Choice):
    """Which end of a documented range is counted."""

    NONE = "none", "nothing is counted"
    LOW = "low", "the low end"
    HIGH = "high", "the high end"


class WindowCache(Choice):
    """How the cache of layers with a window is counted."""

    IDEAL = "ideal", "only the window"
    FULL = "full", "room for the whole context"


class Budget(Choice):
    """How an engine sizes the pool that all requests share."""

    NONE = "", "it has no pool: each run takes what it needs"
    TOTAL = "total", "a share of the card, less weights and what a step needs"
    ASIDE = "aside", "a share of the card, less weights; steps have the rest of the card"
    FREE = "free", "a share of what weights and a step leave free"


class Kept(Choice):
    """What an engine keeps in its cache otherwise than a model needs."""

    WHOLE_CONTEXT = "whole context", "layers with a window keep every token"
    EVERY_HEAD = "every head", "keys and values that query heads share are kept once for each of them"


class Targets(Choice):
    """Which matrices get an adapter."""

    ALL = "all", "all linear ones of the layers"
    QV = "qv", "those of queries and values"
    QKVO = "qkvo", "all of the attention"
    MLP = "mlp", "all of the MLP"


class Adapters(Choice):
    """In which numbers adapters are trained."""

    FP32 = "FP32", "as PEFT makes them, whatever the model is in"
    BF16 = "BF16", "in 16 bits, as the recipe has it"


class Family(Choice):
    """How a format stores numbers."""

    PLAIN = "plain", "every number has the bits of the format"
    GROUPS = "groups", "codes, and scales beside them"
    HQQ = "hqq", "codes packed across groups, and scales beside them"
    BLOCKS = "blocks", "blocks of one type of llama.cpp"
    GGUF = "gguf", "a mix of block types, as llama.cpp chooses them"
    CACHE = "cache", "a format of key and value caches alone"


class Layout(Choice):
    """How an optimizer stores a state."""

    FULL = "full", "a number for each parameter"
    BLOCKS = "blocks", "codes of few bits, and a scale for each block"
    FACTORED = "factored", "a number for each row and each column of a matrix"
    FACTORED_AND_FULL = "factored and full", "as factored, and a number for each parameter beside it"
    HIDDEN_MATRICES = "hidden matrices", "momentum alone for the matrices between the layers"
    LOW_RANK = "low rank", "of each matrix between the layers what its largest directions hold, and these"
    RANDOM_RANK = "random rank", "of each matrix between the layers what a few random directions hold, and these"
