/** JSON of a record; 64-bit times go as `{"$n":"123"}`. */
export function encode(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    typeof member === "bigint" ? { $n: member.toString() } : member,
  );
}

/** Decodes the output of encode(). The caller names the type: only this program writes the database. */
export function decode<T>(text: unknown): T {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this program writes the database
  return JSON.parse(String(text), (_, member: unknown) => {
    if (typeof member !== "object" || member === null || !("$n" in member)) return member;
    return BigInt(String(member.$n));
  }) as T;
}
