"""Models and formats of published files, from the inputs of rows of tests/data/stored.csv."""

from memcalc import Model
from memcalc.estimate.terms import values
from memcalc.formula.quantization import weights_in
from memcalc.formula.tensors import present
from memcalc.specs.inference import Inference
from memcalc.specs.kept import in_model
from memcalc.specs.stored import stored

_FORMAT = (
    *("quant_method", "weight_block_size", "activation_scheme", "modules_to_not_convert"),
    *("format", "ignore", "config_groups"),
)


def config(inputs):
    """A config.json with the keys of a format in a part of their own."""
    if "quantization" in inputs:
        [said] = inputs["quantization"]
        return inputs | {"quantization": said}
    said = {key: inputs[key] for key in _FORMAT if key in inputs}
    if "config_groups" in said:
        [said["config_groups"]] = said["config_groups"]
    return {key: value for key, value in inputs.items() if key not in said} | {"quantization_config": said}


def weigh(values_of_file, beside=None):
    """The bytes of a file's weights."""
    model, found = Model.from_config(values_of_file), stored(values_of_file, beside)
    assert not found.problem, found.problem
    term = weights_in(in_model(found, model).form, present(model.structure, model.absent))
    return term.exact(values(model, Inference()))
