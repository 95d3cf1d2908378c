"""Prediction by each library, with sigmoid layers in float32; ``run(calls)`` predicts."""

import warnings

import numpy as np
from cases import Problem


class Predictor:
    whole = False

    @staticmethod
    def problem(case, dtype):
        return Problem.of(case, dtype, steps=1)

    @staticmethod
    def limit(case):
        """Return the maximum number of calls of a run."""
        return 1_000_000

    def __init__(self, case, problem, order, threads):
        self.case, self.problem, self.threads = case, problem, threads
        self.X = problem.X
        self.layers = list(zip(problem.weights, problem.biases, strict=True))
        self.prepare()

    def run(self, calls):
        predict, X = self.predict, self.X
        for _ in range(calls):
            predict(X)

    def run_for_the_clock(self, calls):
        self.run(calls)
        return 1


class NumPy(Predictor):
    """NumPy in place, into existing buffers."""

    module = "numpy"

    def prepare(self):
        rows = len(self.X)
        self.a = [np.empty((rows, len(b)), b.dtype) for _, b in self.layers]
        self.w_t = [w.T for w, _ in self.layers]

    def predict(self, X):
        a = X
        for w_t, (_, b), out in zip(self.w_t, self.layers, self.a, strict=True):
            a = np.dot(a, w_t, out=out)
            a += b
            np.negative(a, out=a)
            np.exp(a, out=a)
            a += 1
            np.reciprocal(a, out=a)
        return a


class ScikitLearn(Predictor):
    """scikit-learn, with output identity because it has no sigmoid regressor."""

    module = "sklearn"

    def prepare(self):
        from sklearn.neural_network import MLPRegressor

        warnings.filterwarnings("ignore")  # too few iterations to converge
        net = MLPRegressor(hidden_layer_sizes=self.case.sizes[1:-1], activation="logistic")
        y = self.problem.y
        net.partial_fit(self.X, y[:, 0] if y.shape[1] == 1 else y)
        net.coefs_ = [np.ascontiguousarray(w.T) for w, _ in self.layers]
        net.intercepts_ = [b for _, b in self.layers]
        self.predict = net.predict


class Jax(Predictor):
    """JAX, jitted, with device arrays, which NumPy reads on a CPU without a copy."""

    module = "jax"

    def prepare(self):
        import jax

        layers = jax.device_put(self.layers)

        def forward(a):
            for w, b in layers:
                a = jax.nn.sigmoid(a @ w.T + b)
            return a

        self.X = jax.device_put(self.X)
        compiled = jax.jit(forward).lower(self.X).compile()
        self.predict = lambda X: compiled(X).block_until_ready()


class OnnxRuntime(Predictor):
    module = "onnxruntime"

    def prepare(self):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.threads
        options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            self.model().SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self.predict = lambda X: session.run(None, {"a0": X})

    def model(self):
        from onnx import TensorProto, helper, numpy_helper

        nodes, tensors = [], []
        for k, (w, b) in enumerate(self.layers, start=1):
            tensors += [numpy_helper.from_array(w, f"w{k}"), numpy_helper.from_array(b, f"b{k}")]
            inputs = [f"a{k - 1}", f"w{k}", f"b{k}"]
            nodes.append(helper.make_node("Gemm", inputs, [f"z{k}"], transB=1))
            nodes.append(helper.make_node("Sigmoid", [f"z{k}"], [f"a{k}"]))
        ends = [
            helper.make_tensor_value_info(f"a{k}", TensorProto.FLOAT, ["rows", self.case.sizes[k]])
            for k in (0, len(self.layers))
        ]
        graph = helper.make_graph(nodes, "net", ends[:1], ends[1:], tensors)
        opset = [helper.make_opsetid("", 17)]
        return helper.make_model(graph, opset_imports=opset, ir_version=8)


class Torch(Predictor):
    """PyTorch, eager, in inference mode."""

    module = "torch"

    def prepare(self):
        import torch

        torch.set_num_threads(self.threads)
        torch.set_grad_enabled(False)
        layers = [tuple(map(torch.from_numpy, layer)) for layer in self.layers]
        self.X = torch.from_numpy(self.X)

        def predict(a):
            for w, b in layers:
                a = torch.nn.functional.linear(a, w, b).sigmoid_()
            return a

        self.predict = torch.inference_mode()(predict)


class Ours(Predictor):
    module = "backprop_rs"

    def prepare(self):
        import backprop_rs

        self.net = backprop_rs.Network(self.case.sizes, backend="rust", seed=0)
        self.net.weights, self.net.biases = self.problem.weights, self.problem.biases
        if len(self.X) == 1:
            self.X = self.X[0]
        self.predict = self.net.predict


class OursInPlace(Ours):
    """Ours with out=."""

    def prepare(self):
        super().prepare()
        self.out = np.empty_like(self.net.predict(self.X))

    def run(self, calls):
        predict, X, out = self.net.predict, self.X, self.out
        for _ in range(calls):
            predict(X, out=out)


PREDICTORS = {
    "numpy": NumPy,
    "sklearn": ScikitLearn,
    "jax": Jax,
    "torch": Torch,
    "onnxruntime": OnnxRuntime,
    "ours": Ours,
    "ours out=": OursInPlace,
}
