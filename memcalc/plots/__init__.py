"""Pictures, one module a subject, in one style: functions that draw and say in words what they show."""

from memcalc.plots.activations import activations_context, kept_in_a_layer
from memcalc.plots.article import claims_audit, market_table, table1_stacked
from memcalc.plots.bars import bars
from memcalc.plots.hardware import hardware_bandwidth_memory
from memcalc.plots.kv_cache import kv_cache_context
from memcalc.plots.optimizer import training_states_zero
from memcalc.plots.plan import plans
from memcalc.plots.validation import predicted_measured, sum_and_peak
from memcalc.plots.weights import bits_per_weight, weights_by_format

__all__ = [
    "activations_context",
    "bars",
    "bits_per_weight",
    "claims_audit",
    "hardware_bandwidth_memory",
    "kept_in_a_layer",
    "kv_cache_context",
    "market_table",
    "plans",
    "predicted_measured",
    "sum_and_peak",
    "table1_stacked",
    "training_states_zero",
    "weights_by_format",
]
