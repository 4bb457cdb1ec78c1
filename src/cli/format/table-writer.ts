export interface TableOptions {
  /** A column is at least so wide, padding included. */
  readonly minimumWidth?: number | undefined;
  readonly padding?: number | undefined;
}

/**
 * Aligns tab-separated text as Go's tabwriter does. A cell ends with a tab; a column is a run of adjacent lines that
 * all contain that cell. The text after a line's last tab is no cell and gets no padding.
 */
export function alignColumns(text: string, { minimumWidth = 10, padding = 3 }: TableOptions = {}): string {
  const lines = text.split("\n").map((line) => line.split("\t"));
  const widths: number[][] = lines.map(() => []);
  const most = lines.reduce((count, cells) => Math.max(count, cells.length), 0);
  for (let column = 0; column < most - 1; column++) {
    for (let first = 0; first < lines.length; first++) {
      if (!hasCell(lines[first], column)) continue;
      let end = first;
      let width = minimumWidth;
      for (; hasCell(lines[end], column); end++)
        width = Math.max(width, widthOf(lines[end]?.[column]) + padding);
      for (let row = first; row < end; row++) widths[row]?.push(width);
      first = end;
    }
  }
  return lines.map((cells, row) => formatLine(cells, widths[row] ?? [])).join("\n");
}

function hasCell(cells: readonly string[] | undefined, column: number): boolean {
  return cells !== undefined && column < cells.length - 1;
}

function formatLine(cells: readonly string[], widths: readonly number[]): string {
  return cells
    .map((cell, column) => cell + " ".repeat(Math.max(0, (widths[column] ?? 0) - widthOf(cell))))
    .join("");
}

const isAscii = /^[ -~]*$/;

/** In code points, as Go counts. */
function widthOf(cell: string | undefined): number {
  if (cell === undefined) return 0;
  return isAscii.test(cell) ? cell.length : [...cell].length;
}
