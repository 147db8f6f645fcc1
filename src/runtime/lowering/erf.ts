/** The error function in double precision from exponentials: the rational approximations of Cody, Math. Comp. 23 (1969) 631–637. */
import { abs, add, div, exp, greater, less, min, mul, neg, sign, sub, type Value, where } from "../../graph/index.ts";

/** erf(x) = x·P(x²) near zero, else sign(x)(1 − erfc|x|). */
export function erfOf(x: Value): Value {
  const a = min(abs(x), 6);
  const inside = min(a, 0.5);
  const near = mul(where(less(x, 0), neg(inside), inside), ratio(mul(inside, inside), nearAbove, nearBelow));
  const middle = where(greater(a, 0.46875), a, 1);
  const squared = mul(middle, middle);
  const inverse = div(1, squared);
  const tail = div(sub(1 / Math.sqrt(Math.PI), mul(inverse, ratio(inverse, farAbove, farBelow))), middle);
  const complement = mul(exp(neg(squared)), where(greater(middle, 4), tail, ratio(middle, middleAbove, middleBelow)));
  return where(greater(a, 0.46875), mul(sign(x), sub(1, complement)), near);
}

/** A quotient of polynomials with coefficients from the highest power down. */
function ratio(x: Value, above: readonly number[], below: readonly number[]): Value {
  const horner = ([first, second, ...rest]: readonly number[]) =>
    rest.reduce((total, c) => add(mul(total, x), c), add(mul(x, first), second));
  return div(horner(above), horner(below));
}

const nearAbove = [0.18577770618460315, 3.1611237438705655, 113.86415415105016, 377.485237685302, 3209.377589138469];
const nearBelow = [1, 23.601290952344122, 244.0246379344442, 1282.6165260773723, 2844.236833439171];
const middleAbove = [
  2.1531153547440383e-8, 0.5641884969886701, 8.883149794388375, 66.1191906371416, 298.6351381974001, 881.952221241769, 1712.0476126340707,
  2051.0783778260716, 1230.3393547979972,
];
const middleBelow = [
  1, 15.744926110709835, 117.6939508913125, 537.1811018620099, 1621.3895745666903, 3290.7992357334597, 4362.619090143247,
  3439.3676741437216, 1230.3393548037493,
];
const farAbove = [
  0.016315387137302097, 0.30532663496123236, 0.3603448999498044, 0.12578172611122926, 0.01608378514874228, 0.0006587491615298378,
];
const farBelow = [1, 2.568520192289822, 1.8729528499234604, 0.5279051029514285, 0.06051834131244132, 0.0023352049762686918];
