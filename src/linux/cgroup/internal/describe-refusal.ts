/** What the kernel said to a control file's value, with what that means where it says little. */
export function describeRefusal(thrown: unknown): string {
  const said = thrown instanceof Error ? thrown.message : String(thrown);
  if (said.endsWith("weight_device: EOPNOTSUPP"))
    return `${said}: the disk's I/O scheduler knows no weights (bfq does)`;
  return said;
}
