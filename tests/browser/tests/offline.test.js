// After the first visit the page needs no network, and takes an update at the next visit without mixing releases.

import assert from "node:assert/strict";
import { cp, readdir, readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import { count, dist, mapOf, pictures, reach, scratch, serve, until, visit, visitor } from "../harness.js";

/** Waits until the service worker keeps everything. */
async function ready(page) {
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
}

test("a second visit fetches no model, and needs no server", async (t) => {
  const folder = await pictures(t, 3, 6);
  const address = await serve(t);
  const browser = await visitor(t, { webgpu: false, trouble: [/Failed to load resource/, /ERR_CONNECTION_REFUSED/] });
  const page = await visit(browser, address);
  await mapOf(page, folder);
  assert.ok(browser.requests.some((url) => url.endsWith(".safetensors")), "the first visit fetches the models");
  await ready(page);
  await page.reload();
  browser.requests.length = 0;
  await mapOf(page, folder);
  await page.getByTestId("open-other").click();
  await page.getByTestId("try-sample").click();
  await reach(page, "running", "done");
  await page.getByTestId("picture").first().waitFor();
  assert.deepEqual(browser.requests.filter((url) => url.endsWith(".safetensors")), []);
  address.stop();
  await page.reload();
  await page.locator("html[data-state=empty]").waitFor();
  await mapOf(page, folder);
  await count(page, "cluster", 3);
  await page.getByTestId("open-other").click();
  await page.getByTestId("try-sample").click();
  await page.getByTestId("picture").first().waitFor();
});

test("an update is taken at the next visit, and the old release is gone after it", async (t) => {
  const site = path.join(await scratch(t, "site"), "dist");
  await cp(dist, site, { recursive: true });
  const address = await serve(t, { page: site });
  const browser = await visitor(t, { webgpu: false, trouble: [/Failed to load resource/, /ERR_CONNECTION_REFUSED/] });
  let page = await visit(browser, address);
  await ready(page);
  const release = () => page.locator("meta[name=release]").getAttribute("content");
  const first = await release();
  await update(site);
  // The new page comes at once; the new service worker waits until the old page is closed.
  page = await visit(browser, address);
  assert.equal(await release(), "0000000000000001");
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).getPropertyValue("--updated").trim()), "yes");
  await until(page, async () => Boolean((await navigator.serviceWorker.getRegistration()).waiting));
  // Browsers change service workers a moment after the last page is closed.
  let kept = [];
  for (let visits = 0; kept.length !== 1; visits += 1) {
    assert.ok(visits < 10, `${kept} are kept`);
    const next = await browser.newPage();
    await page.close();
    await next.waitForTimeout(1000);
    page = await visit(browser, address);
    kept = await page.evaluate(() => caches.keys());
  }
  assert.notEqual(kept[0], `gistmap-${first}`);
  address.stop();
  await page.reload();
  await page.locator("html[data-state=empty]").waitFor();
  assert.equal(await release(), "0000000000000001");
});

/** Another release of the page: its style under a new name, as `cargo xtask seal` would write it. */
async function update(site) {
  const style = (await readdir(site)).find((name) => name.startsWith("style-"));
  const renamed = "style-0000000000000002.css";
  await writeFile(path.join(site, style), `${await readFile(path.join(site, style))}\nbody { --updated: yes; }\n`);
  await rename(path.join(site, style), path.join(site, renamed));
  for (const name of ["index.html", "sw.js"]) {
    const text = String(await readFile(path.join(site, name))).replaceAll(style, renamed);
    const old = text.match(name === "sw.js" ? /RELEASE = "([0-9a-f]{16})"/ : /name="release" content="([0-9a-f]{16})"/)[1];
    await writeFile(path.join(site, name), text.replaceAll(old, "0000000000000001"));
  }
}
