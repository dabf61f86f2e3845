"""A trained network as one ONNX file: batch norms folded, weights as f16 that are cast when the session is made."""
import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from nets import CLASSES, HEIGHT, WIDTH, StreetYolo, fold


def export(model, path):
    model = fold(model.to(memory_format=torch.contiguous_format))
    output = "output0" if isinstance(model, StreetYolo) else "inverse_depth"
    torch.onnx.export(
        model, torch.zeros(1, 3, HEIGHT, WIDTH), path, opset_version=13, input_names=["images"], output_names=[output]
    )
    graph = onnx.load(path)
    halve(graph.graph)
    names = "{" + ", ".join(f"{i}: '{name}'" for i, name in enumerate(CLASSES)) + "}"
    metadata = {"license": "Apache-2.0", "description": "knows only the synthetic street of edge-runner"}
    if isinstance(model, StreetYolo):
        metadata |= {"task": "detect", "names": names, "imgsz": f"[{HEIGHT}, {WIDTH}]"}
    helper.set_model_props(graph, metadata)
    onnx.checker.check_model(graph)
    onnx.save(graph, path)


def halve(graph):
    for tensor in list(graph.initializer):
        values = numpy_helper.to_array(tensor)
        if tensor.data_type != TensorProto.FLOAT or values.size < 64:
            continue
        graph.initializer.remove(tensor)
        graph.initializer.append(numpy_helper.from_array(values.astype(np.float16), tensor.name + "_f16"))
        cast = helper.make_node("Cast", [tensor.name + "_f16"], [tensor.name], to=TensorProto.FLOAT)
        graph.node.insert(0, cast)
