import { Failure } from "../../base/failure.ts";
import type { Call, Command } from "../command.ts";
import type { CliContext } from "../context.ts";
import { optionFailure } from "../flags/flag.ts";
import { bool, string } from "../flags/kinds.ts";

interface Values {
  readonly username: string;
  readonly password: string;
  readonly "password-stdin": boolean;
}

export const login: Command<Values> = {
  usage: "[OPTIONS] [SERVER]",
  takes: [0, 1],
  flags: {
    username: string("Username", { short: "u" }),
    password: string("Password or Personal Access Token (PAT)", { short: "p" }),
    "password-stdin": bool("Take the Password or Personal Access Token (PAT) from stdin"),
  },
  completes: ["registry", "none"],
  description:
    "Credentials are kept where Docker keeps them: by the helper that ~/.docker/config.json names, else in that file. Without SERVER: Docker Hub.",
  examples: ["tare login -u me localhost:5000", "tare login -u me --password-stdin ghcr.io < token"],
  async run(call) {
    const { values, positional } = call;
    const [server = "docker.io"] = positional;
    const { domainOf, saveCredentials } = await import("../registry/save-credentials.ts");
    const domain = domainOf(server);
    const { username, password } = await readCredentials(call);
    if (values.password !== "") {
      call.err("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
    }
    const { serverAddressOf } = await import("../registry/find-credentials.ts");
    const client = await call.client();
    const { Status: status } = await client.system.logIn({
      username,
      password,
      serveraddress: serverAddressOf(domain),
    });
    const file = await saveCredentials({ domain, username, password }, call.context.env);
    if (file !== undefined) {
      call.err(
        `WARNING! Your credentials are stored unencrypted in '${file}'.\nConfigure a credential helper to remove this warning.\n`,
      );
    }
    call.out(`${status}\n`);
    return 0;
  },
};

async function readCredentials(
  call: Call<Values>,
): Promise<{ readonly username: string; readonly password: string }> {
  const { values, context } = call;
  if (values["password-stdin"]) {
    if (values.password !== "")
      throw optionFailure("conflicting options: cannot specify both --password and --password-stdin");
    if (values.username === "")
      throw optionFailure("the --password-stdin option requires --username to be set");
    return {
      username: values.username,
      password: (await readLine(context.stdin, true)).replace(/\r?\n$/, ""),
    };
  }
  if (values.username !== "" && values.password !== "") return values;
  if (context.stdin.isTTY !== true) {
    throw new Failure(
      "invalid",
      "cannot perform an interactive login from a non TTY device: use --username with --password-stdin",
    );
  }
  let { username, password } = values;
  if (username === "") {
    call.err("Username: ");
    username = (await readLine(context.stdin, false)).trim();
  }
  if (username === "") throw new Failure("invalid", "cannot log in: username is empty");
  if (password === "") {
    call.err("Password: ");
    const { enterRawMode } = await import("../terminal/raw-mode.ts");
    using _ = enterRawMode(context.stdin);
    password = await readLine(context.stdin, false);
    call.err("\r\n");
  }
  if (password === "") throw new Failure("invalid", "cannot log in: password is empty");
  return { username, password };
}

/** Up to the end of a line, or of the whole input. In raw mode the keys that end a program do it here, too. */
async function readLine(input: CliContext["stdin"], whole: boolean): Promise<string> {
  let text = "";
  for await (const piece of input) {
    for (const key of String(piece)) {
      if (!whole && (key === "\r" || key === "\n")) return text;
      if (!whole && key === "\x03") throw new Failure("canceled", "cannot log in: interrupted");
      text = !whole && (key === "\x7f" || key === "\b") ? text.slice(0, -1) : text + key;
    }
  }
  return text;
}
