// Models besides the page's own: a person brings a pack, or the origin offers more.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { cp, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import path from "node:path";
import { test } from "node:test";

import { albumIn, albumOf, bring, dist, drop, mapOf, measureBy, pictures, rows, scratch, serve, terminal, until, visit, visitor } from "../harness.js";
import { packs } from "../tiny.js";

/** A model's line in the list. */
const line = (page, name) => page.locator(`[data-model="${name}"]`);

test("a pack that is dropped captions pictures as the terminal does, and is there on the next visit", async (t) => {
  const folder = await pictures(t, 2, 3);
  const { folder: all, pack } = await packs(t, "blip-caption");
  const words = ["--features", "none", "--text", "blip-caption", "--fuse", "none", "-k", "2"];
  const expected = await albumIn(await terminal(t, folder, "--packs", all, ...words));
  const texts = (album) => rows(album.get("texts/blip-caption.csv")).map(({ file, text }) => [file, text]);
  assert.ok(texts(expected).every(([, text]) => text.length > 0));

  const browser = await visitor(t);
  const address = await serve(t);
  const page = await visit(browser, address);
  await bring(page, pack, "blip-caption");
  await mapOf(page, folder);
  await measureBy(page, "blip-caption");
  assert.deepEqual(texts(await albumOf(page)), texts(expected));
  await page.getByTestId("picture").first().click();
  const shown = await page.getByTestId("inspector").locator(".text").first().textContent();
  assert.ok(texts(expected).some(([, text]) => text === shown), `the inspector says: ${shown}`);

  await visit(browser, address);
  await page.getByTestId("models").click();
  await line(page, "blip-caption").getByText("Here", { exact: true }).waitFor();
  await line(page, "blip-caption").getByRole("button", { name: /Remove/ }).click();
  await line(page, "blip-caption").getByText("Bring its pack").waitFor();
});

test("a file that is no pack is refused, and says what makes one", async (t) => {
  const file = path.join(await scratch(t, "no-pack"), "model.safetensors");
  await writeFile(file, "no weights");
  const page = await visit(await visitor(t, { webgpu: false }), await serve(t));
  await drop(page, file);
  await page.getByText(/the pack cannot be used: not a safetensors file/).waitFor();
});

test("a download is paused and goes on where it was, and what comes damaged is not kept", async (t) => {
  const { pack } = await packs(t, "blip-caption");
  const site = path.join(await scratch(t, "site"), "dist");
  await cp(dist, site, { recursive: true });
  const bytes = await readFile(pack);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const list = path.join(site, "packs/packs.json");
  const offered = { name: "blip-caption", quantization: "q8", file: "blip.safetensors", sha256, bytes: bytes.length };
  await writeFile(list, JSON.stringify([...JSON.parse(await readFile(list)), offered]));
  const upstream = await serve(t, { page: site });
  const HALF = bytes.length >> 1;
  const asked = [];
  let damage = true;
  const server = createServer(async (request, response) => {
    if (!request.url.endsWith("/blip.safetensors")) {
      const answer = await fetch(new URL(request.url, String(upstream)), { headers: { accept: request.headers.accept ?? "*/*" } });
      response.writeHead(answer.status, Object.fromEntries([...answer.headers].filter(([name]) => name !== "content-encoding")));
      return response.end(Buffer.from(await answer.arrayBuffer()));
    }
    const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
    asked.push(from);
    response.writeHead(from > 0 ? 206 : 200, { "content-type": "application/octet-stream" });
    if (asked.length === 1) {
      // The first half, a little more when the page has had time to look, and then nothing for as long as anybody waits.
      response.write(bytes.subarray(0, HALF));
      return setTimeout(() => response.write(bytes.subarray(HALF, HALF + 1)), 500);
    }
    const rest = Buffer.from(bytes.subarray(from));
    rest[rest.length - 1] ^= Number(damage);
    response.end(rest);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.closeAllConnections() ?? server.close());

  const page = await visit(await visitor(t, { webgpu: false }), `http://127.0.0.1:${server.address().port}/`);
  await page.getByTestId("models").click();
  const blip = line(page, "blip-caption");
  await blip.getByTestId("get-model").click();
  await until(page, () => document.querySelector('[data-model="blip-caption"] progress')?.value >= 49);
  await blip.getByTestId("pause-model").click();
  await blip.getByRole("button", { name: /Go on/ }).click();
  await page.getByText(/blip.safetensors came damaged/).waitFor();
  damage = false;
  await blip.getByRole("button", { name: /Get/ }).click();
  await blip.getByText("Here", { exact: true }).waitFor();
  assert.deepEqual(asked, [0, HALF + 1, 0]);
});
