/** The one error of this floor. It always says where the trouble is, what was found against what was expected, and what to do about it. */
export class DataError extends Error {
  override name = "DataError";
  /** The file, folder or source that is wrong. */
  readonly where: string;
  /** What to do about it. */
  readonly remedy: string;

  constructor(where: string, problem: string, remedy: string, options?: ErrorOptions) {
    super(`${where}: ${problem}. ${remedy}.`, options);
    this.where = where;
    this.remedy = remedy;
  }
}
