// The service worker: after the first visit the page works offline, and an update never mixes with what it replaces.
//
// Files whose names carry their hash never change: whoever asks for one gets it from a cache where it lies in one. The
// few others (the page itself, lists, the sample) come from the network while there is one, so that an update is taken
// at the next visit. Model packs are kept by the engine and pass by. `cargo xtask seal` fills in the two constants.

const RELEASE = "unsealed";
const FILES = [];

const CACHE = `gistmap-${RELEASE}`;
const HASHED = /-[0-9a-f]{16}\.[a-z]+$/;
// An answer that takes longer than this is no better than none, when there is one in the cache.
const PATIENCE_MS = 4000;

const address = (file) => new URL(file, self.registration.scope).href;

self.addEventListener("install", (event) => event.waitUntil(install()));

async function install() {
  const cache = await caches.open(CACHE);
  // A page that is newer than this script would name files that this release does not keep.
  const page = await fetch(address("./"), { cache: "no-cache" });
  if (!page.ok || !(await page.clone().text()).includes(RELEASE)) {
    throw new Error("the page is of another release; the next visit tries again");
  }
  await cache.put(address("./"), page);
  await Promise.all(FILES.map((file) => fill(cache, file)));
}

async function fill(cache, file) {
  const known = HASHED.test(file) && (await caches.match(address(file)));
  const response = known || (await fetch(address(file), HASHED.test(file) ? {} : { cache: "no-cache" }));
  if (!response.ok) {
    throw new Error(`${file}: ${response.status}`);
  }
  await cache.put(address(file), response);
}

self.addEventListener("activate", (event) => event.waitUntil(activate()));

// The browser activates a new release when no page of the old one is open any more, so nobody needs the old files.
async function activate() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("gistmap-") && name !== CACHE).map((name) => caches.delete(name)));
  // The first visit too may go through here from now on: a sample that is opened is then kept.
  await self.clients.claim();
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const url = new URL(request.url);
  const path = url.href.slice(self.registration.scope.length).replace(/[?#].*$/, "");
  const ours = request.method === "GET" && url.href.startsWith(self.registration.scope);
  if (!ours || !wanted(path)) {
    return;
  }
  event.respondWith(HASHED.test(path) ? fromCache(request) : fromNetwork(request, path || "./"));
});

function wanted(path) {
  return path === "" || path === "index.html" || path.startsWith("sample/") || FILES.includes(path) || isProgram(path);
}

// A file of any release, which an older or newer page asks for.
function isProgram(path) {
  return !path.includes("/") && HASHED.test(path);
}

async function fromCache(request) {
  return (await caches.match(request, { ignoreSearch: true, ignoreVary: true })) ?? fetch(request);
}

async function fromNetwork(request, path) {
  const cache = await caches.open(CACHE);
  const key = address(path === "index.html" ? "./" : path);
  const kept = await cache.match(key);
  const fresh = fetch(request).then(async (response) => {
    // The page itself is kept by `install` alone, which checks that it belongs to this release.
    if (response.ok && path.startsWith("sample/")) {
      await cache.put(key, response.clone());
    }
    return response;
  });
  if (!kept) {
    return fresh;
  }
  const impatient = new Promise((resolve) => setTimeout(resolve, PATIENCE_MS, kept));
  return Promise.race([fresh.catch(() => kept), impatient]);
}
