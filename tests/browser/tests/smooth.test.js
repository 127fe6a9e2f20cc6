// The page's own thread stays free: no task takes more than 50 ms while 2,000 pictures go through.

import assert from "node:assert/strict";
import { access } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { SHARED, UNPROVEN, mapOf, serve, visit, visitor } from "../harness.js";

test("no long task during a run of 2,000 pictures", { timeout: 1_500_000, skip: UNPROVEN }, async (t) => {
  const folder = path.join(SHARED ?? "", "data/food101_10/images");
  if (!SHARED || !(await access(folder).then(() => true, () => false))) {
    return t.skip(`there are no pictures in ${folder}`);
  }
  const browser = await visitor(t, { webgpu: false });
  browser.setDefaultTimeout(1_200_000);
  const page = await visit(browser, await serve(t));
  await page.evaluate(() => {
    globalThis.long = [];
    new PerformanceObserver((list) => globalThis.long.push(...list.getEntries().map((entry) => entry.duration))).observe({
      type: "longtask",
    });
  });
  await mapOf(page, folder);
  const long = await page.evaluate(() => globalThis.long);
  assert.deepEqual(long, [], `${long.length} tasks over 50 ms, the longest ${Math.max(...long)} ms`);
});
