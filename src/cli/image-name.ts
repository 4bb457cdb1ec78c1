/** The halves of `repository[:tag]`; a colon before the last slash belongs to the registry's port. */
export function splitName(reference: string): {
  readonly repository: string;
  readonly tag?: string | undefined;
} {
  const at = reference.lastIndexOf(":");
  if (at <= reference.lastIndexOf("/")) return { repository: reference };
  return { repository: reference.slice(0, at), tag: reference.slice(at + 1) };
}
