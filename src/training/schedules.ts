/** Learning-rate schedules: pure functions of the position in training, measured in epochs (with fractions). */

export type Schedule = (epoch: number) => number;

export interface ScheduleSettings {
  /** The highest rate. */
  rate: number;
  epochs: number;
}

/** The same rate throughout. */
export const constant =
  ({ rate }: ScheduleSettings): Schedule =>
  () =>
    rate;

/** rate · γ^(milestones passed). */
export const step =
  ({ rate, milestones, factor = 0.1 }: ScheduleSettings & { milestones: readonly number[]; factor?: number }): Schedule =>
  (epoch) =>
    rate * factor ** milestones.filter((milestone) => epoch >= milestone).length;

/** From the rate to 0 along half a cosine. */
export const cosine =
  ({ rate, epochs }: ScheduleSettings): Schedule =>
  (epoch) =>
    (rate / 2) * (1 + Math.cos(Math.PI * Math.min(epoch / epochs, 1)));

/** Linearly from 0 up to the rate at `peak` (a share of training, default 2/5), then down to 0: the cyclic rate of Wong et al. 2020. */
export const cyclic =
  ({ rate, epochs, peak = 0.4 }: ScheduleSettings & { peak?: number }): Schedule =>
  (epoch) => {
    const t = Math.min(epoch / epochs, 1);
    return t < peak ? (rate * t) / peak : (rate * (1 - t)) / (1 - peak);
  };

/** 1-cycle (Smith & Topin 2018): from rate/25 up to the rate at `peak` (default 0.3), then down to rate/10⁴, both along half cosines. */
export const oneCycle =
  ({ rate, epochs, peak = 0.3 }: ScheduleSettings & { peak?: number }): Schedule =>
  (epoch) => {
    const t = Math.min(epoch / epochs, 1);
    const between = (from: number, to: number, share: number) => to + ((from - to) / 2) * (1 + Math.cos(Math.PI * share));
    return t < peak ? between(rate / 25, rate, t / peak) : between(rate, rate / 1e4, (t - peak) / (1 - peak));
  };

/** Another schedule's rate divided by 1 + decay · iterations: the per-iteration decay of Keras (often taken for weight decay). */
export const inverseTime =
  (schedule: Schedule, { decay, stepsPerEpoch }: { decay: number; stepsPerEpoch: number }): Schedule =>
  (epoch) =>
    schedule(epoch) / (1 + decay * stepsPerEpoch * epoch);

export const scheduleNames = ["constant", "step", "cosine", "cyclic", "one-cycle"] as const;
export type ScheduleName = (typeof scheduleNames)[number];

/** The schedule of a name. `milestones` (epochs) are for "step", by default at 1/2 and 3/4 of training. */
export function schedule(name: ScheduleName, settings: ScheduleSettings & { milestones?: readonly number[] }): Schedule {
  const { epochs, milestones = [epochs / 2, (3 * epochs) / 4] } = settings;
  switch (name) {
    case "constant":
      return constant(settings);
    case "step":
      return step({ ...settings, milestones });
    case "cosine":
      return cosine(settings);
    case "cyclic":
      return cyclic(settings);
    case "one-cycle":
      return oneCycle(settings);
  }
}
