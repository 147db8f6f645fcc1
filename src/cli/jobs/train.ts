/** The job behind `saddle train`. */
import { type JobContext, type RunEvent, runTraining, type TrainingRequest, type TrainingSummary } from "../../runs/index.ts";

export interface TrainInput {
  directory: string;
  /** Absent when the run in the directory is resumed. */
  request?: TrainingRequest;
}

export default function train({ directory, request }: TrainInput, context: JobContext<RunEvent>): Promise<TrainingSummary> {
  return runTraining(directory, request, context);
}
