/** The kernel's error for a control file's value, with an explanation when it is terse. */
export function describeRefusal(thrown: unknown): string {
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  if (said.endsWith("weight_device: EOPNOTSUPP"))
    return `${said}: the disk's I/O scheduler knows no weights (bfq does)`;
  return said;
}
