/** Changes to the ideal laboratory, each of which must turn one claim. */
import { ascent, type Lab } from "./ideal-laboratory.ts";

/** What is changed, and the claim that must then come out otherwise. */
export const spoilers: readonly (readonly [id: string, what: string, spoil: (lab: Lab) => void])[] = [
  [
    "R2.1",
    "one saddle among the ends",
    (lab) => {
      lab.halfRatio[0].ascents[0] = { ...ascent, margin: 0.1 };
    },
  ],
  [
    "R2.1-sphere",
    "one end inside the ball",
    (lab) => {
      lab.halfRatio[1].ascents[0] = { ...ascent, offSphere: 1e-3 };
    },
  ],
  [
    "R2.1",
    "too few seeds",
    (lab) => {
      lab.cells[0].ascents.length = 8;
    },
  ],
  [
    "R2.2",
    "a tail that is not geometric",
    (lab) => {
      lab.cells[3].ascents[0].rSquared = 0.9;
    },
  ],
  [
    "R2.2",
    "another rate",
    (lab) => {
      for (const record of lab.cells[4].ascents) record.rate = 0.5;
    },
  ],
  [
    "R2.2",
    "a late hit",
    (lab) => {
      lab.cells[2].ascents[5].hit = 6;
    },
  ],
  [
    "R2.3",
    "a scale that makes no difference",
    (lab) => {
      for (const record of lab.cells[6].ascents) record.n3 = 3;
    },
  ],
  [
    "R2.3",
    "too small a difference",
    (lab) => {
      for (const [i, cell] of lab.cells.slice(0, 5).entries()) for (const record of cell.ascents) record.n3 = 3 + i;
    },
  ],
  [
    "R2.3",
    "the other order with one step size",
    (lab) => {
      lab.oneStepSize[2].n3 = [1];
    },
  ],
  [
    "R2.4",
    "another κ",
    (lab) => {
      for (const record of lab.dimensions) if (record.c === 1) record.kappas = [0.2];
    },
  ],
  [
    "R2.4",
    "κ that depends on d",
    (lab) => {
      lab.dimensions[3].kappas = [0.144];
    },
  ],
  [
    "R2.4",
    "a path that does not straighten",
    (lab) => {
      for (const record of lab.cells[9].ascents) record.straightness = 0.99;
    },
  ],
  [
    "R2.4-small-scale",
    "the formula at c = .1",
    (lab) => {
      for (const record of lab.dimensions) if (record.c === 0.1) record.kappas = [record.predicted];
    },
  ],
  [
    "R2.5",
    "two ends in a regular ball",
    (lab) => {
      lab.cells[0].restarts[0].same = 0.9;
    },
  ],
  [
    "R2.5",
    "no second maximum anywhere",
    (lab) => {
      for (const { restarts } of lab.cells) restarts[1].ends = 1;
    },
  ],
  [
    "R2.6",
    "a spread that stays",
    (lab) => {
      for (const record of lab.widths) record.h = lab.widths[0].h;
    },
  ],
  [
    "R2.6",
    "a failure at m = 10d",
    (lab) => {
      lab.widths[2].success = 0.99;
    },
  ],
  [
    "R2.6",
    "a spread of g that is not the derived one",
    (lab) => {
      lab.widths[1].g = lab.widths[0].g;
    },
  ],
  [
    "R2.6-throughout",
    "a spread of g that goes on falling, within the error of the derived one",
    (lab) => {
      for (const i of [3, 7]) lab.widths[i].g = lab.widths[i].g.map((g) => 1 + 0.75 * (g - 1));
    },
  ],
  [
    "R2.7",
    "one violation",
    (lab) => {
      lab.trapping[3].paths[0].violations = 1;
    },
  ],
  [
    "R2.7-step",
    "a step longer than its bound",
    (lab) => {
      lab.trapping[1].paths[0].largestShare = 1.01;
    },
  ],
  [
    "R2.7-maximum",
    "another height of the maximum",
    (lab) => {
      lab.cells[2].ascents[0] = { ...lab.cells[2].ascents[0], maximumRatio: 0.9 };
    },
  ],
  [
    "R2.8",
    "a ReLU path that depends on c",
    (lab) => {
      lab.controls.relu.difference = 1e-7;
    },
  ],
  [
    "R2.8",
    "a tanh path that does not",
    (lab) => {
      lab.controls.tanh.difference = 1e-9;
    },
  ],
  [
    "R2.8",
    "a ReLU ascent that converges",
    (lab) => {
      lab.reluAscents[2].ascents[0].residual = 1e-12;
    },
  ],
  [
    "R2.9",
    "small scales that are slower",
    (lab) => {
      lab.training[0].curves.normalized.reverse();
      for (const [i, c] of [0.1, 0.3, 1, 3, 10].entries()) lab.training[0].curves.normalized[i].c = c;
    },
  ],
  [
    "R2.9-common",
    "a reversal at the larger ratio, too",
    (lab) => {
      lab.training[1].curves.common[4].times = [3, 3];
      lab.training[1].curves.common[3].times = [3.5, 3.5];
    },
  ],
  [
    "R2.9-best",
    "no scale that is slow at its best rate",
    (lab) => {
      if (lab.training[0].curves.best) lab.training[0].curves.best[4].times = [2, 2];
    },
  ],
  [
    "R2.10",
    "more nonlinearity than the bound",
    (lab) => {
      lab.landscapes.softplus[0].onBall[0] = 0.0021;
    },
  ],
  [
    "R2.10",
    "less nonlinearity at larger c",
    (lab) => {
      lab.landscapes.tanh[2].onBall[0] = 0.01;
    },
  ],
  [
    "R2.10",
    "a maximum above the derived one, and the error with it",
    (lab) => {
      lab.landscapes.softplus[1].maximum[0] = 2.1;
    },
  ],
  [
    "R2.11",
    "another trend on pictures",
    (lab) => {
      lab.images[9].ascents = [{ ...ascent, n3: 1 }];
    },
  ],
  [
    "R2.11",
    "a picture that is no maximum",
    (lab) => {
      lab.images[0].ascents[0] = { ...lab.images[0].ascents[0], residual: 1e-3 };
    },
  ],
  [
    "R2.11-classifier",
    "another rate in the classifier",
    (lab) => {
      lab.classifier[1].ascents = lab.classifier[1].ascents.map((record) => ({ ...record, rate: 0.5 }));
    },
  ],
  [
    "R2.11-classifier-trends",
    "a cosine that rises in the classifier",
    (lab) => {
      lab.classifier[4].ascents = lab.classifier[4].ascents.map((record) => ({ ...record, cosine: 1 }));
    },
  ],
];
