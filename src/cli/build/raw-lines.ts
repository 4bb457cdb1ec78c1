import type { BuildMessage } from "../../api/types/build.ts";

/** A message as `--progress rawjson` prints it: a line in the form of BuildKit's SolveStatus; undefined: none. */
export function formatRawLine({ Vertex, Status, Log, Warning }: BuildMessage): string | undefined {
  if (Vertex !== undefined) {
    const { Id, Inputs, Name, StartedAt, CompletedAt, Cached, Error: error } = Vertex;
    const vertex = {
      digest: Id,
      inputs: Inputs.length === 0 ? undefined : Inputs,
      name: Name,
      started: timeOf(StartedAt),
      completed: timeOf(CompletedAt),
      cached: Cached,
      error,
    };
    return lineOf({ vertexes: [vertex] });
  }
  if (Status !== undefined) {
    const status = {
      id: Status.Id,
      vertex: Status.Vertex,
      name: Status.Id,
      total: Status.Total,
      current: Status.Current,
      timestamp: timeOf(Status.CompletedAt ?? Status.StartedAt),
      started: timeOf(Status.StartedAt),
      completed: timeOf(Status.CompletedAt),
    };
    return lineOf({ statuses: [status] });
  }
  if (Log !== undefined) {
    const { Vertex: vertex, Stream, Data, At } = Log;
    return lineOf({ logs: [{ vertex, stream: Stream, data: Data, timestamp: timeOf(At) }] });
  }
  if (Warning !== undefined) {
    const { Vertex: vertex, Short, Detail, Url, StartLine, EndLine } = Warning;
    const warning = {
      vertex,
      level: 1,
      short: Buffer.from(Short).toString("base64"),
      detail: Detail.map((text) => Buffer.from(text).toString("base64")),
      url: Url,
      range: [{ start: { line: StartLine }, end: { line: EndLine } }],
    };
    return lineOf({ warnings: [warning] });
  }
  return undefined;
}

function timeOf(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}

function lineOf(value: object): string {
  return `${JSON.stringify(value)}\n`;
}
