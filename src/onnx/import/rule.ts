/** How a node becomes values. */
import type { Value } from "../../graph/index.ts";
import type { NodeReader } from "../reader.ts";

/** The results of a node, in ONNX's order; undefined for one that is not supported and fails only if it is used. */
export type ImportRule = (node: NodeReader) => Value | readonly (Value | undefined)[];

/** Rules by operator; one of another operator set than the standard one as "domain.Operator". */
export type ImportRules = Readonly<Record<string, ImportRule>>;
