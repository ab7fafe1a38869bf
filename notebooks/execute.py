"""Execute the notebooks in place, so that the same notebook always gives the same file (`make notebooks`)."""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from tqdm import tqdm

HERE = Path(__file__).parent
EVERY = sorted([*HERE.glob("*.ipynb"), *HERE.glob("[a-z]*/*.ipynb")])
WIDGET = "application/vnd.jupyter.widget-view+json"


def execute(path: Path) -> None:
    """Run all cells in a fresh kernel and write the notebook with its outputs; an error in a cell ends the run."""
    notebook = nbformat.read(path, as_version=4)
    where = {"metadata": {"path": path.parent}}
    NotebookClient(notebook, timeout=120, resources=where, coalesce_streams=True).execute()
    notebook.metadata.pop("widgets", None)  # the state of the widgets has random names and is made anew by running
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                output["data"][WIDGET]["model_id"] = ""
    beside = path.with_suffix(".part")
    nbformat.write(notebook, beside)
    beside.replace(path)


if __name__ == "__main__":
    os.environ["MEMCALC_PROGRESS"] = "off"  # whoever runs this may be a learner too
    for notebook in tqdm([Path(name) for name in sys.argv[1:]] or EVERY, unit="notebook"):
        execute(notebook)
