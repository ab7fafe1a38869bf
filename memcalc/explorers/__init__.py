"""Pictures that one can touch: an explorer a subject, its frames, the widget and the page's side."""

from memcalc.explorers.activations import kept_for_backward as activations
from memcalc.explorers.article import audit as article
from memcalc.explorers.fit import will_it_fit as fit
from memcalc.explorers.hardware import cards_for_a_model as hardware
from memcalc.explorers.kv_cache import growing_cache as kv_cache
from memcalc.explorers.optimizer import states_on_a_card as optimizer
from memcalc.explorers.plan import plan
from memcalc.explorers.validation import predicted_and_measured as validation
from memcalc.explorers.weights import stored_weights as weights

__all__ = ["activations", "article", "fit", "hardware", "kv_cache", "optimizer", "plan", "validation", "weights"]
