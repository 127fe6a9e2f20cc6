// The main thing: a dropped folder becomes a map, and it is the terminal's.

import assert from "node:assert/strict";
import { test } from "node:test";

import { albumIn, albumOf, ari, cells, count, drop, labels, mapOf, pictures, reach, rows, serve, terminal, visit, visitor } from "../harness.js";

for (const webgpu of [true, false]) {
  const device = webgpu ? "WebGPU" : "the processor";
  test(`a dropped folder becomes the map that the terminal makes, on ${device}`, async (t) => {
    const folder = await pictures(t, 4, 8);
    const expected = await albumIn(await terminal(t, folder));
    // WebGPU is software here, and has to be asked for.
    const page = await visit(await visitor(t, { webgpu }), (await serve(t)) + (webgpu ? "?device=wgpu" : ""));
    await mapOf(page, folder);
    await count(page, "cluster", 4);
    assert.ok(await page.getByTestId("map").isVisible());
    const about = await page.getByTestId("device").first().textContent();
    assert.equal(/WebGPU/.test(about) && !/no webgpu|processor/i.test(about), webgpu, `the page says where it computes: ${about}`);
    const album = await albumOf(page);
    compare(album, expected);
  });
}

function compare(album, expected) {
  assert.deepEqual(rows(album.get("labels.csv")).map((row) => row.file), rows(expected.get("labels.csv")).map((row) => row.file));
  assert.deepEqual(cells(album), cells(expected));
  for (const cell of cells(album)) {
    const agreement = ari(labels(album, cell), labels(expected, cell));
    assert.ok(agreement >= 0.99, `${cell}: ARI ${agreement} with the terminal's clusters`);
  }
  const [ours, theirs] = [album, expected].map((files) => rows(files.get("scores.csv")));
  assert.equal(ours.length, theirs.length);
  ours.forEach((row, i) => {
    for (const score of ["acc", "nmi", "ari", "kappa", "silhouette"]) {
      const off = Math.abs(Number(row[score]) - Number(theirs[i][score]));
      assert.ok(off <= 1e-3, `${row.representation}: ${score} is ${row[score]} and ${theirs[i][score]} in the terminal`);
    }
  });
  const features = "features/efficientnet-lite0.csv";
  const off = difference(matrix(album.get(features)), matrix(expected.get(features)));
  assert.ok(off <= 1e-3, `features are ${off} off the terminal's`);
}

function matrix(csv) {
  return String(csv).trimEnd().split("\n").slice(1).map((line) => line.split(",").slice(1).map(Number).filter((x) => !Number.isNaN(x)));
}

/** The largest relative difference of two pictures' features, as vectors. */
function difference(a, b) {
  assert.equal(a.length, b.length);
  const norm = (vector) => Math.hypot(...vector);
  return Math.max(...a.map((row, i) => norm(row.map((x, j) => x - b[i][j])) / norm(b[i])));
}

test("classical features are the terminal's", async (t) => {
  const folder = await pictures(t, 3, 6);
  const expected = await albumIn(await terminal(t, folder, "--features", "hog,classical", "--text", "none"));
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t));
  await mapOf(page, folder);
  await page.locator(".again > summary").click();
  for (const [name, wanted] of [["hog", true], ["classical", true], ["efficientnet-lite0", false], ["tags", false]]) {
    await page.locator(".again").getByLabel(name, { exact: true }).setChecked(wanted);
  }
  await page.getByTestId("run-again").click();
  await reach(page, "running");
  await reach(page, "done");
  const album = await albumOf(page);
  assert.deepEqual(cells(album), ["hog/kmeans", "classical/kmeans"]);
  for (const kind of ["hog", "classical"]) {
    const off = difference(matrix(album.get(`features/${kind}.csv`)), matrix(expected.get(`features/${kind}.csv`)));
    assert.ok(off <= 1e-3, `${kind} is ${off} off the terminal's`);
    const agreement = ari(labels(album, `${kind}/kmeans`), labels(expected, `${kind}/kmeans`));
    assert.ok(agreement >= 0.99, `${kind}: ARI ${agreement} with the terminal's clusters`);
  }
});

test("other clusterers, fusions and a criterion are the terminal's", async (t) => {
  const folder = await pictures(t, 3, 8);
  const wanted = ["agglomerative", "dbscan", "consensus"];
  const asked = "what is it made of:k=3";
  const options = ["--cluster", ["kmeans", ...wanted].join(","), "--fuse", "concat,concat:share=auto", "--criterion", asked];
  const expected = await albumIn(await terminal(t, folder, ...options));
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t));
  await mapOf(page, folder);
  const tried = async (n) => {
    await page.waitForFunction((n) => document.querySelector("[data-testid=tab-experiments]").textContent.endsWith(n), String(n));
    await page.locator("html[data-state=done]").waitFor();
  };
  const first = "efficientnet-lite0+tags@concat";
  for (const [i, clusterer] of wanted.entries()) {
    await page.getByTestId("clusterer").selectOption(clusterer);
    await tried(4 + i);
  }
  const album = await albumOf(page);
  for (const clusterer of wanted) {
    const agreement = ari(labels(album, `${first}/${clusterer}`), labels(expected, `${first}/${clusterer}`));
    assert.ok(agreement >= 0.99, `${clusterer}: ARI ${agreement} with the terminal's clusters`);
  }
  await page.locator(".again > summary").click();
  await page.getByTestId("criteria").fill(asked);
  await page.locator(".again").getByLabel("concat:share=auto", { exact: true }).check();
  await page.getByTestId("run-again").click();
  await reach(page, "running");
  await reach(page, "done");
  const again = await albumOf(page);
  const theirs = cells(expected).filter((cell) => cell.endsWith("/kmeans"));
  assert.deepEqual(cells(again), theirs);
  for (const cell of theirs) {
    const agreement = ari(labels(again, cell), labels(expected, cell));
    assert.ok(agreement >= 0.99, `${cell}: ARI ${agreement} with the terminal's clusters`);
  }
  const criteria = (files) => JSON.parse(files.get("album.json")).criteria.map(({ criterion, clusters }) => [criterion, clusters.map(({ size }) => size)]);
  assert.deepEqual(criteria(again), criteria(expected));
  assert.equal(criteria(again)[0][0], "what is it made of");
});

test("cancel ends a run and the page goes on to be of use", async (t) => {
  const folder = await pictures(t, 3, 20);
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t));
  await drop(page, folder);
  await reach(page, "running");
  await page.getByTestId("cancel").click();
  await reach(page, "empty", "done");
  await page.reload();
  await mapOf(page, await pictures(t, 2, 4));
  await count(page, "cluster", 2);
});
