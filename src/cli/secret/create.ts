import { Failure } from "../../base/failure.ts";
import { openArchive, readInput } from "../archive.ts";
import type { Call, Command } from "../command.ts";
import { bool, list, string } from "../flags/kinds.ts";
import { checkLabel, splitLabel } from "../flags/label.ts";

interface Values {
  readonly driver: string;
  readonly env: boolean;
  readonly label: readonly string[];
  readonly replace: boolean;
}

export const secretCreate: Command<Values> = {
  usage: "[OPTIONS] NAME FILE|-",
  takes: [2, 2],
  flags: {
    driver: string('Specify secret driver: only "file" is supported', {
      short: "d",
      initial: "file",
      words: ["file"],
    }),
    env: bool("Read the secret from an environment variable; FILE is its name"),
    label: list("Specify labels on the secret", { short: "l", check: checkLabel }),
    replace: bool("If a secret with the same name exists, replace it"),
  },
  completes: ["none", "file"],
  description: `The value is kept in a file of root alone and shown by nothing but "secret inspect --showsecret".
Containers that have it already keep the value that they were made with.`,
  examples: [
    "tare secret create password password.txt",
    "printf hidden | tare secret create --label team=web password -",
    "tare secret create --env token API_TOKEN",
    "tare run --secret password,mode=0400 --secret token,type=env,target=TOKEN hello",
  ],
  async run(call) {
    const { driver, label, replace } = call.values;
    const [name = ""] = call.positional;
    const value = await readValue(call);
    const client = await call.client();
    const made = await client.secrets.create({
      Name: name,
      Driver: driver,
      Labels: Object.fromEntries(label.map(splitLabel)),
      Data: value.toString("base64"),
      Replace: replace,
    });
    call.out(`${made.ID}\n`);
    return 0;
  },
};

/** So much more than a value may have is still read, to be refused by the daemon in its words. */
const mostBytes = 512_000;

async function readValue({ values, positional, context }: Call<Values>): Promise<Buffer> {
  const [, source = ""] = positional;
  if (values.env) {
    const value = context.env[source];
    if (value !== undefined) return Buffer.from(value);
    throw new Failure(
      "invalid",
      `cannot create store secret data: environment variable ${source} is not set`,
    );
  }
  const bytes =
    source === "-"
      ? readInput(context, "requested secret from stdin, but stdin is a terminal: give a file, or pipe it")
      : await openArchive(source, context);
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of bytes) {
    pieces.push(Buffer.from(piece));
    length += piece.length;
    if (length >= mostBytes) break;
  }
  return Buffer.concat(pieces).subarray(0, mostBytes);
}
