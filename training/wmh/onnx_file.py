"""Both models as one ONNX graph."""

from collections.abc import Mapping

import numpy as np
import onnx
from onnx import TensorProto, helper
from sklearn.ensemble import HistGradientBoostingClassifier

from training.wmh.fit import Fitted

_OPSET = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]


def write_graph(fitted: Fitted, *, facts: Mapping[str, str]) -> bytes:
    """Return the file: p = 1 / (1 + exp(−(linear + trees) / 2)).

    Converters know no HistGradientBoosting, but its trees fit a TreeEnsembleRegressor: a
    voxel goes left where its feature is at most the threshold. Thresholds are rounded down
    to 32 bits, which sends every 32-bit feature the same way as before.
    """
    count = len(fitted.weights)
    baseline = float(np.ravel(fitted.trees._baseline_prediction)[0])  # noqa: SLF001
    nodes = [
        helper.make_node(
            "TreeEnsembleRegressor",
            ["features"],
            ["trees"],
            domain="ai.onnx.ml",
            n_targets=1,
            aggregate_function="SUM",
            base_values=[baseline],
            **_attributes(fitted.trees),
        ),
        helper.make_node("Gemm", ["features", "weights", "intercept"], ["linear"]),
        helper.make_node("Add", ["linear", "trees"], ["sum"]),
        helper.make_node("Mul", ["sum", "half"], ["log_odds"]),
        helper.make_node("Sigmoid", ["log_odds"], ["probability"]),
    ]
    constants = (
        ("weights", [count, 1], fitted.weights),
        ("intercept", [1], [fitted.intercept]),
        ("half", [1], [0.5]),
    )
    graph = helper.make_graph(
        nodes,
        "wmh",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, count])],
        [helper.make_tensor_value_info("probability", TensorProto.FLOAT, [None, 1])],
        [
            helper.make_tensor(name, TensorProto.FLOAT, shape, np.asarray(value, np.float32))
            for name, shape, value in constants
        ],
    )
    model = helper.make_model(graph, opset_imports=_OPSET, ir_version=8)
    helper.set_model_props(model, dict(facts))
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def _attributes(trees: HistGradientBoostingClassifier) -> dict[str, list[object]]:
    rows: dict[str, list[object]] = {
        f"nodes_{name}": []
        for name in (
            "treeids",
            "nodeids",
            "featureids",
            "modes",
            "values",
            "truenodeids",
            "falsenodeids",
        )
    } | {f"target_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree, (predictor,) in enumerate(trees._predictors):  # noqa: SLF001
        for number, node in enumerate(predictor.nodes):
            leaf = bool(node["is_leaf"])
            for name, value in (
                ("treeids", tree),
                ("nodeids", number),
                ("featureids", 0 if leaf else int(node["feature_idx"])),
                ("modes", "LEAF" if leaf else "BRANCH_LEQ"),
                ("values", 0.0 if leaf else _rounded_down(node["num_threshold"])),
                ("truenodeids", 0 if leaf else int(node["left"])),
                ("falsenodeids", 0 if leaf else int(node["right"])),
            ):
                rows[f"nodes_{name}"].append(value)
            if leaf:
                weight = float(np.float32(node["value"]))
                for name, value in (("treeids", tree), ("nodeids", number), ("ids", 0)):
                    rows[f"target_{name}"].append(value)
                rows["target_weights"].append(weight)
    return rows


def _rounded_down(threshold: float) -> float:
    near = np.float32(threshold)
    return float(near if near <= threshold else np.nextafter(near, np.float32(-np.inf)))
