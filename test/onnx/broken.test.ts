/** Bad, hostile and unusual files: each is refused with a message that says what is wrong. */
import { create } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { input } from "../../src/graph/index.ts";
import { importModel } from "../../src/models/imported.ts";
import { OnnxError, readOnnx, UnsupportedOperatorError } from "../../src/onnx/index.ts";
import { TensorProto_DataType as DataType, TensorProto_DataLocation, TensorProtoSchema } from "../../src/onnx/schema/onnx_pb.ts";
import { float, floats, graph, int64s, integer, integers, modelBytes, node, port, text } from "./models.ts";

const relu = node("Relu", ["x"], ["y"]);
const plain = modelBytes({ node: [relu] });
const reads = (bytes: Uint8Array) => () => readOnnx(bytes);
const builds = (bytes: Uint8Array) => () => readOnnx(bytes).build({ x: input("x", [2, 4]) });
const imports = (bytes: Uint8Array) => () => importModel(readOnnx(bytes));
const withWeights = (proto: Parameters<typeof create<typeof TensorProtoSchema>>[1]) =>
  modelBytes({ node: [node("MatMul", ["x", "w"], ["y"])], initializer: [create(TensorProtoSchema, { name: "w", ...proto })] });
const outside = (location: string, entries: Record<string, string> = {}) =>
  withWeights({
    dims: [4n, 4n],
    dataType: DataType.FLOAT,
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: Object.entries({ location, ...entries }).map(([key, value]) => ({ key, value })),
  });
const readsBeside = (bytes: Uint8Array, file: Uint8Array) => () => readOnnx(bytes, { externalData: () => file });

const kinds: readonly [string, () => unknown, string | RegExp][] = [
  ["an empty file", reads(new Uint8Array()), "the file is empty"],
  ["a truncated file", reads(plain.subarray(0, plain.length - 7)), "it is truncated"],
  ["a picture", reads(Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13)), "not an ONNX model"],
  ["a text", reads(new TextEncoder().encode("hello, this is no model at all")), "not an ONNX model"],
  ["noise", reads(Uint8Array.from({ length: 999 }, (_, i) => (i * i * 31 + 7 * i) % 256)), "not an ONNX model"],
  ["a model without a graph", reads(modelBytes({}, { graph: undefined })), "holds no graph"],
  ["no operator set", reads(modelBytes({ node: [relu] }, { opsetImport: [] })), "does not say which version"],
  [
    "an operator set of the past",
    reads(modelBytes({ node: [relu] }, { opsetImport: [{ version: 6n }] })),
    "opset 6; 7 to 21 are supported",
  ],
  ["one of the future", reads(modelBytes({ node: [relu] }, { opsetImport: [{ version: 99n }] })), "opset 99; 7 to 21 are supported"],
  ["no outputs", reads(modelBytes({ node: [relu], output: [] })), "the graph has no outputs"],
  [
    "an output that nobody computes",
    reads(modelBytes({ node: [relu], output: [port("z", [4])] })),
    'the output "z" is computed by no node',
  ],
  [
    "an undefined input",
    reads(modelBytes({ node: [node("Add", ["x", "ghost"], ["y"])] })),
    'uses "ghost", which nothing in the graph defines',
  ],
  [
    "a cycle",
    reads(modelBytes({ node: [node("Add", ["x", "b"], ["y"]), node("Relu", ["y"], ["b"])] })),
    /the graph has a cycle through node "the (Add|Relu)"/,
  ],
  ["a node that feeds itself", reads(modelBytes({ node: [node("Add", ["x", "y"], ["y"])] })), "the graph has a cycle"],
  ["a tensor made twice", reads(modelBytes({ node: [relu, node("Tanh", ["x"], ["y"])] })), 'the tensor "y" is defined twice'],
  ["a node that makes an input", reads(modelBytes({ node: [node("Relu", ["y"], ["x"])] })), 'the tensor "x" is defined twice'],
  ["two inputs of one name", reads(modelBytes({ node: [relu], input: [port("x", [4]), port("x", [4])] })), 'two inputs are named "x"'],
  ["two outputs of one name", reads(modelBytes({ node: [relu], output: [port("y", [4]), port("y", [4])] })), 'two outputs are named "y"'],
  [
    "two initializers of one name",
    reads(modelBytes({ node: [relu], initializer: [floats("w", [1], [1]), floats("w", [1], [2])] })),
    'two initializers are named "w"',
  ],
  ["an initializer without a name", reads(modelBytes({ node: [relu], initializer: [floats("", [1], [1])] })), "an initializer has no name"],
  ["a node without an operator", reads(modelBytes({ node: [node("", ["x"], ["y"])] })), "names no operator"],
  [
    "an attribute given twice",
    reads(modelBytes({ node: [node("Relu", ["x"], ["y"], [float("a", 1), float("a", 2)])] })),
    "has an attribute twice",
  ],
  [
    "a negative dimension of an input",
    reads(modelBytes({ node: [relu], input: [port("x", [-3, 4])] })),
    '"x" declares the negative dimension -3',
  ],
  [
    "a negative dimension of a tensor",
    reads(withWeights({ dims: [-4n, 4n], dataType: DataType.FLOAT })),
    'tensor "w" declares the negative dimension -4',
  ],
  [
    "100 GB that are not there",
    reads(withWeights({ dims: [250000n, 100000n], dataType: DataType.FLOAT })),
    "declares 25000000000 elements of float32 [250000,100000], 100 GB, but the file holds 0 bytes",
  ],
  [
    "more elements than there are numbers",
    reads(withWeights({ dims: [1n << 40n, 1n << 40n], dataType: DataType.FLOAT })),
    "the impossible shape",
  ],
  [
    "too few raw bytes",
    reads(withWeights({ dims: [4n, 4n], dataType: DataType.FLOAT, rawData: new Uint8Array(60) })),
    "64 bytes, but the file holds 60 bytes",
  ],
  [
    "too many raw bytes",
    reads(withWeights({ dims: [4n, 4n], dataType: DataType.FLOAT, rawData: new Uint8Array(65) })),
    "64 bytes, but the file holds 65 bytes",
  ],
  [
    "too few numbers",
    reads(withWeights({ dims: [4n, 4n], dataType: DataType.FLOAT, floatData: [1, 2, 3] })),
    "16 elements of float32, but the file holds 3",
  ],
  ["an unknown element type", reads(withWeights({ dims: [1n], dataType: 77 })), "elements of type 77, which are not supported"],
  ["complex numbers", reads(withWeights({ dims: [1n], dataType: DataType.COMPLEX64 })), "elements of complex64, which are not supported"],
  ["texts as weights", reads(withWeights({ dims: [1n], dataType: DataType.STRING })), "elements of string, which are not supported"],
  [
    "a tensor in segments",
    reads(withWeights({ dims: [1n], dataType: DataType.FLOAT, segment: { begin: 0n, end: 1n } })),
    "stored in segments",
  ],
  ["sparse weights", reads(modelBytes({ node: [relu], sparseInitializer: [{}] })), "sparse initializers, which are not supported"],
  ["data above the model's folder", reads(outside("../../etc/passwd")), "outside the model's folder"],
  ["data at an absolute path", reads(outside("/etc/passwd")), "outside the model's folder"],
  ["data on another drive", reads(outside("C:\\secrets")), "outside the model's folder"],
  ["data in no file", reads(outside("")), "does not say in which file"],
  ["data in a file that was not given", reads(outside("w.bin")), 'lies in the file "w.bin" beside the model, which was not given'],
  [
    "data behind the end of their file",
    readsBeside(outside("w.bin"), new Uint8Array(10)),
    "which has only 10 bytes: the file is incomplete",
  ],
  [
    "data at a negative offset",
    readsBeside(outside("w.bin", { offset: "-8" }), new Uint8Array(64)),
    'the impossible offset or length "-8"',
  ],
  ["data of another length", readsBeside(outside("w.bin", { length: "12" }), new Uint8Array(64)), "needs 64 bytes, but declares 12 bytes"],
  [
    "an operator that does not exist",
    builds(modelBytes({ node: [node("Foo", ["x"], ["y"])] })),
    'operator Foo of opset 17 (node "the Foo") is not supported',
  ],
  [
    "an operator of someone's own",
    builds(modelBytes({ node: [node("Secret", ["x"], ["y"], [], "acme")] })),
    'operator acme.Secret of opset 0 (node "the Secret") is not supported: the operator set "acme" is not a standard one',
  ],
  ["a loop", builds(modelBytes({ node: [node("Loop", ["x"], ["y"])] })), "export the model with its loops unrolled"],
  ["a scan", builds(modelBytes({ node: [node("Scan", ["x"], ["y"])] })), "export the model with its loops unrolled"],
  [
    "decision trees",
    builds(modelBytes({ node: [node("TreeEnsembleClassifier", ["x"], ["y"], [], "ai.onnx.ml")] })),
    "a decision tree has no gradient",
  ],
  ["random numbers", builds(modelBytes({ node: [node("RandomNormalLike", ["x"], ["y"])] })), "it draws random numbers"],
  [
    "shapes that depend on data",
    builds(modelBytes({ node: [node("NonZero", ["x"], ["y"])] })),
    "the shape of its result depends on the data",
  ],
  [
    "a condition that depends on data",
    builds(modelBytes({ node: [node("Equal", ["x", "x"], ["c"]), node("If", ["c"], ["y"])] })),
    "its condition depends on the model's inputs",
  ],
  [
    "a branch that is not there",
    builds(
      modelBytes({
        node: [node("If", ["c"], ["y"], [graph("then_branch", { node: [node("Relu", ["x"], ["b"])], output: [port("b", [4])] })])],
        initializer: [create(TensorProtoSchema, { name: "c", dataType: DataType.BOOL, int32Data: [0], dims: [1n] })],
      }),
    ),
    'lacks the graph "else_branch"',
  ],
  [
    "a function that calls itself",
    builds(
      modelBytes(
        { node: [node("F", ["x"], ["y"], [], "own")] },
        {
          opsetImport: [{ version: 17n }, { domain: "own", version: 1n }],
          functions: [{ name: "F", domain: "own", input: ["a"], output: ["b"], node: [node("F", ["a"], ["b"], [], "own")] }],
        },
      ),
    ),
    'calls the function "F", which calls itself without end',
  ],
  [
    "functions that double without end",
    builds(
      modelBytes(
        { node: [node("F25", ["x"], ["y"], [], "own")] },
        {
          opsetImport: [{ version: 17n }, { domain: "own", version: 1n }],
          functions: Array.from({ length: 26 }, (_, i) => ({
            name: `F${i}`,
            domain: "own",
            input: ["a"],
            output: ["b"],
            node:
              i === 0
                ? [node("Relu", ["a"], ["b"])]
                : [node(`F${i - 1}`, ["a"], ["c"], [], "own"), node(`F${i - 1}`, ["c"], ["b"], [], "own")],
          })),
        },
      ),
    ),
    "functions unfold to more than 131072 nodes",
  ],
  [
    "a table larger than memory",
    builds(
      modelBytes({
        node: [node("ConstantOfShape", ["s"], ["zeros"]), node("EyeLike", ["zeros"], ["eye"]), node("MatMul", ["x", "eye"], ["y"])],
        initializer: [int64s("s", [2], [40000, 40000])],
      }),
    ),
    "needs a table of 1600000000 numbers, which is too large",
  ],
  ["an input left out", builds(modelBytes({ node: [node("Add", ["x"], ["y"])] })), 'node "the Add" (Add) lacks input 1'],
  [
    "an attribute of the wrong type",
    builds(modelBytes({ node: [node("LeakyRelu", ["x"], ["y"], [text("alpha", "much")])] })),
    'has the attribute "alpha" of type STRING, where FLOAT is wanted',
  ],
  [
    "an axis that does not exist",
    builds(modelBytes({ node: [node("Softmax", ["x"], ["y"], [integer("axis", 5)])] })),
    "axis 5 does not exist in rank 2",
  ],
  [
    "an order that is no permutation",
    builds(modelBytes({ node: [node("Transpose", ["x"], ["y"], [integers("perm", [0, 0])])] })),
    "is not a permutation",
  ],
  [
    "weights that do not fit",
    builds(modelBytes({ node: [node("MatMul", ["x", "w"], ["y"])], initializer: [floats("w", [3, 1], [1, 2, 3])] })),
    'node "the MatMul" (MatMul) is malformed: MatMul of',
  ],
  [
    "an impossible reshape",
    builds(modelBytes({ node: [node("Reshape", ["x", "s"], ["y"])], initializer: [int64s("s", [2], [3, -1])] })),
    "reshapes [2,4] to [3,-1], which has another number of elements",
  ],
  [
    "a tensor larger than any memory",
    builds(modelBytes({ node: [node("Expand", ["x", "s"], ["y"])], initializer: [int64s("s", [4], [1e6, 1e6, 2, 4])] })),
    "makes a tensor of shape [1000000,1000000,2,4], which is too large",
  ],
  [
    "a range without end",
    builds(
      modelBytes({
        node: [node("Range", ["a", "b", "c"], ["r"]), node("Add", ["x", "r"], ["y"])],
        initializer: [floats("a", [], [0]), floats("b", [], [1e12]), floats("c", [], [1])],
      }),
    ),
    "counts from 0 to 999999995904 in steps of 1, which is too far",
  ],
  [
    "a shape that depends on data",
    builds(modelBytes({ node: [node("Cast", ["x"], ["s"], [integer("to", DataType.INT64)]), node("Reshape", ["x", "s"], ["y"])] })),
    "needs input 1 to be constant, but it depends on the model's inputs",
  ],
  [
    "one place written twice",
    builds(
      modelBytes({
        node: [node("ScatterElements", ["x", "i", "u"], ["y"], [integer("axis", 1), text("reduction", "mul")])],
        initializer: [int64s("i", [2, 2], [1, 1, 0, 3]), floats("u", [2, 2], [1, 2, 3, 4])],
      }),
    ),
    "writes one place twice",
  ],
  [
    "dropout in training mode",
    builds(
      modelBytes({
        node: [node("Dropout", ["x", "r", "t"], ["y"])],
        initializer: [floats("r", [], [0.5]), create(TensorProtoSchema, { name: "t", dataType: DataType.BOOL, int32Data: [1] })],
      }),
    ),
    "is in training mode, where it draws random numbers",
  ],
  ["an input of another shape", () => readOnnx(plain).build({ x: input("x", [2, 5]) }), 'the input "x" is [N,4], which [2,5] does not fit'],
  [
    "an input of another type",
    () => readOnnx(plain).build({ x: input("x", [2, 4], "int64") }),
    'the input "x" has elements of float32, which int64 does not fit',
  ],
  ["an input that does not exist", () => readOnnx(plain).build({ z: input("z", [2, 4]) }), 'the model has no input "z"; it has "x"'],
  ["an input that was not given", () => readOnnx(plain).build({}), 'the input "x" was not given'],
  [
    "several inputs",
    imports(modelBytes({ node: [node("Add", ["x", "z"], ["y"])], input: [port("x", ["N", 4]), port("z", ["N", 4])] })),
    'has 2 inputs ("x", "z"); a classifier takes one',
  ],
  [
    "no inputs",
    imports(modelBytes({ node: [node("Relu", ["w"], ["y"])], input: [], initializer: [floats("w", [1], [1])] })),
    "the model has no input",
  ],
  [
    "a fixed batch of 8",
    imports(modelBytes({ node: [relu], input: [port("x", [8, 4])] })),
    "has a fixed batch of 8; export the model with a free batch axis",
  ],
  [
    "examples of open shape",
    imports(modelBytes({ node: [relu], input: [port("x", ["N", 3, "H", "W"])] })),
    "leaves the shape of an example open (it tells [3,H,W]",
  ],
  [
    "token indices",
    imports(modelBytes({ node: [relu], input: [port("x", ["N", 4], DataType.INT64)] })),
    "elements of int64, which is nothing to perturb",
  ],
  ["a scalar input", imports(modelBytes({ node: [relu], input: [port("x", [])] })), "a batch of examples has at least two axes"],
  [
    "several outputs",
    imports(modelBytes({ node: [relu, node("Tanh", ["x"], ["z"])], output: [port("y", ["N", 4]), port("z", ["N", 4])] })),
    'has several outputs ("y", "z"): name the one',
  ],
  [
    "an output without scores",
    imports(modelBytes({ node: [node("ArgMax", ["x"], ["y"])], output: [port("y", ["N"], DataType.INT64)] })),
    'none of the outputs "y" holds scores',
  ],
  [
    "pictures as output",
    imports(modelBytes({ node: [relu], input: [port("x", ["N", 3, 8, 8])], output: [port("y", ["N", 3, 8, 8])] })),
    '"y" is [2,3,8,8] for 2 examples; a classifier gives one vector of scores for each',
  ],
];

describe(`${kinds.length} kinds of files`, () => {
  it.each(kinds)("%s", (_, act, message) => {
    expect(act).toThrow(OnnxError);
    expect(act).toThrow(message);
  });

  it("every beginning of a file is refused, whatever it cuts", () => {
    const whole = modelBytes({ node: [node("MatMul", ["x", "w"], ["y"])], initializer: [floats("w", [4, 4], Array(16).fill(1))] });
    for (let length = 0; length < whole.length; length++) expect(reads(whole.subarray(0, length))).toThrow(OnnxError);
  });

  it("an unsupported operator carries its name, node, opset and what is supported", () => {
    try {
      builds(modelBytes({ node: [node("Loop", ["x"], ["y"])] }))();
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(UnsupportedOperatorError);
      const { operator, node: name, opset, supported } = error as UnsupportedOperatorError;
      expect([operator, name, opset]).toEqual(["Loop", "the Loop", 17]);
      expect(supported).toContain("Conv");
    }
  });
});
