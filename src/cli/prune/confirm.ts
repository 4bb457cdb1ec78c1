import type { Call } from "../command.ts";

/** Asks on standard output and reads one line of standard input: only "y" means yes, an end of file no. */
export async function confirm(
  { context, out }: Pick<Call<unknown>, "context" | "out">,
  warning: string,
): Promise<boolean> {
  out(`${warning}\nAre you sure you want to continue? [y/N] `);
  let answer = "";
  for await (const chunk of context.stdin) {
    answer += String(chunk);
    if (answer.includes("\n") || answer.length > 1000) break;
  }
  return answer.split("\n", 1)[0]?.trim().toLowerCase() === "y";
}
