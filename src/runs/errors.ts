/** A run directory, or settings of a run, that cannot be used as asked. */
export class RunError extends Error {
  override readonly name = "RunError";
  readonly hint: string;
  constructor(message: string, hint: string) {
    super(message);
    this.hint = hint;
  }
}
