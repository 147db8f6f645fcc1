/** Tangent, inverse and hyperbolic functions. Sine, cosine and hyperbolic tangent are among the element-wise operators. */
import { add, div, mul, neg, sqrt, square, sub, unary } from "./elementwise.ts";

export const tan = unary("Tan", { f: Math.tan, gradient: (_x, dy, y) => mul(dy, add(square(y), 1)) });
export const asin = unary("Asin", { f: Math.asin, gradient: (x, dy) => div(dy, sqrt(sub(1, square(x)))) });
export const acos = unary("Acos", { f: Math.acos, gradient: (x, dy) => neg(div(dy, sqrt(sub(1, square(x))))) });
export const atan = unary("Atan", { f: Math.atan, gradient: (x, dy) => div(dy, add(square(x), 1)) });
export const sinh = unary("Sinh", { f: Math.sinh, gradient: (x, dy) => mul(dy, cosh(x)) });
export const cosh = unary("Cosh", { f: Math.cosh, gradient: (x, dy) => mul(dy, sinh(x)) });
export const asinh = unary("Asinh", { f: Math.asinh, gradient: (x, dy) => div(dy, sqrt(add(square(x), 1))) });
export const acosh = unary("Acosh", { f: Math.acosh, gradient: (x, dy) => div(dy, sqrt(sub(square(x), 1))) });
export const atanh = unary("Atanh", { f: Math.atanh, gradient: (x, dy) => div(dy, sub(1, square(x))) });
