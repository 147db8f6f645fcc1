/** The claims of a laboratory, checked on its experiment: the records of `claims.json`. */
import type { Claim, Laboratory, Measurement, Mode } from "./laboratory.ts";

/** One claim with what was found. */
export interface ClaimRecord {
  id: string;
  statement: string;
  provenance: Claim<unknown>["provenance"];
  expected: "holds" | "fails";
  measured: Measurement["measured"];
  criterion: string;
  holds: boolean;
  note?: string;
  /** Why nothing could be measured. Such a claim does not hold, and is never as expected. */
  error?: string;
}

/** The content of `claims.json`. */
export interface ClaimsDocument {
  paper: string;
  mode: Mode;
  claims: ClaimRecord[];
}

/** Measures every claim, in order. A measurement that throws is recorded as its error. */
export async function checkClaims<Lab>({ claims }: Pick<Laboratory<Lab>, "claims">, lab: Lab): Promise<ClaimRecord[]> {
  const records: ClaimRecord[] = [];
  for (const claim of claims) {
    const { id, statement, provenance, criterion, expected = "holds" } = claim;
    const { measured, holds, note, error } = await measure(claim, lab);
    records.push({ id, statement, provenance, expected, measured, criterion, holds, ...(note && { note }), ...(error && { error }) });
  }
  return records;
}

/** Whether a claim came out as it was expected to: one that is expected to fail must fail, and must have been measured. */
export function asExpected({ expected, holds, error }: Pick<ClaimRecord, "expected" | "holds" | "error">): boolean {
  return error === undefined && holds === (expected === "holds");
}

/** "12 of 13 claims came out as expected", in words for the head of the page and for the terminal. */
export function verdictWords(claims: readonly ClaimRecord[]): string {
  const good = claims.filter(asExpected).length;
  const count = `${good} of ${claims.length} ${claims.length === 1 ? "claim" : "claims"} came out as expected`;
  const foretold = claims.filter((claim) => asExpected(claim) && !claim.holds).length;
  return foretold > 0 ? `${count}, ${foretold} of them by failing` : count;
}

async function measure<Lab>(claim: Claim<Lab>, lab: Lab): Promise<Measurement & Pick<ClaimRecord, "error">> {
  try {
    return await claim.measure(lab);
  } catch (error) {
    return { measured: "nothing", holds: false, error: error instanceof Error ? error.message : String(error) };
  }
}
