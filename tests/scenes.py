"""The explorers, each with the setting with which tests open it."""

from memcalc.explorers import activations, article, fit, hardware, kv_cache, optimizer, plan, validation, weights

FIT = {"model": "LLaMA-7B", "gpu": "RTX 4090", "context": 32_768, "batch": 1, "weights": "FP16", "kv_cache": "FP16"}
CACHE = {"kv_heads": 32, "context": 32_768, "batch": 1, "kv_cache": "FP16"}
AUDIT = {"kind": "all", "verdict": "all"}
PLAN = FIT | {"model": "Gemma-3-27B", "task": "answer", "cards": "1", "weights": "Q4_K_M", "overhead": "none"}
STATES = {"zero": "2", "data_parallel": 8, "recipe": "mixed", "optimizer": "AdamW"}
CARDS = FIT | {"model": "Llama-3.1-8B", "context": 8192}
STORED = {"model": "Llama-3.1-8B", "weights": "NF4-double"}
PEAK = {"context": 1024, "activations": "keep all"}
KEPT = {"context": 2048, "batch": 1, "code": "transformers", "recompute": "none", "attention": "eager"}
SCENES = [(fit, FIT), (kv_cache, CACHE), (article, AUDIT)]
SCENES += [(validation, PEAK), (plan, PLAN), (activations, KEPT)]
SCENES += [(optimizer, STATES), (hardware, CARDS)]
SCENES += [(weights, STORED)]
