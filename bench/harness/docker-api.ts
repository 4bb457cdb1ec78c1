/** Docker's API without a command line around it, for what a program that uses an engine waits for. */
export interface Started {
  readonly id: string;
  readonly createMs: number;
  readonly startMs: number;
  /**
   * The engine's own measurement of the start, from the request to the program's first instruction; only Tare reports
   * it.
   */
  readonly engineMs: number | undefined;
  readonly phases: readonly { readonly Name: string; readonly Ms: number }[];
}

export async function startContainer(
  socketPath: string,
  { image, command }: { readonly image: string; readonly command: readonly string[] },
): Promise<Started> {
  const begun = performance.now();
  const body = { Image: image, Cmd: command, HostConfig: { NetworkMode: "none" } };
  const created = await call(socketPath, "POST", "/containers/create", body);
  const { Id: id } = (await created.json()) as { readonly Id: string };
  const afterCreate = performance.now();
  const started = await call(socketPath, "POST", `/containers/${id}/start`);
  await started.arrayBuffer();
  const afterStart = performance.now();
  const timing = started.headers.get("tare-timing");
  const reported =
    timing === null ? undefined : (JSON.parse(timing) as { TotalMs: number; Phases: Started["phases"] });
  return {
    id,
    createMs: afterCreate - begun,
    startMs: afterStart - afterCreate,
    engineMs: reported?.TotalMs,
    phases: reported?.Phases ?? [],
  };
}

/** One after the other: create, start, wait for the end, remove. Gives the milliseconds of all four. */
export async function runToEnd(
  socketPath: string,
  container: { readonly image: string; readonly command: readonly string[] },
): Promise<number> {
  const begun = performance.now();
  const { id } = await startContainer(socketPath, container);
  const waited = await call(socketPath, "POST", `/containers/${id}/wait`);
  const { StatusCode: status } = (await waited.json()) as { readonly StatusCode: number };
  if (status !== 0) throw new Error(`container ${id} ended with status ${status}`);
  await removeContainer(socketPath, id);
  return performance.now() - begun;
}

export async function removeContainer(socketPath: string, id: string): Promise<void> {
  await (await call(socketPath, "DELETE", `/containers/${id}?force=1`)).arrayBuffer();
}

async function call(socketPath: string, method: string, path: string, body?: object): Promise<Response> {
  const answer = await fetch(`http://engine/v1.41${path}`, {
    unix: socketPath,
    method,
    ...(body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "Content-Type": "application/json" } }),
  });
  if (!answer.ok) throw new Error(`cannot ${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}
