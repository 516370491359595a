"""Where the deliveries of a run are, and the commands that use them."""

from __future__ import annotations

from potstill.graph import Graph
from potstill.pipeline import naming
from potstill.pipeline.naming import MODEL
from potstill.pipeline.stage_facts import Named
from potstill.recipe import Recipe
from potstill.report import DeliveredPlace


def places_of(recipe: Recipe, graph: Graph, stages: Named) -> list[DeliveredPlace]:
    """Return the trained student and each delivered file, with paths below the run's folder."""
    if graph.deliver is None:
        return []
    plain = naming.export("safetensors")
    found = []
    if plain in stages:
        use = "potstill chat RUN; potstill serve RUN; or any program that loads Hugging Face checkpoints"
        found.append(DeliveredPlace("the trained student, a Hugging Face checkpoint", f"{plain}/{MODEL}", use))
    else:
        trained = f"{naming.model(graph.arms[graph.deliver], graph)}/{MODEL}"
        found.append(DeliveredPlace("the trained student", trained, "potstill chat RUN; potstill serve RUN"))
    for exporter, kinds in recipe.export.typed.items():
        files = stages[naming.export(exporter)].counts.get("files", {}) if naming.export(exporter) in stages else {}
        for name, told in files.items():
            if told["type"] in kinds:
                where = f"{naming.export(exporter)}/{MODEL}/{name}"
                found.append(DeliveredPlace(f"{exporter}, {told['type']}", where, USES.get(exporter, "its card says")))
    return found


USES = {
    "gguf": "llama-server -m that file; or `ollama create NAME -f` its Modelfile, which is beside it",
    "onnx": "onnxruntime-genai loads that folder",
    "openvino": "openvino_genai.LLMPipeline loads that folder",
    "mlx": "mlx_lm.chat --model that folder, on a Mac",
}
"""Exporter -> how what it writes is used; the model card beside says more."""
