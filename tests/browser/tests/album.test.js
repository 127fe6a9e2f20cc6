// Albums go both ways between terminal and page.

import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { albumIn, albumOf, count, mapOf, pictures, reach, save, scratch, serve, terminal, visit, visitor } from "../harness.js";

/** What must survive the journey to the last byte. */
const KEPT = ["labels.csv", "scores.csv", "clusters.csv", "layout.csv", "errors.csv", "features/efficientnet-lite0.npy", "map.svg"];

test("an album of the terminal opens in the page, which saves the same", async (t) => {
  const folder = await pictures(t, 3, 6);
  const written = await terminal(t, folder);
  const expected = await albumIn(written);
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t, { album: written }));
  await reach(page, "done");
  await count(page, "cluster", 3);
  same(await albumOf(page), expected);
});

test("an album of the page opens in gistmap view, and in the page again", async (t) => {
  const folder = await pictures(t, 3, 6);
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t));
  await mapOf(page, folder);
  const expected = await albumOf(page);
  const file = path.join(await scratch(t, "saved"), "saved.gistmap");
  await copyFile(await save(page), file);
  const other = await visit(await visitor(t, { webgpu: false }), await serve(t, { album: file }));
  await reach(other, "done");
  same(await albumOf(other), expected);
});

function same(album, expected) {
  for (const name of KEPT) {
    assert.ok(expected.get(name)?.length > 0, `${name} is written`);
    assert.deepEqual(String(album.get(name)), String(expected.get(name)), name);
  }
}
