"use strict";
// The page of a simulated region. Everything from the region is shown as text, never as markup.
(() => {
  const $ = (id) => document.getElementById(id);
  const launches = ["launch"];
  // Rules as `POST /_sim/faults` takes them.
  const faults = [
    ["Out of host capacity", { operations: launches, fault: { answer: { status: 500, code: "InternalError", message: "Out of host capacity." } } }],
    ["LimitExceeded", { operations: launches, fault: { answer: { status: 400, code: "LimitExceeded", message: "You have reached your service limit in this Availability Domain." } } }],
    ["Too many requests, every second one", { every: 2, fault: { answer: { status: 429, code: "TooManyRequests" } } }],
    ["Gateway errors, one in five", { probability: 0.2, fault: { answer: { status: 502, body: "html" } } }],
    ["Launches without an answer", { operations: launches, fault: "reset_after" }],
    ["Answers two seconds late", { fault: { delay: { seconds: 2 } } }],
    ["Login refused", { fault: "expired_credentials" }],
    ["Clock ten minutes ahead", { fault: { clock_skew: { seconds: 600 } } }],
  ];
  const steps = [["1 minute", 60], ["1 hour", 3600], ["1 day", 86400]];

  const el = (name, attributes, ...children) => {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) node.setAttribute(key, value);
    node.append(...children);
    return node;
  };
  const plain = (number) => Number(number).toLocaleString("en", { maximumFractionDigits: 1 });

  async function ask(path, body) {
    const options = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
    const response = await fetch("/_sim/" + path, { cache: "no-store", ...options });
    const answer = await response.json();
    if (!response.ok) throw new Error(answer.message || "status " + response.status);
    return answer;
  }

  // Shows rows in a table that keeps its scroll position.
  function table(node, titles, rows) {
    const cell = (name, value, numeric, more) => el(name, { ...(numeric ? { class: "num" } : {}), ...more }, value);
    const numeric = (at) => rows.length > 0 && rows.every((row) => typeof row[at] === "number");
    if (!node.tHead) node.append(el("thead"), el("tbody"));
    node.tHead.replaceChildren(el("tr", null, ...titles.map((title, at) => cell("th", title, numeric(at), { scope: "col" }))));
    const none = el("tr", null, el("td", { colspan: titles.length }, "none"));
    const lines = rows.map((row) => {
      return el("tr", null, ...row.map((value, at) => cell("td", typeof value === "number" ? plain(value) : value, numeric(at), value === "outage" ? { class: "out" } : null)));
    });
    node.tBodies[0].replaceChildren(...(lines.length ? lines : [none]));
  }

  // Rules come back with every default written out.
  function means(wanted, rule) {
    if (wanted === null || typeof wanted !== "object") return wanted === rule;
    return rule !== null && typeof rule === "object" && Object.entries(wanted).every(([key, value]) => means(value, rule[key]));
  }
  const always = { operations: [], probability: 1, nth: [], every: null, after_seconds: null, for_seconds: null, times: null };
  const same = (wanted, rule) => means(wanted.fault, rule.fault) && Object.entries(always).every(([key, usual]) => JSON.stringify(wanted[key] ?? usual) === JSON.stringify(rule[key] ?? usual));

  function describe(rule) {
    const named = faults.find(([, wanted]) => same(wanted, rule));
    return named ? named[0] : JSON.stringify(rule, (key, value) => (value === null || (Array.isArray(value) && !value.length) ? undefined : value));
  }

  let rules = [];
  async function change(make) {
    try {
      // Another program may have changed them.
      rules = await ask("faults", { replace: make(await ask("faults")) });
      $("refused").textContent = "";
    } catch (error) {
      $("refused").textContent = "The region refused: " + error.message;
    }
    showRules();
  }

  function showRules() {
    for (const [at, [, wanted]] of faults.entries()) {
      $("switches").children[at].setAttribute("aria-pressed", rules.some((rule) => same(wanted, rule)));
    }
    const text = JSON.stringify(rules);
    if ($("rules").dataset.shown === text) return;
    $("rules").dataset.shown = text;
    const items = rules.map((rule, at) => {
      const remove = el("button", { type: "button" }, "Remove");
      const what = JSON.stringify(rule);
      remove.setAttribute("aria-label", "Remove rule " + (at + 1));
      remove.addEventListener("click", () => change((all) => {
        const place = all.findIndex((one) => JSON.stringify(one) === what);
        return all.filter((_, other) => other !== place);
      }));
      return el("li", null, remove, describe(rule));
    });
    $("rules").replaceChildren(...(items.length ? items : [el("li", null, "none")]));
  }

  let before = null;
  function figures(stats, now) {
    const rate = before && now > before.at ? ((stats.requests - before.requests) * 1000) / (now - before.at) : 0;
    before = { at: now, requests: stats.requests };
    const shown = [
      ["Simulated time", stats.simulated_time.replace("T", " ").replace(/\.\d+/, "")],
      ["Requests", plain(stats.requests)],
      ["Requests a second", plain(rate)],
      ["Throttled", plain(stats.throttled)],
      ["At once, at most", plain(stats.peak_concurrency)],
    ];
    $("figures").replaceChildren(...shown.map(([name, value]) => el("div", null, el("dt", null, name), el("dd", null, value))));
  }

  let world = { hosts: [], instances: [] };
  function showHosts() {
    const words = $("q").value.toLowerCase().split(/\s+/).filter(Boolean);
    const all = world.hosts.filter((row) => words.every((word) => [row.availability_domain, row.family, ...row.shapes].join(" ").toLowerCase().includes(word)));
    table($("hosts"), ["Availability domain", "Family", "Shapes", "Hosts", "OCPUs", "Free OCPUs", "GPUs", "Free GPUs", "State"], all.map((row) => [
      row.availability_domain, row.family, row.shapes.join(", "), row.hosts, row.ocpus, row.free_ocpus, row.gpus, row.free_gpus, row.outage ? "outage" : "",
    ]));
  }

  async function refresh() {
    try {
      const [stats, found, now] = [await ask("stats"), await ask("world"), performance.now()];
      rules = await ask("faults");
      world = found;
      figures(stats, now);
      showRules();
      table($("instances"), ["Availability domain", "Shape", "State", "Instances"], world.instances.map((row) => [row.availability_domain, row.shape, row.state, row.count]));
      showHosts();
      table($("requests"), ["Operation", "Requests", "OK", "Throttled", "Failed", "Cut off"], Object.entries(stats.operations).map(([name, one]) => [name, one.requests, one.ok, one.throttled, one.failed, one.dropped]));
      if ($("state").textContent !== "Live") $("state").textContent = "Live";
    } catch (error) {
      $("state").textContent = "No answer: " + error.message;
    }
    setTimeout(refresh, 1000);
  }

  for (const [name, wanted] of faults) {
    const button = el("button", { type: "button", "aria-pressed": "false" }, name);
    button.addEventListener("click", () => change((all) => {
      const rest = all.filter((rule) => !same(wanted, rule));
      return rest.length < all.length ? rest : [...all, wanted];
    }));
    $("switches").append(button);
  }
  for (const [name, seconds] of steps) {
    const button = el("button", { type: "button" }, "Move on by " + name);
    button.addEventListener("click", () => ask("advance", { seconds }).catch((error) => { $("refused").textContent = "The region refused: " + error.message; }));
    $("times").append(button);
  }
  $("q").addEventListener("input", showHosts);
  refresh();
})();
