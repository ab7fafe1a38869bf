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
        cell.metadata["slideshow"] = {"slide_type": slide_type(cell)}
        for output in cell.get("outputs", []):
            if WIDGET in output.get("data", {}):
                output["data"][WIDGET]["model_id"] = ""
    beside = path.with_suffix(".part")
    nbformat.write(notebook, beside)
    beside.replace(path)


def is_caption(cell: nbformat.NotebookNode) -> bool:
    """Return whether a cell begins in italics, as what stands below a picture does."""
    return cell.source.startswith("*") and not cell.source.startswith("**")


def slide_type(cell: nbformat.NotebookNode) -> str:
    """Return where a cell stands in a deck: "slide" begins one, "subslide" one below it, "-" stays on the same."""
    if cell.source.startswith(("## Set-up", "from ", "import ")):
        return "skip"
    if cell.cell_type == "markdown":
        return "slide" if cell.source.startswith("#") else "-" if is_caption(cell) else "subslide"
    kinds = {kind for output in cell.outputs for kind in output.get("data", {})}
    return "skip" if WIDGET in kinds else "subslide" if "text/html" in kinds else "-"


if __name__ == "__main__":
    os.environ["MEMCALC_PROGRESS"] = "off"  # whoever runs this may be a learner too
    for notebook in tqdm([Path(name) for name in sys.argv[1:]] or EVERY, unit="notebook"):
        execute(notebook)
