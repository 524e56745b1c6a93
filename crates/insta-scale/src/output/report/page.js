"use strict";
(() => {
  const $ = (id) => document.getElementById(id), ROW = 29;
  // A live page gets other data again and again.
  let D, S;
  const load = (data) => { D = data; S = D.slots; };
  load(JSON.parse($("data").textContent));
  const NS = "http://www.w3.org/2000/svg";
  // Text from outside becomes text nodes and labels, never markup.
  const fill = (node, attributes, children) => {
    for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
    for (const child of children) if (child != null) node.append(child);
    return node;
  };
  const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
  const svg = (tag, attributes, ...children) => fill(document.createElementNS(NS, tag), attributes, children);
  const text = (column, i) => (column.r[i] == null ? "" : column.p + column.r[i]);
  const word = (name, i) => (S[name][i] == null ? "" : D.words[name][S[name][i]]);
  const plain = (number, digits) => number.toLocaleString("en", { maximumFractionDigits: digits });
  const offset = (ms) => {
    if (ms == null) return "";
    const s = (ms - D.start) / 1000;
    if (Math.abs(s) < 600) return plain(s, 1) + " s";
    if (Math.abs(s) < 36000) return plain(s / 60, 1) + " min";
    return plain(s / 3600, 1) + " h";
  };
  const moment = (ms) => {
    const at = new Date(D.base + ms);
    return isNaN(at) ? "" : at.toISOString().replace("T", " ").replace("Z", " UTC");
  };

  const theme = $("theme"), themes = ["automatic", "light", "dark"];
  theme.addEventListener("click", () => {
    const next = themes[(themes.indexOf(document.documentElement.dataset.theme || "automatic") + 1) % 3];
    document.documentElement.dataset.theme = next;
    theme.textContent = "Theme: " + next;
  });

  // Draws a part again; what had the focus in it has it again.
  const redraw = (node, draw) => {
    const inside = () => [...node.querySelectorAll("button, summary, [tabindex]")];
    const at = inside().indexOf(document.activeElement);
    draw();
    if (at >= 0) inside()[at]?.focus({ preventScroll: true });
  };
  const facts = () => {
    $("facts").replaceChildren(...D.facts.map(([name, value]) => el("div", null, el("dt", null, name), el("dd", null, value))));
    $("notes").replaceChildren(...D.notes.map((note) => el("li", null, note)));
    $("foot").textContent = D.foot;
  };

  // A header whose buttons sort. `sort` is called with the column and the direction.
  const header = (columns, sort, sorted) => {
    const cells = columns.map(([title, numeric], at) => {
      const button = el("button", { type: "button" }, title);
      const way = sorted && sorted[0] === at ? (sorted[1] > 0 ? "ascending" : "descending") : "none";
      const cell = el("th", { scope: "col", "aria-sort": way, class: numeric ? "num" : "" }, button);
      button.addEventListener("click", () => {
        const down = cell.getAttribute("aria-sort") === "ascending";
        for (const other of cells) other.setAttribute("aria-sort", "none");
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        sort(at, down ? -1 : 1);
      });
      return cell;
    });
    return el("thead", null, el("tr", { "aria-rowindex": 1 }, ...cells));
  };
  const collator = new Intl.Collator("en", { numeric: true });
  const compare = (a, b) => {
    if (a == null || b == null) return (a == null) - (b == null);
    return typeof a === "number" && typeof b === "number" ? a - b : collator.compare(a, b);
  };
  const sorts = {};
  const table = (caption, columns, rows) => {
    const body = el("tbody");
    const show = () => {
      const [at, way] = sorts[caption] || [];
      if (way) rows.sort((a, b) => (a[at] == null || b[at] == null ? compare(a[at], b[at]) : way * compare(a[at], b[at])));
      body.replaceChildren(...rows.map((row) => el("tr", null, ...row.map((cell, at) =>
        el("td", { class: columns[at][1] ? "num" : "" }, cell == null ? "–" : typeof cell === "number" ? plain(cell, 4) : cell)))));
    };
    const head = header(columns, (at, way) => { sorts[caption] = [at, way]; show(); }, sorts[caption]);
    show();
    return el("table", null, el("caption", null, caption), head, body);
  };
  const tables = () => redraw($("tables"), () => {
    const sections = D.tables.map(({ title, caption, columns, rows }, at) => {
      const scroll = el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Table: " + title });
      scroll.append(table(caption, columns, rows));
      return el("section", { "aria-labelledby": "t" + at }, el("h2", { id: "t" + at }, title), scroll);
    });
    const tops = [...document.querySelectorAll("#tables .scroll")].map((old) => [old.ariaLabel, old.scrollTop]);
    $("tables").replaceChildren(...sections);
    for (const [label, top] of tops) for (const now of $("tables").querySelectorAll(".scroll")) if (now.ariaLabel === label) now.scrollTop = top;
  });

  // Charts.
  const W = Math.min(900, Math.max(320, $("charts").clientWidth - 20)), H = 190, L = 52, B = 24;
  const unfolded = new Set();
  const chart = (title, label, key, top, span, draw, rows, columns) => {
    const x = (s) => L + (W - L - 8) * (span ? s / span : 0), y = (v) => 8 + (H - B - 8) * (1 - v / (top || 1));
    const image = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": label });
    for (let i = 0; i <= 4; i++) {
      const v = (top * i) / 4, s = (span * i) / 4;
      image.append(svg("line", { class: "g", x1: L, x2: W - 8, y1: y(v), y2: y(v) }),
        svg("text", { x: L - 6, y: y(v) + 4, "text-anchor": "end" }, plain(v, top > 10 ? 0 : 2)),
        svg("text", { x: x(s), y: H - 6, "text-anchor": i === 4 ? "end" : "middle" }, offset(D.start + s * 1000)));
    }
    draw(image, x, y);
    const keys = key.map(([name, style]) => el("span", null, svg("svg", { viewBox: "0 0 14 10", "aria-hidden": "true" },
      style[0] === "l" ? svg("path", { class: style, d: "M0 5H14" }) : svg("rect", { class: style, width: 14, height: 10 })), name));
    const more = el("details", null, el("summary", null, "As a table"),
      el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }));
    const unfold = () => more.lastChild.replaceChildren(table(title, columns, rows()));
    if ((more.open = unfolded.has(title))) unfold();
    more.addEventListener("toggle", () => {
      if (more.open === unfolded.has(title)) return;
      if (more.open) { unfolded.add(title); unfold(); } else unfolded.delete(title);
    });
    $("charts").append(el("figure", null, el("figcaption", null, title), image, el("div", { class: "key" }, ...keys), more));
  };
  const charts = () => redraw($("charts"), () => {
    for (const old of document.querySelectorAll("#charts figure")) old.remove();
    const T = D.traffic;
    if (T.sent.length) {
      const rate = (n) => n / T.step, at = (i) => (T.from - D.start) / 1000 + i * T.step;
      const sums = T.sent.map((_, i) => T.accepted[i] + T.throttled[i] + T.refused[i]);
      const high = sums.reduce((a, n) => Math.max(a, rate(n)), 0), found = T.rates.reduce((a, [, r]) => Math.max(a, r), 0);
      const span = Math.max(at(T.sent.length), 1), last = T.rates.length ? T.rates[T.rates.length - 1][1] : null;
      const total = (row) => plain(row.reduce((a, n) => a + n, 0), 0);
      chart("Answers per second, and the rate found",
        `${total(T.accepted)} accepted, ${total(T.throttled)} throttled, ${total(T.refused)} refused; at most ${plain(high, 2)} per second` +
        (last == null ? "" : `; the rate found at the end is ${plain(last, 2)} per second`),
        [["accepted", "r"], ["throttled", "s"], ["refused otherwise", "f"], ["rate", "l"]], Math.max(high, Math.min(found, high * 3)), span,
        (image, x, y) => {
          sums.forEach((_, i) => {
            let under = 0;
            for (const [row, style] of [[T.accepted, "r"], [T.throttled, "s"], [T.refused, "f"]]) {
              if (!row[i]) continue;
              const from = y(rate(under)), to = y(rate((under += row[i])));
              // The first second may have begun before the run.
              const left = Math.max(x(at(i)), L);
              image.append(svg("rect", { class: style, x: left, width: Math.max(x(at(i + 1)) - left - 0.5, 1), y: to, height: from - to }));
            }
          });
          let path = "";
          const limit = Math.max(high, Math.min(found, high * 3));
          T.rates.forEach(([ms, r], i) => {
            const to = x(Math.max(0, (ms - D.start) / 1000)), v = y(Math.min(r, limit));
            path += i ? `H${to}V${v}` : `M${to} ${v}`;
          });
          if (path) image.append(svg("path", { class: "l", d: path + `H${x(span)}` }));
        },
        () => T.sent.map((n, i) => [offset(D.start + at(i) * 1000), n, T.accepted[i], T.throttled[i], T.refused[i]]).filter((row) => row[1] + row[2] + row[3] + row[4]),
        [["From", 0], ["Sent", 1], ["Accepted", 1], ["Throttled", 1], ["Refused", 1]]);
    }
    const sorted = (column) => column.filter((ms) => ms != null).map((ms) => (ms - D.start) / 1000).sort((a, b) => a - b);
    const lines = [["launched or accepted", "l", sorted(S.accepted)], ["running or done", "l2", sorted(S.done)]];
    if (lines[0][2].length) {
      const span = Math.max(1, ...lines.map((line) => line[2][line[2].length - 1] || 0));
      chart("Instances over time", lines.map(([name, , points]) => `${plain(points.length, 0)} ${name}`).join(", ") + ` within ${plain(span, 1)} s`,
        lines.map(([name, style]) => [name, style]), lines[0][2].length, span,
        (image, x, y) => {
          for (const [, style, points] of lines) {
            const each = Math.max(1, Math.floor(points.length / 400));
            let path = `M${x(0)} ${y(0)}`;
            points.forEach((s, i) => { if (i % each === 0 || i === points.length - 1) path += `H${x(Math.max(0, s)).toFixed(1)}V${y(i + 1).toFixed(1)}`; });
            image.append(svg("path", { class: style, d: path + `H${x(span)}` }));
          }
        },
        () => [25, 50, 75, 90, 95, 100].map((p) => [p + " %", ...lines.map(([, , points]) => points[Math.ceil((points.length * p) / 100) - 1] ?? null)]),
        [["Share", 0], ["Launched after (s)", 1], ["Running after (s)", 1]]);
    }
  });

  // The instances.
  const columns = [
    ["#", 1, 52, (i) => S.slot[i]],
    ["Name", 0, 150, (i) => text(S.name, i)],
    ["Result", 0, 92, (i) => word("result", i)],
    ["Timeline", 0, 190, (i) => S.asked[i]],
    ["Domain", 0, 128, (i) => word("domain", i)],
    ["Fault domain", 0, 142, (i) => word("fault", i)],
    ["Shape", 0, 170, (i) => word("shape", i)],
    ["Refused", 1, 84, (i) => S.refused[i]],
    ["Asked", 1, 84, (i) => S.asked[i], (i) => offset(S.asked[i])],
    ["Launched", 1, 92, (i) => S.accepted[i], (i) => offset(S.accepted[i])],
    ["Running", 1, 86, (i) => S.done[i], (i) => offset(S.done[i])],
    ["Ready in", 1, 86, (i) => ready(i), (i) => (ready(i) == null ? "" : plain(ready(i) / 1000, 1) + " s")],
    ["Last answer", 0, 300, (i) => word("answer", i) || null],
  ];
  const ready = (i) => (S.accepted[i] == null || S.done[i] == null ? null : Math.max(0, S.done[i] - S.accepted[i]));
  const told = (i) => [["asked", S.asked[i]], ["launched", S.accepted[i]], ["running", S.done[i]], ["ended", S.ended[i]]]
    .filter(([, ms]) => ms != null).map(([name, ms]) => `${name} ${offset(ms)}`).join(", ") || "not tried";
  const bar = (i) => {
    const image = svg("svg", { viewBox: "0 0 170 16", height: 28, preserveAspectRatio: "none", role: "img", "aria-label": told(i) });
    const x = (ms) => Math.min(170, Math.max(0, ((ms - D.start) / Math.max(D.end - D.start, 1)) * 170));
    const part = (style, from, to) => {
      if (from != null) image.append(svg("rect", { class: style, x: x(from), y: 3, height: 10, width: Math.max(1.5, x(to) - x(from)) }));
    };
    const stop = S.ended[i] ?? D.end;
    part(S.accepted[i] == null && S.ended[i] != null ? "f" : "w", S.asked[i], S.accepted[i] ?? stop);
    part("s", S.accepted[i], S.done[i] ?? stop);
    part("r", S.done[i], stop);
    for (const [, first, last] of S.waves[i] || []) for (const ms of first === last ? [first] : [first, last]) {
      image.append(svg("line", { class: "x", x1: x(ms), x2: x(ms), y1: 1, y2: 15 }));
    }
    return image;
  };
  const good = new Set(["running", "done", "skipped"]), bad = new Set(["failed", "in doubt"]);
  const scroll = $("scroll"), body = el("tbody"), grid = $("slots");
  let order = [], key = null, way = 1;
  const head = header(columns, (at, direction) => { key = columns[at][3]; way = direction; apply(); });
  const group = el("colgroup");
  grid.style.minWidth = columns.reduce((sum, [, , size]) => sum + size, 0) + "px";
  for (const [, , size] of columns) { const col = el("col"); col.style.width = size + "px"; group.append(col); }
  grid.append(el("caption", null, "Every instance with its timeline"), group, head, body);
  const gap = (rows) => {
    const cell = el("td", { colspan: columns.length });
    cell.style.height = rows * ROW + "px";
    return el("tr", { class: "gap", "aria-hidden": "true" }, cell);
  };
  const row = (place) => {
    const i = order[place];
    const cells = columns.map(([title, numeric, , value, show], at) => {
      const cell = el("td", { class: numeric ? "num" : "" });
      if (title === "Timeline") cell.append(bar(i));
      else if (at === 1) {
        const button = el("button", { type: "button", "aria-haspopup": "dialog" }, text(S.name, i) || "slot " + S.slot[i]);
        button.addEventListener("click", () => open(i));
        cell.append(button);
      } else {
        const shown = String((show ? show(i) : value(i)) ?? "");
        cell.textContent = shown;
        if (at > 1 && !numeric) cell.title = shown;
        if (title === "Result") cell.className = good.has(shown) ? "t-ok" : bad.has(shown) ? "t-bad" : "";
      }
      return cell;
    });
    const line = el("tr", { "aria-rowindex": place + 2 }, ...cells);
    line.dataset.at = place;
    line.dataset.i = i;
    return line;
  };
  let shown = [-1, -1];
  const render = (force, all) => {
    const first = all ? 0 : Math.max(0, Math.floor(scroll.scrollTop / ROW) - 8);
    const last = Math.min(order.length, all ? 5000 : first + Math.ceil(scroll.clientHeight / ROW) + 16);
    if (!force && first === shown[0] && last === shown[1]) return;
    const focused = document.activeElement && document.activeElement.closest("#slots tbody tr");
    const at = focused ? (force ? order.indexOf(Number(focused.dataset.i)) : Number(focused.dataset.at)) : -1;
    shown = [first, last];
    const rows = [];
    for (let place = first; place < last; place++) rows.push(place === at && !force ? focused : row(place));
    body.replaceChildren(gap(first), ...rows, gap(all ? 0 : order.length - last));
    // A row that leaves the view takes the focus with it.
    if (focused) {
      const now = at >= first && at < last && body.querySelector(`tr[data-at="${at}"] button`);
      (now || scroll).focus({ preventScroll: true });
    }
  };
  const query = $("q"), boxes = {};
  const select = (name, label) => {
    const list = D.words[name], before = boxes[name];
    if (list.length < 2 && !before) return;
    const box = before || (boxes[name] = el("select"));
    const wanted = box.selectedOptions[0]?.title;
    const options = list.map((value, at) => el("option", { value: at, title: value }, value.length > 60 ? value.slice(0, 59) + "…" : value));
    const same = options.length + 1 === box.length && options.every((one, at) => one.title === box.options[at + 1].title);
    if (!same) {
      box.replaceChildren(el("option", { value: "" }, "all"), ...options);
      for (const one of options) if (wanted && one.title === wanted) one.selected = true;
    }
    if (before) return;
    $("selects").append(el("label", null, label + " ", box));
    box.addEventListener("change", () => apply());
  };
  function apply(stays) {
    const wanted = Object.entries(boxes).filter(([, box]) => box.value !== "").map(([name, box]) => [S[name], Number(box.value)]);
    const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
    order = [];
    for (let i = 0; i < D.count; i++) {
      if (!wanted.every(([column, value]) => column[i] === value)) continue;
      if (words.length) {
        const all = [text(S.name, i), text(S.ocid, i), text(S.request, i), word("result", i), word("domain", i), word("fault", i), word("shape", i), word("answer", i)].join(" ").toLowerCase();
        if (!words.every((one) => all.includes(one))) continue;
      }
      order.push(i);
    }
    if (key) {
      const keys = new Map(order.map((i) => [i, key(i)]));
      order.sort((a, b) => {
        const [one, two] = [keys.get(a), keys.get(b)];
        return one == null || two == null ? compare(one, two) : way * compare(one, two) || a - b;
      });
    }
    $("count").textContent = `${plain(order.length, 0)} of ${plain(D.count, 0)} shown`;
    grid.setAttribute("aria-rowcount", order.length + 1);
    if (!stays) scroll.scrollTop = 0;
    render(true);
  }
  query.addEventListener("input", () => apply());
  $("filters").addEventListener("reset", () => setTimeout(apply));
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  scroll.addEventListener("scroll", () => requestAnimationFrame(() => render(false)), { passive: true });
  addEventListener("resize", () => render(false));
  addEventListener("beforeprint", () => render(true, true));
  addEventListener("afterprint", () => render(true));

  const who = (i) => D.runs[S.run ? S.run[i] : 0] + " " + S.slot[i];
  let opened = null;
  function describe(i) {
    opened = who(i);
    $("d-title").textContent = text(S.name, i) || "slot " + S.slot[i];
    const facts = [["Result", word("result", i)], ["Run", D.runs[S.run ? S.run[i] : 0]], ["Slot", S.slot[i]], ["OCID", text(S.ocid, i)],
      ["Domain", word("domain", i)], ["Fault domain", word("fault", i)], ["Shape", word("shape", i)], ["Placements tried", S.tries[i]],
      ["Refused", S.refused[i]], ["Last answer", word("answer", i)], ["opc-request-id", text(S.request, i)]];
    $("d-facts").replaceChildren(...facts.filter(([, value]) => value !== "" && value != null)
      .map(([name, value]) => el("div", null, el("dt", null, name), el("dd", null, String(value)))));
    const events = [[S.asked[i], "asked"], [S.accepted[i], "launched"], [S.done[i], "running"], [S.ended[i], "ended"]];
    for (const [answer, first, last, times] of S.waves[i] || []) {
      events.push([first, (times > 1 ? `refused ${times} times until ${offset(last)}: ` : "refused: ") + D.words.answer[answer]]);
    }
    $("d-events").replaceChildren(...events.filter(([ms]) => ms != null).sort((a, b) => a[0] - b[0])
      .map(([ms, what]) => el("li", null, `${moment(ms)} (${offset(ms)}): ${what}`)));
  }
  function open(i) {
    describe(i);
    $("detail").showModal();
  }
  // The row may have been drawn again while its details were open: the browser then has nothing to give the focus back to.
  $("detail").addEventListener("close", () => {
    if (document.activeElement !== document.body && !$("detail").contains(document.activeElement)) return;
    const at = order.findIndex((i) => who(i) === opened);
    (body.querySelector(`tr[data-at="${at}"] button`) || scroll).focus({ preventScroll: true });
  });
  const draw = (stays) => {
    facts();
    tables();
    charts();
    for (const [name, label] of [["result", "Result"], ["domain", "Domain"], ["shape", "Shape"], ["answer", "Last answer"]]) select(name, label);
    apply(stays);
    for (let i = 0; stays && $("detail").open && i < D.count; i++) if (who(i) === opened) { describe(i); break; }
  };
  draw();
  if (D.live == null) return;

  // A live page.
  const state = $("live"), say = (words) => { if (state.textContent !== words) state.textContent = words; };
  const source = new EventSource("events");
  say(D.live);
  source.addEventListener("report", (event) => { load(JSON.parse(event.data)); draw(true); say(D.live); });
  source.addEventListener("error", () => say("Disconnected: `watch` has ended, or cannot be reached. The page shows the last state."));
})();
