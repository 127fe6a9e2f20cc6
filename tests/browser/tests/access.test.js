// The page without a mouse, and for those who do not see it.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";

import { count, mapOf, pictures, reach, serve, study, visit, visitor } from "../harness.js";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

for (const scheme of ["light", "dark"]) {
  test(`axe finds nothing serious, ${scheme}`, async (t) => {
    const folder = await pictures(t, 3, 6);
    const page = await visit(await visitor(t, { webgpu: false, context: { colorScheme: scheme } }), await serve(t));
    await judge(page, "empty");
    await mapOf(page, folder);
    await judge(page, "done");
    await page.getByTestId("picture").first().click();
    await judge(page, "a picture selected");
  });
}

for (const scheme of ["light", "dark"]) {
  test(`axe finds nothing serious in a study, ${scheme}`, async (t) => {
    const page = await visit(await visitor(t, { webgpu: false, context: { colorScheme: scheme } }), await serve(t, { album: await study(t) }));
    await reach(page, "done");
    await count(page, "study-row", 10);
    await judge(page, "the table");
    await page.setViewportSize({ width: 390, height: 844 });
    await judge(page, "the table on a phone");
  });
}

async function judge(page, state) {
  // Evaluated by the debugger, which the page's Content-Security-Policy does not bind.
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
  const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = serious.map(({ id, help, nodes }) => `${id}: ${help}\n  ${nodes.map((node) => node.html).join("\n  ")}`);
  assert.deepEqual(told, [], `${state}: ${told.join("\n")}`);
}

test("everything can be reached by keyboard", async (t) => {
  const folder = await pictures(t, 3, 6);
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t));
  // Before the keys: the browser is told to hand choosers over, and that takes a moment.
  const chooser = page.waitForEvent("filechooser");
  await tabTo(page, "choose-folder");
  await tabTo(page, "open-album");
  // Enter opens the browser's own chooser; what is chosen there comes as it does after a click.
  await tabTo(page, "choose-folder", "Shift+Tab");
  await page.keyboard.press("Enter");
  await (await chooser).setFiles(folder);
  await reach(page, "running", "done");
  await reach(page, "done");
  await tabTo(page, "cluster");
  await page.keyboard.press("Enter");
  await tabTo(page, "map");
  await tabTo(page, "grid");
  const first = await focusedPicture(page);
  await page.keyboard.press("ArrowRight");
  assert.notEqual(await focusedPicture(page), first, "an arrow goes to the next picture");
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await page.keyboard.press("Escape");
  await tabTo(page, "export-menu", "Shift+Tab");
  await page.keyboard.press("Enter");
  const download = page.waitForEvent("download");
  await tabToItem(page, '[data-path="labels.csv"]');
  await page.keyboard.press("Enter");
  assert.match(String(await readFile(await (await download).path())), /^file,label,/);
});

/** Presses Tab until the focus is within the element. */
async function tabTo(page, id, key = "Tab") {
  await press(page, `[data-testid="${id}"]`, [key]);
}

/** A menu may be gone through with Tab or with arrows. */
async function tabToItem(page, selector) {
  await press(page, selector, ["Tab", "ArrowDown"]);
}

async function press(page, selector, keys) {
  for (let step = 0; step < 120; step += 1) {
    if (await page.evaluate((selector) => document.activeElement?.closest(selector) !== null, selector)) {
      return;
    }
    await page.keyboard.press(keys[step % keys.length]);
  }
  assert.fail(`${selector} cannot be reached by ${keys.join(", ")}`);
}

/** The picture that has the focus in the grid, as a screen reader is told. */
function focusedPicture(page) {
  return page.evaluate(() => {
    const focused = document.activeElement;
    const named = focused?.getAttribute("aria-activedescendant");
    return (named ? document.getElementById(named) : focused)?.closest("[data-index]")?.dataset.index ?? null;
  });
}
