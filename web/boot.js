// Starts the page: checks what the browser can do, loads the program, and sees to it that the next visit works offline.

const starting = document.getElementById("starting");

function fail(sentence) {
  starting.textContent = sentence;
  starting.className = "failed";
  starting.setAttribute("role", "alert");
}

// The smallest module that uses SIMD: one function, `i32.const 0`, `i8x16.splat`.
const SIMD = [
  [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
  [1, 5, 1, 0x60, 0, 1, 0x7b],
  [3, 2, 1, 0],
  [10, 8, 1, 6, 0, 0x41, 0, 0xfd, 15, 11],
].flat();

async function start() {
  if (typeof WebAssembly !== "object") {
    return fail("This browser has no WebAssembly, or it is switched off: allow it, or open gistmap in another browser.");
  }
  if (!WebAssembly.validate(new Uint8Array(SIMD))) {
    return fail("This browser is too old for gistmap (no WebAssembly SIMD): please update it or use another one.");
  }
  try {
    const { default: init } = await import("./page.js");
    await init({ module_or_path: new URL("./page_bg.wasm", import.meta.url) });
  } catch (error) {
    return fail(`gistmap could not be loaded (${error.message}). Check the connection and reload this page.`);
  }
  starting.remove();
}

await start();

// Where storage is blocked there is no service worker: all works but the offline visit.
navigator.serviceWorker?.register("sw.js", { updateViaCache: "none" }).catch(() => {});
