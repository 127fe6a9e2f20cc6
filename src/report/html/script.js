
"use strict";
(() => {
  const D = JSON.parse(document.getElementById("data").textContent);
  const N = D.x.length;
  const root = document.documentElement;
  const tip = document.getElementById("tip");
  const box = document.getElementById("box");
  const systemDark = matchMedia("(prefers-color-scheme: dark)");
  const printing = matchMedia("print");
  const clusterName = new Map(D.clusters.map((c) => [c.id, c.name]));
  const state = { hover: -1, mark: null };

  const dark = () => !printing.matches && (root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches);
  const colours = () => (dark() ? D.dark : D.light);
  const grey = () => colours()[colours().length - 1];
  const visible = (text) => text.replace(/[\u0000-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)));

  // What a map is coloured by: the group of a picture, its colour and its name.
  const kinds = {
    group: {
      of: (i) => D.cluster[i],
      colour: (id) => (id < 0 ? grey() : colours()[id]),
      name: (id) => clusterName.get(id) ?? (id < 0 ? "noise" : "cluster " + id),
    },
    label: {
      of: (i) => D.label[i],
      colour: (id) => (id < 0 ? grey() : colours()[D.labelColour[id]]),
      name: (id) => (id < 0 ? "no label" : D.labels[id]),
    },
  };

  // Pictures in a scattered order, so that no group lies on top of the others; noise first.
  const order = Array.from({ length: N }, (_, i) => i);
  const scatter = order.map((i) => (Math.imul(i + 1, 0x9e3779b1) >>> 0) + (D.cluster[i] < 0 ? 0 : 2 ** 32));
  order.sort((a, b) => scatter[a] - scatter[b]);

  const span = (values) => values.reduce((most, v) => Math.max(most, Math.abs(v - 5000)), 1) * 2;
  const spanX = span(D.x), spanY = span(D.y);
  const CELL = 16;
  const maps = [...document.querySelectorAll("canvas[data-map]")].map((canvas) => ({
    canvas, kind: canvas.dataset.map, base: document.createElement("canvas"), w: 0, h: 0, px: new Float32Array(N), py: new Float32Array(N), grid: new Map(),
  }));

  function layout(map) {
    const ratio = Math.min(devicePixelRatio || 1, 3);
    map.w = map.canvas.clientWidth;
    map.h = map.canvas.clientHeight;
    for (const c of [map.canvas, map.base]) {
      c.width = Math.max(1, Math.round(map.w * ratio));
      c.height = Math.max(1, Math.round(map.h * ratio));
    }
    map.ratio = ratio;
    const edge = Math.min(22, map.w * 0.04);
    const scale = Math.min((map.w - 2 * edge) / spanX, (map.h - 2 * edge) / spanY);
    map.r = Math.min(6, Math.max(1.3, Math.sqrt((map.w * map.h * 0.1) / (Math.PI * Math.max(N, 1)))));
    map.grid.clear();
    for (let i = 0; i < N; i++) {
      const x = (map.px[i] = map.w / 2 + (D.x[i] - 5000) * scale);
      const y = (map.py[i] = map.h / 2 + (D.y[i] - 5000) * scale);
      const key = Math.floor(x / CELL) * 4096 + Math.floor(y / CELL);
      if (!map.grid.has(key)) map.grid.set(key, []);
      map.grid.get(key).push(i);
    }
    paint(map);
  }

  // A disc in one colour, drawn once and stamped for every point.
  function stamp(map, colour) {
    const size = Math.ceil((map.r + 1) * 2 * map.ratio);
    const c = document.createElement("canvas");
    c.width = c.height = size;
    const g = c.getContext("2d");
    g.fillStyle = colour;
    g.beginPath();
    g.arc(size / 2, size / 2, map.r * map.ratio, 0, 2 * Math.PI);
    g.fill();
    return c;
  }

  function paint(map) {
    const kind = kinds[map.kind];
    const g = map.base.getContext("2d");
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, map.base.width, map.base.height);
    const stamps = new Map();
    const draw = (i, alpha) => {
      const id = kind.of(i);
      if (!stamps.has(id)) stamps.set(id, stamp(map, kind.colour(id)));
      const s = stamps.get(id);
      g.globalAlpha = alpha;
      g.drawImage(s, map.px[i] * map.ratio - s.width / 2, map.py[i] * map.ratio - s.height / 2);
    };
    const mark = state.mark;
    const marked = (i) => !mark || kinds[mark.kind].of(i) === mark.id;
    for (const i of order) if (!marked(i)) draw(i, 0.1);
    for (const i of order) if (marked(i)) draw(i, 0.85);
    g.globalAlpha = 1;
    names(map, g, marked);
    overlay(map);
  }

  const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];

  // Names at the middle of their groups, largest first, moved aside or left out where they would overlap.
  function names(map, g, marked) {
    const kind = kinds[map.kind];
    const members = new Map();
    for (let i = 0; i < N; i++) {
      const id = kind.of(i);
      if (id < 0 || !marked(i)) continue;
      if (!members.has(id)) members.set(id, []);
      members.get(id).push(i);
    }
    const size = Math.max(11, Math.min(30, map.w / 48));
    g.setTransform(map.ratio, 0, 0, map.ratio, 0, 0);
    g.font = `600 ${size}px ${getComputedStyle(root).fontFamily}`;
    g.textAlign = "center";
    g.textBaseline = "middle";
    g.lineJoin = "round";
    g.lineWidth = size * 0.45;
    g.strokeStyle = dark() ? "#16181c" : "#ffffff";
    g.fillStyle = dark() ? "#e9ebee" : "#1a1d21";
    const placed = [];
    for (const [id, list] of [...members].sort((a, b) => b[1].length - a[1].length)) {
      if (state.mark && state.mark.kind !== map.kind && list.length < 3) continue;
      const text = visible(kind.name(id));
      const w = g.measureText(text).width + 8, h = size * 1.35;
      if (w > map.w) continue;
      const cx = middle(list.map((i) => map.px[i])), cy = middle(list.map((i) => map.py[i]));
      for (let t = 0; t < 18; t++) {
        const x = Math.min(Math.max(cx + Math.cos(t * 2.4) * t * 0.12 * h, w / 2 + 2), map.w - w / 2 - 2);
        const y = Math.min(Math.max(cy + Math.sin(t * 2.4) * t * 0.09 * h, h / 2 + 2), map.h - h / 2 - 2);
        if (placed.some((p) => Math.abs(p.x - x) < (p.w + w) / 2 && Math.abs(p.y - y) < (p.h + h) / 2)) continue;
        placed.push({ x, y, w, h });
        g.strokeText(text, x, y);
        g.fillText(text, x, y);
        break;
      }
    }
  }

  function overlay(map) {
    const g = map.canvas.getContext("2d");
    g.setTransform(1, 0, 0, 1, 0, 0);
    g.clearRect(0, 0, map.canvas.width, map.canvas.height);
    g.drawImage(map.base, 0, 0);
    if (state.hover < 0) return;
    const i = state.hover;
    g.setTransform(map.ratio, 0, 0, map.ratio, 0, 0);
    const ring = (radius, width, colour) => {
      g.beginPath();
      g.arc(map.px[i], map.py[i], radius, 0, 2 * Math.PI);
      g.lineWidth = width;
      g.strokeStyle = colour;
      g.stroke();
    };
    g.fillStyle = kinds[map.kind].colour(kinds[map.kind].of(i));
    g.beginPath();
    g.arc(map.px[i], map.py[i], map.r + 2, 0, 2 * Math.PI);
    g.fill();
    ring(map.r + 4, 5, dark() ? "#101215" : "#ffffff");
    ring(map.r + 4, 2.2, dark() ? "#ffffff" : "#1a1d21");
  }

  const thumbs = new Map();
  for (const b of document.querySelectorAll(".thumb")) thumbs.set(+b.dataset.picture, b.firstElementChild.src);
  const source = (i) => (D.thumbs[i] ? "data:image/jpeg;base64," + D.thumbs[i] : thumbs.get(i));
  const about = (i) => D.texts.map((t) => t.texts[i]).filter(Boolean);

  function element(tag, className, text) {
    const e = document.createElement(tag);
    e.className = className;
    e.textContent = text;
    return e;
  }

  function fillTip(i) {
    tip.replaceChildren();
    const src = source(i);
    if (src) {
      const img = new Image();
      img.alt = "";
      img.src = src;
      tip.append(img);
    }
    const side = document.createElement("div");
    const id = D.cluster[i];
    const group = element("p", "group " + (id < 0 ? "kn" : "k" + id), kinds.group.name(id));
    group.prepend(document.createElement("i"));
    side.append(group);
    if (D.label[i] >= 0) side.append(element("p", "", "Label: " + D.labels[D.label[i]]));
    side.append(element("p", "file", visible(D.files[i])));
    for (const text of about(i)) side.append(element("p", "about", text));
    tip.append(side);
  }

  function hover(i, at) {
    if (i !== state.hover) {
      state.hover = i;
      if (i >= 0 && at) fillTip(i);
      maps.forEach(overlay);
    }
    tip.hidden = i < 0 || !at;
    if (tip.hidden) return;
    const { width, height } = tip.getBoundingClientRect();
    const x = at.x + 18 + width > innerWidth ? at.x - 18 - width : at.x + 18;
    const y = Math.min(Math.max(at.y - height / 2, 6), innerHeight - height - 6);
    tip.style.transform = `translate(${Math.max(6, Math.min(x, innerWidth - width - 6))}px, ${Math.max(6, y)}px)`;
  }

  function nearest(map, x, y) {
    let best = -1, least = 14 ** 2;
    const cx = Math.floor(x / CELL), cy = Math.floor(y / CELL);
    for (let dx = -1; dx <= 1; dx++) {
      for (let dy = -1; dy <= 1; dy++) {
        for (const i of map.grid.get((cx + dx) * 4096 + cy + dy) ?? []) {
          const d = (map.px[i] - x) ** 2 + (map.py[i] - y) ** 2;
          if (d < least) (least = d), (best = i);
        }
      }
    }
    return best;
  }

  function highlight(kind, id) {
    const same = state.mark && state.mark.kind === kind && state.mark.id === id;
    state.mark = same || kind === null ? null : { kind, id };
    for (const b of document.querySelectorAll("button[data-cluster]")) {
      const on = state.mark?.kind === "group" && state.mark.id === +b.dataset.cluster;
      b.setAttribute("aria-pressed", on);
    }
    maps.forEach(paint);
  }

  // The next picture in a direction: near, and more along than across.
  function step(map, dx, dy) {
    const from = state.hover;
    let best = from, least = Infinity;
    for (let i = 0; i < N; i++) {
      const x = map.px[i] - (from < 0 ? map.w / 2 : map.px[from]);
      const y = map.py[i] - (from < 0 ? map.h / 2 : map.py[from]);
      const along = x * dx + y * dy, across = Math.abs(x * dy) + Math.abs(y * dx);
      const cost = from < 0 ? x * x + y * y : along > 0.5 && across <= along ? along + 2 * across : Infinity;
      if (i !== from && cost < least) (least = cost), (best = i);
    }
    return best;
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  for (const map of maps) {
    const c = map.canvas;
    const find = (e) => {
      const r = c.getBoundingClientRect();
      return nearest(map, e.clientX - r.left, e.clientY - r.top);
    };
    c.addEventListener("pointermove", (e) => hover(find(e), { x: e.clientX, y: e.clientY }));
    c.addEventListener("pointerleave", (e) => e.pointerType === "mouse" && hover(-1));
    c.addEventListener("click", (e) => {
      const i = find(e);
      hover(i, { x: e.clientX, y: e.clientY });
      if (i < 0) highlight(null);
      else if (e.pointerType !== "touch") highlight(map.kind, kinds[map.kind].of(i));
    });
    c.addEventListener("blur", () => hover(-1));
    c.addEventListener("keydown", (e) => {
      const arrow = ARROWS[e.key];
      if (arrow && N) {
        e.preventDefault();
        const i = step(map, ...arrow), r = c.getBoundingClientRect();
        hover(i, { x: r.left + map.px[i], y: r.top + map.py[i] });
      } else if (e.key === "Enter" && state.hover >= 0) {
        highlight(map.kind, kinds[map.kind].of(state.hover));
      }
    });
    new ResizeObserver(() => layout(map)).observe(c);
  }
  addEventListener("scroll", () => hover(-1), { passive: true });
  addEventListener("keydown", (e) => {
    if (e.key === "Escape" && !box.open) {
      hover(-1);
      if (state.mark) highlight(null);
    }
  });
  for (const b of document.querySelectorAll("button[data-cluster]")) {
    b.addEventListener("click", () => highlight("group", +b.dataset.cluster));
  }

  // Exemplars: ring on the map while pointed at, larger in a box when chosen.
  let shown = null;
  function open(button) {
    shown = button;
    const i = +button.dataset.picture;
    const [img, file, text] = box.children;
    img.src = button.firstElementChild.src;
    img.alt = visible(D.files[i]);
    file.textContent = visible(D.files[i]);
    text.textContent = about(i).join("\n");
    if (!box.open) box.showModal();
  }
  function turn(by) {
    const all = [...shown.parentElement.children];
    open(all[(all.indexOf(shown) + by + all.length) % all.length]);
  }
  for (const b of document.querySelectorAll(".thumb")) {
    b.addEventListener("click", () => open(b));
    b.addEventListener("pointerenter", () => hover(+b.dataset.picture));
    b.addEventListener("pointerleave", () => hover(-1));
  }
  box.addEventListener("click", (e) => {
    if (e.target === box || e.target.value === "0") box.close();
    else if (e.target.value) turn(+e.target.value);
  });
  box.addEventListener("keydown", (e) => ARROWS[e.key]?.[0] && turn(ARROWS[e.key][0]));

  const theme = document.getElementById("theme");
  const repaint = () => {
    theme.textContent = dark() ? "Light" : "Dark";
    theme.setAttribute("aria-label", dark() ? "Use the light theme" : "Use the dark theme");
    maps.forEach((m) => m.w && paint(m));
  };
  theme.hidden = false;
  theme.addEventListener("click", () => {
    root.dataset.theme = dark() ? "light" : "dark";
    repaint();
  });
  systemDark.addEventListener("change", repaint);
  printing.addEventListener("change", repaint);
  repaint();
})();
