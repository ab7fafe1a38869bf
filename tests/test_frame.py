"""What belongs to a scene: presets that it can show, shapes that its picture has."""

import pytest

from memcalc import (
    activation_scenes,
    audit_scenes,
    hardware_scenes,
    plan_scenes,
    reality_scenes,
    scenes,
    training_scenes,
    weights_scenes,
)
from memcalc.frame import scene
from memcalc.widgets import explore

FIT = {"model": "LLaMA-7B", "gpu": "RTX 4090", "context": 32_768, "batch": 1, "weights": "FP16", "kv_cache": "FP16"}
CACHE = {"kv_heads": 32, "context": 32_768, "batch": 1, "kv_cache": "FP16"}
AUDIT = {"kind": "all", "verdict": "all"}
PLAN = FIT | {"model": "Gemma-3-27B", "task": "answer", "cards": "1", "weights": "Q4_K_M", "overhead": "none"}
STATES = {"zero": "2", "data_parallel": 8, "recipe": "mixed", "optimizer": "AdamW"}
CARDS = FIT | {"model": "Llama-3.1-8B", "context": 8192}
STORED = {"model": "Llama-3.1-8B", "weights": "NF4-double"}
PEAK = {"context": 1024, "activations": "keep all"}
KEPT = {"context": 2048, "batch": 1, "code": "transformers", "recompute": "none", "attention": "eager"}
SCENES = [(scenes.will_it_fit, FIT), (scenes.cache_against_context, CACHE), (audit_scenes.audit, AUDIT)]
SCENES += [(reality_scenes.sum_and_peak, PEAK), (plan_scenes.plan, PLAN), (activation_scenes.kept_for_backward, KEPT)]
SCENES += [(training_scenes.states_on_a_card, STATES), (hardware_scenes.cards_for_a_model, CARDS)]
SCENES += [(weights_scenes.stored_weights, STORED)]


@pytest.mark.parametrize(("shown", "start"), SCENES)
def test_every_shape_is_in_the_picture(shown, start):
    frame = shown(**start)
    for name in frame.shapes:
        assert f'<g id="{name}">' in frame.stage.svg


@pytest.mark.parametrize(("shown", "start"), SCENES)
def test_every_preset_makes_sense_and_names_controls(shown, start):
    assert len(shown.presets) >= 2
    for preset in shown.presets.values():
        assert preset.keys() <= start.keys()
        explore(shown, **start | preset)


def test_a_scene_stays_a_function():
    @scene(presets={"one": {"batch": 1}})
    def shown(*, batch):
        return batch

    assert shown(batch=3) == 3
    assert (shown.presets, shown.menus) == ({"one": {"batch": 1}}, {})
