// What goes wrong: a device that is lost, pictures that are none, a tab that is reloaded.

import assert from "node:assert/strict";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { albumOf, ari, drop, engines, labels, cells, mapOf, pictures, reach, rows, serve, visit, visitor } from "../harness.js";

test("a device that is lost mid-run is replaced, and the run goes on", async (t) => {
  const folder = await pictures(t, 4, 8);
  const browser = await visitor(t, { trouble: [/device/i, /lost/i, /destroyed/i] });
  const page = await visit(browser, (await serve(t)) + "?device=wgpu");
  await keepDevices(page);
  await drop(page, folder);
  await page.getByTestId("picture").first().waitFor();
  const [engine] = await engines(page);
  const lost = await engine.evaluate(() => self.devices.map((device) => device.destroy()).length);
  assert.ok(lost > 0, "the engine computes on a WebGPU device");
  await reach(page, "done");
  const album = await albumOf(page);
  assert.equal(rows(album.get("labels.csv")).length, 32);
  assert.equal(rows(album.get("errors.csv")).length, 0, "no picture was lost with the device");
});

/** Every engine that starts from now on keeps the devices that it is given where a test can find them. */
async function keepDevices(page) {
  const wrap = () => {
    self.devices = [];
    const request = GPUAdapter.prototype.requestDevice;
    GPUAdapter.prototype.requestDevice = async function (...words) {
      const device = await request.apply(this, words);
      self.devices.push(device);
      return device;
    };
  };
  page.on("worker", (worker) => worker.evaluate(wrap).catch(() => {}));
  await page.reload();
  await page.locator("html[data-state]").waitFor();
}

test("an engine that ends is started again, and the run goes on", async (t) => {
  const folder = await pictures(t, 4, 10);
  const browser = await visitor(t, { webgpu: false, trouble: [/the test ends it/] });
  const page = await visit(browser, await serve(t));
  await drop(page, folder);
  await page.getByTestId("picture").first().waitFor();
  const [engine] = await engines(page);
  await engine.evaluate(() => setTimeout(() => { throw new Error("the test ends it"); }));
  await reach(page, "done");
  assert.equal(rows((await albumOf(page)).get("labels.csv")).length, 40);
});

test("pictures that cannot be used are named, and no name becomes markup", async (t) => {
  const folder = await pictures(t, 3, 6);
  const [label] = await readdir(folder);
  const [first, second] = (await readdir(path.join(folder, label))).sort();
  const good = await readFile(path.join(folder, label, first));
  const bad = {
    "empty.png": Buffer.alloc(0),
    "cut.png": good.subarray(0, Math.floor(good.length / 3)),
    "text.jpg": Buffer.from("this is no picture"),
    "huge.png": declaredHuge(good),
  };
  for (const [name, bytes] of Object.entries(bad)) {
    await writeFile(path.join(folder, label, name), bytes);
  }
  const markup = "<img src=x onerror=document.title='broken'>&amp;.png";
  await rename(path.join(folder, label, second), path.join(folder, label, markup));
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t));
  await mapOf(page, folder);
  const album = await albumOf(page);
  const failed = rows(album.get("errors.csv")).map((row) => path.basename(row.file)).sort();
  assert.deepEqual(failed, Object.keys(bad).sort());
  assert.ok(rows(album.get("labels.csv")).some((row) => row.file.endsWith(markup)));
  await page.getByTestId("errors").first().click();
  for (const name of Object.keys(bad)) {
    await page.getByText(name, { exact: false }).first().waitFor();
  }
  assert.equal(await page.title().then((title) => title.includes("broken")), false);
  assert.equal(await page.locator("img[src=x]").count(), 0);
});

/** A PNG that says it is 60,000 pixels wide and high. */
function declaredHuge(png) {
  const bytes = Buffer.from(png);
  bytes.writeUInt32BE(60_000, 16);
  bytes.writeUInt32BE(60_000, 20);
  return bytes;
}

test("after a reload mid-run the finished pictures are not computed again", async (t) => {
  const folder = await pictures(t, 4, 20);
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t));
  await drop(page, folder);
  await page.waitForFunction(() => document.querySelectorAll("[data-testid=picture]").length >= 16);
  await page.reload();
  await page.locator("html[data-state=empty]").waitFor();
  await mapOf(page, folder);
  const resumed = await albumOf(page);
  const timings = JSON.parse(resumed.get("album.json")).timings;
  const stage = timings.find(({ stage }) => stage === "pictures");
  assert.ok(stage.cached >= 8 && stage.cached <= stage.items, `${stage.cached} of ${stage.items} pictures were read back`);
  // The whole folder once more: everything is known, and it is the same.
  await page.reload();
  await mapOf(page, folder);
  const again = await albumOf(page);
  for (const cell of cells(again)) {
    assert.equal(ari(labels(again, cell), labels(resumed, cell)), 1);
  }
});
