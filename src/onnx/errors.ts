/** What can be wrong with an ONNX file, in words. */

/** A file that is broken, hostile or not a model that we take. The message says what, where, and where possible what to do. */
export class OnnxError extends Error {
  override name = "OnnxError";
}

/** A node whose operator is not in the import table. */
export class UnsupportedOperatorError extends OnnxError {
  override name = "UnsupportedOperatorError";
  readonly operator: string;
  readonly node: string;
  readonly opset: number;
  readonly supported: readonly string[];
  /** Why it is left out, where that is known. */
  readonly reason: string | undefined;

  constructor(where: { operator: string; node: string; opset: number; reason?: string }, supported: readonly string[]) {
    const { operator, node, opset, reason } = where;
    super(`operator ${operator} of opset ${opset} (node "${node}") is not supported${reason ? `: ${reason}` : ""}`);
    this.operator = operator;
    this.node = node;
    this.opset = opset;
    this.supported = supported;
    this.reason = reason;
  }
}
