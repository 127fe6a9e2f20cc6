// `cargo xtask screenshots`: the page empty, running and done, in both themes, wide and narrow.

import path from "node:path";
import { test } from "node:test";

import { SAMPLE, drop, reach, serve, visit, visitor } from "./harness.js";

const SIZES = [
  [1440, 900],
  [390, 844],
];

const out = process.argv[2];

for (const [width, height] of SIZES) {
  for (const colorScheme of ["light", "dark"]) {
    test(`${width} x ${height}, ${colorScheme}`, async (t) => {
      const browser = await visitor(t, { webgpu: false, context: { colorScheme, viewport: { width, height } } });
      const page = await visit(browser, await serve(t));
      const shoot = (state) => page.screenshot({ path: path.join(out, `${state}-${width}x${height}-${colorScheme}.png`) });
      await shoot("empty");
      await drop(page, SAMPLE);
      await reach(page, "running");
      await page.waitForTimeout(4000);
      await shoot("running");
      await reach(page, "done");
      await page.waitForTimeout(1500);
      await shoot("done");
    });
  }
}
