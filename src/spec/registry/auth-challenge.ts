/** One way in which a server wants to be asked. SPEC: RFC 9110 §11.3 */
export interface AuthChallenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: Readonly<Record<string, string>>;
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+/;
const longest = 8192;

/**
 * The challenges of a WWW-Authenticate header, in their order; what comes behind something that breaks the grammar is
 * left out.
 */
export function parseAuthChallenges(header: string): readonly AuthChallenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let rest = header.slice(0, longest);
  const take = (pattern: RegExp): string | undefined => {
    const [found] = pattern.exec(rest) ?? [];
    if (found !== undefined) rest = rest.slice(found.length);
    return found;
  };
  for (;;) {
    take(/^[\s,]+/);
    const name = take(token);
    if (name === undefined) return challenges;
    const current = challenges.at(-1);
    if (current !== undefined && take(/^\s*=\s*/) !== undefined) {
      const value = rest.startsWith('"') ? takeQuoted() : take(token);
      if (value === undefined) return challenges;
      const key = name.toLowerCase();
      if (!Object.hasOwn(current.parameters, key)) current.parameters[key] = value;
      continue;
    }
    if (rest !== "" && !/^[\s,]/.test(rest)) return challenges;
    challenges.push({ scheme: name.toLowerCase(), parameters: {} });
  }

  function takeQuoted(): string | undefined {
    const quoted = take(/^"(?:[^"\\]|\\.)*"/);
    return quoted?.slice(1, -1).replace(/\\(.)/g, "$1");
  }
}
