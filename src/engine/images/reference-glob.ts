/** The pattern of `reference=` filters: `*` and `?` don't match a slash. */
export function globToPattern(glob: string): RegExp {
  const source = glob.replace(/[^A-Za-z0-9]/g, (character) => {
    if (character === "*") return "[^/]*";
    if (character === "?") return "[^/]";
    return `\\${character}`;
  });
  return new RegExp(`^${source}$`);
}
