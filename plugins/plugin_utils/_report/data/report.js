// Copyright: (c) 2026, The volact.kms authors
// GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later
"use strict";
(() => {
  // Whatever a machine said becomes text of a node, never markup.
  const NAME = 0, STATE = 1, SYSTEM = 2, CHANNEL = 3, OFFICE = 4, DAYS = 5, HOST = 6, FINDINGS = 7;
  const PAGE = 100;
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("data").textContent);
  const rows = data.rows;
  const haystacks = rows.map((row) => [row[NAME], row[SYSTEM], row[OFFICE], row[HOST]].join("\n").toLowerCase());
  const body = byId("table").tBodies[0];
  const inputs = { search: byId("search"), state: byId("state"), channel: byId("channel"), finding: byId("finding") };
  let order = rows.map((_row, number) => number);
  let sorting = { column: NAME, ascending: true };
  let matching = order;
  let page = 0;

  const word = (name) => data.words[root.lang][name] || name;

  function element(tag, text, className) {
    const made = document.createElement(tag);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function cells(row) {
    const name = element("th", row[NAME]);
    name.scope = "row";
    const state = element("td");
    state.append(element("span", "", "dot " + data.states[row[STATE]]), word("state." + data.states[row[STATE]]));
    const findings = element("td");
    for (const number of row[FINDINGS]) {
      const finding = data.findings[number];
      findings.append(element("span", word("kind." + finding.kind), "badge " + finding.severity), " ");
    }
    return [
      name,
      state,
      element("td", row[SYSTEM]),
      element("td", row[CHANNEL] ? word("channel." + row[CHANNEL]) : ""),
      element("td", row[OFFICE]),
      element("td", row[DAYS] < 0 ? "" : String(row[DAYS]), "number"),
      element("td", row[HOST]),
      findings,
    ];
  }

  function show(numbers) {
    const part = document.createDocumentFragment();
    for (const number of numbers) {
      const line = element("tr");
      line.append(...cells(rows[number]));
      part.append(line);
    }
    body.replaceChildren(part);
  }

  function showPage() {
    const pages = Math.max(1, Math.ceil(matching.length / PAGE));
    page = Math.min(Math.max(page, 0), pages - 1);
    show(matching.slice(page * PAGE, (page + 1) * PAGE));
    byId("shown").textContent = [matching.length, word("table.shown"), rows.length, word("table.match")].join(" ");
    byId("page").textContent = [word("table.page"), page + 1, word("table.shown"), pages].join(" ");
    byId("previous").disabled = page === 0;
    byId("next").disabled = page === pages - 1;
    byId("pages").hidden = pages === 1;
  }

  function filter() {
    const text = inputs.search.value.trim().toLowerCase();
    const state = inputs.state.value === "" ? -1 : data.states.indexOf(inputs.state.value);
    const channel = inputs.channel.value;
    const finding = inputs.finding.value === "" ? -1 : Number(inputs.finding.value);
    matching = order.filter((number) => {
      const row = rows[number];
      return (state < 0 || row[STATE] === state)
        && (channel === "" || row[CHANNEL] === channel)
        && (finding < 0 || row[FINDINGS].includes(finding))
        && (text === "" || haystacks[number].includes(text));
    });
    page = 0;
    showPage();
  }

  const VALUES = {
    [CHANNEL]: (row) => (row[CHANNEL] ? word("channel." + row[CHANNEL]) : ""),
    // Of machines without a date nobody knows when they end: they come last.
    [DAYS]: (row) => (row[DAYS] < 0 ? Infinity : row[DAYS]),
    // The findings are numbered from the worst on.
    [FINDINGS]: (row) => (row[FINDINGS].length ? Math.min(...row[FINDINGS]) : Infinity),
  };

  function compare(one, other) {
    if (typeof one === "number") return one === other ? 0 : one < other ? -1 : 1;
    return one < other ? -1 : one > other ? 1 : 0;
  }

  function sort() {
    const { column, ascending } = sorting;
    const valueOf = VALUES[column] || ((row) => (typeof row[column] === "string" ? row[column].toLowerCase() : row[column]));
    const values = rows.map(valueOf);
    order = rows.map((_row, number) => number);
    order.sort((one, other) => (ascending ? 1 : -1) * compare(values[one], values[other]) || one - other);
    for (const head of document.querySelectorAll("#table th[data-column]")) {
      if (Number(head.dataset.column) === column) head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
      else head.removeAttribute("aria-sort");
    }
    filter();
  }

  function sayAgain() {
    for (const option of document.querySelectorAll("option[data-word]")) {
      option.textContent = word(option.dataset.word) + (option.dataset.about ? " " + option.dataset.about : "");
    }
    showPage();
  }

  for (const head of document.querySelectorAll("#table th[data-column]")) {
    const button = element("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    const column = Number(head.dataset.column);
    button.addEventListener("click", () => {
      sorting = { column, ascending: sorting.column === column ? !sorting.ascending : true };
      sort();
    });
  }
  inputs.search.addEventListener("input", filter);
  for (const name of ["state", "channel", "finding"]) inputs[name].addEventListener("change", filter);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("filters").addEventListener("reset", () => setTimeout(filter));
  byId("settings").addEventListener("submit", (event) => event.preventDefault());
  byId("previous").addEventListener("click", () => { page -= 1; showPage(); });
  byId("next").addEventListener("click", () => { page += 1; showPage(); });
  byId("language").addEventListener("change", (event) => {
    root.lang = event.target.value;
    sayAgain();
  });
  byId("theme").addEventListener("change", (event) => {
    if (event.target.value === "auto") delete root.dataset.theme;
    else root.dataset.theme = event.target.value;
  });
  for (const button of document.querySelectorAll("button[data-finding]")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      byId("filters").reset();
      inputs.finding.value = button.dataset.finding;
      // After the listener of the reset, which filters by nothing.
      setTimeout(() => { inputs.finding.value = button.dataset.finding; filter(); });
      byId("machines").scrollIntoView();
      byId("machines").focus({ preventScroll: true });
    });
  }
  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(".finding details:not([open])")];
    for (const each of opened) each.open = true;
    show(matching);
  });
  addEventListener("afterprint", () => {
    for (const each of opened) each.open = false;
    showPage();
  });
  byId("filters").hidden = false;
  byId("settings").hidden = false;
  sort();
})();
