import { expect, test } from "bun:test";
import { formatFullRun } from "../../../scripts/full-run.mjs";
import { checkPage } from "../../../scripts/prose.mjs";

test("formatFullRun() writes a page that passes the check of prose", () => {
  const page = formatFullRun(
    {
      results: [
        { path: "test/unit/a.test.ts", passed: 2, failed: 0, skipped: 1, seconds: 1.4 },
        { path: "test/system/b.test.ts", pattern: "x|y", passed: 1, failed: 0, skipped: 0, seconds: 60 },
      ],
      passed: 3,
      failed: 0,
      skipped: ["one"],
      flaky: [
        "FLAKY test/system/b.test.ts: a test with a name that is so long that no line of prose could have it within 120 columns > waits",
      ],
      seconds: 125,
    },
    { date: "2026-12-02", commit: "0123456", kernel: "6.18.44" },
  );
  expect(page).toContain("**3 passed, 0 failed**, 1 skipped");
  expect(page).toContain("| test/system/b.test.ts | a test with a name");
  expect(page).toContain("| test/system/b.test.ts `x\\|y` | 1 | 0 | 0 | 60 |");
  expect(checkPage("docs/internals/full-run.md", page, { retired: [], read: () => undefined })).toEqual([]);
});
