/**
 * Expectations of smooth functions of one or two centred Gaussian variables by the trapezoidal rule, which converges geometrically on the whole
 * line (Trefethen and Weideman 2014). An activation changes near zero on a scale of its own, the density on that of its deviation s, which may be
 * a hundred times larger: the rule is applied after a substitution u = s·z = 2 sinh(x), whose nodes are dense near zero and ever sparser outside.
 * The step is halved until two results agree to `AGREEMENT`. Geometric convergence squares the error at each halving, so the finer one is right to
 * about 1e-13 of E|f(u) f(v)|. What does not converge like this (a kink) is refused: use the closed forms of the ReLU.
 */

const FIRST_STEP = 1 / 4;
const HALVINGS = 4;
/** Two results this close, relative to E|f| or E|f(u) f(v)|, have converged. */
const AGREEMENT = 1e-7;
/** Deviations from zero beyond which the density, below 1e-16, is left out. */
const REACH = 8.8;
/** The largest standard deviation that is taken: the work for a product grows in proportion. */
const WIDEST = 1000;

/** E g(z) ≈ Σ weights·g(nodes) for z ~ N(0, 1). */
interface Rule {
  nodes: Float64Array;
  weights: Float64Array;
}

/**
 * E f(u) for u ~ N(0, `variance`) and f analytic near the real line, which varies around zero on a scale of about 1 and is smoother outside.
 * @throws RangeError when the rule does not converge (a kink), or for a variance above 10⁶.
 */
export function gaussianExpectation(f: (u: number) => number, variance = 1): number {
  const s = deviation(variance);
  return converged((step) => {
    const { nodes, weights } = gradedRule(s, step);
    const total = { sum: 0, size: 0 };
    for (let i = 0; i < nodes.length; i++) accumulate(total, weights[i] * f(s * nodes[i]));
    return total;
  });
}

/**
 * E f(u) f(v) for centred Gaussian (u, v) with Var u = `p`, Var v = `q` and covariance `c` (|c| ≤ √(pq)), f as above:
 * E f(u) g(u) with g(u) = E[f(v) | u] and u the wider of the two, so that g varies around zero no faster than f.
 * @throws RangeError when the rule does not converge (a kink), or for a variance above 10⁶.
 */
export function gaussianProduct(f: (u: number) => number, p: number, q: number, c: number): number {
  const [wide, narrow] = [deviation(Math.max(p, q)), deviation(Math.min(p, q))];
  const ρ = narrow > 0 ? Math.max(-1, Math.min(1, c / (wide * narrow))) : 0;
  const rest = Math.sqrt(1 - ρ * ρ);
  return converged((step) => {
    const [outer, inner] = [gradedRule(wide, step), rest > 0 ? evenRule(narrow * rest, step) : certain];
    const total = { sum: 0, size: 0 };
    for (let i = 0; i < outer.nodes.length; i++) {
      const [z, weight] = [outer.nodes[i], outer.weights[i] * f(wide * outer.nodes[i])];
      for (let j = 0; j < inner.nodes.length; j++) {
        accumulate(total, weight * inner.weights[j] * f(narrow * (ρ * z + rest * inner.nodes[j])));
      }
    }
    return total;
  });
}

/** The rule of a variable that is constant. */
const certain: Rule = { nodes: Float64Array.of(0), weights: Float64Array.of(1) };

/** For f(s·z): z = sinh(x)/κ, κ = max(s, 1)/2, with x in multiples of `step`. What is near the real line for x does not depend on s. */
function gradedRule(s: number, step: number): Rule {
  const κ = Math.max(s, 1) / 2;
  const x = multiples(step, Math.asinh(REACH * κ));
  return { nodes: x.map((v) => Math.sinh(v) / κ), weights: x.map((v) => ((step * Math.cosh(v)) / κ) * density(Math.sinh(v) / κ)) };
}

/** For f(m + s·z) with any m: z in multiples of a step that shrinks as s grows. */
function evenRule(s: number, step: number): Rule {
  const even = (3 * step) / Math.max(s, 1);
  const nodes = multiples(even, REACH);
  return { nodes, weights: nodes.map((z) => even * density(z)) };
}

function multiples(step: number, reach: number): Float64Array {
  const side = Math.ceil(reach / step);
  return Float64Array.from({ length: 2 * side + 1 }, (_, i) => (i - side) * step);
}

/** The result at the first step that agrees with its half. */
function converged(estimate: (step: number) => { sum: number; size: number }): number {
  let step = FIRST_STEP;
  let coarse = estimate(step);
  for (let halving = 0; halving < HALVINGS; halving++) {
    step /= 2;
    const fine = estimate(step);
    if (Math.abs(fine.sum - coarse.sum) <= AGREEMENT * fine.size) return fine.sum;
    coarse = fine;
  }
  throw new RangeError("the expectation did not converge: the function is not smooth (has it a kink? use its closed form)");
}

function accumulate(total: { sum: number; size: number }, term: number): void {
  total.sum += term;
  total.size += Math.abs(term);
}

function density(z: number): number {
  return Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI);
}

function deviation(variance: number): number {
  const s = Math.sqrt(variance);
  if (s <= WIDEST) return s;
  throw new RangeError(`expectations are computed for standard deviations up to ${WIDEST}, not ${s}: scale the points down`);
}
