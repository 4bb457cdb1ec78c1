/** JSON with bigint, one line. */
export function toLine(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === "bigint" ? { $big: String(each) } : each,
  );
}

export function fromLine(line: string): unknown {
  return JSON.parse(line, (_, each: unknown) =>
    typeof each === "object" && each !== null && "$big" in each ? BigInt(String(each.$big)) : each,
  );
}
