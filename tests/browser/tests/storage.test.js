// Where a browser keeps little, nothing, or something that has been damaged: the run comes to its end, or says why not.

import assert from "node:assert/strict";
import { cp, open, readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { albumOf, dist, drop, mapOf, pictures, rows, scratch, serve, staticHost, visit, visitor } from "../harness.js";

test("a static host without https serves the page: it computes, and keeps nothing", async (t) => {
  const folder = await pictures(t, 3, 4);
  const { port } = await staticHost(t, dist);
  const site = `http://gistmap.test:${port}/some/path/`;
  const browser = await visitor(t, { host: "gistmap.test" });
  const page = await visit(browser, site);
  assert.equal(await page.evaluate(() => isSecureContext), false);
  await page.getByText(/keeps nothing between visits/).first().waitFor();
  await mapOf(page, folder);
  assert.equal(rows((await albumOf(page)).get("labels.csv")).length, 12);
});

test("with next to no space the run comes to its end and says what is not kept", async (t) => {
  const folder = await pictures(t, 4, 10);
  const address = await serve(t);
  const browser = await visitor(t, { webgpu: false, trouble: [/quota/i] });
  const page = await visit(browser, address);
  // What keeps the page itself for the next visit comes first; results have the rest.
  const used = await page.evaluate(async () => {
    await navigator.serviceWorker.ready;
    return (await navigator.storage.estimate()).usage;
  });
  const session = await browser.newCDPSession(page);
  const origin = new URL(String(address)).origin;
  await session.send("Storage.overrideQuotaForOrigin", { origin, quotaSize: used + 60_000 });
  await page.reload();
  await page.locator("html[data-state=empty]").waitFor();
  // What is said goes away again after a while.
  const told = page.getByText(/no more space.*clear this site's data/).first().waitFor();
  await mapOf(page, folder);
  await told;
  assert.equal(rows((await albumOf(page)).get("labels.csv")).length, 40);
});

test("a model that comes damaged is named, and nothing is computed with it", async (t) => {
  const site = path.join(await scratch(t, "site"), "dist");
  await cp(dist, site, { recursive: true });
  const packs = path.join(site, "packs");
  const pack = (await readdir(packs)).find((name) => name.startsWith("efficientnet-lite0-q8"));
  await flip(path.join(packs, pack));
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t, { page: site }));
  await drop(page, await pictures(t, 2, 3));
  await page.locator("html[data-state=failed]").waitFor();
  await page.getByText(new RegExp(`${pack} came damaged`)).first().waitFor();
});

test("a model that was damaged where the browser keeps it is fetched again", async (t) => {
  const folder = await pictures(t, 2, 3);
  const address = await serve(t);
  // Browsers ask for the icon of the file that is visited below.
  const browser = await visitor(t, { webgpu: false, trouble: [/404/] });
  const page = await visit(browser, address);
  await mapOf(page, folder);
  const packs = JSON.parse(await readFile(path.join(dist, "packs/packs.json")));
  const pack = packs.find(({ name, quantization }) => name === "efficientnet-lite0" && quantization === "q8");
  // A file of the page's own origin, without the page, whose engine holds what it keeps.
  await page.goto(new URL("packs/packs.json", String(address)).href);
  const size = await page.evaluate(async (name) => {
    const root = await navigator.storage.getDirectory();
    const folder = await (await root.getDirectoryHandle("gistmap")).getDirectoryHandle("packs");
    const file = await folder.getFileHandle(name);
    const before = await file.getFile();
    const [byte] = new Uint8Array(await before.slice(5000, 5001).arrayBuffer());
    const writable = await file.createWritable({ keepExistingData: true });
    await writable.write({ type: "write", position: 5000, data: new Uint8Array([byte ^ 1]) });
    await writable.close();
    return (await file.getFile()).size;
  }, pack.sha256);
  assert.equal(size, pack.bytes);
  await visit(browser, address);
  browser.requests.length = 0;
  // Other pictures: what is known of these would need no network.
  await mapOf(page, await pictures(t, 3, 5));
  const fetched = browser.requests.filter((url) => url.endsWith(".safetensors")).map((url) => path.basename(url));
  assert.deepEqual(fetched, [pack.file]);
});

/** Changes one bit in the middle of a file. */
async function flip(file) {
  const handle = await open(file, "r+");
  const at = Math.floor((await handle.stat()).size / 2);
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, at);
  buffer[0] ^= 1;
  await handle.write(buffer, 0, 1, at);
  await handle.close();
}
