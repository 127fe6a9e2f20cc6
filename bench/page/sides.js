// The two sides of a comparison: our page, and onnxruntime-web on a page of its own in the same Chromium.

import { createReadStream } from "node:fs";
import http from "node:http";
import path from "node:path";

import { albumOf, mapOf, measureBy } from "../../tests/browser/harness.js";

const GRAPHS = process.env.GISTMAP_GRAPHS;
const HERE = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);

/** The reference's page, from an origin of its own. */
export async function reference(test) {
  const types = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm" };
  const server = http.createServer((request, response) => {
    const name = decodeURIComponent(new URL(request.url, "http://localhost").pathname);
    const file = name.startsWith("/graphs/") ? path.join(GRAPHS, path.basename(name)) : path.join(HERE, name);
    response.setHeader("Content-Type", types[path.extname(file)] ?? "application/octet-stream");
    createReadStream(file).on("error", () => response.writeHead(404).end()).pipe(response);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => server.close());
  return `http://127.0.0.1:${server.address().port}/reference.html`;
}

/** Milliseconds a picture of onnxruntime-web, of each round. */
export async function theirPace(browser, address, ...run) {
  const page = await browser.newPage();
  await page.goto(address);
  await page.waitForFunction(() => typeof measure === "function");
  const times = await page.evaluate((run) => measure(...run), run);
  await page.close();
  return times;
}

/** Milliseconds that each picture that was not known took in the pictures' stage, by another network where one is named. */
export async function ourPace(page, folder, network) {
  await mapOf(page, folder);
  if (network) {
    await measureBy(page, network);
  }
  const { timings } = JSON.parse((await albumOf(page)).get("album.json"));
  const { seconds, items, cached } = timings.find(({ stage }) => stage === "pictures");
  await page.getByTestId("open-other").click();
  await page.locator("html[data-state=empty]").waitFor();
  return (1000 * seconds) / (items - cached);
}
