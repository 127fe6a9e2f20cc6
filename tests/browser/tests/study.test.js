// A study of the terminal opens in the page: its table is the map's menu.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { albumIn, albumOf, count, drop, labels, PATIENCE, reach, rows, serve, study, until, visit, visitor } from "../harness.js";

/** Two representations, a text, two fusions, by two clusterers. */
const ROWS = 10;

const row = (page, cell) => page.locator(`[data-testid="study-row"][data-cell="${cell}"]`);

/** Chooses a row by its button, and waits for its clusters. */
async function choose(page, cell) {
  await row(page, cell).getByRole("button").click();
  await row(page, cell).locator('[aria-current="true"]').waitFor({ timeout: PATIENCE });
  await until(page, () => document.querySelector(".spinner.small.on") === null);
}

/** What the table shows, by cell: column, mean, deviation. */
async function shown(page) {
  const table = await page.locator(".study-table").evaluate((table) => {
    const heads = [...table.querySelectorAll("thead th:not(.study-of)")].map((th) => th.textContent);
    const number = (td, part) => td.querySelector(part)?.textContent.replace("± ", "") ?? "";
    return [...table.querySelectorAll("[data-testid=study-row]")].map((tr) => {
      const cells = [...tr.querySelectorAll("td")].map((td, i) => [heads[i + 1].toLowerCase(), [number(td, ".mean"), number(td, ".sd")]]);
      return [tr.dataset.cell, Object.fromEntries(cells)];
    });
  });
  return new Map(table);
}

/** Every mean and deviation of a table of the study is seen as it was written, and nothing but `columns`. */
function same(seen, table, columns) {
  assert.deepEqual([...seen.keys()], table.map((line) => `${line.representation}/${line.clusterer}`));
  for (const line of table) {
    const own = seen.get(`${line.representation}/${line.clusterer}`);
    assert.deepEqual(Object.keys(own), [...columns, "clusters", "runs"]);
    for (const column of columns) {
      for (const [part, at] of [["mean", 0], ["sd", 1]]) {
        const [written, read] = [line[`${column}_${part}`], own[column][at]];
        const equal = written === "" ? read === "" : Math.abs(Number(written) - Number(read)) <= 0.000501 && /\.\d{3}$/.test(read);
        assert.ok(equal, `${line.representation}/${line.clusterer}: ${column} ${part} is ${written}, the page shows ${read}`);
      }
    }
  }
}

test("gistmap view shows a study, and a row of its table brings its map and its clusters", async (t) => {
  const out = await study(t);
  const table = async (name) => rows(await readFile(path.join(out, "tables", `${name}.csv`)));
  const written = await albumIn(path.join(out, "album"));
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t, { album: out }));
  await reach(page, "done");
  await count(page, "study-row", ROWS);
  same(await shown(page), await table("supervised"), ["acc", "nmi", "ari", "kappa"]);
  await page.getByRole("button", { name: "Without labels" }).click();
  await page.locator(".study-table th", { hasText: "Silhouette" }).waitFor();
  same(await shown(page), await table("label-free"), ["silhouette", "loss"]);

  assert.equal(await page.locator('[data-testid="study-row"].main').count(), 1, "the album's main cell is marked");

  const clusters = await table("labels");
  const { study: known, cells } = JSON.parse(written.get("album.json"));
  for (const cell of ["classical/agglomerative", "efficientnet-lite0+tags@concat/kmeans:n_init=1", "tags/agglomerative"]) {
    await choose(page, cell);
    assert.equal(await page.locator('[data-testid="study-row"].main').count(), 1, "one row is the current one");
    const at = cells.findIndex(({ representation, clusterer }) => `${representation}/${clusterer}` === cell);
    await count(page, "cluster", known.clusters[at].length);
    const listed = await page.locator(".cluster-name").allTextContents();
    assert.deepEqual(listed.sort(), known.clusters[at].map(({ name, cluster }) => name || `Cluster ${cluster + 1}`).sort());
    const album = await albumOf(page);
    await page.keyboard.press("Escape");
    const { main_cell } = JSON.parse(album.get("album.json"));
    assert.equal(main_cell, at);
    assert.deepEqual(labels(album, cell), clusters.map((line) => line[`${cell}/782`]), `${cell}: the clusters of the study`);
    const map = known.maps.find(({ representation }) => representation === cell.split("/")[0]);
    assert.equal(String(album.get("layout.csv")), String(written.get(map.path)), `${cell}: the map of the study`);
  }
  // Another number of clusters is computed on what was left in the file until now.
  await page.getByTestId("k").fill("2");
  await page.getByTestId("k").press("Enter");
  await count(page, "cluster", 2);
  assert.equal(await page.locator('[data-testid="study-row"].main').count(), 0, "that is no row of the study");
  await choose(page, "tags/agglomerative");
  await count(page, "cluster", 3);
});

test("a study's file is dropped or chosen, its folder dropped, and its table used by keyboard", async (t) => {
  const out = await study(t);
  const file = path.join(out, "study.gistmap");
  const browser = await visitor(t, { webgpu: false });
  const address = await serve(t);
  const ways = [
    (page) => drop(page, file),
    (page) => drop(page, out),
    (page) => page.getByTestId("album-input").setInputFiles(file),
  ];
  for (const open of ways) {
    const page = await visit(browser, address);
    await open(page);
    await reach(page, "done");
    await count(page, "study-row", ROWS);
  }
  const page = browser.pages().at(-1);
  await page.getByTestId("tab-study").focus();
  await page.keyboard.press("Tab");
  for (let step = 0; step < 20 && !(await focusedRow(page)); step += 1) {
    await page.keyboard.press("Tab");
  }
  const first = await focusedRow(page);
  assert.ok(first, "a row's button can be reached");
  await page.keyboard.press("Tab");
  const second = await focusedRow(page);
  assert.notEqual(second, first);
  await page.keyboard.press("Enter");
  await row(page, second).locator('[aria-current="true"]').waitFor();
  await until(page, () => document.querySelector("[aria-live]")?.textContent !== "");

  // Where there is room for one pane, the map stands above its menu, and nothing is wider than the screen.
  await page.setViewportSize({ width: 390, height: 844 });
  const wide = await page.evaluate(() => {
    const sheet = document.querySelector("#lab-sheet");
    return [document.documentElement.scrollWidth, sheet.scrollWidth - sheet.clientWidth];
  });
  assert.deepEqual(wide, [390, 0]);
  await row(page, first).getByRole("button").click();
  await row(page, first).locator('[aria-current="true"]').waitFor();
  assert.ok(await page.getByTestId("map").isVisible(), "the map is seen with its menu");
});

/** The cell of the row whose button has the focus. */
function focusedRow(page) {
  return page.evaluate(() => document.activeElement?.closest("[data-testid=study-row]")?.dataset.cell ?? null);
}
